"""One bot of one company as a channel. A `bot.ports.Connector`."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramNotFound, TelegramUnauthorizedError
from aiogram.methods import DeleteWebhook, GetMe, SendChatAction, SetWebhook
from aiogram.types import User
from aiogram.utils.token import TokenValidationError

from bot.domain import Chat
from bot.naming import variable_of
from bot.ports import Capabilities, Inbox, Outgoing, Receipt
from bot.settings import TelegramSettings
from bot.storage import conversations, files
from connectors.telegram.calling import CompanyBot, insist
from connectors.telegram.commands import registrations
from connectors.telegram.drafts import Drafts
from connectors.telegram.editing import edit
from connectors.telegram.fetching import fetch
from connectors.telegram.holds import Holds
from connectors.telegram.places import Place
from connectors.telegram.polling import poll
from connectors.telegram.receiving import Receiver
from connectors.telegram.sending import Sender
from connectors.telegram.translating import CHANNEL, UPDATES
from connectors.telegram.troubles import explain, safe
from llm.errors import AnswerdeskError, SettingsError
from retrieval.database import Database
from retrieval.errors import StoreUnavailable

log = logging.getLogger(__name__)

PER_SECOND = 30.0
CHAT_INTERVAL = 1.0
"""Telegram's limits, as https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this has them."""


class TelegramConnector:
    """Listens to a bot's chats, and writes in them."""

    channel = CHANNEL

    def __init__(self, bot: CompanyBot, settings: TelegramSettings, company: str, database: Database) -> None:
        self.capabilities = Capabilities(
            drafts=True, per_second=PER_SECOND, chat_interval=CHAT_INTERVAL, at_once=settings.at_once
        )
        self._bot = bot
        self._settings = settings
        self._company = company
        self._database = database
        self._holds = Holds()
        self._drafts = Drafts(bot, self._holds)
        self._sender = Sender(bot, self._holds, self._content)
        self._receiver: Receiver | None = None
        self._stopping = asyncio.Event()
        self._listening: tuple[asyncio.Task[None], ...] = ()

    async def start(self, inbox: Inbox) -> None:
        """Begin to listen. Raises `SettingsError` when Telegram refuses the token."""
        self._stopping.clear()
        me = await self._who_am_i()
        self._listening = (
            asyncio.create_task(self._listen(inbox, me), name=f"telegram {self._bot.id}"),
            asyncio.create_task(self._register_commands(), name=f"telegram commands {self._bot.id}"),
        )

    async def stop(self) -> None:
        """Listen no more. What was fetched is stored and acknowledged first; sending still works."""
        self._stopping.set()
        if self._listening:
            await asyncio.wait(self._listening)
        self._listening = ()
        if self._receiver:
            await self._receiver.finish()
            self._receiver = None

    async def close(self) -> None:
        """Stop, and show no more of answers that are being made."""
        await self.stop()
        await self._drafts.close()

    async def send(self, message: Outgoing) -> Receipt:
        """Send a message, in as many parts as it takes."""
        place = Place.of(message.chat.address)
        await self._drafts.end(place)
        question = await self._question(message) if place.is_group and not message.refs else ""
        return await self._sender.send(message, place, question)

    async def edit(self, message: Outgoing) -> Receipt:
        """Give the message's parts another text."""
        return await edit(self._bot, message, Place.of(message.chat.address))

    async def show(self, chat: Chat, draft: str | None) -> bool:
        """Show the answer so far; False where that can't be seen."""
        place = Place.of(chat.address)
        if draft is None:
            await self._drafts.end(place)
            return False
        return self._drafts.show(place, draft)

    async def typing(self, chat: Chat) -> None:
        """Show that an answer is being made."""
        place = Place.of(chat.address)
        if self._holds.wait(place.chat):
            return
        method = SendChatAction(
            chat_id=place.chat,
            message_thread_id=place.topic,
            business_connection_id=place.business or None,
            action="typing",
        )
        try:
            await self._bot(method)
        except AiogramError as error:
            self._holds.note(place.chat, error)
            log.debug("typing was left out in chat %d: %s", place.chat, safe(error))

    async def fetch(self, ref: str, limit: int) -> bytes:
        """The content of a customer's file. Raises `FileUnavailable`."""
        return await fetch(self._bot, ref, limit)

    async def name(self) -> str:
        """The bot's username, as Telegram knows it. Raises `SettingsError` where Telegram can't be asked."""
        try:
            return (await self._bot(GetMe())).username or ""
        except AiogramError as error:
            raise SettingsError(explain(error, 1, self._settings.section).why) from None

    async def take(self, update: object) -> None:
        """Take in an update that the webhook got. Raises `AnswerdeskError` when it must come again."""
        if self._receiver is None:
            raise StoreUnavailable("The Telegram bot is starting or stopping: try again in a moment.")
        await self._receiver.take(update)

    async def _content(self, file: str) -> bytes | None:
        return await self._database.read(files.content, self._company, file)

    @property
    def webhook_path(self) -> str:
        """Where the webhook is, on the address that the settings give."""
        return f"/telegram/{self._company}/{self._bot.id}"

    def knows(self, secret: str) -> bool:
        """Whether a delivery is Telegram's. Takes as long for any secret."""
        return hmac.compare_digest(secret.encode("utf-8", "surrogateescape"), self._secret.encode())

    @property
    def _secret(self) -> str:
        if self._settings.webhook_secret:
            return self._settings.webhook_secret.get_secret_value()
        return hmac.new(self._bot.token.encode(), b"answerdesk webhook", hashlib.sha256).hexdigest()

    async def _who_am_i(self) -> User | None:
        """The bot itself; None where Telegram can't be reached for now."""
        try:
            return await self._bot(GetMe())
        except (TelegramUnauthorizedError, TelegramNotFound) as error:
            raise SettingsError(explain(error, 1, self._settings.section).why) from None
        except AiogramError as error:
            log.warning("The Telegram bot begins to listen later: %s", explain(error, 1, self._settings.section).why)
            return None

    async def _listen(self, inbox: Inbox, me: User | None) -> None:
        try:
            await self._prepare_and_listen(inbox, me)
        except TelegramBadRequest as error:
            log.error("The Telegram bot can't listen: %s", safe(error))
        except Exception:
            log.exception("The Telegram bot stopped listening, which should not happen")

    async def _prepare_and_listen(self, inbox: Inbox, me: User | None) -> None:
        if me is None:
            me = await insist(self._bot, GetMe(), self._stopping)
        if me is None:
            return
        receiver = Receiver(self._bot, me, self._company, self._database, inbox, self._holds)
        self._receiver = receiver
        log.info("Telegram bot @%s listens (%s)", me.username, self._settings.mode)
        if self._settings.mode == "webhook":
            await self._set_webhook()
        else:
            await insist(self._bot, DeleteWebhook(), self._stopping)
            await poll(self._bot, receiver.take, self._stopping)

    async def _set_webhook(self) -> None:
        base = str(self._settings.webhook_url).rstrip("/")
        method = SetWebhook(url=f"{base}{self.webhook_path}", allowed_updates=UPDATES, secret_token=self._secret)
        await insist(self._bot, method, self._stopping)

    async def _register_commands(self) -> None:
        try:
            for registration in registrations():
                await insist(self._bot, registration, self._stopping)
        except TelegramBadRequest as error:
            log.error("Telegram refuses the commands: %s", safe(error))

    async def _question(self, message: Outgoing) -> str:
        """In a group, an answer points at what it answers; it does without where that can't be found out."""
        where = (message.chat.company, message.conversation, message.seq)
        try:
            return await self._database.read(conversations.last_ref, *where)
        except AnswerdeskError as error:
            log.warning("An answer is sent without its question: %s", error)
            return ""


@asynccontextmanager
async def open_telegram(
    settings: TelegramSettings, company: str, database: Database
) -> AsyncIterator[TelegramConnector]:
    """The connector of the bot in the settings, not listening yet. Raises `SettingsError`.

    Each company has a bot of its own: open one connector for each.
    """
    section, variable = settings.section, variable_of(f"{settings.section}.token")
    if settings.token is None:
        raise SettingsError(f"There is no Telegram token: give one by {variable}.")
    if settings.mode == "webhook" and settings.webhook_url is None:
        raise SettingsError(f"{section}.mode is webhook, so {section}.webhook_url must say where Telegram delivers to.")
    session = AiohttpSession(api=TelegramAPIServer.from_base(str(settings.api_base)))
    try:
        bot = CompanyBot(settings.token.get_secret_value(), session, section)
    except TokenValidationError:
        raise SettingsError(f"{variable} is no token: @BotFather writes them as 123456:ABC...") from None
    connector = TelegramConnector(bot, settings, company, database)
    async with session:
        try:
            yield connector
        finally:
            await connector.close()

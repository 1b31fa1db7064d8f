"""The web chat as a channel: what visitors send goes to the inbox, what is said to them goes to their open pages."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence

from bot.conversation import Message
from bot.domain import Chat
from bot.errors import FileUnavailable
from bot.ports import Attachment, Capabilities, Inbound, Inbox, Kind, Outgoing, Receipt, Sent
from bot.storage import conversations, files, recent
from connectors.web.feed import Event, Hub, View
from retrieval.database import Database
from retrieval.errors import StoreUnavailable

CHANNEL = "web"
POLL_SECONDS = 5.0
"""How often an open page looks at SQL without being told to: for what another process sent."""

ACTIONS = {
    "human": (Kind.COMMAND, "human"),
    "new": (Kind.COMMAND, "new"),
    "stop": (Kind.STOP, ""),
    "helpful": (Kind.FEEDBACK, "helpful"),
    "not_helpful": (Kind.FEEDBACK, "unhelpful"),
    "language": (Kind.COMMAND, "language"),
}
"""What the page's buttons mean."""


class WebConnector:
    """The web chat of one company. A `bot.ports.Connector`."""

    channel = CHANNEL
    capabilities = Capabilities(drafts=True)

    def __init__(self, database: Database, company: str) -> None:
        self._database = database
        self._company = company
        self._hub = Hub()
        self._inbox: Inbox | None = None
        self._unlisten: Callable[[], None] | None = None

    async def start(self, inbox: Inbox) -> None:
        """Take what visitors send from now on."""
        self._inbox = inbox
        self._unlisten = self._database.listen("conversation", self._hub.changed)

    async def stop(self) -> None:
        """Take nothing any more; open pages still hear what is sent."""
        self._inbox = None
        if self._unlisten:
            self._unlisten()
            self._unlisten = None

    def close(self) -> None:
        """Let go of the open pages, so that the server can end; they come back to the next one."""
        self._hub.close()

    async def send(self, message: Outgoing) -> Receipt:
        """The message is in SQL already, and that is where pages look for it; those open in this process get it now."""
        self._hub.publish(message)
        return Sent()

    async def edit(self, _message: Outgoing) -> Receipt:
        """Pages look for the new text in SQL, and are told once it is there."""
        return Sent()

    async def show(self, chat: Chat, draft: str | None) -> bool:
        """Show the answer so far; False where the page is open at another process, or not at all."""
        return self._hub.draft(chat.address, draft)

    async def typing(self, chat: Chat) -> None:
        """Show that an answer is being made."""
        self._hub.typing(chat.address)

    async def fetch(self, ref: str, limit: int) -> bytes:
        """The content of a visitor's file. Raises `FileUnavailable`."""
        content = await self._database.read(files.content, self._company, ref)
        if content is None:
            raise FileUnavailable("The file isn't there any more: it was erased.")
        if len(content) > limit:
            raise FileUnavailable(f"The file has more than {limit:,} bytes, which is the most that is fetched.")
        return content

    async def keep(self, address: str, name: str, media_type: str, content: bytes, most: int) -> Attachment | None:
        """Keep a visitor's file; None when all of theirs would be more than `most` bytes. Raises `StoreUnavailable`."""
        file = (name, media_type, content)
        return await self._database.write(files.keep_within, self._chat(address), most, *file, time.time())

    async def attached(self, address: str, refs: Sequence[str]) -> Sequence[Attachment]:
        """Those of these files that this visitor sent. Raises `StoreUnavailable`."""
        return await self._database.read(files.of_customer, self._chat(address), refs)

    async def file(self, address: str, file: str) -> tuple[Attachment, bytes] | None:
        """A file of this visitor's chat; None if it is anybody else's, or nobody's. Raises `StoreUnavailable`."""
        content = await self._database.read(files.content, self._company, file, self._chat(address))
        described = await self._database.read(files.describe, self._company, file)
        return None if content is None or described is None else (described, content)

    async def sent_lately(self, address: str, since: float, most: int) -> Sequence[float]:
        """When this visitor sent something since then: the last `most`, newest first. Raises `StoreUnavailable`."""
        return await self._database.read(recent.sent_lately, self._chat(address), since, most)

    async def say(
        self, address: str, identity: str, text: str, language: str, attached: Sequence[Attachment] = ()
    ) -> bool:
        """Hand in a visitor's message; False if it was there already. Raises `StoreUnavailable`."""
        return await self._receive(address, identity, Kind.MESSAGE, text, identity, language, attached)

    async def act(self, address: str, identity: str, action: str, message: int | None, language: str) -> bool:
        """Hand in one of `ACTIONS`, about a message where it needs one. Raises `StoreUnavailable`."""
        kind, text = ACTIONS[action]
        ref = ""
        if action == "language":
            text = f"language {language}"
        if kind is Kind.FEEDBACK:
            conversation = await self._database.read(conversations.find, self._chat(address))
            if conversation is None or message is None or message > conversation.last:
                return False
            ref = f"{conversation.id}:{message}"
        return await self._receive(address, identity, kind, text, ref, language)

    async def _receive(
        self,
        address: str,
        identity: str,
        kind: Kind,
        text: str,
        ref: str,
        language: str,
        attached: Sequence[Attachment] = (),
    ) -> bool:
        if self._inbox is None:
            raise StoreUnavailable("The web chat is starting or stopping: try again in a moment.")
        # An id is one visitor's own: nobody can make another's message look like a redelivery.
        event = Inbound(
            id=f"{address}:{identity}",
            chat=self._chat(address),
            kind=kind,
            text=text,
            ref=ref,
            author=address,
            language=language,
            attachments=attached,
        )
        fresh = await self._inbox.receive(event)
        self._hub.wake(address)
        return fresh

    async def events(self, address: str, cursor: str) -> AsyncGenerator[tuple[Event, str], None]:
        """What a page is told, each with the cursor to come back with, until `close`. Raises `StoreUnavailable`."""
        view = View.resume(cursor)
        with self._hub.subscribe(address) as subscription:
            while not self._hub.closed:
                conversation = await self._database.read(conversations.find, self._chat(address))
                messages: Sequence[Message] = ()
                if conversation is not None:
                    self._hub.identify(subscription, conversation)
                    after = view.turn_to(conversation)
                    messages = await self._database.read(
                        conversations.transcript, self._company, conversation.id, after
                    )
                for event in view.catch_up(conversation, messages):
                    yield event, view.cursor
                await subscription.wait(POLL_SECONDS)
                outgoing, passing = subscription.take()
                for event in (*view.pass_on(outgoing), *passing.items()):
                    yield event, view.cursor

    def _chat(self, address: str) -> Chat:
        return Chat(self._company, CHANNEL, address)

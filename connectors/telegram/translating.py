"""From an update of Telegram to what it means for the bot. Pure: one update in, any number of events out."""

import re
from collections.abc import Iterator
from dataclasses import replace

from aiogram.types import (
    BusinessMessagesDeleted,
    ChatMemberUpdated,
    Message,
    MessageGenerationStopped,
    Update,
    User,
)

from bot.domain import Chat
from bot.ports import Attachment, Inbound, Kind
from connectors.telegram.places import Place, is_private

CHANNEL = "telegram"
UPDATES = [
    "message",
    "edited_message",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "callback_query",
    "my_chat_member",
    "stopped_message_generation",
]
"""The kinds of updates that Telegram is asked for."""
LONGEST_QUOTE = 500
"""Characters of a message that was replied to: enough to tell what it is about."""

_COMMAND = re.compile(r"/(?P<name>\w{1,32})(?:@(?P<bot>\w+))?(?:\s+(?P<rest>.*))?", re.DOTALL)
_TAKES_WORDS = frozenset({"start", "language"})
"""Commands whose words belong to them; behind any other, they are a message."""
_CHOICE = re.compile(r"language[_ ]([a-z]{2})\w*", re.IGNORECASE)


class Translator:
    """Knows whose updates these are: `bot` is the bot itself, as Telegram describes it."""

    def __init__(self, bot: User, company: str) -> None:
        self._bot = bot
        self._company = company

    def translate(self, update: Update) -> list[Inbound]:
        """What happened; nothing where it is no business of ours. Buttons and migrations are not looked at."""
        event = f"{self._bot.id}:{update.update_id}"
        if message := update.message or update.business_message:
            return list(self._message(event, message))
        if message := update.edited_message or update.edited_business_message:
            return list(self._edit(event, message))
        if update.deleted_business_messages:
            return list(self._deletions(event, update.deleted_business_messages))
        if update.my_chat_member:
            return list(self._membership(event, update.my_chat_member))
        if update.stopped_message_generation:
            return [self._stop(event, update.stopped_message_generation)]
        return []

    def chat(self, place: Place) -> Chat:
        """The conversation's chat at a place."""
        return Chat(self._company, CHANNEL, place.address)

    def _message(self, event: str, message: Message) -> Iterator[Inbound]:
        author = self._customer(message)
        if author is None or not self._is_for_us(message):
            return
        text, attachments = self._text(message), list(_attachments(message))
        if command := _COMMAND.fullmatch(text):
            yield from self._command(event, message, author, command)
        elif text or attachments:
            yield self._event(event, message, author, text=text, quote=self._quote(message), attachments=attachments)

    def _command(self, event: str, message: Message, author: User, found: re.Match[str]) -> Iterator[Inbound]:
        name, rest = found["name"].lower(), (found["rest"] or "").strip()
        if choice := _CHOICE.match(f"{name} {rest}".strip()):
            name = f"language {choice[1].lower()}"
        elif rest and name not in _TAKES_WORDS:
            yield self._event(f"{event}:words", message, author, text=rest)
        yield self._event(event, message, author, Kind.COMMAND, text=name, ref="")

    def _edit(self, event: str, message: Message) -> Iterator[Inbound]:
        author = self._customer(message)
        text = self._text(message)
        if author and text and self._is_for_us(message) and not _COMMAND.fullmatch(text):
            yield self._event(event, message, author, Kind.EDIT, text=text)

    def _deletions(self, event: str, deleted: BusinessMessagesDeleted) -> Iterator[Inbound]:
        chat = self.chat(Place(deleted.chat.id, business=deleted.business_connection_id))
        for ref in deleted.message_ids:
            yield Inbound(f"{event}:{ref}", chat, Kind.DELETE, ref=str(ref), order=ref)

    def _membership(self, event: str, change: ChatMemberUpdated) -> Iterator[Inbound]:
        """A customer blocked the bot. Unblocking needs no event: the customer's next message is one."""
        if is_private(change.chat) and change.new_chat_member.status == "kicked":
            yield Inbound(event, self.chat(Place(change.chat.id)), Kind.BLOCKED, text="blocked by the customer")

    def _stop(self, event: str, stopped: MessageGenerationStopped) -> Inbound:
        return Inbound(event, self.chat(Place(stopped.chat.id, stopped.message_thread_id)), Kind.STOP)

    def _event(
        self,
        event: str,
        message: Message,
        author: User,
        kind: Kind = Kind.MESSAGE,
        *,
        text: str,
        ref: str | None = None,
        quote: str = "",
        attachments: list[Attachment] | None = None,
    ) -> Inbound:
        return Inbound(
            id=event,
            chat=self.chat(Place.of_message(message, author)),
            kind=kind,
            text=text,
            ref=str(message.message_id) if ref is None else ref,
            order=message.message_id,
            author=str(author.id),
            name=author.full_name,
            language=author.language_code or "",
            quote=quote,
            attachments=[replace(file, album=message.media_group_id or "") for file in attachments or ()],
        )

    def _customer(self, message: Message) -> User | None:
        """Who wrote it, if that is a customer: no bot, no channel, and not the owner of a business account."""
        author = message.from_user
        if author is None or author.is_bot or message.sender_chat:
            return None
        if message.business_connection_id and author.id != message.chat.id:
            return None
        return None if message.chat.type == "channel" else author

    def _is_for_us(self, message: Message) -> bool:
        """In a group, only what mentions us, replies to us, or is a command with our name."""
        if is_private(message.chat):
            return True
        reply = message.reply_to_message
        if reply and reply.from_user and reply.from_user.id == self._bot.id:
            return True
        text = message.text or message.caption or ""
        for entity in message.entities or message.caption_entities or ():
            said = entity.extract_from(text).lower()
            if entity.type == "text_mention" and entity.user and entity.user.id == self._bot.id:
                return True
            if entity.type in ("mention", "bot_command") and said.endswith(f"@{self._username}"):
                return True
        return False

    @property
    def _username(self) -> str:
        return (self._bot.username or "").lower()

    def _text(self, message: Message) -> str:
        text = message.text or message.caption or _written_out(message)
        if is_private(message.chat) or text.startswith("/"):
            return text.strip()
        return re.sub(rf"\s*@{re.escape(self._username)}\b[,:]?", "", text, flags=re.IGNORECASE).strip()

    def _quote(self, message: Message) -> str:
        """What the customer points at. Our own messages are history anyway, unless a part of one was picked out."""
        reply = message.reply_to_message
        if message.quote:
            quoted = message.quote.text
        elif reply and reply.from_user and reply.from_user.id != self._bot.id:
            quoted = reply.text or reply.caption or ""
        else:
            quoted = ""
        return " ".join(quoted.split())[:LONGEST_QUOTE]


def _written_out(message: Message) -> str:
    """What people send by other means than words, in words."""
    if message.venue:
        return f"{message.venue.title}, {message.venue.address}"
    if message.location:
        return f"{message.location.latitude:.6f}, {message.location.longitude:.6f}"
    if message.contact:
        names = (message.contact.first_name, message.contact.last_name, message.contact.phone_number)
        return " ".join(filter(None, names))
    if message.poll:
        return message.poll.question
    return ""


def _attachments(message: Message) -> Iterator[Attachment]:
    """The files of a message. Stickers say nothing that could be answered."""
    if message.photo:
        largest = message.photo[-1]
        yield Attachment(largest.file_id, "photo.jpg", "image/jpeg", largest.file_size)
    if message.voice:
        voice = message.voice
        yield Attachment(voice.file_id, "voice.ogg", voice.mime_type or "audio/ogg", voice.file_size)
    if message.video_note:
        yield Attachment(message.video_note.file_id, "video.mp4", "video/mp4", message.video_note.file_size)
    # An animation comes as a document as well, for programs that don't know animations.
    for file, name in (
        (message.audio, "audio"),
        (message.video, "video.mp4"),
        (message.document, "file"),
    ):
        if file:
            media_type = file.mime_type or "application/octet-stream"
            yield Attachment(file.file_id, file.file_name or name, media_type, file.file_size)

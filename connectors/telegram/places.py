"""Where a conversation is on Telegram, and the address that stands for it."""

from dataclasses import dataclass, replace
from typing import Self

from aiogram.types import Chat, Message, User


@dataclass(frozen=True, slots=True)
class Place:
    """A chat; in a group, one customer of it. In a forum, one topic."""

    chat: int
    topic: int | None = None
    customer: int | None = None
    """Each customer of a group has a conversation of their own: one's burst is no part of another's question."""
    business: str = ""
    """The connection of the business account on whose behalf we write."""

    @classmethod
    def of(cls, address: str) -> Self:
        """The place that an address of ours stands for."""
        chat, *rest = address.split("/")
        parts = {part[0]: part[1:] for part in rest}
        return cls(
            int(chat),
            int(parts["t"]) if "t" in parts else None,
            int(parts["u"]) if "u" in parts else None,
            parts.get("b", ""),
        )

    @classmethod
    def of_message(cls, message: Message, author: User) -> Self:
        """Where `author` is: who wrote the message, or pressed its button."""
        return cls(
            message.chat.id,
            message.message_thread_id if message.is_topic_message else None,
            None if is_private(message.chat) else author.id,
            message.business_connection_id or "",
        )

    @property
    def address(self) -> str:
        """Such as `42`, or `-1001234/t7/u42`."""
        parts = [str(self.chat)]
        parts += [f"t{self.topic}"] if self.topic is not None else []
        parts += [f"u{self.customer}"] if self.customer is not None else []
        parts += [f"b{self.business}"] if self.business else []
        return "/".join(parts)

    @property
    def is_group(self) -> bool:
        """Whether others read along."""
        return self.customer is not None

    def moved_to(self, chat: int) -> Self:
        """The same place after its group became a supergroup."""
        return replace(self, chat=chat)


def is_private(chat: Chat) -> bool:
    """Whether a customer is alone with us there."""
    return chat.type == "private"

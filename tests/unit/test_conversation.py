"""What a burst of messages comes to."""

from bot.conversation import Asked, Message, asked
from bot.domain import Author
from bot.ports import Attachment, Kind


def message(seq: int, text: str = "", kind: Kind = Kind.MESSAGE, **more: object) -> Message:
    return Message("c", seq, Author.CUSTOMER, text, kind=kind, **more)  # type: ignore[arg-type]


def heard(*messages: Message) -> Asked:
    return asked(messages, upto=9)


def test_questions_are_joined_in_the_order_they_came() -> None:
    assert heard(message(1, "Hello"), message(2, "When?")).text == "Hello\nWhen?"


def test_the_channels_order_counts() -> None:
    assert heard(message(1, "second", order=20), message(2, "first", order=10)).text == "first\nsecond"


def test_an_edit_changes_what_it_edits() -> None:
    edited = heard(message(1, "shoes", ref="m1"), message(2, "boots", Kind.EDIT, ref="m1"))
    assert edited.text == "boots"


def test_an_edit_may_come_before_what_it_edits() -> None:
    edited = heard(message(1, "boots", Kind.EDIT, ref="m1"), message(2, "shoes", ref="m1"))
    assert edited.text == "boots"


def test_the_last_edit_counts() -> None:
    edits = [message(seq, text, Kind.EDIT, ref="m1", order=seq) for seq, text in ((2, "boots"), (3, "socks"))]
    assert heard(message(1, "shoes", ref="m1", order=1), *edits).text == "socks"


def test_a_deleted_message_was_never_said() -> None:
    assert heard(message(1, "secret", ref="m1"), message(2, kind=Kind.DELETE, ref="m1")).text == ""


def test_an_edit_of_an_answered_message_asks_nothing() -> None:
    assert heard(message(7, "boots", Kind.EDIT, ref="m1")).text == ""


def test_the_quoted_text_is_context() -> None:
    assert heard(message(1, "And this?", quote="We open at nine.")).text == "> We open at nine.\nAnd this?"


def test_a_new_conversation_leaves_what_was_before() -> None:
    begun = heard(message(3, "old"), message(4, "new", Kind.COMMAND), message(5, "fresh"))
    assert (begun.text, begun.since) == ("fresh", 4)


def test_a_stop_takes_the_question_back() -> None:
    stopped = heard(message(1, "When?"), message(2, kind=Kind.STOP))
    assert (stopped.text, stopped.stopped) == ("", True)


def test_a_question_after_a_stop_is_asked() -> None:
    asked_again = heard(message(1, "When?"), message(2, kind=Kind.STOP), message(3, "Where?"))
    assert (asked_again.text, asked_again.stopped) == ("Where?", False)


def test_an_album_is_one_message() -> None:
    files = [Attachment(f"f{number}", "photo.jpg", "image/jpeg") for number in range(3)]
    album = heard(*(message(seq, attachments=[file]) for seq, file in enumerate(files, 1)))
    assert list(album.attachments) == files

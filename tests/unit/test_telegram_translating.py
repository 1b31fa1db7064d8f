"""Updates of Telegram as events of the bot."""

from typing import Any

import pytest
from aiogram.types import Update, User

from bot.ports import Attachment, Inbound, Kind
from connectors.telegram.places import Place
from connectors.telegram.translating import Translator
from tests.fakes.telegram import BOT, ME, FakeTelegram
from tests.telegram_people import GROUP, Customer

TRANSLATOR = Translator(User.model_validate(ME), "halden")
ADA = Customer(FakeTelegram())
IN_GROUP = ADA.in_group()


def events(**content: Any) -> list[Inbound]:
    return TRANSLATOR.translate(Update.model_validate({"update_id": 7, **content}))


def event(**content: Any) -> Inbound:
    (only,) = events(**content)
    return only


def file(identity: str, **more: Any) -> dict[str, Any]:
    return {"file_id": identity, "file_unique_id": f"u{identity}", **more}


def photo(identity: str) -> list[dict[str, Any]]:
    return [file(f"{identity}-{size}", width=size, height=size, file_size=size) for size in (90, 800)]


def test_a_message_is_the_customers_words() -> None:
    said = ADA.message("Where is my order?")
    found = event(message=said)
    assert (found.kind, found.text, found.ref) == (Kind.MESSAGE, "Where is my order?", str(said["message_id"]))


def test_an_event_is_named_after_its_update_and_its_bot() -> None:
    assert event(message=ADA.message("hello")).id == f"{BOT}:7"


def test_the_customer_has_a_name_and_a_language() -> None:
    found = event(message=Customer(FakeTelegram(), 43, "Борис", "ru").message("привет"))
    assert (found.author, found.name, found.language) == ("43", "Борис", "ru")


def test_messages_are_in_the_order_of_their_ids() -> None:
    first, second = ADA.message("one"), ADA.message("two")
    assert event(message=first).order < event(message=second).order


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/start", "start"),
        ("/start ref_42", "start"),
        ("/help", "help"),
        ("/human@HaldenBot", "human"),
        ("/language", "language"),
        ("/language de", "language de"),
        ("/language_zh", "language zh"),
        ("/language Deutsch", "language de"),
        ("/HELP", "help"),
        ("/nonsense", "nonsense"),
    ],
)
def test_commands(text: str, command: str) -> None:
    found = event(message=ADA.message(text))
    assert (found.kind, found.text) == (Kind.COMMAND, command)


def test_words_behind_a_command_are_said_before_it() -> None:
    words, command = events(message=ADA.message("/human my bike is broken"))
    assert (words.text, command.text) == ("my bike is broken", "human")
    assert words.id != command.id


def test_a_path_is_no_command() -> None:
    assert event(message=ADA.message("/etc/passwd is a file")).kind is Kind.MESSAGE


def test_an_edit_replaces_its_message() -> None:
    said = ADA.message("old")
    found = event(edited_message=said | {"text": "new"})
    assert (found.kind, found.text, found.ref) == (Kind.EDIT, "new", str(said["message_id"]))


def test_a_quote_is_context() -> None:
    other = ADA.message("Returns take 60 days")
    said = ADA.message("even frames?", reply_to_message=other, quote={"text": "60\ndays", "position": 13})
    assert event(message=said).quote == "60 days"


def test_a_reply_quotes_what_it_replies_to() -> None:
    said = ADA.message("what about this?", reply_to_message=ADA.message("Frames are final sale"))
    assert event(message=said).quote == "Frames are final sale"


def test_a_reply_to_the_bot_needs_no_quote() -> None:
    ours = ADA.message("Within 60 days.") | {"from": ME}
    assert event(message=ADA.message("thanks", reply_to_message=ours)).quote == ""


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ({"photo": photo("p")}, Attachment("p-800", "photo.jpg", "image/jpeg", 800)),
        (
            {"document": file("d", file_name="bill.pdf", mime_type="application/pdf", file_size=9)},
            Attachment("d", "bill.pdf", "application/pdf", 9),
        ),
        ({"voice": file("v", duration=3)}, Attachment("v", "voice.ogg", "audio/ogg")),
        (
            {"video": file("m", duration=3, width=1, height=1, mime_type="video/mp4")},
            Attachment("m", "video.mp4", "video/mp4"),
        ),
        ({"video_note": file("n", duration=3, length=1)}, Attachment("n", "video.mp4", "video/mp4")),
        (
            {"audio": file("a", duration=3, mime_type="audio/mpeg", file_name="a.mp3")},
            Attachment("a", "a.mp3", "audio/mpeg"),
        ),
    ],
)
def test_files_are_kept(content: dict[str, Any], kept: Attachment) -> None:
    assert event(message=ADA.message(**content)).attachments == [kept]


def test_an_animation_is_one_file() -> None:
    both = {
        "animation": file("x", width=1, height=1, duration=1),
        "document": file("x", mime_type="video/mp4", file_name="cat.mp4"),
    }
    assert [each.name for each in event(message=ADA.message(**both)).attachments] == ["cat.mp4"]


def test_a_caption_is_what_was_said() -> None:
    assert event(message=ADA.message(photo=photo("p"), caption="Is this covered?")).text == "Is this covered?"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"location": {"latitude": 48.1, "longitude": 11.5}}, "48.100000, 11.500000"),
        ({"contact": {"first_name": "Ada", "phone_number": "+49 1"}}, "Ada +49 1"),
        (
            {"venue": {"location": {"latitude": 1, "longitude": 1}, "title": "Shop", "address": "Main St 1"}},
            "Shop, Main St 1",
        ),
    ],
)
def test_places_and_contacts_are_written_out(content: dict[str, Any], words: str) -> None:
    assert event(message=ADA.message(**content)).text == words


@pytest.mark.parametrize(
    "content",
    [
        {"new_chat_title": "Club"},
        {"sticker": file("s", type="regular", width=1, height=1, is_animated=False, is_video=False, emoji="👍")},
    ],
)
def test_what_asks_nothing_is_passed_over(content: dict[str, Any]) -> None:
    assert events(message=ADA.message(**content)) == []


def test_another_bot_is_not_answered() -> None:
    assert events(message=ADA.message("hello") | {"from": ME | {"id": 1}}) == []


def test_a_private_chat_is_one_conversation() -> None:
    assert event(message=ADA.message("hello")).chat.address == "42"


def test_a_topic_is_a_conversation_of_its_own() -> None:
    said = ADA.message("hello", message_thread_id=7, is_topic_message=True)
    assert event(message=said).chat.address == "42/t7"


def test_each_customer_of_a_group_has_a_conversation() -> None:
    assert event(message=IN_GROUP.message("@HaldenBot hello")).chat.address == f"{GROUP}/u42"


def test_a_thread_of_replies_is_no_topic() -> None:
    said = IN_GROUP.message("@HaldenBot hello", message_thread_id=7)
    assert event(message=said).chat.address == f"{GROUP}/u42"


def test_in_a_group_the_bot_answers_when_mentioned() -> None:
    assert event(message=IN_GROUP.message("hey @HaldenBot can I return it?")).text == "hey can I return it?"


def test_a_mention_counts_utf16_units() -> None:
    assert event(message=IN_GROUP.message("👍🏽 @HaldenBot hello"))


def test_a_mention_may_be_written_in_any_case() -> None:
    said = IN_GROUP.message("hello")
    said |= {"text": "@haldenbot hello", "entities": [{"type": "mention", "offset": 0, "length": 10}]}
    assert event(message=said).text == "hello"


def test_in_a_group_a_bot_without_a_name_in_it_is_mentioned_by_id() -> None:
    entity = {"type": "text_mention", "offset": 0, "length": 6, "user": ME}
    assert event(message=IN_GROUP.message("Halden, hello") | {"entities": [entity]})


def test_in_a_group_the_bot_answers_replies_to_it() -> None:
    ours = IN_GROUP.message("Within 60 days.") | {"from": ME}
    assert event(message=IN_GROUP.message("and frames?", reply_to_message=ours)).text == "and frames?"


@pytest.mark.parametrize(
    "text", ["hello all", "@HaldenBotany hello", "/help", "/help@OtherBot", "mail me@HaldenBot.de"]
)
def test_in_a_group_the_bot_keeps_out_of_other_talk(text: str) -> None:
    said = IN_GROUP.message(text)
    said["entities"] = [
        {"type": "mention", "offset": 0, "length": len(text.split()[0])},
        *[each for each in said["entities"] if each["type"] == "bot_command"],
    ]
    assert events(message=said) == []


def test_in_a_group_a_command_with_the_bots_name_is_for_it() -> None:
    assert event(message=IN_GROUP.message("/human@HaldenBot")).text == "human"


def test_a_business_message_comes_from_its_chat() -> None:
    found = event(business_message=ADA.message("hello", business_connection_id="BC"))
    assert found.chat.address == "42/bBC"


def test_what_the_owner_of_a_business_writes_is_not_answered() -> None:
    said = ADA.message("hello", business_connection_id="BC") | {"from": ADA.user | {"id": 99}}
    assert events(business_message=said) == []


def test_deleted_business_messages_are_taken_back() -> None:
    deleted = {"business_connection_id": "BC", "chat": ADA.chat, "message_ids": [4, 5]}
    found = events(deleted_business_messages=deleted)
    assert [(each.kind, each.ref, each.chat.address) for each in found] == [
        (Kind.DELETE, "4", "42/bBC"),
        (Kind.DELETE, "5", "42/bBC"),
    ]
    assert len({each.id for each in found}) == 2


def test_the_stop_button_stops_the_answer() -> None:
    found = event(stopped_message_generation={"chat": ADA.chat, "draft_id": 1})
    assert (found.kind, found.chat.address) == (Kind.STOP, "42")


@pytest.mark.parametrize(("status", "kinds"), [("kicked", [Kind.BLOCKED]), ("member", [])])
def test_blocking_is_noticed_and_unblocking_needs_no_event(status: str, kinds: list[Kind]) -> None:
    member = {"user": ME, "status": status} | ({"until_date": 0} if status == "kicked" else {})
    change = {"chat": ADA.chat, "from": ADA.user, "date": 1, "old_chat_member": member, "new_chat_member": member}
    assert [each.kind for each in events(my_chat_member=change)] == kinds


def test_kinds_of_updates_that_were_not_asked_for_mean_nothing() -> None:
    assert events(poll_answer={"poll_id": "1", "user": ADA.user, "option_ids": [0], "option_persistent_ids": []}) == []
    assert events(channel_post=ADA.message("news") | {"chat": {"id": -1, "type": "channel"}}) == []


@pytest.mark.parametrize(
    "place",
    [Place(42), Place(-100_5), Place(42, 7), Place(-5, 7, 42), Place(-5, None, 42), Place(42, None, None, "B-C_1")],
)
def test_a_place_comes_back_from_its_address(place: Place) -> None:
    assert Place.of(place.address) == place

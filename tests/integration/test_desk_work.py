"""Work at the desk over HTTP, against real storage and a real worker."""

import base64
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.domain import Chat
from bot.intake import Intake
from bot.ports import Inbound
from bot.storage.conversations import add_company
from tests.chat_site import PACE, Site
from tests.desk_fixtures import jo, mia, site
from tests.desk_people import SECRET, Person, asks_for_person, until, writes_again
from tests.visitor import Visitor

__all__ = ["jo", "mia", "site"]


class TestTheQueue:
    def test_who_asked_for_a_person_waits_in_it(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site, "Where is my parcel?")
        case = mia.queue()[conversation]
        assert (case["owner"], case["customer"], case["question"]) == ("waiting", "Ana", "Where is my parcel?")
        assert (case["reason"], case["channel"], case["language"]) == ("asked_for_person", "web", "en")

    def test_the_longest_wait_comes_first(self, site: Site, mia: Person) -> None:
        first, second = asks_for_person(site), asks_for_person(site)
        order = [each for each in mia.queue() if each in (first, second)]
        assert order == [first, second]

    def test_an_open_desk_hears_of_a_new_case(self, site: Site, mia: Person) -> None:
        with mia.listens() as events:
            next(events)
            conversation = asks_for_person(site)
            assert any(
                name == "queue" and conversation in [each["id"] for each in data["cases"]] for name, data, _ in events
            )

    def test_whoever_comes_back_is_not_told_again_what_they_have(self, mia: Person) -> None:
        with mia.listens() as events:
            cursor = next(cursor for name, _, cursor in events if name == "queue")
        with mia.listens(cursor) as events:
            assert next(events)[0] == "look"

    def test_a_desk_is_told_when_an_opened_conversation_changes(self, site: Site, mia: Person, jo: Person) -> None:
        conversation = asks_for_person(site)
        mia.sees(conversation)
        with mia.listens() as events:
            next(events)
            jo.writes("note", conversation, "Look here")
            assert any(name == "changed" and conversation in data["conversations"] for name, data, _ in events)

    def test_it_ends_for_whoever_is_signed_out(self, jo: Person) -> None:
        with jo.listens() as events:
            next(events)
            jo.client.post("/desk/sign-out", data={"csrf": jo.csrf})
            assert any(name == "signed_out" for name, _, _ in events)

    def test_what_was_resolved_is_listed_as_closed(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site)
        mia.does("claim", conversation).raise_for_status()
        mia.does("resolve", conversation).raise_for_status()
        assert conversation not in mia.queue()
        assert conversation in [each["id"] for each in mia.client.get("/desk/closed").json()["cases"]]


class TestActions:
    def test_a_claim_makes_it_mine(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site)
        case = mia.does("claim", conversation).raise_for_status().json()["case"]
        assert (case["owner"], case["person"], case["person_name"]) == ("human", "mia", "Mia Chen")

    def test_of_two_who_claim_one_wins_and_the_other_is_told_who(self, site: Site, mia: Person, jo: Person) -> None:
        conversation = asks_for_person(site)
        mia.does("claim", conversation).raise_for_status()
        answer = jo.does("claim", conversation)
        assert answer.status_code == 409
        assert "Mia Chen" in answer.json()["message"]

    def test_a_colleague_can_take_over(self, site: Site, mia: Person, jo: Person) -> None:
        conversation = asks_for_person(site)
        mia.does("claim", conversation)
        assert jo.does("claim", conversation, force=True).json()["case"]["person"] == "jo"
        assert mia.writes("reply", conversation, "Too late").status_code == 409

    def test_a_reply_without_a_claim_says_what_to_do(self, site: Site, mia: Person) -> None:
        answer = mia.writes("reply", asks_for_person(site), "Hello")
        assert answer.status_code == 422
        assert "Claim" in answer.json()["message"]

    def test_the_same_key_sends_once(self, site: Site, mia: Person) -> None:
        conversation, key = asks_for_person(site), uuid.uuid4().hex
        mia.does("claim", conversation)
        for _ in range(2):
            mia.writes("reply", conversation, "Once", key=key).raise_for_status()
        for _ in range(2):
            mia.writes("note", conversation, "Noted once", key=f"{key}n").raise_for_status()
        assert mia.texts(conversation).count("Once") == 1
        assert mia.texts(conversation, "note") == ["Noted once"]

    @pytest.mark.parametrize(("text", "status"), [("  ", 422), ("x" * 4001, 413)])
    def test_words_that_cannot_be_sent_are_refused(self, site: Site, mia: Person, text: str, status: int) -> None:
        conversation = asks_for_person(site)
        mia.does("claim", conversation)
        assert mia.writes("reply", conversation, text).status_code == status

    def test_what_no_database_keeps_is_left_out(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site)
        mia.writes("note", conversation, "Pasted\0 words").raise_for_status()
        assert mia.texts(conversation, "note") == ["Pasted words"]

    def test_a_place_beyond_all_messages_is_refused(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site)
        mia.does("claim", conversation)
        assert mia.writes("correct", conversation, "Other words", seq=10**30).status_code == 422

    def test_a_sent_reply_can_be_edited(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site)
        mia.does("claim", conversation)
        mia.writes("reply", conversation, "Tomorow")
        sent = until(lambda: _sent(mia, conversation, "Tomorow"))
        mia.writes("correct", conversation, "Tomorrow", seq=sent["seq"]).raise_for_status()
        changed = until(lambda: _sent(mia, conversation, "Tomorrow"))
        assert changed["edited"]
        assert "Tomorow" not in mia.texts(conversation)

    def test_a_snoozed_case_says_until_when(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site)
        case = mia.does("snooze", conversation, until=4e9).raise_for_status().json()["case"]
        assert case["snoozed_until"] == 4e9

    def test_a_time_that_has_passed_is_no_time_to_snooze_until(self, site: Site, mia: Person) -> None:
        answer = mia.does("snooze", asks_for_person(site), until=1.0)
        assert (answer.status_code, answer.json()["error"]) == (422, "impossible")

    def test_returned_the_assistant_answers_again(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site)
        mia.does("claim", conversation)
        assert mia.does("return", conversation).json()["case"]["owner"] == "bot"
        writes_again(site, conversation, "And now?")
        assert until(lambda: "You said: And now?" in mia.texts(conversation))

    def test_what_is_no_conversation_is_said_to_be_none(self, mia: Person) -> None:
        assert mia.client.get("/desk/conversations/nope").status_code == 404
        assert mia.does("claim", "nope").status_code == 404

    def test_another_companys_conversation_is_out_of_reach(self, site: Site, mia: Person) -> None:
        site.run(site.database.write(add_company, "other", "Other", 0.0))
        chat = Chat("other", "web", uuid.uuid4().hex)
        site.run(Intake(site.database, PACE).receive(Inbound(uuid.uuid4().hex, chat, text="unknown")))
        found = site.run(site.database.read(_find, chat))
        site.run(site.desk.handoffs.claim("other", found.id, "them"))
        assert site.run(site.desk.cases.get("other", found.id)) is not None
        assert mia.client.get(f"/desk/conversations/{found.id}").status_code == 404
        assert mia.does("claim", found.id, force=True).status_code == 404
        assert found.id not in mia.queue()


def _find(connection: Any, chat: Chat) -> Any:
    from bot.storage.conversations import find

    return find(connection, chat)


def _sent(person: Person, conversation: str, text: str) -> Any:
    entries = person.sees(conversation)["entries"]
    return next((each for each in entries if each["text"] == text and each["status"] == "sent"), None)


class TestFiles:
    def test_what_staff_send_can_be_opened(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site)
        mia.does("claim", conversation)
        mia.writes("reply", conversation, "Here", files=[_file("label.pdf", b"%PDF label")]).raise_for_status()
        entry = next(each for each in mia.sees(conversation)["entries"] if each["attachments"])
        assert entry["attachments"] == [{"name": "label.pdf", "media_type": "application/pdf", "size": 10}]
        answer = mia.client.get(f"/desk/conversations/{conversation}/files/{entry['id']}/0")
        assert answer.content == b"%PDF label"

    def test_a_file_is_saved_and_never_run(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site)
        mia.does("claim", conversation)
        file = _file("../../evil\x1b.html", b"<script>alert(1)</script>", "text/html")
        mia.writes("reply", conversation, "", files=[file]).raise_for_status()
        entry = next(each for each in mia.sees(conversation)["entries"] if each["attachments"])
        assert entry["attachments"][0]["name"] == "evil.html"
        answer = mia.client.get(f"/desk/conversations/{conversation}/files/{entry['id']}/0")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"

    def test_one_that_is_too_large_is_refused_with_the_limit(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site)
        mia.does("claim", conversation)
        file = _file("film.mp4", b"x" * (10 * 1024 * 1024 + 1), "video/mp4")
        answer = mia.writes("reply", conversation, "", files=[file])
        assert answer.status_code == 413
        assert answer.json()["message"] == "film.mp4 is too large: a file can have 10 MB at most."

    def test_what_is_not_there_is_said_to_be_gone(self, site: Site, mia: Person) -> None:
        answer = mia.client.get(f"/desk/conversations/{asks_for_person(site)}/files/m1/0")
        assert answer.status_code == 404


def _file(name: str, content: bytes, media_type: str = "application/pdf") -> dict[str, str]:
    return {"name": name, "media_type": media_type, "content": base64.b64encode(content).decode()}


class TestTheAssistant:
    def test_a_question_is_answered_line_by_line(self, mia: Person) -> None:
        lines = mia.posts("ask", {"text": "What about this?"}).text.splitlines()
        assert '"done": true' in lines[-1]
        assert "You said: What about this?" in lines[-1]

    def test_a_search_marks_internal_passages(self, mia: Person) -> None:
        found = mia.posts("search", {"text": "anything"}).json()["passages"]
        assert {each["text"]: each["internal"] for each in found}[SECRET] is True
        assert not all(each["internal"] for each in found)

    def test_an_internal_passage_can_be_read_at_the_desk(self, mia: Person) -> None:
        found = mia.client.get("/desk/passages/handbook/0").json()
        assert (found["text"], found["internal"]) == (SECRET, True)

    def test_a_suggestion_becomes_part_of_the_case(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site, "How long can I return an order?")
        case = mia.does("suggest", conversation, hint="be brief").raise_for_status().json()["case"]
        assert case["suggestion"]["text"] == "You said: How long can I return an order?"
        assert case["suggestion"]["hint"] == "be brief"

    def test_where_nothing_can_be_suggested_it_says_why(self, site: Site, mia: Person) -> None:
        answer = mia.does("suggest", asks_for_person(site, "unknown"))
        assert (answer.status_code, answer.json()["error"]) == (503, "unanswered")
        assert "say nothing about this" in answer.json()["message"]


def test_nothing_internal_ever_reaches_the_customer(site: Site, mia: Person, jo: Person) -> None:
    """Notes, suggestions, hints and what staff look up stay at the desk, whatever the customer's page asks for."""
    visitor = Visitor(urlsplit(site.url).port or 0)
    visitor.says("Can I have a discount?")
    visitor.hears("bot")
    visitor.acts("human")
    conversation = until(
        lambda: next((each["id"] for each in mia.queue().values() if each["question"] == "Can I have a discount?"), "")
    )
    mia.does("claim", conversation).raise_for_status()
    secrets = ["note-7f3a", "hint-7f3a", "asked-7f3a", "sought-7f3a"]
    jo.writes("note", conversation, secrets[0]).raise_for_status()
    mia.does("suggest", conversation, hint=secrets[1]).raise_for_status()
    mia.posts("ask", {"text": secrets[2]}).raise_for_status()
    mia.posts("search", {"text": secrets[3]}).raise_for_status()
    mia.does("snooze", conversation, until=4e9).raise_for_status()
    mia.writes("reply", conversation, "You can have 5 percent.").raise_for_status()
    mia.does("resolve", conversation).raise_for_status()
    heard = visitor.everything_until("This conversation is now closed")
    assert "You can have 5 percent." in heard
    assert not [each for each in (*secrets, SECRET, "snooz", "handbook") if each in heard]

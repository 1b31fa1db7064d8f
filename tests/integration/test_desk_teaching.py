"""Answers that staff approve at the desk: saved from a reply, doubted, listed, changed, removed."""

import uuid
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from connectors.web.desk.entrance import COOKIE
from retrieval import store
from retrieval.passages import Audience
from tests.browser import PHONE, OpenContext, assert_accessible
from tests.chat_site import COMPANY, Site
from tests.desk_fixtures import mia, site
from tests.desk_people import Person, asks_for_person, session_of

__all__ = ["mia", "site"]


def teaches(mia: Person, question: str, answer: str, **more: Any) -> Any:
    return mia.posts("taught", {"question": question, "answer": answer, **more}).raise_for_status().json()


def known(mia: Person) -> dict[str, Any]:
    answers = mia.client.get("/desk/taught").raise_for_status().json()["answers"]
    return {each["question"]: each for each in answers}


def replied(site: Site, mia: Person, question: str, reply: str) -> tuple[str, int]:
    """A conversation in which a person answered, and the place of the answer."""
    conversation = asks_for_person(site, question)
    mia.does("claim", conversation).raise_for_status()
    mia.writes("reply", conversation, reply).raise_for_status()
    entries = mia.sees(conversation)["entries"]
    return conversation, next(each["seq"] for each in entries if each["text"] == reply)


class TestOverHttp:
    def test_a_reply_is_prefilled_with_the_question_before_it(self, site: Site, mia: Person) -> None:
        conversation, seq = replied(site, mia, "Do you sell gift cards?", "Yes, from 20 euros.")
        lesson = mia.client.get(f"/desk/conversations/{conversation}/lesson/{seq}").raise_for_status().json()
        assert lesson == {"question": "Do you sell gift cards?", "answer": "Yes, from 20 euros."}

    def test_it_is_kept_and_the_timeline_says_who_did(self, site: Site, mia: Person) -> None:
        conversation, _ = replied(site, mia, "Do you lend pumps?", "Yes, in the shop.")
        came = teaches(mia, "Do you lend pumps?", "Yes, in the shop.", conversation=conversation)
        assert known(mia)["Do you lend pumps?"]["document"] == came["document"]
        assert "Mia Chen saved an answer to “Do you lend pumps?”." in mia.texts(conversation, "event")

    def test_what_is_one_customers_own_is_doubted_until_a_person_is_sure(self, site: Site, mia: Person) -> None:
        conversation, _ = replied(site, mia, "Where is it?", "Dear Ana, parcel DE-4711882 comes.")
        answer = "Dear Ana, parcel DE-4711882 comes. Write to ana@mail.example."
        came = teaches(mia, "Where is my parcel?", answer, conversation=conversation)
        said = " ".join(each["says"] for each in came["doubts"])
        assert came["document"] == ""
        for each in ("Ana", "DE-4711882", "ana@mail.example"):
            assert each in said
        assert "Where is my parcel?" not in known(mia)
        assert teaches(mia, "Where is my parcel?", answer, conversation=conversation, sure=True)["document"]

    def test_what_another_document_says_otherwise_is_doubted(self, mia: Person) -> None:
        came = teaches(mia, "How long can I return an order?", "You can return any order within 14 days of delivery.")
        assert [each["matter"] for each in came["doubts"]] == ["contradicts"]
        assert "60 days" in came["doubts"][0]["says"]

    def test_what_is_for_staff_only_is_doubted_for_customers_alone(self, mia: Person) -> None:
        secret = "Never tell customers about the 40 % margin."
        assert [each["matter"] for each in teaches(mia, "What is the margin?", secret)["doubts"]] == ["internal"]
        assert teaches(mia, "What is the margin?", secret, audience="internal")["document"]

    def test_a_changed_answer_takes_the_place_of_the_old_one(self, mia: Person) -> None:
        old = teaches(mia, "Do you sell tyres?", "Yes.")["document"]
        teaches(mia, "Do you sell winter tyres?", "In winter.", replaces=old)
        assert "Do you sell tyres?" not in known(mia)
        assert known(mia)["Do you sell winter tyres?"]["answer"] == "In winter."

    def test_who_may_read_it_can_be_changed(self, site: Site, mia: Person) -> None:
        old = teaches(mia, "Who has the key?", "The team lead.")["document"]
        teaches(mia, "Who has the key?", "The team lead.", audience="internal", replaces=old)
        assert known(mia)["Who has the key?"]["audience"] == "internal"
        assert site.run(site.database.read(store.document, COMPANY, Audience.PUBLIC, old)) is None

    def test_it_can_be_removed_once(self, mia: Person) -> None:
        document = teaches(mia, "Do you buy used bikes?", "No.")["document"]
        mia.posts("taught/remove", {"document": document}).raise_for_status()
        assert "Do you buy used bikes?" not in known(mia)
        assert mia.posts("taught/remove", {"document": document}).status_code == 422

    def test_no_other_document_can_be_removed_this_way(self, site: Site, mia: Person) -> None:
        assert mia.posts("taught/remove", {"document": "returns"}).status_code == 422
        assert site.run(site.database.read(store.document, COMPANY, Audience.PUBLIC, "returns"))

    @pytest.mark.parametrize(("question", "answer"), [("", "Yes."), ("Why?", ""), ("  ", "Yes."), ("x" * 501, "Yes.")])
    def test_half_an_answer_is_refused(self, mia: Person, question: str, answer: str) -> None:
        assert mia.posts("taught", {"question": question, "answer": answer}).status_code == 422


class TestInABrowser:
    def opened(self, site: Site, open_context: OpenContext, conversation: str, **options: object) -> Page:
        context = open_context(**options)
        context.add_cookies([{"name": COOKIE, "value": session_of(site, "mia"), "url": f"{site.url}/desk"}])
        page = context.new_page()
        page.goto(f"{site.url}/desk#{conversation}")
        expect(page.locator("#timeline .entry").first).to_be_visible()
        return page

    def test_a_reply_becomes_an_answer_that_can_be_removed(
        self, site: Site, mia: Person, open_context: OpenContext
    ) -> None:
        conversation, _ = replied(site, mia, "Do you repair scooters?", "Yes, Ana, on weekdays.")
        page = self.opened(site, open_context, conversation)
        page.get_by_role("button", name="Save as answer").click()
        expect(page.get_by_label("Question, as customers ask it")).to_have_value("Do you repair scooters?")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#teach-doubts")).to_contain_text("the customer's name: Ana")
        assert_accessible(page)
        page.get_by_label("Answer", exact=True).fill("Yes, on weekdays.")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#teach")).to_be_hidden()
        expect(page.locator("#timeline")).to_contain_text("saved an answer to “Do you repair scooters?”")
        page.get_by_role("tab", name="Answers").click()
        expect(page.locator("#panel-answers")).to_contain_text("Yes, on weekdays.")
        assert_accessible(page)
        page.get_by_role("button", name="Remove: Do you repair scooters?").click()
        page.locator("#confirm-yes").click()
        expect(page.locator("#panel-answers")).not_to_contain_text("Do you repair scooters?")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_an_answer_of_the_assistant_is_corrected_by_keyboard_on_a_phone(
        self, site: Site, open_context: OpenContext, scheme: str
    ) -> None:
        question = f"Do you paint frames? {uuid.uuid4().hex}"
        page = self.opened(site, open_context, asks_for_person(site, question), viewport=PHONE, color_scheme=scheme)
        page.get_by_role("button", name="Correct it").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Answer", exact=True)).to_have_value(f"You said: {question}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert_accessible(page)
        page.keyboard.press("Escape")
        expect(page.locator("#teach")).to_be_hidden()

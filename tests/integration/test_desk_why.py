"""How an answer came about, at the desk: over HTTP, and in a browser. Skipped where there is no Chromium."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from bot.domain import Answer, Draft, Outcome, Question
from connectors.web.desk.entrance import COOKIE
from retrieval.passages import Audience
from tests.browser import PHONE, OpenContext, assert_accessible
from tests.chat_site import COMPANY, RETURNS, Site, answered, cite, document, serve
from tests.desk_people import PASSWORD, SECRET, Person, asks_for_person, session_of

SIGNALS = {"cosine": 0.91, "margin": 0.08}
EXPLANATION = {
    "query": "How long can I return an order?",
    "passages": [
        {"passage": "returns#0", "score": 0.93, "cosine": 0.91, "keyword": 0.6},
        {"passage": "handbook#0", "score": 0.41, "cosine": 0.8, "keyword": 0.0},
        {"passage": "gone#3", "score": 0.3, "cosine": 0.7, "keyword": 0.1},
    ],
    "signals": SIGNALS,
    "thresholds": {"answer": 0.67, "clarify": 0.25},
    "withheld": [{"sentence": "Returns cost 99 euros.", "flaw": "fact", "detail": "99 euros"}],
}


async def explained(question: Question) -> AsyncIterator[Draft | Answer]:
    """Answers and says why; greetings need no reasons."""
    if "hello" in question.text.lower():
        yield Answer(Outcome.ANSWERED, "Hello!", 1.0, "en")
    else:
        answer = answered("You can return any order within 60 days of delivery. [1]", cite(1, "returns", 0))
        yield replace(answer, explanation=EXPLANATION)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("site"), answerer=explained) as site:
        site.add(
            document("returns", RETURNS[:2]),
            document("handbook", [("", SECRET)], audience=Audience.INTERNAL, title="Handbook"),
        )
        site.run(site.desk.accounts.add(COMPANY, "mia", "Mia Chen"))
        site.run(site.desk.accounts.set_password(COMPANY, "mia", PASSWORD))
        yield site


@pytest.fixture
def mia(site: Site) -> Iterator[Person]:
    person = Person(site, "mia")
    yield person
    person.client.close()


def answers_of(mia: Person, conversation: str) -> list[int]:
    return [each["seq"] for each in mia.sees(conversation)["entries"] if each.get("explained")]


class TestOverHttp:
    def test_it_tells_the_passages_the_band_and_what_was_withheld(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site, "How long can I return it?")
        (seq,) = answers_of(mia, conversation)
        told = mia.client.get(f"/desk/conversations/{conversation}/why/{seq}").raise_for_status().json()
        assert (told["outcome"], told["band"], told["confidence"]) == ("answered", "answer", 0.9)
        assert [(each["cited"], each["internal"], each["text"] and each["text"][:20]) for each in told["passages"]] == [
            (True, False, RETURNS[0][1][:20]),
            (False, True, SECRET[:20]),
            (False, False, None),
        ]
        assert told["withheld"][0]["sentence"] == "Returns cost 99 euros."

    def test_what_needed_no_documents_has_no_band(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site, "Hello there")
        (seq,) = answers_of(mia, conversation)
        told = mia.client.get(f"/desk/conversations/{conversation}/why/{seq}").raise_for_status().json()
        assert (told["band"], told["passages"]) == (None, [])

    @pytest.mark.parametrize("seq", [1, 99])
    def test_other_messages_have_no_explanation(self, site: Site, mia: Person, seq: int) -> None:
        conversation = asks_for_person(site, "Another one")
        assert mia.client.get(f"/desk/conversations/{conversation}/why/{seq}").status_code == 404

    def test_it_is_for_staff_only(self, site: Site, mia: Person) -> None:
        conversation = asks_for_person(site, "And this one?")
        (seq,) = answers_of(mia, conversation)
        mia.client.cookies.clear()
        answer = mia.client.get(f"/desk/conversations/{conversation}/why/{seq}", follow_redirects=False)
        assert answer.status_code != 200
        assert SECRET not in answer.text


class TestInABrowser:
    def opened(self, site: Site, open_context: OpenContext, question: str, **options: object) -> Page:
        conversation = asks_for_person(site, question)
        context = open_context(**options)
        context.add_cookies([{"name": COOKIE, "value": session_of(site, "mia"), "url": f"{site.url}/desk"}])
        page = context.new_page()
        page.goto(f"{site.url}/desk#{conversation}")
        expect(page.locator("#timeline")).to_contain_text(question)
        return page

    def test_why_opens_beside_the_answer(self, site: Site, open_context: OpenContext) -> None:
        page = self.opened(site, open_context, "Why, at a desk?")
        page.get_by_role("button", name="Why?").click()
        dialog = page.get_by_role("dialog", name="Why this answer?")
        expect(dialog).to_contain_text("It was 90 % sure")
        expect(dialog).to_contain_text("Returns cost 99 euros.")
        expect(dialog.locator("li[data-cited=true]")).to_have_count(1)
        expect(dialog).to_contain_text("changed or removed since")
        assert_accessible(page)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_it_fits_a_phone(self, site: Site, open_context: OpenContext, scheme: str) -> None:
        page = self.opened(site, open_context, f"Why, on a phone? {scheme}", viewport=PHONE, color_scheme=scheme)
        page.get_by_role("button", name="Why?").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Why this answer?")).to_contain_text("Passages it read")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert_accessible(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)

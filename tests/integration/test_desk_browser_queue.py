"""A queue of many: the desk shows the first, and the rest when somebody wants it."""

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from bot.domain import Chat
from bot.intake import Intake
from bot.ports import Inbound, Kind
from tests.browser import OpenContext, assert_accessible
from tests.chat_site import COMPANY, PACE, Site
from tests.desk_pages import at_desk
from tests.desk_people import asks_for_person, desk_site, until

SHOWN = 100
MORE = 20


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with desk_site(tmp_path_factory.mktemp("site")) as site:
        intake = Intake(site.database, PACE)
        for number in range(SHOWN + MORE):
            chat = Chat(COMPANY, "web", f"v{number}")
            event = Inbound(uuid.uuid4().hex, chat, Kind.COMMAND, "human", name=f"Customer {number}", order=number)
            site.run(intake.receive(event))
        until(lambda: len(site.run(site.desk.cases.queue(COMPANY))) == SHOWN + MORE)
        yield site


def count(page: Page, section: str) -> str:
    return page.locator(f"[data-section={section}] .count").inner_text()


def test_the_first_hundred_are_shown_and_all_are_counted(site: Site, open_context: OpenContext) -> None:
    page = at_desk(open_context(), site)
    expect(page.locator(".item")).to_have_count(SHOWN)
    assert int(count(page, "waiting")) >= SHOWN + MORE
    assert page.title().startswith(f"({count(page, 'waiting')})")
    assert_accessible(page)


def test_more_are_shown_at_a_press(site: Site, open_context: OpenContext) -> None:
    page = at_desk(open_context(), site)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("button", name="Show")).to_have_count(0)
    assert page.locator(".item").count() == int(count(page, "waiting"))


def test_a_search_finds_what_is_not_shown(site: Site, open_context: OpenContext) -> None:
    page = at_desk(open_context(), site)
    last = site.run(site.desk.cases.queue(COMPANY))[-1].conversation.customer
    page.keyboard.press("/")
    page.keyboard.type(last)
    expect(page.locator(".item", has_text=last).first).to_be_visible()


def test_what_happens_out_of_view_is_counted(site: Site, open_context: OpenContext) -> None:
    page = at_desk(open_context(), site)
    before = int(count(page, "waiting"))
    asks_for_person(site, "The last in a long line")
    expect(page.locator("[data-section=waiting] .count")).to_have_text(str(before + 1))
    expect(page.locator(".item")).to_have_count(SHOWN)

"""What a browser keeps of what staff write: for them alone, until they sign out."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import OpenContext
from tests.chat_site import Site
from tests.desk_pages import at_desk, claimed_by, opens_case, signs_in
from tests.desk_people import desk_site

WORDS = "Never for the eyes of others"


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with desk_site(tmp_path_factory.mktemp("site")) as site:
        yield site


def types(page: Page) -> None:
    """A reply is begun, and one couldn't be sent."""
    page.route("**/reply", lambda route: route.abort())
    page.get_by_label("Reply to the customer").fill(f"{WORDS} (sent)")
    page.keyboard.press("Enter")
    expect(page.locator(".entry", has_text=WORDS)).to_contain_text("The server can't be reached")
    page.get_by_label("Reply to the customer").fill(WORDS)


def kept(page: Page) -> str:
    return str(page.evaluate("JSON.stringify({ ...sessionStorage })"))


def test_words_are_kept_in_this_tab_while_their_writer_is_signed_in(site: Site, open_context: OpenContext) -> None:
    claimed_by(site, "mia", "Kept for me")
    page = at_desk(open_context(), site, opens="Kept for me")
    types(page)
    page.reload()
    opens_case(page, "Kept for me")
    expect(page.get_by_label("Reply to the customer")).to_have_value(WORDS)
    expect(page.locator(".entry", has_text=WORDS)).to_be_visible()


def test_signing_out_leaves_no_words_behind(site: Site, open_context: OpenContext) -> None:
    claimed_by(site, "mia", "Kept for nobody")
    page = at_desk(open_context(), site, opens="Kept for nobody")
    types(page)
    assert WORDS in kept(page)
    page.get_by_label("Options").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to the desk")).to_be_visible()
    assert WORDS not in kept(page)


def test_another_account_in_the_same_tab_gets_none_of_the_words(site: Site, open_context: OpenContext) -> None:
    claimed_by(site, "mia", "Kept for Mia")
    context = open_context()
    page = at_desk(context, site, opens="Kept for Mia")
    types(page)
    signs_in(context, site, "jo")
    page.reload()
    opens_case(page, "Kept for Mia")
    assert WORDS not in kept(page)
    expect(page.locator(".entry", has_text=WORDS)).to_have_count(0)

"""The chat page in a real browser. Skipped where there is no Chromium."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Route, expect, sync_playwright

from tests.chat_site import COMPANY, RETURNS, Site, document, serve

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
MILLISECONDS = 20_000
SETTLED = """document.getAnimations().filter(
    (each) => each.effect.getComputedTiming().endTime !== Infinity).forEach((each) => each.finish())"""
"""Ends what fades: colours are measured after it."""

expect.set_options(timeout=MILLISECONDS)


def chromium(playwright: Playwright) -> str | None:
    own = playwright.chromium.executable_path
    found = (
        own if Path(own).exists() else None,
        *map(shutil.which, COMMANDS),
        *filter(lambda at: Path(at).exists(), PLACES),
    )
    return next(filter(None, found), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = chromium(playwright)
        if path is None:
            pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("site")) as site:
        site.add(document("returns", RETURNS))
        yield site


OpenContext = Callable[..., BrowserContext]


@pytest.fixture
def open_context(browser: Browser) -> Iterator[OpenContext]:
    """Makes a visitor's browser; at the end, nothing may have been blocked or thrown in any of its pages."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def watch(page: Page) -> None:
        page.set_default_timeout(MILLISECONDS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if is_complaint(said.text, said.type) else None)

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**{"viewport": DESKTOP, "locale": "en", **options})
        context.on("page", watch)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def is_complaint(text: str, kind: str) -> bool:
    """What a page says when something is wrong; that a connection broke is no fault of it."""
    return kind in ("error", "warning") and "Failed to load resource" not in text and "net::ERR" not in text


@pytest.fixture
def page(site: Site, open_context: OpenContext) -> Page:
    """A visitor on a desktop who has opened the chat."""
    return opened(open_context().new_page(), site)


def opened(page: Page, site: Site, path: str = "/chat") -> Page:
    page.goto(site.url + path)
    if path.startswith("/chat"):
        expect(page.locator("#scroll")).to_be_visible()
    return page


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


def answer(page: Page) -> Any:
    """The newest whole answer."""
    return page.locator("article[data-author=bot]:not(.draft):not([aria-hidden])").last


def assert_accessible(page: Page) -> None:
    page.evaluate(SETTLED)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_the_first_page_offers_common_questions(page: Page) -> None:
    page.get_by_role("button", name="How long can I return an order?").click()
    expect(answer(page)).to_contain_text("You said: How long can I return an order?")


def test_a_question_is_asked_and_answered_by_keyboard(page: Page) -> None:
    page.keyboard.type("hello")
    page.keyboard.press("Enter")
    expect(answer(page)).to_contain_text("You said: hello")
    expect(page.get_by_label("Your message")).to_be_focused()
    expect(page.get_by_label("Your message")).to_have_value("")


def test_shift_and_enter_make_a_new_line(page: Page) -> None:
    page.keyboard.type("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    expect(page.get_by_label("Your message")).to_have_value("one\ntwo")


def test_an_answer_appears_as_it_is_made_and_once(page: Page) -> None:
    ask(page, "slowly, a long story")
    expect(page.locator(".draft")).to_contain_text("You can return")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_role("button", name="Yes, this helped")).to_be_visible()
    expect(page.locator(".draft")).to_have_count(0)
    expect(page.locator("article[data-author=bot]")).to_have_count(1)


def test_a_stopped_answer_goes_away(page: Page) -> None:
    ask(page, "slowly, a long story")
    expect(page.locator(".draft")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".draft")).to_have_count(0)
    expect(page.get_by_role("button", name="Send")).to_be_visible()


def test_an_answer_is_told_to_screen_readers_whole(page: Page) -> None:
    ask(page, "hello")
    expect(page.locator("#announcer")).to_contain_text("Assistant: You said: hello")


def test_a_citation_opens_its_passage_and_gives_the_focus_back(page: Page) -> None:
    ask(page, "a long story")
    marker = page.get_by_role("button", name="Open source 2: Returns and exchanges")
    marker.click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_role("group", name="Cited passage")).to_contain_text("Returns within the country are free.")
    expect(panel).to_contain_text("How long can I return an order?")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(marker).to_be_focused()


def test_the_whole_document_is_one_step_away(page: Page) -> None:
    ask(page, "a long story")
    page.get_by_role("button", name="Open source 1").click()
    with page.context.expect_page() as other:
        page.get_by_role("link", name="Read the whole document").click()
    expect(other.value.get_by_role("heading", level=1)).to_have_text("Returns and exchanges")
    assert other.value.url.endswith("/chat/documents/returns#p0")
    assert_accessible(other.value)


def test_the_conversation_can_be_used_beside_an_open_source(page: Page) -> None:
    ask(page, "a long story")
    page.get_by_role("button", name="Open source 1").click()
    expect(page.get_by_role("group", name="Cited passage")).to_be_visible()
    ask(page, "hello")
    expect(answer(page)).to_contain_text("You said: hello")


def test_an_unclear_question_is_settled_with_a_press(page: Page) -> None:
    ask(page, "unclear")
    page.get_by_role("button", name="Who pays for the return?").click()
    expect(answer(page)).to_contain_text("You said: Who pays for the return?")


def test_a_person_can_be_called_and_answers(site: Site, page: Page) -> None:
    ask(page, "hello")
    expect(answer(page)).to_be_visible()
    page.get_by_role("button", name="Talk to a person").click()
    expect(page.locator(".handoff")).to_contain_text("Waiting for a person")
    expect(page.get_by_role("button", name="Talk to a person")).to_have_count(0)
    conversation = site.conversation(address_of(page)).id
    site.run(site.handoffs.claim(COMPANY, conversation, "u1"))
    site.run(site.handoffs.reply(COMPANY, conversation, "u1", "Hello, this is Ines.", "Ines"))
    expect(page.locator("article[data-author=person]")).to_contain_text("Hello, this is Ines.")
    expect(page.locator("#state")).to_have_text("A person is here")
    assert_accessible(page)


def address_of(page: Page) -> str:
    import hashlib

    secret = next(each["value"] for each in page.context.cookies() if each["name"] == "answerdesk_visitor")
    return hashlib.sha256(secret.encode()).hexdigest()[:40]


def test_a_judgement_outlives_the_page(page: Page) -> None:
    ask(page, "hello")
    page.get_by_role("button", name="Yes, this helped").click()
    expect(page.get_by_role("button", name="Yes, this helped")).to_be_focused()
    page.reload()
    expect(page.get_by_role("button", name="Yes, this helped")).to_have_attribute("aria-pressed", "true")


def test_a_conversation_outlives_the_page(page: Page) -> None:
    ask(page, "hello")
    expect(answer(page)).to_be_visible()
    page.reload()
    expect(answer(page)).to_contain_text("You said: hello")
    expect(page.get_by_role("heading", name="How can we help?")).to_have_count(0)


def test_a_new_conversation_begins_with_the_welcome(page: Page) -> None:
    ask(page, "hello")
    expect(answer(page)).to_be_visible()
    page.get_by_label("Options").click()
    page.get_by_role("button", name="New conversation").click()
    page.get_by_role("button", name="Start anew").click()
    expect(page.get_by_role("heading", name="How can we help?")).to_be_visible()
    expect(page.locator("article")).to_have_count(0)


def test_a_conversation_isnt_left_by_mistake(page: Page) -> None:
    ask(page, "hello")
    expect(answer(page)).to_be_visible()
    page.get_by_label("Options").click()
    page.get_by_role("button", name="New conversation").click()
    assert_accessible(page)
    page.keyboard.press("Escape")
    expect(answer(page)).to_be_visible()


def test_the_colours_can_be_chosen_and_stay(page: Page) -> None:
    page.get_by_label("Options").click()
    page.get_by_role("radio", name="Dark").check()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_language_can_be_chosen_and_stays(page: Page) -> None:
    page.get_by_label("Options").click()
    page.get_by_label("Language").select_option("zh")
    expect(page.get_by_role("button", name="转人工客服")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="转人工客服")).to_be_visible()


def test_a_message_that_is_too_long_cannot_be_sent(page: Page) -> None:
    page.get_by_label("Your message").fill("x" * 4003)
    expect(page.get_by_text("3 characters too many")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    page.get_by_label("Your message").fill("😀" * 4000)
    expect(page.get_by_role("button", name="Send")).to_be_enabled()


def test_what_was_written_but_not_sent_outlives_the_page(page: Page) -> None:
    page.get_by_label("Your message").fill("not yet")
    page.reload()
    expect(page.get_by_label("Your message")).to_have_value("not yet")


def test_a_message_written_offline_is_sent_once_back(page: Page) -> None:
    ask(page, "first")
    expect(answer(page)).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    ask(page, "second")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.context.set_offline(False)
    expect(answer(page)).to_contain_text("You said: second")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    expect(page.locator("article[data-author=customer]")).to_have_count(2)


def refuse(page: Page, retry_after: int) -> list[str]:
    """Let no message through; returns what was tried."""
    tried: list[str] = []

    def answer(route: Route) -> None:
        tried.append(route.request.post_data or "")
        route.fulfill(status=503, body="<html>", headers={"Retry-After": str(retry_after)})

    page.route("**/chat/messages", answer)
    return tried


def test_a_message_that_failed_is_sent_again_on_demand(page: Page) -> None:
    refuse(page, retry_after=3600)
    ask(page, "hello")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.unroute("**/chat/messages")
    page.get_by_role("button", name="Try again").click()
    expect(answer(page)).to_contain_text("You said: hello")
    expect(page.locator("article[data-author=customer]")).to_have_count(1)


def test_a_message_that_failed_is_sent_again_by_itself(page: Page) -> None:
    refuse(page, retry_after=1)
    ask(page, "hello")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.unroute("**/chat/messages")
    expect(answer(page)).to_contain_text("You said: hello")


def test_a_button_stays_where_it_is_while_there_is_news(site: Site, page: Page) -> None:
    ask(page, "hello")
    expect(answer(page)).to_be_visible()
    tried = refuse(page, retry_after=3600)
    ask(page, "second")
    button = page.get_by_role("button", name="Try again")
    expect(button).to_be_visible()
    handle = button.element_handle()
    conversation = site.conversation(address_of(page)).id
    site.run(site.handoffs.claim(COMPANY, conversation, "u1"))
    site.run(site.handoffs.reply(COMPANY, conversation, "u1", "Hello, this is Ines.", "Ines"))
    expect(page.locator("article[data-author=person]")).to_contain_text("Hello, this is Ines.")
    assert len(tried) == 1
    assert handle.evaluate("(button) => button.isConnected")


def test_nothing_is_replaced_under_a_finger(site: Site, page: Page) -> None:
    ask(page, "hello")
    expect(answer(page)).to_be_visible()
    page.get_by_role("button", name="Yes, this helped").hover()
    page.mouse.down()
    conversation = site.conversation(address_of(page)).id
    site.run(site.handoffs.claim(COMPANY, conversation, "u1"))
    expect(page.locator("#state")).to_have_text("A person is here")
    expect(page.locator("article[data-author=notice]")).to_have_count(0)
    page.mouse.up()
    expect(page.get_by_role("button", name="Yes, this helped")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("article[data-author=notice]")).to_have_count(1)


def test_messages_wait_for_those_before_them(page: Page) -> None:
    refuse(page, retry_after=3600)
    ask(page, "first")
    ask(page, "second")
    expect(page.get_by_role("button", name="Try again")).to_have_count(2)
    page.unroute("**/chat/messages")
    page.get_by_role("button", name="Try again").last.click()
    expect(answer(page)).to_contain_text("second")
    texts = page.locator("article[data-author=customer] .text").all_inner_texts()
    assert texts == ["first", "second"]


def test_messages_arrive_in_the_order_they_were_written_in(page: Page) -> None:
    for number in range(5):
        ask(page, f"number {number}")
    expect(answer(page)).to_contain_text("number 4")
    texts = page.locator("article[data-author=customer] .text").all_inner_texts()
    assert texts == [f"number {number}" for number in range(5)]


def test_every_tab_shows_the_conversation(site: Site, open_context: OpenContext) -> None:
    context = open_context()
    first, second = (opened(context.new_page(), site) for _ in range(2))
    ask(first, "hello")
    for each in (first, second):
        expect(answer(each)).to_contain_text("You said: hello")
    ask(second, "again")
    for each in (first, second):
        expect(answer(each)).to_contain_text("You said: again")


def test_many_tabs_share_a_connection(site: Site, open_context: OpenContext) -> None:
    context = open_context()
    tabs = [opened(context.new_page(), site) for _ in range(8)]
    ask(tabs[-1], "hello")
    for each in (tabs[0], tabs[-1]):
        expect(answer(each)).to_contain_text("You said: hello")


def test_after_a_restart_the_page_goes_on(open_context: OpenContext, tmp_path: Path) -> None:
    with serve(tmp_path) as site:
        port = int(site.url.rpartition(":")[2])
        page = opened(open_context().new_page(), site)
        ask(page, "before")
        expect(answer(page)).to_contain_text("You said: before")
    expect(page.get_by_text("Reconnecting")).to_be_visible()
    ask(page, "meanwhile")
    with serve(tmp_path, port):
        expect(answer(page)).to_contain_text("You said: meanwhile")
        expect(page.locator("article[data-author=customer]")).to_have_count(2)
        page.goto("about:blank")


def test_what_anyone_says_is_never_html(page: Page) -> None:
    ask(page, "<img src=x onerror=document.title='hacked'> [link](javascript:alert(1)) **bold**")
    expect(answer(page)).to_contain_text("<img src=x onerror=document.title='hacked'> [link](javascript:alert(1)) bold")
    expect(page.locator("article img")).to_have_count(0)
    expect(page.locator("article a")).to_have_count(0)
    assert page.title() == "Halden Bikes help"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_stands_in_the_way_of_anyone(
    site: Site, open_context: OpenContext, scheme: str, viewport: dict[str, int]
) -> None:
    context = open_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    page = opened(context.new_page(), site)
    expect(page.get_by_role("heading", name="How can we help?")).to_be_visible()
    assert_accessible(page)
    ask(page, "a long story")
    expect(page.get_by_role("button", name="Yes, this helped")).to_be_visible()
    page.get_by_role("button", name="Open source 2").click()
    expect(page.get_by_role("group", name="Cited passage")).to_be_visible()
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Talk to a person").click()
    expect(page.locator(".handoff")).to_be_visible()
    page.get_by_label("Options").click()
    assert_accessible(page)


@pytest.mark.parametrize("language", ["en", "zh", "ru", "de", "es", "fr"])
def test_nothing_is_cut_off_on_a_small_phone(site: Site, open_context: OpenContext, language: str) -> None:
    context = open_context(viewport={"width": 320, "height": 640}, locale=language)
    page = opened(context.new_page(), site)
    page.locator("#text").fill("a long story")
    page.keyboard.press("Enter")
    expect(page.locator(".tools")).to_be_visible()
    page.locator("button.cite").first.click()
    expect(page.locator(".excerpt.cited")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert page.evaluate(
        "document.getElementById('scroll').scrollWidth <= document.getElementById('scroll').clientWidth"
    )
    assert page.evaluate("document.getElementById('source-body').scrollWidth") <= 320
    title = page.title()
    assert re.search("Halden Bikes", title)


def test_on_a_phone_a_source_covers_the_conversation_until_it_is_closed(site: Site, open_context: OpenContext) -> None:
    page = opened(open_context(viewport=PHONE, has_touch=True, is_mobile=True).new_page(), site)
    ask(page, "a long story")
    page.get_by_role("button", name="Open source 1").tap()
    expect(page.locator("dialog#source:modal")).to_be_visible()
    page.touchscreen.tap(200, 40)
    expect(page.locator("dialog#source[open]")).to_have_count(0)

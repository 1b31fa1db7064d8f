"""The chat in a company's own site, which is another origin, in a browser that keeps no third-party cookies."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import FrameLocator, Page, Route, expect

from connectors.web.visitors import COOKIE
from tests.browser import PHONE, OpenContext, address_of, assert_accessible
from tests.chat_site import COMPANY, RETURNS, Site, document, serve

FRAMED = "iframe"


@contextlib.contextmanager
def shop(chat: str, attributes: str = "") -> Iterator[str]:
    """A company's site with a strict policy of its own; returns its address."""
    policy = f"default-src 'none'; script-src {chat}; frame-src {chat}"
    body = f"""<!doctype html><html lang="en"><title>Shop</title><meta name="viewport" content="width=device-width">
        <main><h1>Our shop</h1></main><script src="{chat}/chat/widget.js" {attributes} async></script>""".encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-security-policy", policy)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The log of a test shows what matters."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    # Which port the shop gets isn't known yet: any page of this machine may frame the chat.
    with serve(tmp_path_factory.mktemp("site"), sites=["http://localhost:*"]) as site:
        site.add(document("returns", RETURNS))
        yield site


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    with shop(site.url) as address:
        yield address


@pytest.fixture
def page(address: str, open_context: OpenContext) -> Page:
    """A customer in the shop."""
    page = open_context().new_page()
    page.goto(address)
    return page


def opened(page: Page) -> FrameLocator:
    page.get_by_role("button", name="Open the chat").click()
    return ready(page)


def ready(page: Page) -> FrameLocator:
    """The frame, once the chat in it runs: before its styles are there, what is hidden counts as visible."""
    frame = page.frame_locator(FRAMED)
    expect(frame.locator("#welcome:not([hidden])")).to_be_visible()
    return frame


def ask(frame: FrameLocator, text: str) -> None:
    frame.get_by_label("Your message").fill(text)
    frame.get_by_label("Your message").press("Enter")


def answer(frame: FrameLocator, text: str) -> None:
    expect(frame.locator("article[data-author=bot]").last).to_contain_text(text)


def test_a_customer_of_another_site_is_answered(page: Page) -> None:
    frame = opened(page)
    assert_accessible(page)
    ask(frame, "hello")
    answer(frame, "You said: hello")


def test_the_chat_goes_on_from_page_to_page(page: Page, address: str) -> None:
    frame = opened(page)
    ask(frame, "hello")
    answer(frame, "You said: hello")
    page.goto(f"{address}/basket")
    answer(page.frame_locator(FRAMED), "You said: hello")


def test_the_visitors_cookie_is_kept_for_this_site_alone(page: Page) -> None:
    opened(page)
    (cookie,) = (each for each in page.context.cookies() if each["name"] == COOKIE)
    assert (cookie["sameSite"], cookie["secure"], cookie["httpOnly"]) == ("None", True, True)
    assert cookie["partitionKey"] == "http://localhost"


def test_it_is_opened_and_closed_by_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Open the chat")).to_be_focused()
    page.keyboard.press("Enter")
    frame = ready(page)
    frame.get_by_label("Your message").press("Escape")
    expect(page.locator(FRAMED)).to_be_hidden()
    expect(page.get_by_role("button", name="Open the chat")).to_be_focused()


def test_news_are_counted_while_it_is_closed(site: Site, page: Page) -> None:
    frame = opened(page)
    ask(frame, "hello")
    answer(frame, "You said: hello")
    page.get_by_role("button", name="Close the chat", exact=True).first.click()
    conversation = site.conversation(address_of(page)).id
    site.run(site.handoffs.claim(COMPANY, conversation, "u1"))
    site.run(site.handoffs.reply(COMPANY, conversation, "u1", "Hello, this is Ines.", "Ines"))
    page.get_by_role("button", name="Open the chat, 2 new messages").click()
    expect(frame.locator("article[data-author=person]")).to_contain_text("Hello, this is Ines.")
    expect(page.get_by_role("button", name="Close the chat").first).to_be_visible()


def test_on_a_phone_it_takes_the_screen_and_has_its_own_way_out(address: str, open_context: OpenContext) -> None:
    page = open_context(viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce").new_page()
    page.goto(address)
    frame = opened(page)
    assert page.locator(FRAMED).bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    frame.get_by_role("button", name="Close the chat").tap()
    expect(page.locator(FRAMED)).to_be_hidden()


def test_the_language_can_be_given(site: Site, open_context: OpenContext) -> None:
    with shop(site.url, 'data-language="de" data-side="left"') as address:
        page = open_context().new_page()
        page.goto(address)
        page.get_by_role("button", name="Chat öffnen").click()
        expect(page.frame_locator(FRAMED).get_by_label("Ihre Nachricht")).to_be_visible()
        page.goto("about:blank")


def test_a_language_chosen_in_the_frame_stays(page: Page) -> None:
    frame = opened(page)
    frame.get_by_label("Options").click()
    frame.get_by_label("Language").select_option("fr")
    expect(frame.get_by_label("Votre message")).to_be_visible()
    page.reload()
    expect(page.frame_locator(FRAMED).get_by_label("Votre message")).to_be_visible()


def test_where_no_cookie_is_kept_it_offers_a_window_of_its_own(address: str, open_context: OpenContext) -> None:
    def without_cookies(route: Route) -> None:
        answer = route.fetch()
        headers = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
        route.fulfill(response=answer, headers=headers)

    page = open_context().new_page()
    page.route("**/chat?frame=1", without_cookies)
    page.goto(address)
    page.get_by_role("button", name="Open the chat").click()
    frame = page.frame_locator(FRAMED)
    expect(frame.get_by_text("Your browser keeps no cookies for this chat here.")).to_be_visible()
    expect(frame.get_by_role("link", name="Open it in a window of its own")).to_have_attribute("target", "_blank")


def test_sites_that_are_not_named_cannot_frame_the_chat(tmp_path: Path) -> None:
    with serve(tmp_path) as site:
        headers = httpx.get(f"{site.url}/chat?frame=1").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"


def test_only_the_chat_can_be_framed(site: Site) -> None:
    for path in ("/chat/documents/returns", "/desk/sign-in", "/nowhere"):
        assert "frame-ancestors 'none'" in httpx.get(f"{site.url}{path}").headers["content-security-policy"]
    assert "http://localhost:*" in httpx.get(f"{site.url}/chat").headers["content-security-policy"]


def test_the_script_may_be_included_anywhere_and_is_kept_for_a_while(site: Site) -> None:
    response = httpx.get(f"{site.url}/chat/widget.js")
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert response.headers["cache-control"] == "public, max-age=3600"

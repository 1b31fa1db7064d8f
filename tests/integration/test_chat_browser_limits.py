"""What the chat page says and does when too much is sent or open."""

from pathlib import Path

from playwright.sync_api import expect

from bot.sections import WebSettings
from tests.browser import OpenContext, answer, ask, opened
from tests.chat_site import serve


def test_what_is_too_much_is_kept_and_says_when_it_goes_on(open_context: OpenContext, tmp_path: Path) -> None:
    with serve(tmp_path, limits=WebSettings(messages_a_minute=1)) as site:
        page = opened(open_context().new_page(), site)
        ask(page, "first")
        expect(answer(page)).to_contain_text("You said: first")
        ask(page, "second")
        expect(page.locator(".delivery.failed")).to_contain_text("That was a lot in a short time.")
        page.reload()
        expect(page.locator("article[data-author=customer]").last).to_contain_text("second")
        page.goto("about:blank")


def test_one_window_too_many_says_so(open_context: OpenContext, tmp_path: Path) -> None:
    with serve(tmp_path, limits=WebSettings(address_open_pages=1)) as site:
        first = opened(open_context().new_page(), site)
        expect(first.get_by_role("heading", name="How can we help?")).to_be_visible()
        second = opened(open_context().new_page(), site)
        expect(second.get_by_text("This chat is open in too many windows.")).to_be_visible()
        for each in (first, second):
            each.goto("about:blank")

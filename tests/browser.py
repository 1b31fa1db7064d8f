"""The web chat in a real browser."""

import contextlib
import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Route, expect, sync_playwright

from connectors.web.visitors import COOKIE
from tests.chat_site import Site

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
    "--test-third-party-cookie-phaseout",  # what a frame may not count on
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


OpenContext = Callable[..., BrowserContext]


@contextlib.contextmanager
def launched() -> Iterator[Browser]:
    """Chromium; a test that needs it is skipped where there is none."""
    with sync_playwright() as playwright:
        path = chromium(playwright)
        if path is None:
            pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@contextlib.contextmanager
def watched(browser: Browser) -> Iterator[OpenContext]:
    """Makes browsers of visitors; at the end, nothing may have been blocked or thrown in any of their pages."""
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
    assert not complaints, complaints


def is_complaint(text: str, kind: str) -> bool:
    """What a page says when something is wrong; that a connection broke is no fault of it."""
    return kind in ("error", "warning") and "Failed to load resource" not in text and "net::ERR" not in text


def opened(page: Page, site: Site, path: str = "/chat") -> Page:
    page.goto(site.url + path)
    if path.startswith("/chat"):
        expect(page.locator("#scroll")).to_be_visible()
    return page


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


def answer(page: Page) -> Any:
    """The newest whole answer: neither a draft nor the sign that one is being made."""
    return page.locator("article[data-author=bot]:not(.draft):not([aria-hidden]):has(.text)").last


def assert_accessible(page: Page) -> None:
    page.evaluate(SETTLED)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def address_of(page: Page) -> str:
    """The address of the page's visitor."""
    secret = next(each["value"] for each in page.context.cookies() if each["name"] == COOKIE)
    return hashlib.sha256(secret.encode()).hexdigest()[:40]


@dataclasses.dataclass
class Refusal:
    """No message goes through until it is `over`.

    The route stays: one that is taken away while the page is asking leaves that request without an answer.
    """

    tried: list[str] = dataclasses.field(default_factory=list)
    over: bool = False


def refuse(page: Page, retry_after: int) -> Refusal:
    refusal = Refusal()

    def answer(route: Route) -> None:
        if refusal.over:
            route.continue_()
        else:
            refusal.tried.append(route.request.post_data or "")
            route.fulfill(status=503, body="<html>", headers={"Retry-After": str(retry_after)})

    page.route("**/chat/messages", answer)
    return refusal

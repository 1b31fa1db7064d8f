"""The desk in a browser, opened by a member of the staff of the test site."""

from playwright.sync_api import BrowserContext, Locator, Page, expect

from connectors.web.desk.entrance import COOKIE
from tests.chat_site import COMPANY, Site
from tests.desk_people import NAMES, asks_for_person, session_of


def signs_in(context: BrowserContext, site: Site, account: str) -> None:
    """From now on, that is who opens the desk in this browser."""
    context.add_cookies([{"name": COOKIE, "value": session_of(site, account), "url": f"{site.url}/desk"}])


def at_desk(context: BrowserContext, site: Site, account: str = "mia", *, opens: str = "") -> Page:
    """The desk, with the conversation of a question open if there is one."""
    signs_in(context, site, account)
    page = context.new_page()
    page.goto(f"{site.url}/desk")
    expect(page.locator("#queue .section").first).to_be_visible()
    if opens:
        opens_case(page, opens)
    return page


def opens_case(page: Page, question: str) -> None:
    page.locator(".item", has_text=question).first.click()
    expect(page.locator("#timeline")).to_contain_text(question)


def entry(page: Page, side: str, text: str) -> Locator:
    return page.locator(f".entry[data-side={side}]", has_text=text)


def claimed_by(site: Site, account: str, question: str) -> str:
    """A customer asked this, and somebody has the conversation; returns it."""
    conversation = asks_for_person(site, question)
    site.run(site.desk.handoffs.claim(COMPANY, conversation, account, NAMES[account]))
    return conversation

"""What customers write in a real browser, and what becomes of it when the connection fails."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import OpenContext, address_of, answer, ask, opened, refuse
from tests.chat_site import COMPANY, Site, serve


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


def test_a_message_that_failed_is_sent_again_on_demand(page: Page) -> None:
    refusal = refuse(page, retry_after=3600)
    ask(page, "hello")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    refusal.over = True
    page.get_by_role("button", name="Try again").click()
    expect(answer(page)).to_contain_text("You said: hello")
    expect(page.locator("article[data-author=customer]")).to_have_count(1)


def test_a_message_that_failed_is_sent_again_by_itself(page: Page) -> None:
    refusal = refuse(page, retry_after=1)
    ask(page, "hello")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    refusal.over = True
    expect(answer(page)).to_contain_text("You said: hello")


def test_a_button_stays_where_it_is_while_there_is_news(site: Site, page: Page) -> None:
    ask(page, "hello")
    expect(answer(page)).to_be_visible()
    refusal = refuse(page, retry_after=3600)
    ask(page, "second")
    button = page.get_by_role("button", name="Try again")
    expect(button).to_be_visible()
    handle = button.element_handle()
    conversation = site.conversation(address_of(page)).id
    site.run(site.handoffs.claim(COMPANY, conversation, "u1"))
    site.run(site.handoffs.reply(COMPANY, conversation, "u1", "Hello, this is Ines.", "Ines"))
    expect(page.locator("article[data-author=person]")).to_contain_text("Hello, this is Ines.")
    assert len(refusal.tried) == 1
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
    refusal = refuse(page, retry_after=3600)
    ask(page, "first")
    ask(page, "second")
    expect(page.get_by_role("button", name="Try again")).to_have_count(2)
    refusal.over = True
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

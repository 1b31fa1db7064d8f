"""The chat page in a real browser. Skipped where there is no Chromium."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import DESKTOP, PHONE, OpenContext, address_of, answer, ask, assert_accessible, opened
from tests.chat_site import COMPANY, Site


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


def test_the_bot_answers_in_the_language_that_is_chosen(page: Page) -> None:
    ask(page, "hello")
    expect(answer(page)).to_be_visible()
    page.get_by_label("Options").click()
    page.get_by_label("Language").select_option("de")
    expect(page.locator("article[data-author=notice]")).to_contain_text("Deutsch")


def test_the_language_can_be_chosen_and_stays(page: Page) -> None:
    page.get_by_label("Options").click()
    page.get_by_label("Language").select_option("zh")
    expect(page.get_by_role("button", name="转人工客服")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="转人工客服")).to_be_visible()


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

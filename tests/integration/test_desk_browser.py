"""The desk in a real browser: a customer in one page, people in others. Skipped where there is no Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from connectors.web.desk.entrance import COOKIE
from tests.browser import PHONE, OpenContext, ask, assert_accessible, opened
from tests.chat_site import COMPANY, RETURNS, Site
from tests.desk_pages import at_desk, claimed_by, entry, opens_case
from tests.desk_people import SECRET, asks_for_person, desk_site, writes_again


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with desk_site(tmp_path_factory.mktemp("site")) as site:
        yield site


def test_the_whole_story(site: Site, open_context: OpenContext) -> None:
    customer = opened(open_context().new_page(), site)
    desk = at_desk(open_context(), site)

    ask(customer, "My frame squeaks")
    expect(customer.locator("article[data-author=bot]").last).to_contain_text("You said: My frame squeaks")
    customer.get_by_role("button", name="Talk to a person").click()

    opens_case(desk, "My frame squeaks")
    expect(desk).to_have_title("(1) Halden Bikes desk")
    desk.get_by_role("button", name="Claim").first.click()
    expect(customer.locator("#state")).to_have_text("A person is here")

    desk.get_by_role("button", name="Note").click()
    desk.get_by_label("Note for your team").fill("Known fault of the 2023 series")
    desk.get_by_role("button", name="Add note").click()
    expect(entry(desk, "note", "Known fault")).to_be_visible()

    desk.locator("#files").set_input_files(
        [{"name": "guide.pdf", "mimeType": "application/pdf", "buffer": b"%PDF guide"}]
    )
    desk.get_by_label("Reply to the customer").fill("Tighten the bold, please")
    desk.keyboard.press("Enter")
    expect(customer.locator("article[data-author=person]")).to_contain_text("Tighten the bold, please")
    expect(customer.locator("article[data-author=person]")).to_contain_text("guide.pdf")

    entry(desk, "person", "Tighten").get_by_role("button", name="Edit").click()
    desk.get_by_label("Edit the reply").fill("Tighten the bolt, please")
    desk.get_by_role("button", name="Save", exact=True).click()
    expect(customer.locator("article[data-author=person]")).to_contain_text("Tighten the bolt, please")

    desk.get_by_role("button", name="Resolve").click()
    expect(customer.locator("#state")).to_have_text("Conversation closed")
    ask(customer, "It is quiet now")
    expect(customer.locator("article[data-author=bot]").last).to_contain_text("You said: It is quiet now")
    expect(customer.locator("body")).not_to_contain_text("Known fault")


def test_the_keyboard_alone_does_the_job(site: Site, open_context: OpenContext) -> None:
    asks_for_person(site, "By keyboard please")
    page = at_desk(open_context(), site)
    page.keyboard.press("/")
    page.keyboard.type("by keyboard")
    expect(page.locator(".item")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".item")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".bar-state")).to_contain_text("Waiting")
    page.keyboard.press("c")
    expect(page.locator(".bar-state")).to_contain_text("With you")
    expect(page.get_by_label("Reply to the customer")).to_be_focused()
    page.keyboard.type("Hello from the keyboard")
    page.keyboard.press("Enter")
    expect(entry(page, "person", "Hello from the keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("A note")
    page.keyboard.press("Enter")
    expect(entry(page, "note", "A note")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.keyboard.press("Enter")
    expect(page.locator(".bar-state")).to_contain_text("Snoozed")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    expect(page.locator(".bar-state")).to_contain_text("Resolved")


def test_j_and_k_move_through_the_queue(site: Site, open_context: OpenContext) -> None:
    asks_for_person(site, "First in line")
    asks_for_person(site, "Second in line")
    page = at_desk(open_context(), site)
    page.locator("#filter").fill("in line")
    expect(page.locator(".item")).to_have_count(2)
    page.locator("#timeline").focus()
    for key, place in (("j", 0), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        expect(page.locator(".item").nth(place)).to_be_focused()


def test_of_two_who_claim_one_is_told_who_was_first(site: Site, open_context: OpenContext) -> None:
    conversation = asks_for_person(site, "Who takes me?")
    page = at_desk(open_context(), site, "jo", opens="Who takes me?")
    page.route("**/desk/events*", lambda route: route.abort())
    page.route(f"**/desk/conversations/{conversation}", lambda route: route.abort())  # what Jo sees is old
    site.run(site.desk.handoffs.claim(COMPANY, conversation, "mia", "Mia Chen"))
    page.locator("#conversation-bar").get_by_role("button", name="Claim").click()
    expect(page.get_by_role("alert")).to_contain_text("Mia Chen")


def test_a_colleagues_conversation_is_taken_over_after_asking(site: Site, open_context: OpenContext) -> None:
    claimed_by(site, "jo", "Somebody else's")
    page = at_desk(open_context(), site, opens="Somebody else's")
    expect(page.locator("#composer-closed")).to_contain_text("Jo Park has this conversation")
    page.locator("#conversation-bar").get_by_role("button", name="Take over").click()
    page.get_by_role("dialog", name="Take over from Jo Park?").get_by_role("button", name="Take over").click()
    expect(page.locator(".bar-state")).to_contain_text("With you")


def test_what_was_typed_stays_with_its_conversation(site: Site, open_context: OpenContext) -> None:
    for text in ("Typed here", "Typed there"):
        claimed_by(site, "mia", text)
    page = at_desk(open_context(), site, opens="Typed here")
    page.get_by_label("Reply to the customer").fill("Half a reply")
    opens_case(page, "Typed there")
    expect(page.get_by_label("Reply to the customer")).to_have_value("")
    page.reload()
    opens_case(page, "Typed here")
    expect(page.get_by_label("Reply to the customer")).to_have_value("Half a reply")


def test_what_could_not_be_sent_is_kept_and_sent_once(site: Site, open_context: OpenContext) -> None:
    claimed_by(site, "mia", "Bad line")
    page = at_desk(open_context(), site, opens="Bad line")
    page.route("**/reply", lambda route: route.abort())
    page.get_by_label("Reply to the customer").fill("Through the storm")
    page.keyboard.press("Enter")
    expect(page.locator(".entry", has_text="Through the storm")).to_contain_text("The server can't be reached")
    page.unroute("**/reply")
    page.reload()
    page.locator(".entry", has_text="Through the storm").get_by_role("button", name="Try again").click()
    expect(page.locator(".entry[data-status=sent]", has_text="Through the storm")).to_have_count(1)
    expect(page.locator(".entry", has_text="Through the storm")).to_have_count(1)


def test_a_lost_answer_sends_nothing_twice(site: Site, open_context: OpenContext) -> None:
    claimed_by(site, "mia", "Lost answer")
    page = at_desk(open_context(), site, opens="Lost answer")

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/reply", lose_the_answer)
    page.get_by_label("Reply to the customer").fill("Just the once")
    page.keyboard.press("Enter")
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    page.unroute("**/reply")
    again.click()
    expect(again).to_have_count(0)
    expect(page.locator(".entry", has_text="Just the once")).to_have_count(1)


def test_a_draft_of_the_assistant_is_edited_and_sent(site: Site, open_context: OpenContext) -> None:
    claimed_by(site, "mia", "How long can I return it?")
    page = at_desk(open_context(), site, opens="How long can I return it?")
    page.get_by_label("Hint for the assistant").fill("warmly")
    page.keyboard.press("Enter")
    expect(page.locator(".suggested")).to_contain_text("Hint: warmly")
    page.get_by_role("button", name="Edit & send").click()
    box = page.get_by_label("Reply to the customer")
    expect(box).to_have_value("You said: How long can I return it?")
    box.fill("Sixty days")
    page.keyboard.press("Enter")
    expect(page.locator(".entry[data-side=person]", has_text="Sixty days")).to_have_count(1)


def test_a_draft_is_sent_once_however_often_it_is_clicked(site: Site, open_context: OpenContext) -> None:
    claimed_by(site, "mia", "Do you ship to Norway?")
    page = at_desk(open_context(), site, opens="Do you ship to Norway?")
    page.get_by_role("button", name="Suggest").click()
    page.locator("[data-focus=send-draft]").dblclick()
    expect(page.locator("[data-focus=send-draft]")).to_have_text("Sent")
    expect(page.locator("[data-focus=send-draft]")).to_be_disabled()
    expect(page.locator(".entry[data-side=person]", has_text="You said: Do you ship to Norway?")).to_have_count(1)


def test_internal_words_are_offered_for_notes_only(site: Site, open_context: OpenContext) -> None:
    claimed_by(site, "mia", "What is the margin?")
    page = at_desk(open_context(), site, opens="What is the margin?")
    page.locator("#timeline").focus()
    page.keyboard.press("a")
    page.keyboard.type("margin")
    page.keyboard.press("Enter")
    internal = page.locator(".passage[data-internal=true]")
    expect(internal.get_by_role("button", name="Insert")).to_have_count(0)
    internal.get_by_role("button", name="Put into a note").click()
    expect(page.get_by_label("Note for your team")).to_have_value(SECRET)
    page.get_by_label("Note for your team").fill("")
    page.locator(".passage[data-internal=false]").first.get_by_role("button", name="Insert").click()
    expect(page.get_by_label("Reply to the customer")).to_have_value(RETURNS[0][1])


def test_the_desk_follows_what_the_customer_writes(site: Site, open_context: OpenContext) -> None:
    conversation = asks_for_person(site, "Follow me")
    page = at_desk(open_context(), site, opens="Follow me")
    writes_again(site, conversation, "Are you there?")
    expect(entry(page, "customer", "Are you there?")).to_be_visible()
    expect(page.locator(".item[aria-current] .unread")).to_contain_text("1")


def test_whoever_is_signed_out_elsewhere_is_told_and_loses_no_words(site: Site, open_context: OpenContext) -> None:
    claimed_by(site, "mia", "Signed out")
    context = open_context()
    page = at_desk(context, site)
    opens_case(page, "Signed out")
    page.get_by_label("Reply to the customer").fill("Almost sent")
    (cookie,) = [each for each in context.cookies(f"{site.url}/desk") if each["name"] == COOKIE]
    site.run(site.desk.accounts.sign_out(COMPANY, cookie["value"]))
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("You have been signed out")
    expect(page.locator(".entry", has_text="Almost sent")).to_be_visible()


def test_on_a_phone_one_pane_is_shown_at_a_time(site: Site, open_context: OpenContext) -> None:
    asks_for_person(site, "From a phone")
    page = at_desk(open_context(viewport=PHONE), site)
    opens_case(page, "From a phone")
    expect(page.locator("#queue")).not_to_be_visible()
    page.get_by_role("button", name="Details").click()
    expect(page.locator("#panel-case")).to_contain_text("Asked for a person")
    page.get_by_role("button", name="Close the details").click()
    page.get_by_role("button", name="Back to the queue").click()
    expect(page.locator("#queue")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_is_accessible(site: Site, open_context: OpenContext, scheme: str) -> None:
    question = f"Read me aloud in {scheme}"
    conversation = asks_for_person(site, question)
    page = at_desk(open_context(color_scheme=scheme), site)
    assert_accessible(page)
    opens_case(page, question)
    assert_accessible(page)
    page.locator("#conversation-bar").get_by_role("button", name="Claim").click()
    page.get_by_label("Reply to the customer").fill("A reply")
    page.keyboard.press("Enter")
    expect(page.locator(".entry[data-status=sent]", has_text="A reply")).to_be_visible()
    page.get_by_role("button", name="Note").click()
    page.keyboard.type("A note")
    assert_accessible(page)
    page.keyboard.press("Enter")
    expect(entry(page, "note", "A note")).to_be_visible()
    site.run(site.desk.consulting.suggest(COMPANY, conversation, "softly"))
    expect(page.locator(".suggested")).to_contain_text("softly")
    assert_accessible(page)
    page.locator("#timeline").focus()
    page.keyboard.press("s")
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.keyboard.type("returns")
    page.keyboard.press("Enter")
    expect(page.locator(".passage").first).to_be_visible()
    assert_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_entrance_is_accessible(site: Site, open_context: OpenContext, scheme: str) -> None:
    page = open_context(color_scheme=scheme).new_page()
    for path in ("/desk/sign-in", "/desk/welcome/used"):
        page.goto(site.url + path)
        assert_accessible(page)

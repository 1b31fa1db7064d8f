"""Files in the chat page: chosen, dropped or pasted, shown, and sent."""

from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from bot.sections import WebSettings
from tests.browser import OpenContext, answer, ask, assert_accessible, opened
from tests.chat_site import serve

PHOTO = FilePayload(name="rim.jpg", mimeType="image/jpeg", buffer=b"\xff\xd8" + b"x" * 2000)
DROP = """(target) => {
    const files = new DataTransfer();
    files.items.add(new File(["some words"], "bill.txt", {type: "text/plain"}));
    for (const name of ["dragover", "drop"])
        target.dispatchEvent(new DragEvent(name, {dataTransfer: files, bubbles: true, cancelable: true}));
}"""
PASTE = """(target) => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File(["pixels"], "image.png", {type: "image/png"}));
    target.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
}"""


def attach(page: Page, *files: FilePayload) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach a file").click()
    chooser.value.set_files(list(files))


def test_a_photo_is_sent_with_words(page: Page) -> None:
    attach(page, PHOTO)
    expect(page.locator(".attachment")).to_contain_text("rim.jpg")
    assert_accessible(page)
    ask(page, "What is this?")
    expect(answer(page)).to_contain_text("You said: What is this?")
    mine = page.locator("article[data-author=customer]")
    expect(mine).to_have_count(1)
    expect(mine.get_by_role("link", name="rim.jpg")).to_be_visible()
    expect(page.locator(".attachment")).to_have_count(0)


def test_a_file_without_words_is_sent(page: Page) -> None:
    attach(page, PHOTO)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("article[data-author=customer]").get_by_role("link", name="rim.jpg")).to_be_visible()
    expect(page.locator("#state")).to_have_text("Waiting for a person")


def test_a_file_is_given_back_as_it_was(page: Page) -> None:
    attach(page, PHOTO)
    page.get_by_role("button", name="Send").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="rim.jpg").click()
    assert Path(download.value.path()).read_bytes() == PHOTO["buffer"]
    assert download.value.suggested_filename == "rim.jpg"


def test_a_file_can_be_dropped(page: Page) -> None:
    page.locator("#scroll").evaluate(DROP)
    expect(page.locator(".attachment")).to_contain_text("bill.txt")
    expect(page.locator(".dropping")).to_have_count(0)


def test_a_picture_can_be_pasted(page: Page) -> None:
    page.locator("#text").evaluate(PASTE)
    expect(page.locator(".attachment")).to_contain_text("image.png")


def test_a_file_can_be_taken_out_again(page: Page) -> None:
    attach(page, PHOTO)
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    page.get_by_role("button", name="Remove rim.jpg").click()
    expect(page.locator(".attachment")).to_have_count(0)
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    expect(page.get_by_label("Your message")).to_be_focused()


def test_a_message_has_so_many_files_at_most(page: Page) -> None:
    attach(page, *[PHOTO] * 11)
    expect(page.locator(".attachment")).to_have_count(10)
    expect(page.locator("#announcer")).to_contain_text("10 files at most")


def test_attached_files_outlive_the_page(page: Page) -> None:
    attach(page, PHOTO)
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    page.reload()
    expect(page.locator(".attachment")).to_contain_text("rim.jpg")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("article[data-author=customer]").get_by_role("link", name="rim.jpg")).to_be_visible()


def test_a_file_that_could_not_be_sent_is_sent_again(page: Page) -> None:
    page.route("**/chat/files*", lambda route: route.fulfill(status=503, body="<html>"))
    attach(page, PHOTO)
    expect(page.locator(".attachment.failed")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    page.unroute("**/chat/files*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".attachment.failed")).to_have_count(0)
    expect(page.get_by_role("button", name="Send")).to_be_enabled()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_file_that_is_too_large_says_so(open_context: OpenContext, tmp_path: Path, colours: str) -> None:
    with serve(tmp_path, limits=WebSettings(max_file_mb=0.001)) as site:
        page = opened(open_context(color_scheme=colours).new_page(), site)
        attach(page, PHOTO)
        expect(page.locator(".attachment.failed")).to_contain_text("too large: 0.001 MB at most")
        assert_accessible(page)
        page.goto("about:blank")

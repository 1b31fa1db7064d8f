"""The desk's entrance over HTTP: who gets in, and who doesn't."""

import html
from pathlib import Path

import httpx
import pytest

from connectors.web.desk.entrance import COOKIE
from tests.chat_site import COMPANY, Site, serve
from tests.desk_fixtures import mia, site
from tests.desk_people import PASSWORD, Person, filled

__all__ = ["mia", "site"]


class TestTheEntrance:
    def test_without_a_session_the_desk_is_a_form(self, site: Site) -> None:
        with httpx.Client(base_url=site.url, follow_redirects=True) as nobody:
            answer = nobody.get("/desk", headers={"accept": "text/html"})
        assert answer.url.path == "/desk/sign-in"
        assert "Sign in to the desk" in answer.text

    def test_a_form_with_name_and_password_lets_in(self, site: Site) -> None:
        with httpx.Client(base_url=site.url, follow_redirects=True) as browser:
            page = browser.get("/desk/sign-in").text
            answer = browser.post("/desk/sign-in", data=filled(page, name="mia", password=PASSWORD))
            assert answer.url.path == "/desk"
            assert 'id="queue"' in answer.text

    def test_the_cookie_is_for_the_server_alone(self, site: Site) -> None:
        with httpx.Client(base_url=site.url) as browser:
            page = browser.get("/desk/sign-in").text
            answer = browser.post("/desk/sign-in", data=filled(page, name="mia", password=PASSWORD))
        cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith(COOKIE))
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/desk" in cookie

    def test_behind_https_it_is_for_https_alone(self, site: Site) -> None:
        with httpx.Client(base_url=site.url, headers={"x-forwarded-proto": "https"}) as browser:
            page = browser.get("/desk/sign-in")
        assert all("Secure" in each for each in page.headers.get_list("set-cookie"))

    def test_a_wrong_password_says_so_and_keeps_the_name(self, site: Site) -> None:
        with httpx.Client(base_url=site.url) as browser:
            page = browser.get("/desk/sign-in").text
            answer = browser.post("/desk/sign-in", data=filled(page, name="mia", password="wrong"))
        assert answer.status_code == 403
        assert "The name or the password is wrong." in answer.text
        assert 'value="mia"' in answer.text

    def test_a_form_that_is_not_ours_lets_nobody_in(self, site: Site) -> None:
        with httpx.Client(base_url=site.url) as browser:
            answer = browser.post("/desk/sign-in", data={"name": "mia", "password": PASSWORD, "csrf": "made up"})
        assert answer.status_code == 403
        assert COOKIE not in answer.cookies

    def test_a_form_with_more_fields_than_ours_lets_nobody_in(self, site: Site) -> None:
        with httpx.Client(base_url=site.url) as browser:
            page = browser.get("/desk/sign-in").text
            more = {f"field{number}": "x" for number in range(20)}
            answer = browser.post("/desk/sign-in", data=filled(page, name="mia", password=PASSWORD, **more))
        assert answer.status_code == 403

    def test_another_sites_form_lets_nobody_in(self, site: Site) -> None:
        with httpx.Client(base_url=site.url) as browser:
            data = filled(browser.get("/desk/sign-in").text, name="mia", password=PASSWORD)
            answer = browser.post("/desk/sign-in", data=data, headers={"origin": "https://evil.example"})
        assert answer.status_code == 403

    def test_a_link_asks_for_a_password_and_lets_in(self, site: Site) -> None:
        site.run(site.desk.accounts.add(COMPANY, "kim", "Kim Lee"))
        secret = site.run(site.desk.accounts.invite(COMPANY, "kim"))
        with httpx.Client(base_url=site.url, follow_redirects=True) as browser:
            page = browser.get(f"/desk/welcome/{secret}").text
            assert "Welcome, Kim Lee" in page
            short = browser.post(f"/desk/welcome/{secret}", data=filled(page, password="short"))
            assert "at least 10 characters" in short.text
            chosen = browser.post(f"/desk/welcome/{secret}", data=filled(short.text, password=PASSWORD))
            assert chosen.url.path == "/desk"

    def test_a_used_link_says_how_to_get_another(self, site: Site) -> None:
        with httpx.Client(base_url=site.url) as browser:
            answer = browser.get("/desk/welcome/used")
        assert answer.status_code == 410
        assert "answerdesk staff password" in answer.text

    def test_signing_out_ends_the_session_on_the_server(self, mia: Person) -> None:
        secret = mia.client.cookies[COOKIE]
        mia.client.post("/desk/sign-out", data={"csrf": mia.csrf})
        mia.client.cookies.set(COOKIE, secret, path="/desk")
        assert mia.client.get("/desk/closed").status_code == 401

    @pytest.mark.parametrize(
        "path", ["closed", "events", "conversations/x", "conversations/x/files/m1/0", "passages/returns/0"]
    )
    def test_nothing_is_read_without_a_session(self, site: Site, path: str) -> None:
        answer = httpx.get(f"{site.url}/desk/{path}")
        assert (answer.status_code, answer.json()["error"]) == (401, "signed_out")

    @pytest.mark.parametrize(
        "path",
        [
            *(f"conversations/x/{each}" for each in ("claim", "return", "resolve", "snooze", "keep", "reply", "note")),
            *("conversations/x/correct", "conversations/x/suggest", "ask", "search"),
        ],
    )
    def test_nothing_is_done_without_a_session_or_without_its_token(self, site: Site, mia: Person, path: str) -> None:
        assert httpx.post(f"{site.url}/desk/{path}", json={}).status_code == 401
        assert mia.client.post(f"/desk/{path}", json={}).status_code == 403
        assert mia.posts(path, origin="https://evil.example").status_code == 403


def test_before_the_first_account_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    with serve(tmp_path) as empty:
        page = httpx.get(f"{empty.url}/desk/sign-in").text
    assert 'answerdesk staff add mia --name "Mia Chen"' in html.unescape(page)


def test_a_site_that_may_frame_the_chat_may_not_frame_the_desk(tmp_path: Path) -> None:
    with serve(tmp_path, sites=("https://shop.example",)) as framed:
        chat, desk = (httpx.get(f"{framed.url}{path}").headers for path in ("/chat", "/desk/sign-in"))
    assert "https://shop.example" in chat["content-security-policy"]
    assert "frame-ancestors 'none'" in desk["content-security-policy"]
    assert desk["x-frame-options"] == "DENY"

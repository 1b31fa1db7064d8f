"""Whatever is asked of any route, in any bytes, is no error of the server's: on both databases."""

import asyncio
import contextlib
import importlib
import json
import logging
import pkgutil
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes

import httpx
import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import web
from connectors.web.desk.entrance import COOKIE, FORM_COOKIE
from connectors.web.visitors import COOKIE as VISITOR_COOKIE
from tests.desk_people import Person, asks_for_person, desk_site
from tests.postgres import new_database, postgres_server

MODULES = [importlib.import_module(each.name) for each in pkgutil.walk_packages(web.__path__, "connectors.web.")]
ROUTES = [
    (method, route.path)
    for module in MODULES
    if hasattr(module, "router")
    for route in module.router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
]
ODD = st.one_of(
    st.sampled_from([b"\0", b"a\0b", b"\xff\xfe", b"\xed\xa0\x80", b"..", b"%", b"9" * 30, b"-1", b"1.1.1", b"'--"]),
    st.binary(max_size=12),
    st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
CURSORS = st.sampled_from([b"9" * 12 + b".1.1", b"1." + b"9" * 25 + b".1", b"9" * 20, b"\0.1.1"])
EXAMPLES = 400
PARAMETERS = ("after", "language", "name", "frame", "conversation")
FIELDS = (*("id", "key", "text", "files", "action", "message", "until", "force", "seq"), *("question", "hint", "words"))
WORDS = st.one_of(
    st.sampled_from(["\0", "a\0b", "\ud800", "helpful", "human", "x" * 5_000]),
    st.text(max_size=8),
    st.uuids().map(str),
)
VALUES = st.recursive(
    st.one_of(WORDS, st.integers(), st.integers(2**31, 2**70), st.floats(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(WORDS, inner, max_size=2)),
    max_leaves=4,
)
BODIES = st.one_of(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4), VALUES)


class Errors(logging.Handler):
    """What the server says went wrong where no status can tell any more: in the middle of a stream."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


@dataclass
class Caller:
    """Whoever sends odd requests: a visitor, and signed in at the desk or not."""

    client: httpx.Client
    person: Person
    conversation: str
    errors: Errors = field(default_factory=Errors)

    def calls(self, data: st.DataObject) -> None:
        """One request, and what must hold of its answer."""
        method, path = data.draw(st.sampled_from(ROUTES), "route")
        request = self.client.build_request(method, "/", **self._body(data), headers=self._headers(data))
        target = self._path(data, path) + self._query(data)
        request.url = request.url.copy_with(raw_path=target.encode("ascii"))
        answer = self.client.send(request, stream=True)
        try:
            words = answer.read() if answer.status_code >= 400 else b""
            # That the assistant has nothing to say is no error of the server's.
            assert answer.status_code < 500 or b'"unanswered"' in words, (method, target, answer.status_code, words)
            if answer.status_code >= 400 and "json" in answer.headers["content-type"]:
                assert json.loads(words)["message"]
        finally:
            answer.close()
        assert self.errors.told == []

    def _path(self, data: st.DataObject, path: str) -> str:
        def fill(name: re.Match[str]) -> str:
            known = {"conversation": self.conversation, "document": "returns"}.get(name[1].partition(":")[0], "1")
            return data.draw(st.one_of(st.just(known), ODD.map(quote_from_bytes)), name[0])

        return re.sub(r"\{([^}]+)\}", fill, path)

    def _query(self, data: st.DataObject) -> str:
        given = data.draw(st.dictionaries(st.sampled_from(PARAMETERS), ODD | CURSORS, max_size=2), "query")
        return "?" + "&".join(f"{name}={quote_from_bytes(value)}" for name, value in given.items())

    def _headers(self, data: st.DataObject) -> list[tuple[str, str]]:
        odd = data.draw(st.sampled_from(["", '"a\\000b"', '"\\355\\240\\200"', "x" * 43]), "cookie")
        staff = data.draw(st.sampled_from([self.person.client.cookies[COOKIE], odd]), "session")
        visitor = data.draw(st.sampled_from(["v" * 43, odd]), "visitor")
        kind = data.draw(st.sampled_from(["application/json", "application/x-www-form-urlencoded", "image/png"]))
        return [
            ("cookie", f"{COOKIE}={staff}; {VISITOR_COOKIE}={visitor}; {FORM_COOKIE}={'t' * 43}"),
            ("x-csrf-token", self.person.csrf),
            ("content-type", kind),
            ("last-event-id", data.draw(st.one_of(st.just(b""), CURSORS)).replace(b"\0", b"").decode()),
        ]

    def _body(self, data: st.DataObject) -> dict[str, Any]:
        as_json = BODIES.map(lambda body: json.dumps(body).encode())
        form = st.tuples(ODD, ODD).map(
            lambda odd: b"csrf=" + b"t" * 43 + b"&name=%s&password=%s" % tuple(map(_quoted, odd))
        )
        valid = WORDS.map(lambda text: json.dumps({"id": uuid.uuid4().hex, "text": text}).encode())
        keyed = WORDS.map(lambda text: json.dumps({"key": uuid.uuid4().hex, "text": text}).encode())
        asked = WORDS.map(lambda text: json.dumps({"question": text, "text": text}).encode())
        return {"content": data.draw(st.one_of(as_json, form, valid, keyed, asked, ODD), "body")}


def _quoted(odd: bytes) -> bytes:
    return quote_from_bytes(odd).encode()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def caller(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with contextlib.ExitStack() as stack:
        address = ""
        if request.param == "postgresql":
            address = asyncio.run(new_database(stack.enter_context(postgres_server())))
        site = stack.enter_context(desk_site(tmp_path_factory.mktemp("site"), address))
        client = stack.enter_context(httpx.Client(base_url=site.url, timeout=30))
        mia = Person(site, "mia")
        stack.callback(mia.client.close)
        caller = Caller(client, mia, asks_for_person(site))
        logging.getLogger("uvicorn.error").addHandler(caller.errors)
        stack.callback(logging.getLogger("uvicorn.error").removeHandler, caller.errors)
        yield caller


@pytest.mark.timeout(300)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_is_an_error_of_the_servers(caller: Caller, data: st.DataObject) -> None:
    caller.calls(data)


@pytest.mark.parametrize("path", ["/chat/passages/a%00b/1", "/chat/documents/%00", "/chat/files/a%00b"])
def test_a_nul_in_an_address_is_refused_or_not_found(caller: Caller, path: str) -> None:
    answer = caller.client.get(path, headers={"cookie": f"{VISITOR_COOKIE}={'v' * 43}"})
    assert answer.status_code in (400, 404)
    assert answer.json()["message"]

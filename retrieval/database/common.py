"""What both engines share: listeners, and errors that say what to do."""

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from retrieval.errors import StoreUnavailable, Unstorable

P = ParamSpec("P")
T = TypeVar("T")
Operation = Callable[Concatenate[Connection, P], T]
Listener = Callable[[str], None]

_UNSTORABLE = "This can't be looked up or stored: it holds a NUL sign, half a character, or a number beyond measure."
_ODD = ("invalid input for query argument", "invalid byte sequence for encoding")
"""How asyncpg and PostgreSQL say that."""


@contextlib.contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn what the driver says into what to do; what the operation itself raises passes through."""
    try:
        yield
    except (UnicodeEncodeError, OverflowError) as error:
        raise Unstorable(_UNSTORABLE) from error
    except DBAPIError as error:
        said = str(error.orig)
        if any(sign in said for sign in _ODD):
            raise Unstorable(_UNSTORABLE) from error
        if isinstance(error, IntegrityError | DataError | ProgrammingError) and "does not exist" not in said:
            raise
        raise StoreUnavailable(_explain(where, said)) from error
    except (OSError, PoolTimeout, sqlite3.Error) as error:
        raise StoreUnavailable(_explain(where, str(error))) from error


def _explain(where: str, said: str) -> str:
    hints = {
        "Permission denied": "its folder can't be written to: check the path and its owner",
        "Not a directory": "a part of its path is a file: choose another folder",
        "not a database": "the file holds something else: choose another name, or move that file away",
        "malformed": "the file is damaged: restore a backup",
        "unable to open": "its folder isn't there or can't be written to: check the path and its owner",
        "readonly": "the file or its folder is read-only: check the owner and the mount",
        "disk is full": "the disk is full: make room, then try again; nothing already stored is lost",
        "locked": "another process has been writing to it for a minute: stop that one, or wait until it is done",
        "no such table": "its tables are missing: run `answerdesk migrate`",
        "password authentication": "the user name or password is wrong",
        "does not exist": "it has no such database, role or table: create it, or run `answerdesk migrate`",
        "QueuePool limit": "more is asked of it than it can do: try again in a moment, or start another process",
        "too many clients": "the server allows no more connections: raise max_connections, or run fewer processes",
    }
    hint = next((hint for sign, hint in hints.items() if sign in said), "check that it runs and can be reached")
    return f"The database {where} can't be used: {hint} ({said.splitlines()[0] if said else 'no reason given'})."


class Listeners:
    """Who wants to hear about what."""

    def __init__(self) -> None:
        self._by_topic: defaultdict[str, list[Listener]] = defaultdict(list)

    def add(self, topic: str, listener: Listener) -> Callable[[], None]:
        self._by_topic[topic].append(listener)
        return lambda: self._by_topic[topic].remove(listener)

    def tell(self, announced: list[tuple[str, str]]) -> None:
        for topic, payload in dict.fromkeys(announced):
            for listener in tuple(self._by_topic[topic]):
                listener(payload)

    def tell_all(self) -> None:
        """Something may have changed."""
        self.tell([(topic, "") for topic in self._by_topic])

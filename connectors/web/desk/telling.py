"""What one open page of the desk is told of the queue: a part of it at first, then only what changes in that.

A page shows the cases of its person, and the first of each other section; how many more there are is a number. What it
knows has a digest, the cursor that it comes back with: then nothing is told again.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bot.domain import Owner

FIRST = 100
"""Cases of a section that a page shows until more are asked for."""
MOST = 100_000


@dataclass(frozen=True, slots=True)
class Listed:
    """An open case as pages show it."""

    case: Mapping[str, Any]
    stamp: str
    """Another one for another content."""

    @classmethod
    def of(cls, case: Mapping[str, Any]) -> "Listed":
        """Stamp it."""
        return cls(case, hashlib.sha256(json.dumps(case).encode()).hexdigest()[:16])

    @property
    def id(self) -> str:
        """Of the case, not the conversation."""
        return str(self.case["case"])


class Told:
    """What one page knows."""

    def __init__(self, cursor: str, person: str, most: int, now: Callable[[], float] = time.time) -> None:
        """`person` has the page open, which shows `most` of each section, and comes back with the `cursor`."""
        self.cursor = cursor
        self._person = person
        self._most = most
        self._now = now
        self._known: dict[str, str] | None = None

    def news(self, queue: Sequence[Listed]) -> dict[str, Any] | None:
        """What the page lacks; None if it lacks nothing.

        `cases` are new or changed, `gone` are the ids of those that it shows no more, `more` says how many of each
        section it doesn't show. If it is the `whole`, nothing that came before counts.
        """
        shown, more = self._part(queue)
        stamps = {each.id: each.stamp for each in shown}
        cursor = hashlib.sha256(json.dumps([stamps, more]).encode()).hexdigest()[:16]
        before, self._known = self._known, stamps
        if cursor == self.cursor:
            return None
        self.cursor = cursor
        if before is None:
            return {"whole": True, "cases": [each.case for each in shown], "gone": [], "more": more}
        changed = [each.case for each in shown if before.get(each.id) != each.stamp]
        return {"whole": False, "cases": changed, "gone": [id_ for id_ in before if id_ not in stamps], "more": more}

    def _part(self, queue: Iterable[Listed]) -> tuple[list[Listed], dict[str, int]]:
        sections: dict[str, list[Listed]] = {"mine": [], "waiting": [], "others": [], "snoozed": []}
        for each in queue:
            sections[self._section(each.case)].append(each)
        shown = sections.pop("mine")
        for section in sections.values():
            shown.extend(islice(section, self._most))
        return shown, {name: max(0, len(section) - self._most) for name, section in sections.items()}

    def _section(self, case: Mapping[str, Any]) -> str:
        if case["snoozed_until"] is not None and case["snoozed_until"] > self._now():
            return "snoozed"
        if case["owner"] == Owner.WAITING:
            return "waiting"
        return "mine" if case["person"] == self._person else "others"

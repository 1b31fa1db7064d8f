"""Staff accounts: who may work at the desk of a company, and who is signed in."""

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.domain import Staff
from bot.errors import BotError
from bot.staff import passwords
from bot.staff.throttling import Throttle
from bot.storage import accounts as store
from llm.errors import UsageError
from retrieval.database import Database

INVITATION_SECONDS = 24 * 3600
LONGEST_SESSION = 30 * 24 * 3600
"""Seconds after which even somebody who never stops working signs in again."""
PROLONG_AFTER = 300
"""Seconds: a session in use is prolonged so often, not with each request."""
AT_ONCE = 2
"""Passwords hashed at a time: each takes 32 MiB."""

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_SLACK = re.compile(r"[UW][A-Z0-9]{2,30}")


class Purpose(StrEnum):
    """What a secret is good for."""

    SESSION = "session"
    PASSWORD = "password"  # noqa: S105 - what for, not what
    """An invitation to choose a password and sign in, once."""
    ONCE = "once"
    """An invitation to sign in, once."""


class SignInRefused(BotError):
    """The name or the password is wrong, or it was tried too often."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in."""

    staff: Staff
    csrf: str
    """What requests of the desk's own pages bring along, and no other site can know."""


class Accounts:
    """The accounts of every company. `hours` is how long somebody who does nothing stays signed in."""

    def __init__(self, database: Database, hours: float = 12.0, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._seconds = hours * 3600
        self._now = now
        self._hashing = asyncio.Semaphore(AT_ONCE)
        # An attacker who fails on purpose locks out their own address long before the person's.
        self._by_address = Throttle(failures=5, seconds=60)
        self._by_name = Throttle(failures=50, seconds=900)
        # Who tries one password with many names, or keeps us hashing, is slowed down as well.
        self._by_place = Throttle(failures=60, seconds=60)

    async def add(self, company: str, identity: str, name: str) -> Staff:
        """Make an account; an invitation lets its owner choose a password. Raises `UsageError`."""
        identity = known_as(identity)
        await self._database.write(store.add, company, identity, name.strip() or identity.capitalize(), self._now())
        return await self.require(company, identity)

    async def require(self, company: str, identity: str) -> Staff:
        """The account. Raises `UsageError` if there is none."""
        found = await self._database.read(store.find, company, identity.strip().lower())
        if found is None:
            raise UsageError(f"There is no account {identity} in {company}. `answerdesk staff list` shows them all.")
        return found

    async def by_slack(self, company: str, user: str) -> Staff | None:
        """Whose account a Slack user is linked to."""
        return await self._database.read(store.find_by_slack, company, user)

    async def everybody(self, company: str) -> Sequence[Staff]:
        """All accounts of a company."""
        return await self._database.read(store.everybody, company)

    async def link(self, company: str, identity: str, user: str | None) -> Staff:
        """Say which Slack user this is, so that both are one person. Raises `UsageError`."""
        if user is not None and not _SLACK.fullmatch(user):
            raise UsageError(f"{user} is no Slack user id: it looks like U02ABCDEF, and is in the profile under More.")
        staff = await self.require(company, identity)
        await self._database.write(store.link, company, staff.id, user)
        return await self.require(company, staff.id)

    async def remove(self, company: str, identity: str) -> None:
        """Delete an account: it is signed out at once. Raises `UsageError` if there is none."""
        staff = await self.require(company, identity)
        await self._database.write(store.remove, company, staff.id)

    async def set_password(self, company: str, identity: str, password: str | None) -> None:
        """Put another password in place (None: none), and sign out everywhere. Raises `UsageError`."""
        staff = await self.require(company, identity)
        kept = None if password is None else await self._hashed(password)
        await self._database.write(store.set_password, company, staff.id, kept)

    async def invite(self, company: str, identity: str, purpose: Purpose = Purpose.PASSWORD) -> str:
        """A secret to sign in with, once and within a day. Raises `UsageError`."""
        staff = await self.require(company, identity)
        return await self._open(staff, purpose, INVITATION_SECONDS)

    async def invited(self, company: str, secret: str) -> tuple[Staff, Purpose] | None:
        """Whom an invitation is for; None if it was used, is too old, or never was."""
        found = await self._database.read(store.session, company, _digest(secret), self._now())
        return None if found is None or found[1] == Purpose.SESSION else (found[0], Purpose(found[1]))

    async def accept(self, company: str, secret: str, password: str = "") -> str:
        """Sign in by an invitation; returns the session's secret. Raises `SignInRefused` and `UsageError`."""
        invited = await self.invited(company, secret)
        if invited is None:
            raise SignInRefused("This link has been used, or is too old. Ask for a new one.")
        staff, purpose = invited
        kept = await self._hashed(password) if purpose is Purpose.PASSWORD else None
        if not await self._database.write(store.end_session, company, _digest(secret)):
            raise SignInRefused("This link has just been used.")
        if kept:
            await self._database.write(store.set_password, company, staff.id, kept)
        return await self._open(staff, Purpose.SESSION, self._seconds)

    async def sign_in(self, company: str, identity: str, password: str, address: str) -> str:
        """The secret of a new session. `address` is where it is tried from. Raises `SignInRefused`."""
        identity = identity.strip().lower()
        identity = identity if _ID.fullmatch(identity) else ""  # nobody is called that, and no store need hear of it
        by_address, by_name = f"{company} {identity} {address}", f"{company} {identity}"
        now = self._now()
        waits = (self._by_address.wait(by_address, now), self._by_name.wait(by_name, now))
        if wait := max(*waits, self._by_place.wait(address, now)):
            raise SignInRefused(f"Too many tries. Wait {_duration(wait)}, then try again.")
        # Counted before the slow part: many tries at once are many tries.
        self._by_address.fail(by_address, now)
        self._by_name.fail(by_name, now)
        self._by_place.fail(address, now)
        kept = await self._database.read(store.password, company, identity)
        async with self._hashing:
            right = await asyncio.to_thread(passwords.matches, password, kept or passwords.DECOY)
        staff = await self._database.read(store.find, company, identity)
        if not right or not kept or staff is None:
            raise SignInRefused("The name or the password is wrong.")
        self._by_address.forget(by_address)
        return await self._open(staff, Purpose.SESSION, self._seconds)

    async def session(self, company: str, secret: str, *, active: bool = True) -> Session | None:
        """Who is signed in; `active` says that this is a sign of somebody at work, which prolongs the session."""
        now = self._now()
        found = await self._database.read(store.session, company, _digest(secret), now)
        if found is None or found[1] != Purpose.SESSION:
            return None
        staff, _, begun, ends = found
        latest = min(now + self._seconds, begun + LONGEST_SESSION)
        if active and latest > ends + PROLONG_AFTER:
            await self._database.write(store.prolong, company, _digest(secret), latest)
        return Session(staff, _digest(f"csrf {secret}"))

    async def sign_out(self, company: str, secret: str) -> None:
        """End a session."""
        await self._database.write(store.end_session, company, _digest(secret))

    async def _open(self, staff: Staff, purpose: Purpose, seconds: float) -> str:
        secret, now = secrets.token_urlsafe(32), self._now()
        await self._database.write(
            store.open_session, staff.company, _digest(secret), staff.id, purpose, now, now + seconds
        )
        return secret

    async def _hashed(self, password: str) -> str:
        passwords.check_password(password)
        async with self._hashing:
            return await asyncio.to_thread(passwords.hashed, password)


def known_as(identity: str) -> str:
    """An id as it is kept. Raises `UsageError` for one that can't be."""
    identity = identity.strip().lower()
    if not _ID.fullmatch(identity):
        raise UsageError(
            f"{identity or 'Nothing'} can't be an account's name: use up to 40 letters a-z, digits, dots, hyphens "
            "and underscores, such as mia or mia.chen."
        )
    return identity


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{max(1, round(seconds))} seconds" if minutes < 2 else f"{minutes} minutes"

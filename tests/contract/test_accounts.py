"""Staff accounts on both databases: who gets in, who doesn't, and for how long."""

import asyncio
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection, text

from bot.staff import passwords
from bot.staff.accounts import INVITATION_SECONDS, Accounts, Purpose, SignInRefused, known_as
from bot.storage.conversations import add_company
from llm.errors import UsageError
from retrieval.database import Database

PASSWORD = "correct horse battery"
HOUR = 3600.0


@dataclass
class Clock:
    at: float = 1_000_000.0

    def __call__(self) -> float:
        return self.at


@dataclass
class Office:
    """Accounts, the clock they go by, and an account that can sign in."""

    accounts: Accounts
    clock: Clock = field(default_factory=Clock)

    async def signs_in(self, password: str = PASSWORD, name: str = "mia", address: str = "10.0.0.1") -> str:
        return await self.accounts.sign_in("acme", name, password, address)

    async def is_in(self, secret: str, company: str = "acme", **more: bool) -> bool:
        return await self.accounts.session(company, secret, **more) is not None


@pytest.fixture(autouse=True)
def _quick_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash a little less: nobody guesses these."""
    monkeypatch.setattr(passwords, "_N", 2**6)
    monkeypatch.setattr(passwords, "DECOY", passwords.hashed("nobody's password"))


@pytest.fixture
async def office(database: Database) -> Office:
    clock = Clock()
    accounts = Accounts(database, hours=12, now=clock)
    await accounts.add("acme", "mia", "Mia Chen")
    await accounts.set_password("acme", "mia", PASSWORD)
    return Office(accounts, clock)


class TestSigningIn:
    async def test_a_password_opens_a_session(self, office: Office) -> None:
        session = await office.accounts.session("acme", await office.signs_in())
        assert session is not None
        assert (session.staff.id, session.staff.name) == ("mia", "Mia Chen")

    async def test_the_name_may_be_written_in_any_case(self, office: Office) -> None:
        assert await office.is_in(await office.signs_in(name=" Mia "))

    @pytest.mark.parametrize(("name", "password"), [("mia", "wrong"), ("nobody", PASSWORD), ("mia", "")])
    async def test_what_is_wrong_is_not_said(self, office: Office, name: str, password: str) -> None:
        with pytest.raises(SignInRefused, match=r"^The name or the password is wrong\.$"):
            await office.signs_in(password, name)

    async def test_an_account_without_a_password_lets_nobody_in(self, office: Office) -> None:
        await office.accounts.add("acme", "jo", "")
        with pytest.raises(SignInRefused):
            await office.signs_in("", "jo")

    async def test_nothing_that_opens_the_desk_is_stored(self, office: Office, database: Database) -> None:
        secret = await office.signs_in()

        def everything(connection: Connection) -> str:
            tables = ("staff", "session")
            return repr([connection.execute(text(f"SELECT * FROM {each}")).all() for each in tables])  # noqa: S608

        stored = await database.read(everything)
        assert "mia" in stored
        assert secret not in stored
        assert PASSWORD not in stored

    async def test_another_company_knows_neither_the_account_nor_the_session(
        self, office: Office, database: Database
    ) -> None:
        await database.write(add_company, "other", "Other", 0.0)
        assert not await office.is_in(await office.signs_in(), "other")
        with pytest.raises(SignInRefused):
            await office.accounts.sign_in("other", "mia", PASSWORD, "10.0.0.1")


class TestThrottling:
    async def test_after_five_failures_an_address_waits(self, office: Office) -> None:
        for _ in range(5):
            with pytest.raises(SignInRefused, match="wrong"):
                await office.signs_in("guess")
        with pytest.raises(SignInRefused, match=r"Too many tries\. Wait 60 seconds"):
            await office.signs_in()
        office.clock.at += 61
        assert await office.is_in(await office.signs_in())

    async def test_tries_at_the_same_time_are_counted_one_by_one(self, office: Office) -> None:
        tries = await asyncio.gather(*(office.signs_in("guess") for _ in range(12)), return_exceptions=True)
        assert sum("Too many" in str(each) for each in tries) == 7

    async def test_many_names_from_one_address_are_many_tries(self, office: Office) -> None:
        for number in range(60):
            with pytest.raises(SignInRefused, match="wrong"):
                await office.signs_in(name=f"name{number}")
        with pytest.raises(SignInRefused, match=r"Too many tries\. Wait 60 seconds"):
            await office.signs_in()
        assert await office.is_in(await office.signs_in(address="10.0.0.2"))

    async def test_what_can_be_no_name_is_refused_like_any_other(self, office: Office) -> None:
        with pytest.raises(SignInRefused, match="wrong"):
            await office.signs_in(name="mia\0")

    async def test_whoever_fails_on_purpose_does_not_lock_the_person_out(self, office: Office) -> None:
        for _ in range(6):
            with pytest.raises(SignInRefused):
                await office.signs_in("guess", address="10.6.6.6")
        assert await office.is_in(await office.signs_in(address="10.0.0.1"))


class TestSessions:
    async def test_it_ends_when_nothing_is_done(self, office: Office) -> None:
        secret = await office.signs_in()
        office.clock.at += 12 * HOUR - 1
        assert await office.is_in(secret, active=False)
        office.clock.at += 2
        assert not await office.is_in(secret)

    async def test_work_prolongs_it(self, office: Office) -> None:
        secret = await office.signs_in()
        for _ in range(10):
            office.clock.at += 11 * HOUR
            assert await office.is_in(secret)

    async def test_after_a_month_it_ends_anyway(self, office: Office) -> None:
        secret = await office.signs_in()
        lasted = 0
        while await office.is_in(secret):
            office.clock.at += 10 * HOUR
            lasted += 10
        assert 29 * 24 < lasted <= 31 * 24

    async def test_signing_out_ends_it(self, office: Office) -> None:
        secret = await office.signs_in()
        await office.accounts.sign_out("acme", secret)
        assert not await office.is_in(secret)

    async def test_removing_the_account_ends_it(self, office: Office) -> None:
        secret = await office.signs_in()
        await office.accounts.remove("acme", "mia")
        assert not await office.is_in(secret)

    async def test_another_password_ends_it_everywhere(self, office: Office) -> None:
        secret = await office.signs_in()
        await office.accounts.set_password("acme", "mia", "quite another one")
        assert not await office.is_in(secret)
        with pytest.raises(SignInRefused):
            await office.signs_in(PASSWORD)


class TestInvitations:
    async def test_its_owner_chooses_a_password_and_is_in(self, office: Office) -> None:
        await office.accounts.add("acme", "jo", "Jo Park")
        secret = await office.accounts.invite("acme", "jo")
        assert await office.is_in(await office.accounts.accept("acme", secret, "jo's own passphrase"))
        assert await office.is_in(await office.signs_in("jo's own passphrase", "jo"))

    async def test_it_works_once(self, office: Office) -> None:
        secret = await office.accounts.invite("acme", "mia", Purpose.ONCE)
        tries = await asyncio.gather(
            *(office.accounts.accept("acme", secret) for _ in range(4)), return_exceptions=True
        )
        assert sum(isinstance(each, str) for each in tries) == 1

    async def test_it_is_not_used_up_by_a_password_that_is_too_short(self, office: Office) -> None:
        secret = await office.accounts.invite("acme", "mia")
        with pytest.raises(UsageError, match="at least 10 characters"):
            await office.accounts.accept("acme", secret, "short")
        assert await office.accounts.accept("acme", secret, "long enough now")

    async def test_a_one_time_link_leaves_the_password_as_it_is(self, office: Office) -> None:
        await office.accounts.accept("acme", await office.accounts.invite("acme", "mia", Purpose.ONCE))
        assert await office.is_in(await office.signs_in())

    async def test_it_is_no_session(self, office: Office) -> None:
        assert not await office.is_in(await office.accounts.invite("acme", "mia"))

    async def test_a_session_is_no_invitation(self, office: Office) -> None:
        with pytest.raises(SignInRefused):
            await office.accounts.accept("acme", await office.signs_in(), "a password of mine")

    async def test_it_is_void_after_a_day(self, office: Office) -> None:
        secret = await office.accounts.invite("acme", "mia")
        office.clock.at += INVITATION_SECONDS
        with pytest.raises(SignInRefused, match="too old"):
            await office.accounts.accept("acme", secret, "a password of mine")


class TestAccounts:
    async def test_there_is_one_of_a_name(self, office: Office) -> None:
        with pytest.raises(UsageError, match=r"already.*answerdesk staff password mia"):
            await office.accounts.add("acme", "Mia", "")

    async def test_a_slack_user_is_found_by_it(self, office: Office) -> None:
        await office.accounts.link("acme", "mia", "U0123")
        found = await office.accounts.by_slack("acme", "U0123")
        assert found is not None
        assert found.id == "mia"

    async def test_a_slack_user_is_one_person(self, office: Office) -> None:
        await office.accounts.add("acme", "jo", "")
        await office.accounts.link("acme", "mia", "U0123")
        with pytest.raises(UsageError, match="another account"):
            await office.accounts.link("acme", "jo", "U0123")

    async def test_a_link_can_be_taken_back(self, office: Office) -> None:
        await office.accounts.link("acme", "mia", "U0123")
        await office.accounts.link("acme", "mia", None)
        assert await office.accounts.by_slack("acme", "U0123") is None

    async def test_what_is_no_slack_user_is_refused(self, office: Office) -> None:
        with pytest.raises(UsageError, match="U02ABCDEF"):
            await office.accounts.link("acme", "mia", "@mia")

    async def test_an_account_that_is_not_there_is_named(self, office: Office) -> None:
        with pytest.raises(UsageError, match="no account nobody in acme"):
            await office.accounts.remove("acme", "nobody")

    @pytest.mark.parametrize("name", ["", "mia chen", "../x", "-a", "é", "x" * 41])
    def test_a_name_is_of_plain_letters(self, name: str) -> None:
        with pytest.raises(UsageError, match="can't be an account's name"):
            known_as(name)

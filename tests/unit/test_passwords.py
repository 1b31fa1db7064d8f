"""What is kept of a password."""

import pytest

from bot.staff.passwords import DECOY, LONGEST, SHORTEST, check_password, hashed, matches
from bot.staff.throttling import MOST_KEYS, Throttle
from llm.errors import UsageError

PASSWORD = "correct horse battery"


def test_a_password_matches_what_is_kept_of_it_and_no_other_does() -> None:
    kept = hashed(PASSWORD)
    assert matches(PASSWORD, kept)
    assert not matches(PASSWORD + "!", kept)


def test_the_same_password_is_kept_differently_each_time() -> None:
    assert hashed(PASSWORD) != hashed(PASSWORD)


def test_an_accent_matches_however_the_keyboard_wrote_it() -> None:
    assert matches("caf\u00e9 creme au lait", hashed("cafe\u0301 creme au lait"))


def test_the_password_of_nobody_takes_the_same_work_and_matches_nothing() -> None:
    assert DECOY.split("$")[:4] == hashed(PASSWORD).split("$")[:4]
    assert not matches("", DECOY)


@pytest.mark.parametrize("password", ["x" * (SHORTEST - 1), "x" * (LONGEST + 1)])
def test_a_password_of_another_length_is_refused(password: str) -> None:
    with pytest.raises(UsageError, match="characters"):
        check_password(password)


def test_guesses_of_made_up_names_fill_no_memory() -> None:
    throttle = Throttle(failures=5, seconds=60)
    for number in range(MOST_KEYS + 10):
        throttle.fail(f"name {number}", 0.0)
    assert len(throttle._failed) == MOST_KEYS


def test_an_old_failure_no_longer_counts() -> None:
    throttle = Throttle(failures=2, seconds=60)
    throttle.fail("mia", 0.0)
    throttle.fail("mia", 30.0)
    assert throttle.wait("mia", 31.0) == 29.0
    assert throttle.wait("mia", 61.0) == 0.0

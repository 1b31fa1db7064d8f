"""When people are there, and how customers are told."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from bot.handoffs.hours import Hours
from bot.sections import HoursSettings
from bot.texts import LANGUAGES

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = HoursSettings(
    timezone="Europe/Berlin",
    monday=("13:00-17:30", "09:00-12:00"),
    friday=("18:00-24:00",),
    holidays=(date(2026, 5, 11),),
)


def at(day: int, clock: str, month: int = 5) -> float:
    return datetime(2026, month, day, *map(int, clock.split(":")), tzinfo=BERLIN).timestamp()


def told(opening: datetime | None) -> str:
    return f"{opening:%d.%m. %H:%M}" if opening else ""


@pytest.mark.parametrize(
    ("day", "clock", "opens"),
    [
        (4, "08:59", "04.05. 09:00"),
        (4, "09:00", "04.05. 09:00"),
        (4, "11:59", "04.05. 11:59"),
        (4, "12:00", "04.05. 13:00"),
        (4, "17:30", "08.05. 18:00"),
        (8, "23:59", "08.05. 23:59"),
        (9, "00:00", "15.05. 18:00"),  # the 11th is a holiday
        (11, "10:00", "15.05. 18:00"),
    ],
)
def test_the_next_time_that_somebody_is_there(day: int, clock: str, opens: str) -> None:
    assert told(Hours(WEEK).opens(at(day, clock))) == opens


def test_without_times_somebody_is_always_there() -> None:
    assert Hours(HoursSettings()).away(at(4, "03:00"), "en") == ""


def test_a_holiday_alone_closes_that_day() -> None:
    hours = Hours(HoursSettings(timezone="Europe/Berlin", holidays=(date(2026, 5, 4),)))
    assert told(hours.opens(at(4, "10:00"))) == "05.05. 00:00"
    assert told(hours.opens(at(5, "10:00"))) == "05.05. 10:00"


def test_hours_are_those_of_the_clock_on_the_wall_when_it_changes() -> None:
    hours = Hours(HoursSettings(timezone="Europe/Berlin", sunday=("01:00-04:00",)))
    before = datetime(2026, 3, 29, 0, 30, tzinfo=BERLIN).timestamp()  # the hour from 2 to 3 is left out
    assert hours.away(before + 30 * 60, "en") == ""
    assert hours.away(before + 30 * 60 + 2 * 3600 - 1, "en") == ""
    assert hours.away(before + 30 * 60 + 2 * 3600, "en") != ""


def test_who_is_never_there_promises_no_time() -> None:
    never = Hours(HoursSettings(holidays=tuple(date(2026, 5, 1) + timedelta(days=day) for day in range(100))))
    assert never.away(at(4, "08:00"), "en") == "Our team is away right now, and will reply as soon as they are back."


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Our team is away right now. They are back on Monday, May 18 at 9:00 AM (Berlin)."),
        ("de", "Unser Team ist gerade nicht da. Ab Montag, 18. Mai, 09:00 Uhr (Berlin) ist wieder jemand für Sie da."),
        ("es", "Nuestro equipo no está en este momento. Vuelve el lunes 18 de mayo a las 9:00 (Berlín)."),
        ("fr", "Notre équipe est absente en ce moment. Elle sera de retour le lundi 18 mai à 09:00 (Berlin)."),
        ("ru", "Сейчас наших сотрудников нет на месте. Они вернутся: понедельник, 18 мая, 09:00 (Берлин)."),
        ("zh", "我们的工作人员现在不在线，将于5月18日星期一09:00（柏林）回来。"),
    ],
)
def test_customers_read_it_in_their_language(language: str, words: str) -> None:
    mondays = Hours(HoursSettings(timezone="Europe/Berlin", monday=("09:00-12:00",), holidays=WEEK.holidays))
    assert mondays.away(at(9, "10:00"), language).replace("\N{NARROW NO-BREAK SPACE}", " ") == words
    assert language in LANGUAGES


@pytest.mark.parametrize("times", ["9:00-17:00", "09:00", "25:00-26:00", "09:00 - 17:00", "17:00-09:00"])
def test_times_that_are_none_are_refused(times: str) -> None:
    with pytest.raises(ValidationError):
        HoursSettings(monday=(times,))


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="named like Europe/Berlin"):
        HoursSettings(timezone="Berlin")

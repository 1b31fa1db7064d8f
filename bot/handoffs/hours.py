"""When people are there, and how that is told to customers. Dates and weekdays are Babel's, from the Unicode CLDR."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from babel import dates

from bot.sections import HoursSettings
from bot.texts import LANGUAGES, text

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LOOKED_AHEAD = 60
"""Days."""
DAYS: Mapping[str, str] = {
    "en": "EEEE, MMMM d",
    "zh": "M月d日EEEE",
    "ru": "EEEE, d MMMM",
    "de": "EEEE, d. MMMM",
    "es": "EEEE d 'de' MMMM",
    "fr": "EEEE d MMMM",
}
"""How a day is written: the CLDR's full date, without the year."""
_ALL_DAY = ("00:00-24:00",)


@dataclass(frozen=True, slots=True)
class Hours:
    """The opening hours of a company's team. Without any times and holidays somebody is always there."""

    settings: HoursSettings

    def opens(self, now: float) -> datetime | None:
        """When somebody is there: that moment itself if it is now; None if not within `LOOKED_AHEAD` days.

        `now` is in seconds since the epoch; the answer is in the team's time zone.
        """
        zone = ZoneInfo(self.settings.timezone)
        moment = datetime.fromtimestamp(now, UTC)
        for start, end in self._times(moment.astimezone(zone).date(), zone):
            # Compared in UTC: two times of one zone would be compared by the clock on the wall.
            if end.astimezone(UTC) > moment:
                return moment.astimezone(zone) if start.astimezone(UTC) <= moment else start
        return None

    def away(self, now: float, language: str) -> str:
        """What a customer is told while nobody is there; empty when somebody is."""
        opening = self.opens(now)
        if opening is None:
            return text("away", language)
        if opening <= datetime.fromtimestamp(now, UTC):
            return ""
        locale = language if language in LANGUAGES else "en"
        return text(
            "away_until",
            language,
            day=dates.format_datetime(opening, DAYS[locale], locale=locale),
            time=dates.format_time(opening, "short", locale=locale),
            zone=dates.get_timezone_location(opening, locale=locale, return_city=True),
        )

    def _times(self, first: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """When somebody is there, from that day on."""
        week = [getattr(self.settings, weekday) for weekday in WEEKDAYS]
        for number in range(LOOKED_AHEAD):
            day = first + timedelta(days=number)
            if day in self.settings.holidays:
                continue
            for times in sorted(week[day.weekday()]) if any(week) else _ALL_DAY:
                start, _, end = times.partition("-")
                yield _at(day, start, zone), _at(day, end, zone)


def _at(day: date, clock: str, zone: ZoneInfo) -> datetime:
    """24:00 is the beginning of the next day."""
    if clock == "24:00":
        return datetime.combine(day + timedelta(days=1), time(), zone)
    return datetime.combine(day, time.fromisoformat(clock), zone)

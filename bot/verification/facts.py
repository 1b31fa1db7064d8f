"""The facts in a text that can be wrong by a character: numbers, prices, dates, times, links, codes, ...

A fact has the same value however it is written, and in whichever of our languages: `1,000` = `1.000` = `1 000`,
`€5` = `5 EUR`, `2026-03-01` = `1 March 2026` = `2026年3月1日`, `9 am` = `9:00` = `9 Uhr`, `two days` = `2 Tage`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.verification.fact_words import (
    AMBIGUOUS_NUMBERS,
    CHINESE_NUMBERS,
    EVERY_DAY,
    EVERY_WORKDAY,
    FREE,
    MAGNITUDES,
    MONTHS,
    NUMBERS,
    UNITS,
    WEEKDAY_SIGNS,
    WEEKDAYS,
)

Date = tuple[int | None, int, int | None]
"""Year, month, day; None where it isn't stated."""


class Kind(StrEnum):
    """What a fact is."""

    LINK = "link"
    EMAIL = "e-mail address"
    DATE = "date"
    TIME = "time"
    WEEKDAY = "weekday"
    CODE = "code"
    PHONE = "phone number"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact, as it is written and as it compares."""

    kind: Kind
    written: str
    values: frozenset[str | Decimal | Date]
    """All that it can mean: 1/3/2026 is one of two days. Numbers, and times as minutes since midnight, are Decimal."""
    unit: str = ""


_LINK_END = r"[^\s<>\"'`”»()\[\]{}\u3000-\u303f\u3400-\u9fff]"
_LINK = (
    rf"(?:https?://|www\.){_LINK_END}+"
    rf"|(?<![\w@.-])(?:[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?\.){{1,5}}[a-z]{{2,24}}\b(?![@-])(?:/{_LINK_END}*)?"
)
_EMAIL = r"[a-z0-9_.+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,5}"
_DAY = r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
_MONTH = rf"\b(?P<name>{'|'.join(sorted(MONTHS, key=len, reverse=True))})\b\.?"
_DATES = (
    r"(?<!\d)(?P<year>\d{4}) ?[-/.年] ?(?P<month>\d{1,2}) ?[-/.月] ?(?P<day>\d{1,2})(?!\d)(?: ?[日号])?",
    r"(?<!\d)(?P<year>\d{4}) ?年 ?(?P<month>\d{1,2}) ?月",
    r"(?<!\d)(?P<month>\d{1,2}) ?月 ?(?P<day>\d{1,2}) ?[日号]",
    r"(?<![\d.])(?P<day>\d{1,2})[./-](?P<month>\d{1,2})[./-](?P<year>\d{4}|\d{2})(?![\d.]*\d)",
    r"(?<![\d.])(?P<day>\d{1,2})\. ?(?P<month>\d{1,2})\.(?! ?\d)",
    rf"{_DAY} (?:of |de )?{_MONTH}(?:,? (?:de |del )?(?P<year>\d{{4}}))?",
    rf"{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:]|\.\d)(?:,? (?P<year>\d{{4}}))?",
    rf"{_MONTH} (?:de |del )?(?P<year>\d{{4}})",
)
_HALF = r"(?P<half>[ap]\.?m\b\.?)"
_ZH_HALF = r"(?P<zh>上午|早上|中午|下午|晚上)?"
_TIMES = (
    rf"{_ZH_HALF}(?<!\d)(?P<hour>\d{{1,2}})(?::|h(?=\d))(?P<minute>\d{{2}})(?![\d:])(?: ?(?:{_HALF}|uhr\b|h\b))?",
    r"(?<!\d)(?P<hour>\d{1,2})\.(?P<minute>\d{2}) uhr\b",
    rf"(?<!\d)(?P<hour>\d{{1,2}})(?:\.(?P<minute>\d{{2}}))? ?{_HALF}",
    r"(?<!\d)(?P<hour>\d{1,2}) uhr\b",
    rf"{_ZH_HALF}(?<!\d)(?P<hour>\d{{1,2}}) ?点(?P<minute>半|\d{{1,2}}(?=分))?分?",
)
_CODE = (
    r"(?<!\w)(?!(?:eur|usd|gbp|chf|rub|cny|rmb|us)\d)[^\W\d_\u3400-\u9fff]{1,20}[-_/.]?\d\w{0,30}(?:[-_./]\w{1,30}){0,5}"
    r"|(?<![\w.])\d{1,6}(?:\.\d{1,6}){2,6}(?!\w)"
)
_PHONE = r"(?<![\w.,])(?!\d{4} ?- ?\d{4}(?!\d))(?:\+|\(|0|\d{1,6}(?=[ ()./-]+\d+[ ()./-]+\d))[\d ()./-]{5,30}\d(?!\w)"
_GROUPED = r"\d{1,3}(?P<mark>[,.' ])\d{3}(?:(?P=mark)\d{3}){0,6}(?!\d)(?:[.,]\d{1,2}(?!\d))?"
_NUMBER = re.compile(rf"(?:(?<![\w.])-)?(?:{_GROUPED}|\d+(?:[.,]\d+)?)")
_MAGNITUDE = "|".join(sorted(MAGNITUDES, key=len, reverse=True))
_UNIT = "|".join(f"(?P<{name}>{pattern})" for name, pattern in UNITS.items())
_BEHIND = re.compile(rf"(?: ?(?P<magnitude>{_MAGNITUDE})(?![a-zа-я])\.?)?(?:[ -]?(?:{_UNIT}))?", re.IGNORECASE)
_BEFORE = re.compile(rf"(?:{_UNIT}) ?$", re.IGNORECASE)
_LONGEST_UNIT_BEFORE = 4
_WEEKDAY = re.compile(
    rf"(?<![^\W\u3400-\u9fff])(?:(?i:{'|'.join(WEEKDAYS)})|{'|'.join(WEEKDAY_SIGNS)})(?![^\W\u3400-\u9fff])"
)
_UNTIL = re.compile(r"\.? ?(?:-|to|until|through|bis|a|al|au|по|至|到) ?")
_NUMBER_WORD = re.compile(rf"(?<!\d )\b(?:{'|'.join(NUMBERS)})\b(?! ?\d)", re.IGNORECASE)
_COUNTED = r"(?=个?(?:工作日|天|日|周|星期|月|年|小时|分钟|秒|次|倍|件|份))"
_CHINESE_NUMBER = re.compile(rf"(?<![\d一二三四五六七八九十])(?:十[一二]|[{''.join(CHINESE_NUMBERS)}])(?![\d十])")
_CHINESE_CLAIM = re.compile(rf"(?<!第){_CHINESE_NUMBER.pattern}{_COUNTED}")
_LIST_NUMBER = re.compile(rf"^(?:[-*•] )?\d{{1,2}}[.)、](?! ?(?:\d|{_MONTH})) ?", re.IGNORECASE)
_FRACTIONS = {"½": ".5", "¼": ".25", "¾": ".75"}
_FRACTION = re.compile(r"(?<!\d)(\d{1,9})?[ \u2009]?([½¼¾])")
_PLAIN = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("’‘", "'"))


def normalise(text: str) -> str:
    """Return the text with plain digits, dashes and quotes, and one blank for any white space."""
    decimal = _FRACTION.sub(lambda match: f"{match[1] or 0}{_FRACTIONS[match[2]]}", text)
    return " ".join(unicodedata.normalize("NFKC", decimal).translate(_PLAIN).split())


def facts_of(text: str, *, claimed: bool = False) -> list[Fact]:
    """Find the facts of a text.

    `claimed` leaves out what only may be a number (`one`, the number of a list item): a claim must not fail by that.
    """
    rest = normalise(text)
    if claimed:
        rest = _LIST_NUMBER.sub("", rest)
    found: list[Fact] = []

    def take(match: re.Match[str], make: Callable[[re.Match[str]], Fact | None]) -> str:
        fact = make(match)
        if fact is None:
            return match[0]
        found.append(fact)
        return " ; "  # nobody reads it twice

    for pattern, make in _FINDERS:
        rest = pattern.sub(lambda match, make=make: take(match, make), rest)  # type: ignore[misc]
    found += _weekdays(rest, claimed=claimed)
    found += _numbers(_with_digits(rest, claimed=True))
    if not claimed:
        found += _numbers(_with_digits(rest, claimed=False))
    return list(dict.fromkeys(found))


def spells(code: str, text: str) -> bool:
    """Whether a text has a product code, however its parts are joined: `AB-12`, `AB 12`, `ab12`."""
    parts = re.findall(r"[^\W\d_]+|\d+", normalise(code).casefold())
    pattern = r"[\W_]{0,2}".join(map(re.escape, parts))
    return re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", normalise(text).casefold()) is not None


def digit_runs(text: str) -> set[str]:
    """Return the digits of all that may be a phone number, without what stands between them."""
    return {re.sub(r"\D", "", run) for run in re.findall(r"\d[\d ()./-]{4,40}\d", normalise(text))}


def link_value(link: str) -> str:
    """Return a link as it compares: without scheme, `www.` and final slash, the host in small letters."""
    bare = re.sub(r"^(?:https?://)?(?:www\.)?", "", link, flags=re.IGNORECASE).rstrip(".,;:!?*_").rstrip("/")
    host, slash, path = bare.partition("/")
    return host.casefold() + slash + path


def _link(match: re.Match[str]) -> Fact:
    return Fact(Kind.LINK, match[0], frozenset({link_value(match[0])}))


def _email(match: re.Match[str]) -> Fact:
    return Fact(Kind.EMAIL, match[0], frozenset({match[0].casefold().rstrip(".")}))


def _date(match: re.Match[str]) -> Fact | None:
    given = match.groupdict()
    if given.get("name") == "may":  # the verb
        return None
    year = int(given["year"]) if given.get("year") else None
    if year is not None and year < 100:
        year += 2000
    day = int(given["day"]) if given.get("day") else None
    month = MONTHS[given["name"].casefold()] if given.get("name") else int(given["month"])
    values: set[Date] = {(year, month, day)}
    if day is not None and "/" in match[0] and not match[0].startswith(str(year)):
        values.add((year, day, month))
    valid = frozenset(each for each in values if 1 <= each[1] <= 12 and (each[2] is None or 1 <= each[2] <= 31))
    return Fact(Kind.DATE, match[0], valid) if valid else None


def _time(match: re.Match[str]) -> Fact | None:
    given = match.groupdict()
    hour, half, chinese = int(given["hour"]), (given.get("half") or "").casefold(), given.get("zh") or ""
    minute = 30 if given.get("minute") == "半" else int(given.get("minute") or 0)
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    elif chinese in ("下午", "晚上") and hour < 12:
        hour += 12
    if hour > 24 or minute > 59:
        return None
    return Fact(Kind.TIME, match[0].strip(), frozenset({Decimal(hour * 60 + minute)}))


def _code(match: re.Match[str]) -> Fact:
    return Fact(Kind.CODE, match[0], frozenset({match[0].casefold()}))


def _phone(match: re.Match[str]) -> Fact | None:
    digits = re.sub(r"\D", "", match[0])
    grouped = re.fullmatch(_GROUPED, match[0]) and not match[0].startswith("0")
    return None if len(digits) < 7 or grouped else Fact(Kind.PHONE, match[0], frozenset({digits}))


def _free(match: re.Match[str]) -> Fact:
    return Fact(Kind.NUMBER, match[0], frozenset({Decimal(0)}))


_FINDERS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Fact | None]]] = [
    (re.compile(pattern, re.IGNORECASE), make)
    for patterns, make in (
        ((_EMAIL,), _email),
        ((_LINK,), _link),
        (_DATES, _date),
        (_TIMES, _time),
        ((_CODE,), _code),
        ((_PHONE,), _phone),
        ((FREE,), _free),
    )
    for pattern in patterns
]


def _weekdays(text: str, *, claimed: bool) -> list[Fact]:
    """Find the weekdays, each of a span; `daily` and the like state days, but claim none."""
    days: dict[int, str] = {}
    previous: re.Match[str] | None = None
    for match in _WEEKDAY.finditer(text):
        last = _weekday(match[0])
        if previous and _UNTIL.fullmatch(text, previous.end(), match.start()):
            span = range(_weekday(previous[0]), last + 1)
            days |= {day: f"{previous[0]}-{match[0]}" for day in span if day not in days}
        days.setdefault(last, match[0])
        previous = match
    if not claimed and (every := re.search(EVERY_DAY, text, re.IGNORECASE)):
        days = dict.fromkeys(range(1, 8), every[0]) | days
    if not claimed and (every := re.search(EVERY_WORKDAY, text, re.IGNORECASE)):
        days = dict.fromkeys(range(1, 6), every[0]) | days
    return [Fact(Kind.WEEKDAY, written, frozenset({Decimal(day)})) for day, written in days.items()]


def _weekday(name: str) -> int:
    return WEEKDAY_SIGNS.get(name) or WEEKDAYS[name.casefold()]


def _numbers(text: str) -> Iterator[Fact]:
    for match in _NUMBER.finditer(text):
        value = _value(match)
        behind = _BEHIND.match(text, match.end())
        given = {name: word for name, word in behind.groupdict().items() if word} if behind else {}
        if magnitude := given.pop("magnitude", None):
            value *= MAGNITUDES[magnitude.casefold()]
        before = _BEFORE.search(text[max(0, match.start() - _LONGEST_UNIT_BEFORE) : match.start()])
        currency = before.lastgroup if before and before.lastgroup in _CURRENCIES else None
        yield Fact(Kind.NUMBER, match[0], frozenset({value.normalize()}), currency or next(iter(given), ""))


_CURRENCIES = frozenset({"eur", "usd", "gbp", "cny", "rub", "chf"})


def _value(match: re.Match[str]) -> Decimal:
    written, mark = match[0], match["mark"]
    is_decimal = mark in (".", ",") and written.count(mark) == 1 and re.match(r"-?0[.,]\d{3}$", written)
    if mark and not is_decimal:
        written = written.replace(mark, "")
    return Decimal(written.replace(",", "."))


def _with_digits(text: str, *, claimed: bool) -> str:
    """Write numbers that are words as digits."""

    def digits(match: re.Match[str]) -> str:
        word = match[0].casefold()
        return match[0] if claimed and word in AMBIGUOUS_NUMBERS else str(NUMBERS[word])

    def chinese(match: re.Match[str]) -> str:
        if claimed and match[0] == "一":
            return match[0]
        return str(sum(CHINESE_NUMBERS[each] for each in match[0]))

    text = re.sub(r"百分之 ?(\d+(?:\.\d+)?)", r"\1%", text)
    return (_CHINESE_CLAIM if claimed else _CHINESE_NUMBER).sub(chinese, _NUMBER_WORD.sub(digits, text))

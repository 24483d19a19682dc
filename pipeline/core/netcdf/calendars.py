"""Times of the CF conventions: units such as `hours since 1970-01-01`, and the calendars in which they count. Exact."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from pipeline.core.errors import BadObject

UNITS: Mapping[str, Fraction] = {
    name: Fraction(seconds)
    for names, seconds in (
        (("microsecond", "microseconds", "microsec", "microsecs"), Fraction(1, 1_000_000)),
        (("millisecond", "milliseconds", "millisec", "millisecs", "msec", "msecs", "ms"), Fraction(1, 1000)),
        (("second", "seconds", "sec", "secs", "s"), Fraction(1)),
        (("minute", "minutes", "min", "mins"), Fraction(60)),
        (("hour", "hours", "hr", "hrs", "h"), Fraction(3600)),
        (("day", "days", "d"), Fraction(86400)),
    )
    for name in names
}
"""Seconds of each unit. Months and years have no fixed length, and CF itself warns of them."""

STANDARD = "standard"
_SAME = {
    "gregorian": STANDARD,
    "proleptic_gregorian": STANDARD,
    "noleap": "365_day",
    "all_leap": "366_day",
}
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_REFORM = date(1582, 10, 15).toordinal()
_SINCE = re.compile(
    r"^\s*([A-Za-z]+)\s+since\s+(\d{1,4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T\s]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?)?\s*(Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?)?\s*$"
)
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?$")
TOLERANCE_S = Fraction(1, 1000)
"""So far may a time be from a whole second: doubles of days cannot say every second."""


@dataclass(frozen=True, slots=True)
class TimeUnits:
    """What a number means: so many `seconds` each after `epoch`, in seconds of the calendar's day 0."""

    seconds: Fraction
    epoch: Fraction
    calendar: str

    def moment(self, value: int | float) -> int:
        """Whole seconds since the calendar's day 0; `BadObject` for what is no time to the second."""
        return whole(self.epoch + Fraction(value) * self.seconds, "time")


def parse_units(units: str, calendar: str, what: str) -> TimeUnits:
    """CF's `<unit> since <date>`; `BadObject` with what is wrong, said of the variable `what`."""
    name = calendar_of(calendar, what)
    found = _SINCE.match(units)
    if not found:
        raise BadObject(f"{what} has the units {units[:100]!r}, which are not like 'hours since 1970-01-01 00:00:00'")
    unit = unit_seconds(found[1], what)
    year, month, day = int(found[2]), int(found[3]), int(found[4])
    hour, minute, second = (int(found[n] or 0) for n in (5, 6, 7))
    if not (1 <= month <= 12 and 1 <= day <= _length(name, year, month)) or max(minute, second) > 59 or hour > 23:
        raise BadObject(f"{what} counts from {units[:100]!r}, a time that the calendar {name} has not")
    clock = Fraction(hour * 3600 + minute * 60 + second)
    if found[8]:
        clock += Fraction(int(found[8]), 10 ** len(found[8]))
    return TimeUnits(unit, days_of(name, year, month, day) * 86400 + clock - _offset(found[9]), name)


def unit_seconds(unit: str, what: str) -> Fraction:
    """The seconds of a unit; `BadObject` if it is none of a fixed length."""
    seconds = UNITS.get(unit.strip().lower()) if unit.strip() != "H" else UNITS["h"]
    if seconds is None:
        raise BadObject(
            f"{what} is in {unit[:50]!r}, which is no unit of a fixed length: seconds, minutes, hours, days"
        )
    return seconds


def calendar_of(calendar: str, what: str) -> str:
    """A calendar's one name; `BadObject` for one that CF does not know."""
    name = calendar.strip().lower()
    name = _SAME.get(name, name)
    if name not in (STANDARD, "360_day", "365_day", "366_day", "julian"):
        raise BadObject(f"{what} has the calendar {calendar[:50]!r}, which is unknown")
    return name


def whole(seconds: Fraction, what: str) -> int:
    """Whole seconds; `BadObject` for what lies between them."""
    nearest = round(seconds)
    if abs(seconds - nearest) > TOLERANCE_S:
        raise BadObject(f"a {what} is not a whole second: {float(seconds)} s")
    return nearest


def text_of(moment: int, calendar: str) -> str:
    """`2026-11-30T06:00:00Z`, of the calendar's own date; `BadObject` outside the years 1 to 9999."""
    days, clock = divmod(moment, 86400)
    if calendar == STANDARD and days < _REFORM:
        raise BadObject("a time lies before 1582-10-15, when the standard calendar changes: no forecast is so old")
    year, month, day = _date_of(calendar, days)
    if not 1 <= year <= 9999:
        raise BadObject(f"a time lies in the year {year}")
    return f"{year:04d}-{month:02d}-{day:02d}T{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}Z"


def period_text(seconds: int) -> str:
    """An ISO 8601 duration in hours, minutes and seconds: `PT77H`, `PT1H30M`, `PT0S`, `-PT1H`."""
    hours, rest = divmod(abs(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (left, "S")) if number)
    return f"{'-' if seconds < 0 else ''}PT{parts or '0S'}"


def days_of(calendar: str, year: int, month: int, day: int) -> int:
    """A date's day number, which is `date.toordinal` in the standard calendar."""
    if calendar == STANDARD:
        # Years before 1 count backwards in the same rhythm of 400.
        shift = 400 if year < 1 else 0
        return date(year + shift, month, day).toordinal() - (146097 if shift else 0)
    if calendar == "360_day":
        return year * 360 + (month - 1) * 30 + day - 1
    months = sum(_length(calendar, year, each) for each in range(1, month))
    leap_days = {"365_day": 0, "366_day": year, "julian": (year + 3) // 4}[calendar]
    return year * 365 + leap_days + months + day - 1


def _date_of(calendar: str, days: int) -> tuple[int, int, int]:
    if calendar == STANDARD:
        try:
            found = date.fromordinal(days)
        except (ValueError, OverflowError):
            raise BadObject("a time lies after the year 9999") from None
        return found.year, found.month, found.day
    if calendar == "360_day":
        year, rest = divmod(days, 360)
        return year, rest // 30 + 1, rest % 30 + 1
    year = days // 366
    while days_of(calendar, year + 1, 1, 1) <= days:
        year += 1
    rest, month = days - days_of(calendar, year, 1, 1), 1
    while rest >= (length := _length(calendar, year, month)):
        rest, month = rest - length, month + 1
    return year, month, rest + 1


def _length(calendar: str, year: int, month: int) -> int:
    if calendar == "360_day":
        return 30
    leaps: Mapping[str, Callable[[int], bool]] = {
        "365_day": lambda _: False,
        "366_day": lambda _: True,
        "julian": lambda y: y % 4 == 0,
        STANDARD: lambda y: y % 4 == 0 and (y % 100 != 0 or y % 400 == 0),
    }
    return 29 if month == 2 and leaps[calendar](year) else _MONTHS[month - 1]


def _offset(zone: str | None) -> int:
    """Seconds that a zone is before UTC."""
    found = _OFFSET.match(zone or "")
    if not found:
        return 0
    return (1 if found[1] == "+" else -1) * (int(found[2]) * 3600 + int(found[3] or 0) * 60)

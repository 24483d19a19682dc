"""EventBridge's schedule expressions: rate(), cron() and at(), read as AWS defines them, and when they next fire. Pure.

Cron has six fields (minutes, hours, day of month, month, day of week, year) with `,` `-` `*` `/`, `?` in exactly one
of the two day fields, `L` and `W` in the day of month, `L` and `#` in the day of week, where 1 is Sunday.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.core.errors import BadDefinition

_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
_LAST_YEAR = 2199
LONGEST = 256
"""Characters that EventBridge Scheduler allows."""


@dataclass(frozen=True, slots=True)
class Rate:
    """rate(): at regular intervals, counted from an anchor."""

    every: timedelta

    def after(self, moment: datetime, anchor: datetime) -> datetime:
        """The first firing later than `moment`; the anchor itself is the first of all."""
        if moment < anchor:
            return anchor
        return anchor + self.every * ((moment - anchor) // self.every + 1)


@dataclass(frozen=True, slots=True)
class At:
    """at(): once."""

    moment: datetime

    def after(self, moment: datetime, anchor: datetime) -> datetime | None:
        """Its moment if that is later than `moment`, else None."""
        return self.moment if moment < self.moment else None


@dataclass(frozen=True, slots=True)
class Cron:
    """cron(): whenever the fields match the wall clock of a zone. It does not fire at a time that the clock skips."""

    minutes: frozenset[int]
    hours: frozenset[int]
    month_days: str
    months: frozenset[int]
    week_days: str
    years: frozenset[int]
    zone: ZoneInfo

    def after(self, moment: datetime, anchor: datetime) -> datetime | None:
        """The first firing later than `moment`, or None if there is none until 2199."""
        local = moment.astimezone(self.zone)
        for day in self._days(local.date()):
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    firing = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone).astimezone(UTC)
                    skipped = firing.astimezone(self.zone).hour != hour
                    if firing > moment and not skipped:
                        return firing
        return None

    def _days(self, start: date) -> Iterator[date]:
        for year in range(start.year, _LAST_YEAR + 1):
            if year not in self.years:
                continue
            for month in sorted(self.months):
                if (year, month) >= (start.year, start.month):
                    days = sorted(self._days_of(year, month))
                    yield from (date(year, month, day) for day in days if date(year, month, day) >= start)

    def _days_of(self, year: int, month: int) -> set[int]:
        if self.week_days == "?":
            return _month_days(self.month_days, year, month)
        return _week_days(self.week_days, year, month)


Expression = Rate | At | Cron


def parse(text: str, zone: str | None = None) -> Expression:
    """Read an expression; cron() and at() are in the zone (UTC if None). `BadDefinition` if AWS would reject it."""
    try:
        where = ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        raise BadDefinition(f"{zone!r} is not a time zone") from None
    if len(text) > LONGEST or not text.isascii():
        raise BadDefinition(
            f"{text[:40]!r} is not a schedule: it has more than {LONGEST} characters, or some that are not ASCII"
        )
    try:
        if text.startswith("rate("):
            return _rate(text)
        if text.startswith("cron(") and text.endswith(")"):
            return _cron(text[5:-1].split(), where)
        if text.startswith("at(") and text.endswith(")"):
            moment = datetime.strptime(text[3:-1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=where)
            return At(moment.astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise BadDefinition(f"{text!r} is not a schedule: {error}") from None
    raise BadDefinition(f"{text!r} is not a schedule: neither rate(), cron() nor at()")


def _rate(text: str) -> Rate:
    match = _RATE.fullmatch(text)
    if not match or int(match[1]) < 1 or (int(match[1]) == 1) == bool(match[3]):
        raise ValueError("a rate is a positive number and minute(s), hour(s) or day(s), singular only for 1")
    return Rate(int(match[1]) * _UNITS[match[2]])


def _cron(fields: list[str], zone: ZoneInfo) -> Cron:
    if len(fields) != 6:
        raise ValueError(f"cron has 6 fields, not {len(fields)}")
    minutes, hours, month_days, months, week_days, years = (field.upper() for field in fields)
    if (month_days == "?") == (week_days == "?"):
        raise ValueError("exactly one of day of month and day of week must be ?")
    # Read here only for their errors: the days depend on the month.
    if week_days == "?":
        _month_days(month_days, 2024, 1)
    else:
        _week_days(week_days, 2024, 1)
    return Cron(
        minutes=_numbers(minutes, 0, 59),
        hours=_numbers(hours, 0, 23),
        month_days=month_days,
        months=_numbers(months, 1, 12, _MONTHS),
        week_days=week_days,
        years=_numbers(years, 1970, _LAST_YEAR),
        zone=zone,
    )


def _numbers(field: str, least: int, most: int, names: dict[str, int] | None = None) -> frozenset[int]:
    numbers: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        every = int(step) if slash else 1
        if every < 1:
            raise ValueError(f"{part} has a step of 0")
        first, last = _span(span, least, most, names or {}, open_ended=bool(slash))
        if last >= first:
            numbers.update(range(first, last + 1, every))
        elif most == _LAST_YEAR:
            raise ValueError(f"{part} runs backwards")
        else:
            # 20-2 runs over midnight: one of AWS's own examples.
            numbers.update([*range(first, most + 1), *range(least, last + 1)][::every])
    return frozenset(numbers)


def _span(text: str, least: int, most: int, names: dict[str, int], *, open_ended: bool) -> tuple[int, int]:
    if text == "*":
        return least, most
    low, dash, high = text.partition("-")
    first = _number(low, least, most, names)
    if not dash:
        return first, most if open_ended else first
    return first, _number(high, least, most, names)


def _number(text: str, least: int, most: int, names: dict[str, int]) -> int:
    number = names[text] if text in names else int(text) if text.isdecimal() else None
    if number is None or not least <= number <= most:
        raise ValueError(f"{text!r} is not between {least} and {most}")
    return number


def _month_days(field: str, year: int, month: int) -> set[int]:
    last = calendar.monthrange(year, month)[1]
    days: set[int] = set()
    for part in field.split(","):
        if part == "L":
            days.add(last)
        elif part == "LW":
            days.add(_nearest_weekday(last, year, month))
        elif part.endswith("W"):
            day = _number(part[:-1], 1, 31, {})
            if day <= last:
                days.add(_nearest_weekday(day, year, month))
        else:
            days |= {day for day in _numbers(part, 1, 31) if day <= last}
    return days


def _nearest_weekday(day: int, year: int, month: int) -> int:
    """The weekday nearest to a day, within its month."""
    last = calendar.monthrange(year, month)[1]
    match calendar.weekday(year, month, day):
        case calendar.SATURDAY:
            return day - 1 if day > 1 else day + 2
        case calendar.SUNDAY:
            return day + 1 if day < last else day - 2
    return day


def _week_days(field: str, year: int, month: int) -> set[int]:
    last = calendar.monthrange(year, month)[1]
    days: set[int] = set()
    for part in field.split(","):
        day, hash_mark, which = part.partition("#")
        if part == "L":
            days.update(_dates(7, year, month))
        elif hash_mark:
            nth = _number(which, 1, 5, {})
            days.update(_dates(_number(day, 1, 7, _DAYS), year, month)[nth - 1 : nth])
        elif part.endswith("L"):
            days.update(_dates(_number(part[:-1], 1, 7, _DAYS), year, month)[-1:])
        else:
            wanted = _numbers(part, 1, 7, _DAYS)
            days |= {number for number in range(1, last + 1) if _aws_weekday(year, month, number) in wanted}
    return days


def _dates(week_day: int, year: int, month: int) -> list[int]:
    last = calendar.monthrange(year, month)[1]
    return [day for day in range(1, last + 1) if _aws_weekday(year, month, day) == week_day]


def _aws_weekday(year: int, month: int, day: int) -> int:
    """1 for Sunday to 7 for Saturday."""
    return (calendar.weekday(year, month, day) + 1) % 7 + 1

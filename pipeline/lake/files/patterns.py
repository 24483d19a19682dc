"""Dates and timestamps written by a pattern in Spark's letters, one at a time: the authority for `pattern_columns`.

yyyy and yy (69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068, as in POSIX); MM, dd, HH, hh, mm, ss two digits; M,
d, H, h one or two; MMM and MMMM English names of months in any case; S to SSSSSS a fraction of a second of so many
digits; a is AM or PM in any case; X is Z, +01 or +0130, XXX is Z or +01:30. 'Text in quotes' and all that is no letter
stands for itself, a space for a no-break one too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

PIVOT = 69
"""The first of two digits of a year that means the twentieth century."""

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_SPACES = " \u00a0\u202f"
_PARTS = re.compile(r"'([^']*)'|([A-Za-z])\2*|([^A-Za-z'])")
_NAMES = {"MMM": [month[:3] for month in MONTHS], "MMMM": list(MONTHS)}
_ZONES = {"X": "Z|[+-][0-9]{2}(?:[0-9]{2})?", "XXX": "Z|[+-][0-9]{2}:[0-9]{2}"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a pattern: the letters of a field, or a text that stands for itself and has no letters."""

    letters: str
    literal: str = ""


@lru_cache(maxsize=256)
def parts_of(pattern: str) -> tuple[Part, ...]:
    """A pattern of `Column.format`, cut."""
    found = []
    for part in _PARTS.finditer(pattern):
        if part[2]:
            found.append(Part(part[0]))
        else:
            found.append(Part("", part[3] if part[3] is not None else part[1] or "'"))
    return tuple(found)


def read_pattern(text: str, pattern: str) -> tuple[datetime, timezone | None]:
    """The time that a text says, and its offset from UTC if it says one; ValueError where it says none."""
    found = _regex(pattern).fullmatch(text)
    if not found:
        raise ValueError(f"it is not of the form {pattern}")
    said = found.groupdict()
    fraction = int((said.get("S") or "0").ljust(6, "0"))
    try:
        time = datetime(
            _year(said["y"]), _month(said["M"]), int(said["d"]), _hour(said), int(said.get("m") or 0),
            int(said.get("s") or 0), fraction,
        )  # fmt: skip
    except ValueError:
        raise ValueError(f"the calendar or the clock has no such time ({pattern})") from None
    return time, read_offset(said.get("X"))


def read_date(text: str, pattern: str) -> date:
    """The day that a text says."""
    return read_pattern(text, pattern)[0].date()


@lru_cache(maxsize=256)
def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(map(_part_regex, parts_of(pattern))), re.IGNORECASE | re.ASCII)


def _part_regex(part: Part) -> str:
    letters = part.letters
    if not letters:
        return "".join(f"[{_SPACES}]" if sign == " " else re.escape(sign) for sign in part.literal)
    if letters in _NAMES:
        return f"(?P<M>{'|'.join(_NAMES[letters])})"
    if letters in _ZONES:
        return f"(?P<X>{_ZONES[letters]})"
    if letters == "a":
        return "(?P<a>[AP]M)"
    name = "H" if letters[0] == "h" else letters[0]
    most = f"1,{2}" if letters in ("d", "M", "H", "h") else str(len(letters))
    return f"(?P<{name}>[0-9]{{{most}}})"


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) > 2 else year + (1900 if year >= PIVOT else 2000)


def _month(text: str) -> int:
    return int(text) if text.isdigit() else _NAMES["MMM"].index(text[:3].lower()) + 1


def _hour(said: dict[str, str | None]) -> int:
    hour = int(said.get("H") or 0)
    half = said.get("a")
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("no hour of a half day")
    return hour % 12 + (12 if half.lower() == "pm" else 0)


def read_offset(text: str | None) -> timezone | None:
    """What Z, +01, +0130 or +01:30 says; None if there is none."""
    if text is None:
        return None
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError("its zone is no offset from UTC")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)

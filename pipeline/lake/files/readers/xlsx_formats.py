"""Which number formats of a workbook are dates, and what the number behind a date is. Pure.

The source of both is ECMA-376, part 1: 18.8.30 (numFmt) and 18.17.4 (dates and times).
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import Enum, auto

MILLISECONDS_A_DAY = 86_400_000


class Shown(Enum):
    """What a number is shown as."""

    NUMBER = auto()
    DATE = auto()
    MOMENT = auto()
    TIME = auto()


_BUILT_IN = {
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), 34, 35, 36, *range(50, 59)), Shown.DATE),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 45, 46, 47), Shown.TIME),
    22: Shown.MOMENT,
}
_NO_LETTERS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]|General|AM/PM|A/P', re.IGNORECASE)


def shown_as(number: int, code: str | None) -> Shown:
    """What the format of that number, or of that code where the workbook has one, shows."""
    if code is None:
        return _BUILT_IN.get(number, Shown.NUMBER)
    letters = _NO_LETTERS.sub("", code).split(";")[0].lower()
    time = "h" in letters or "s" in letters
    if "y" in letters or "d" in letters or ("m" in letters and not time):
        return Shown.MOMENT if time else Shown.DATE
    return Shown.TIME if time else Shown.NUMBER


def digits_shown(code: str | None) -> int:
    """To how many digits a format such as 00000 fills numbers with zeros, as that of postal codes; 0 for any other."""
    return len(code) if code and not code.strip("0") else 0


def moment_text(serial: float, shown: Shown, since_1904: bool) -> str:
    """A date, moment or time of day as in ISO 8601, to the millisecond. ValueError where there is no such day."""
    days, share = divmod(serial, 1)
    milliseconds = round(share * MILLISECONDS_A_DAY)
    if milliseconds == MILLISECONDS_A_DAY:
        days, milliseconds = days + 1, 0
    if shown is Shown.TIME:
        if serial < 0:
            raise ValueError("is a time before midnight")
        return _clock(int(days) * MILLISECONDS_A_DAY + milliseconds)
    day = _day(int(days), since_1904).isoformat()
    return day if shown is Shown.DATE and not milliseconds else f"{day}T{_clock(milliseconds)}"


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}" + (f".{rest:03}" if rest else "")


def _day(days: int, since_1904: bool) -> date:
    if since_1904:
        first = date(1904, 1, 1)
    elif days == 60 or days < 1:
        # The first workbooks had a 29 February 1900, and a 0 January.
        raise ValueError("is a day that is in no calendar")
    else:
        first = date(1899, 12, 31) if days < 60 else date(1899, 12, 30)
    try:
        return first + timedelta(days=days)
    except OverflowError:
        raise ValueError("is a day outside the years 1 to 9999") from None

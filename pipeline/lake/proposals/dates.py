"""How dates and times are written in a column of text, in Spark's letters. What reads them is `pipeline.lake.files`.

A form is proposed only if no other one reads all values as well: 01/02/2026 is two dates, and stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipeline.lake.datasets.types import Primitive
from pipeline.lake.files.forms import Form
from pipeline.lake.files.values import read_text

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_ISO_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ Tt][0-9]{2}:[0-9]{2}.*", re.ASCII)
_ZONE = re.compile(r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)$")
_CLOCK = (
    r"(?:(?P<gap>T|,? )(?P<hour>[0-9]{1,2}):[0-9]{2}(?P<second>:[0-9]{2})?(?P<fraction>\.[0-9]{1,6})?"
    r"(?P<half> ?[AaPp][Mm])?(?P<zone> ?(?:Z|[+-][0-9]{2}:?[0-9]{2}))?)?"
)
_NUMERIC = re.compile(rf"(?P<a>[0-9]{{1,4}})(?P<sep>[-/.])(?P<b>[0-9]{{1,2}})(?P=sep)(?P<c>[0-9]{{2,4}}){_CLOCK}")
_MONTH = r"(?P<month>[A-Za-z]{3,9})"
_NAMED = re.compile(
    rf"(?P<day>[0-9]{{1,2}})(?P<sep>[-/ .]|\. ){_MONTH}(?P<after>[-/ .])(?P<year>[0-9]{{2}}|[0-9]{{4}}){_CLOCK}"
)
_NAME_FIRST = re.compile(rf"{_MONTH} (?P<day>[0-9]{{1,2}})(?P<comma>,?) (?P<year>[0-9]{{4}}){_CLOCK}")
_COMPACT = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_DATE_NAME = re.compile(r"(^|_)(date|day|dt|datum|tag|dob|birthday|fecha|data)($|_)|(date|datum|_on|day|tag)$")
_SHEET_DAYS = 20_000, 80_000
"""Days since the end of 1899, by which spreadsheets count: within the years 1954 to 2119."""
_TIME_OF_DAY = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?( ?[AaPp][Mm])?")


@dataclass(frozen=True, slots=True)
class DateForm:
    """What a column of dates is: its type, the form where it is not ISO 8601, and what is to be doubted about it."""

    type: Primitive
    form: str | None = None
    doubt: str = ""


def find_date_form(values: Sequence[str], name: str = "", preferred: frozenset[str] = frozenset()) -> DateForm | None:
    """The form that all `values` are written in; None if they are no dates.

    Dates in more forms than one that are read by several stay text with a doubt, unless one of the forms is in
    `preferred`: what other columns of the file show.
    """
    if not values:
        return None
    if all(map(_ISO_DATE.fullmatch, values)):
        return DateForm(Primitive.DATE) if _read(values, Primitive.DATE) else None
    if all(map(_ISO_TIMESTAMP.fullmatch, values)):
        return _iso_timestamps(values)
    if all(map(_COMPACT.fullmatch, values)) and _read(values, Primitive.DATE, "yyyyMMdd"):
        return _compact(name)
    fitting = [(kind, form) for kind, form in _candidates(values) if _read(values, kind, form)]
    if not fitting:
        return None
    if len(fitting) == 1:
        return DateForm(fitting[0][0], fitting[0][1], _doubts(values, *fitting[0]))
    liked = [(kind, form) for kind, form in fitting if _order(form) in preferred]
    if len(liked) == 1:
        kind, form = liked[0]
        return DateForm(kind, form, f"read as {form}, as another column of the file is written; no value here shows it")
    forms = " or ".join(form for _, form in fitting)
    kind = fitting[0][0]
    return DateForm(
        Primitive.STRING, None, f"{values[0]!r} may be {forms}: text, until you say type: {kind} and the format"
    )


def order_shown(found: DateForm) -> frozenset[str]:
    """Which order of day and month a form shows for its file: `d/M` or `M/d`."""
    return frozenset({_order(found.form)}) if found.form and _order(found.form) else frozenset()


def why_no_date(values: Sequence[str]) -> str:
    """What to say of text that looks like dates or times and is kept as text; "" if it does not."""
    if not values:
        return ""
    if all(map(_TIME_OF_DAY.fullmatch, values)):
        return "times of day are text"
    looks = [value for value in values if _ISO_DATE.fullmatch(value) or _ISO_TIMESTAMP.fullmatch(value)]
    looks += [value for value in values if _NUMERIC.fullmatch(value) or _NAMED.fullmatch(value)]
    if len(looks) * 2 < len(values):
        return ""
    if len(looks) < len(values):
        other = next(value for value in values if value not in set(looks))
        return f"mostly dates, but not {other[:40]!r}: text"
    wrong = next(
        (value for value in values if _ISO_TIMESTAMP.fullmatch(value) and not _read([value], Primitive.TIMESTAMP)), ""
    )
    wrong = wrong or next(
        (value for value in values if _ISO_DATE.fullmatch(value) and not _read([value], Primitive.DATE)), ""
    )
    if wrong:
        return f"looks like dates, but {wrong!r} does not exist, or has a form that is not read: text"
    return "dates in several forms, in words that are not English, or that do not exist: text"


def lacks_zone(values: Sequence[str]) -> int:
    """How many timestamps have no zone."""
    return sum(not _ZONE.search(value[16:].strip()) for value in values)


def _iso_timestamps(values: Sequence[str]) -> DateForm | None:
    if not _read(values, Primitive.TIMESTAMP):
        return None
    without = lacks_zone(values)
    if without and without < len(values):
        some = "one value has no zone and is" if without == 1 else f"{without:,} values have no zone and are"
        return DateForm(Primitive.TIMESTAMP, None, f"{some} taken as UTC; others have one")
    return DateForm(Primitive.TIMESTAMP, None, "times without a zone are taken as UTC" if without else "")


def _compact(name: str) -> DateForm | None:
    if _DATE_NAME.search(name):
        return DateForm(Primitive.DATE, "yyyyMMdd", "digits taken for dates since the name says so")
    return None


def doubt_of_days(numbers: Sequence[int], name: str) -> str:
    """What to say of whole numbers that may be days, and are proposed as numbers."""
    first, last = min(numbers), max(numbers)
    if (
        first >= 1900_01_01
        and last <= 2100_12_31
        and _read([str(each) for each in numbers], Primitive.DATE, "yyyyMMdd")
    ):
        return "looks like days: for dates say type: date, format: yyyyMMdd"
    if _DATE_NAME.search(name) and _SHEET_DAYS[0] <= first and last <= _SHEET_DAYS[1]:
        day = date(1899, 12, 30) + timedelta(days=first)
        return f"looks like the day numbers of a spreadsheet, {first} for {day}: no form reads them; save it as a date"
    return ""


def _candidates(values: Sequence[str]) -> Iterator[tuple[Primitive, str]]:
    first = values[0]
    padded = not any(re.search(r"(?<![0-9])[0-9](?![0-9])", value.split(":")[0].split(" ")[0]) for value in values)
    if found := _NUMERIC.fullmatch(first):
        for date in _numeric(found, padded):
            yield _with_time(found, date, values)
    for pattern in (_NAMED, _NAME_FIRST):
        if found := pattern.fullmatch(first):
            day = "dd" if all(re.search(r"(?<![0-9])[0-9]{2}(?![0-9])", value) for value in values) and padded else "d"
            long = any(len(match["month"]) > 3 for value in values if (match := pattern.fullmatch(value)))
            month = "MMMM" if long else "MMM"
            year = "yyyy" if len(found["year"]) == 4 else "yy"
            if pattern is _NAMED:
                yield _with_time(found, f"{day}{found['sep']}{month}{found['after']}{year}", values)
            else:
                yield _with_time(found, f"{month} {day}{found['comma']} {year}", values)


def _numeric(found: re.Match[str], padded: bool) -> Iterator[str]:
    sep, day, month = found["sep"], "dd" if padded else "d", "MM" if padded else "M"
    if len(found["a"]) == 4:
        yield f"yyyy{sep}{month}{sep}{day}"
        return
    year = "yyyy" if len(found["c"]) == 4 else "yy"
    yield f"{day}{sep}{month}{sep}{year}"
    # Points stand between numbers in that order only.
    if sep != ".":
        yield f"{month}{sep}{day}{sep}{year}"
        if year == "yy":
            yield f"yy{sep}{month}{sep}{day}"


def _with_time(found: re.Match[str], date: str, values: Sequence[str]) -> tuple[Primitive, str]:
    if not found["hour"]:
        return Primitive.DATE, date
    hours = [match[1] for value in values if (match := re.search(r"[T ]([0-9]{1,2}):", value))]
    letter = "h" if found["half"] else "H"
    hour = letter * 2 if all(len(text) == 2 for text in hours) else letter
    gap = "'T'" if found["gap"] == "T" else found["gap"]
    fraction = f".{'S' * (len(found['fraction']) - 1)}" if found["fraction"] else ""
    half = (" a" if found["half"].startswith(" ") else "a") if found["half"] else ""
    zone = f"{' ' if found['zone'].startswith(' ') else ''}XXX" if found["zone"] else ""
    return Primitive.TIMESTAMP, f"{date}{gap}{hour}:mm{':ss' if found['second'] else ''}{fraction}{half}{zone}"


def _doubts(values: Sequence[str], kind: Primitive, form: str) -> str:
    told = []
    if re.search(r"(?<!y)yy(?!y)", form):
        told.append("years of two digits")
    if kind is Primitive.TIMESTAMP and "X" not in form:
        told.append("times without a zone are taken as UTC")
    return "; ".join(told)


def _order(form: str | None) -> str:
    """Which of day and month stands first, where both are numbers beside a year behind them."""
    letters = "".join(dict.fromkeys(re.sub(r"[^yMd]", "", form or "")))
    return letters if letters in ("dMy", "Mdy") and "MMM" not in (form or "") else ""


def _read(values: Sequence[str], kind: Primitive, form: str = "") -> bool:
    """Whether the lake reads all of them."""
    written = Form(pattern=form)
    try:
        for value in values:
            read_text(value, kind, written)
    except ValueError:
        return False
    return True

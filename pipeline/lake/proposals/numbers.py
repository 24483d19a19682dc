"""How numbers are written in a column of text: decimal sign, groups of thousands, currency, percent, brackets.

One value may be read in several ways (1.234 is a thousand or one and a bit); what only one reading allows is evidence,
and the evidence of all columns of a file is put together, since one program wrote them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_SIGN = (
    r"(?:[A-Z]{1,3}\$|[$€£¥₹₽₩₺₴₪฿₫₦]|(?:EUR|USD|GBP|CHF|JPY|CNY|INR|AUD|CAD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|RUB|TRY)"
    r"|kr\.?|zł|Kč|Ft|Fr\.?)"
)
_BLANK = "[ \u00a0\u202f]"
_WRITTEN = re.compile(
    rf"(?P<open>\()?(?P<minus>[-+−])?(?P<before>{_SIGN})?{_BLANK}?(?P<inner>[-+−])?"
    rf"(?P<core>[0-9.,][0-9.,'’_ \u00a0\u202f]*?)(?P<exponent>[eE][-+]?[0-9]+)?"
    rf"{_BLANK}?(?P<percent>%)?{_BLANK}?(?P<after>{_SIGN})?(?P<behind>-)?(?P<close>\))?"
)
_GROUPERS = ".,'’_ \u00a0\u202f"


@dataclass(frozen=True, slots=True)
class Written:
    """One number as it is written. `core` is its digits with the marks between them."""

    core: str
    exponent: str
    currency: str
    is_percent: bool
    is_bracketed: bool
    sign: str


def take_apart(text: str) -> Written | None:
    """The parts of a number; None for what is none, and for a minus behind it, which no option reads."""
    found = _WRITTEN.fullmatch(text.strip())
    if not found or found["behind"] or bool(found["open"]) != bool(found["close"]):
        return None
    if (found["before"] and found["after"]) or (found["minus"] and found["inner"]):
        return None
    sign = found["minus"] or found["inner"] or ""
    if sign == "−" or (sign and found["open"]):
        return None
    core = found["core"].strip()
    if not any(character.isdecimal() for character in core):
        return None
    currency = found["before"] or found["after"] or ""
    return Written(core, found["exponent"] or "", currency, bool(found["percent"]), bool(found["open"]), sign)


@dataclass(frozen=True, slots=True)
class Marks:
    """What the marks between digits show. `possible` marks group thousands, or are the decimal sign."""

    decimal: str = ""
    thousands: str = ""
    possible: str = ""
    valid: bool = True


_NO_MARKS = Marks()
_WRONG = Marks(valid=False)


def marks_of(core: str) -> Marks:
    """What the marks of one number can be: `1.234,5` shows both, `1.234` either, `1.2.3` is no number."""
    marks = [character for character in core if character in _GROUPERS]
    kinds = list(dict.fromkeys(marks))
    if not marks:
        return _NO_MARKS
    if len(kinds) > 2:
        return _WRONG
    if len(kinds) == 2:
        grouped, _, fraction = core.rpartition(kinds[1])
        fits = (
            kinds[1] in ".," and core.count(kinds[1]) == 1 and _is_grouped(grouped, kinds[0]) and fraction.isdecimal()
        )
        return Marks(kinds[1], kinds[0]) if fits else _WRONG
    mark = kinds[0]
    if len(marks) > 1:
        return Marks(thousands=mark) if _is_grouped(core, mark) else _WRONG
    whole, _, fraction = core.partition(mark)
    if mark not in ".,":
        return Marks(thousands=mark) if _is_grouped(core, mark) else _WRONG
    if _is_grouped(core, mark):
        return Marks(possible=mark)
    return Marks(decimal=mark) if whole or fraction else _WRONG


def _is_grouped(core: str, mark: str) -> bool:
    first, *groups = core.split(mark)
    if first == "0" or not (first.isdecimal() and 1 <= len(first) <= 3):
        return False
    return all(len(group) == 3 and group.isdecimal() for group in groups)


@dataclass(slots=True)
class Evidence:
    """What the numbers of a column show together. `unlike` values are no numbers at all."""

    decimals: Counter[str] = field(default_factory=Counter)
    thousands: Counter[str] = field(default_factory=Counter)
    possible: Counter[str] = field(default_factory=Counter)
    currencies: Counter[str] = field(default_factory=Counter)
    percents: int = 0
    bracketed: int = 0
    numbers: int = 0
    unlike: int = 0

    @property
    def are_numbers(self) -> bool:
        """Whether all are numbers of one kind: of one currency, and all in percent or none."""
        alike = len(self.currencies) < 2 and self.percents in (0, self.numbers)
        return self.numbers > 0 and not self.unlike and alike

    def add(self, text: str) -> None:
        """Take a value into account."""
        written = take_apart(text)
        marks = marks_of(written.core) if written else _WRONG
        if written is None or not marks.valid:
            self.unlike += 1
            return
        self.numbers += 1
        for counter, mark in ((self.decimals, marks.decimal), (self.thousands, marks.thousands)):
            if mark:
                counter[mark] += 1
        if marks.possible:
            self.possible[marks.possible] += 1
        if written.currency:
            self.currencies[written.currency] += 1
        self.percents += written.is_percent
        self.bracketed += written.is_bracketed


def evidence_of(values: Iterable[str]) -> Evidence:
    """What the values of a column show."""
    evidence = Evidence()
    for value in values:
        evidence.add(value)
    return evidence


@dataclass(frozen=True, slots=True)
class NumberForm:
    """How a file writes numbers, in the words of a definition."""

    decimal: str = "."
    thousands: str = ""
    currency: tuple[str, ...] = ()
    percent: bool = False
    negative_brackets: bool = False
    is_sure: bool = True
    """Whether anything in the file shows which mark is the decimal sign."""

    def plain(self, text: str) -> str | None:
        """The number with a point and nothing else; None where it is not written in this form."""
        written = take_apart(text)
        if written is None or (written.currency and written.currency not in self.currency):
            return None
        if (written.is_percent and not self.percent) or (written.is_bracketed and not self.negative_brackets):
            return None
        marks = marks_of(written.core)
        if not marks.valid or marks.decimal not in ("", self.decimal) or marks.thousands not in ("", self.thousands):
            return None
        if marks.possible and marks.possible not in (self.decimal, self.thousands):
            return None
        digits = written.core.replace(self.thousands, "") if self.thousands else written.core
        sign = "-" if written.is_bracketed else written.sign
        return f"{sign}{digits.replace(self.decimal, '.')}{written.exponent}"


PLAIN_NUMBERS = NumberForm()
"""How numbers are written where a dataset says nothing."""


def form_of_file(columns: Sequence[Evidence], delimiter: str) -> NumberForm:
    """The one form that most columns of a file agree with; only columns of numbers say anything.

    Without any evidence a point is the decimal sign, and a comma groups thousands where it also delimits cells: whoever
    writes it so has to quote it. In other files neither is known.
    """
    decimals: Counter[str] = Counter()
    thousands: Counter[str] = Counter()
    possible: Counter[str] = Counter()
    for column in columns:
        decimals.update(set(column.decimals))
        thousands.update(set(column.thousands))
        possible.update(set(column.possible))
    decimal, is_sure = _decimal(decimals, thousands, possible, delimiter)
    thousands.pop(decimal, None)
    group = thousands.most_common(1)[0][0] if thousands else ""
    other = "." if decimal == "," else ","
    if not group and possible[other] and (is_sure or delimiter == ","):
        group = other
    currency = tuple(sorted({sign for column in columns for sign in column.currencies}))
    return NumberForm(
        decimal,
        group,
        currency,
        any(column.percents for column in columns),
        any(column.bracketed for column in columns),
        is_sure,
    )


def _decimal(
    decimals: Counter[str], thousands: Counter[str], possible: Counter[str], delimiter: str
) -> tuple[str, bool]:
    if decimals:
        # Of as many columns for each, the point, which is what a file has that says nothing.
        return max(decimals, key=lambda mark: (decimals[mark], mark == ".")), True
    if thousands["."]:
        return ",", True
    if thousands[","]:
        return ".", True
    return ".", not possible or (delimiter == "," and not possible[","])

"""What to say of a column that stays text though its values look like something else. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from pipeline.lake.proposals.numbers import take_apart

_WITH_UNIT = re.compile(r"[-+]?[0-9][0-9.,]* ?[A-Za-zµ°/²³]{1,5}")
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")
_MINUSES = "−–"
"""U+2212, and the dash that word processors make of a hyphen."""
_PAIR = re.compile(r"([A-Za-z_][\w.-]{0,40})=")
_TWICE = "ÃÂâÐÑ"
"""How the UTF-8 of other letters begins when it is read as cp1252."""


def other_numbers(values: Sequence[str]) -> str:
    """What to say of numbers that are written as no option says; "" if they are none."""
    behind = [value for value in values if value.endswith("-") and take_apart(value.rstrip("- "))]
    if behind and all(take_apart(value.rstrip("- ")) for value in values):
        return f"{behind[0]!r} has its minus behind it, which is not read as a number: text"
    minus = [value for value in values if any(sign in value for sign in _MINUSES)]
    if minus and all(take_apart(_with_hyphen(value)) for value in values):
        return f"{minus[0]!r} has a minus sign that is no hyphen, which is not read as a number: text"
    united = [value for value in values if _WITH_UNIT.fullmatch(value)]
    if len(united) * 2 >= len(values) and all(value in united or take_apart(value) for value in values):
        return f"numbers with letters behind them, such as {united[0]!r}: text"
    if all(map(_HEXADECIMAL.fullmatch, values)):
        return "hexadecimal numbers are text"
    foreign = [value for value in values if not value.isascii() and any(map(str.isdecimal, value))]
    if foreign and all(take_apart(_in_ascii(value)) for value in values):
        return f"{foreign[0]!r} has digits of another script than 0 to 9, which are not read as a number: text"
    return ""


def odd_texts(values: Sequence[str]) -> str:
    """What to say of text that was something else before it came into the file; "" where nothing shows it."""
    for value in values:
        if repaired := _repaired(value):
            return f"{value[:40]!r} may be {repaired[:40]!r}, which somebody took for cp1252: it stays as it is"
    keys = {found[1] if (found := _PAIR.match(value)) else "" for value in values}
    if len(keys) == 1 and len(values) > 1 and (key := keys.pop()):
        return f"each value begins with '{key}=': it stays in the value"
    return ""


def _with_hyphen(value: str) -> str:
    for sign in _MINUSES:
        value = value.replace(sign, "-")
    return value


def _in_ascii(value: str) -> str:
    return "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in value)


def _repaired(value: str) -> str:
    if not any(letter in value for letter in _TWICE):
        return ""
    try:
        repaired = value.encode("cp1252").decode()
    except UnicodeError:
        return ""
    return repaired if len(repaired) < len(value) else ""

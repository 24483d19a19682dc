"""What a cell looks like at a glance: enough to tell a row of data from a header, and no type of a column yet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

NULL_WORDS = frozenset(
    (
        "\\N",
        "NULL",
        "null",
        "Null",
        "NA",
        "N/A",
        "n/a",
        "#N/A",
        "#NV",
        "NaN",
        "nan",
        "None",
        "none",
        "nil",
        "-",
        "--",
        "?",
        ".",
        "k.A.",
        "(null)",
        "n.a.",
    )
)
"""What people write for nothing."""

NOT_FINITE = frozenset({"nan", "inf", "-inf", "+inf", "infinity", "-infinity", "+infinity"})
"""Numbers that are no digits, in lower case."""

_NUMBER = re.compile(
    r"\(?[-+−]?\s?[$€£¥]?\s?[-+−]?(?:[0-9]+|[0-9]{1,3}(?:[.,' \u00a0\u202f’][0-9]{3})+)?(?:[.,][0-9]+)?"
    r"(?:[eE][-+]?[0-9]+)?\s?(?:[$€£¥%]|EUR|USD|CHF|GBP)?-?\)?"
)
_DATE = re.compile(
    r"[0-9]{1,4}[-/. ][0-9A-Za-zÀ-ž]{1,10}\.?[-/. ] ?[0-9]{1,4}"
    r"(?:[ T,]+[0-9]{1,2}:[0-9]{2}\S*(?: ?[AaPp]\.?[Mm]\.?)?(?: ?[A-Z]{1,4})?)?"
    r"|[A-Za-z]{3,9} [0-9]{1,2}, [0-9]{4}.*"
)
_KINDS = (
    ("time", re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[AaPp][Mm])?")),
    ("email", re.compile(r"[^@\s]+@[^@\s]+")),
    ("url", re.compile(r"(?:https?://|www\.)\S+")),
    ("uuid", re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-f]{32,64}")),
    ("address", re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")),
    ("json", re.compile(r"[\[{].*[\]}]", re.DOTALL)),
    ("boolean", re.compile(r"true|false", re.IGNORECASE)),
)
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"[0-9]+")


def kind_of(cell: str) -> str:
    """number, date and the like; the shape of a code with digits, such as "A-9"; "" for words; " " for nothing."""
    value = cell.strip()
    if not value or value in NULL_WORDS:
        return " "
    if any(character.isdecimal() for character in value):
        if _NUMBER.fullmatch(value):
            return "number"
        if _DATE.fullmatch(value):
            return "date"
    for name, pattern in _KINDS:
        if pattern.fullmatch(value):
            return name
    if len(value) <= 40 and any(character.isdecimal() for character in value):
        return _DIGITS.sub("9", _LETTERS.sub("A", value))
    return ""


def common_kind(cells: Iterable[str], share: float = 0.8) -> str:
    """The kind that at least `share` of the cells with something in them have; "" if there is none."""
    counts = Counter(kind for cell in cells if (kind := kind_of(cell)) != " ")
    if not counts:
        return ""
    kind, count = counts.most_common(1)[0]
    return kind if count >= share * counts.total() else ""

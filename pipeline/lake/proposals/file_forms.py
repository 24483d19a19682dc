"""What holds for all columns of a file of text: words for nothing, how numbers are written, whether spaces count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.lake.proposals.booleans import find_words
from pipeline.lake.proposals.dates import find_date_form, order_shown
from pipeline.lake.proposals.kinds import NULL_WORDS
from pipeline.lake.proposals.number_types import are_versions, is_code
from pipeline.lake.proposals.numbers import PLAIN_NUMBERS, Evidence, NumberForm, evidence_of, form_of_file

_ALWAYS_NULL = frozenset({"\\N", "NULL", "#N/A", "#NV"})
"""Words that mean nothing else, in columns of text too."""

_NOT_A_NUMBER = frozenset({"NaN", "nan"})
"""A value of a double, and no word for null by itself."""

LOOKED_AT = 10_000
"""Different values of a column from which its form is inferred; all are then read by the lake's reader."""


@dataclass(frozen=True, slots=True)
class FileForm:
    """How a file writes values. `orders` are those of day and month that some column shows."""

    null_values: tuple[str, ...] = ()
    numbers: NumberForm = PLAIN_NUMBERS
    trim: bool = False
    orders: frozenset[str] = frozenset()
    doubts: tuple[str, ...] = ()
    different: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The different values of each column, without spaces around them and words for nothing."""


def find_file_form(columns: Mapping[str, Sequence[str]], delimiter: str = ",") -> FileForm:
    """The form of a file from the different values of its columns that are text."""
    stripped = {name: _stripped(values) for name, values in columns.items()}
    words = _null_words(stripped)
    different = {name: [value for value in values if value not in words] for name, values in stripped.items()}
    counted: list[Evidence] = []
    orders: frozenset[str] = frozenset()
    for name, values in different.items():
        if (dates := find_date_form(values, name)) is not None:
            orders |= order_shown(dates)
        elif values and not find_words(values) and not is_code(name) and not are_versions(values, name):
            evidence = evidence_of(values)
            if evidence.are_numbers:
                counted.append(evidence)
    numbers = form_of_file(counted, delimiter)
    trim = _has_padding(columns)
    doubts = []
    if words:
        stand = "stands" if len(words) == 1 else "stand"
        doubts.append(f"{', '.join(sorted(words))} {stand} for nothing, in every column")
    if trim:
        doubts.append("values have spaces around them, which are taken away")
    return FileForm(tuple(sorted(words)), numbers, trim, orders, tuple(doubts), different)


def _stripped(values: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(text for value in values if (text := value.strip())))


def _null_words(columns: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Words without which a column would be numbers, dates or flags, and those that mean nothing else."""
    found: set[str] = set()
    for name, values in columns.items():
        words = {value for value in values if value in NULL_WORDS and value not in _NOT_A_NUMBER}
        found |= words & _ALWAYS_NULL
        rest = [value for value in values if value not in words]
        if words - found and rest and _is_typed(rest, name):
            found |= words
    return frozenset(found)


def _is_typed(values: Sequence[str], name: str) -> bool:
    if evidence_of(values).are_numbers:
        return True
    return find_date_form(values, name) is not None or find_words(values) is not None


def _has_padding(columns: Mapping[str, Sequence[str]]) -> bool:
    """Whether a column's values all begin with a space, or end with as many as make them alike in length."""
    return any(_is_padded([value for value in values if value.strip()]) for values in columns.values())


def _is_padded(values: Sequence[str]) -> bool:
    if not values or not any(value != value.strip() for value in values):
        return False
    if all(value[0] in " \t\u00a0" for value in values):
        return True
    ragged = {len(value.strip()) for value in values}
    return len(values) > 1 and len({len(value) for value in values}) == 1 and len(ragged) > 1

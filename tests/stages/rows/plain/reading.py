"""What raw files say, in plain Python with no code of Sluice's: one part of the oracle.

A JSON number is kept as its text (`Num`). Where a row is no row its record has no fields: then it must be quarantined.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from dataclasses import dataclass
from typing import Any

NULL = "\ue000"
"""Stands in the text of a CSV file for a cell with nothing in it, which csv.reader cannot tell from `""`."""


class Num(str):
    """A JSON number as it is written."""

    __slots__ = ()


@dataclass(frozen=True)
class Record:
    """A row of a file, by safe column names; `line` as Sluice counts."""

    line: int
    fields: dict[str, Any] | None


_LATIN = {"ö": "o", "ß": "ss", "ü": "u", "ï": "i", ".": "_"}
"""What becomes of what a column's name cannot have."""


def safe(name: str) -> str:
    """The name of a column: in Latin letters, with a mark of what it was where it had others."""
    plain = name.strip().lower()
    latin = "".join(_LATIN.get(letter, letter) for letter in plain)
    mark = f"_{hashlib.sha256(plain.encode()).hexdigest()[:6]}" if latin != plain else ""
    return re.sub("[ -]", "_", latin) + mark


def csv_records(text: str, delimiter: str) -> tuple[list[str], list[Record]]:
    """The header's safe names and the rows."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [safe(cell) for cell in next(row for row in reader if row)]
    records, before = [], reader.line_num
    for row in reader:
        if row:
            fits = len(row) == len(names) and _is_text("".join(row))
            cells = (None if cell == NULL else cell for cell in row)
            records.append(Record(before + 1, dict(zip(names, cells, strict=True)) if fits else None))
        before = reader.line_num
    return names, records


def json_records(text: str) -> list[Record]:
    """The elements of an array, or the objects of lines."""
    if text.lstrip().startswith("["):
        return [Record(number, _record(item)) for number, item in enumerate(parse_json(text), 1)]
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    return [Record(number, _record(parse_json(line))) for number, line in numbered]


class _Wrong:
    """Where JSON says something that no value is."""


_WRONG = _Wrong()


def parse_json(text: str) -> Any:
    def pairs(found: list[tuple[str, Any]]) -> Any:
        return dict(found) if len({name for name, _ in found}) == len(found) else _WRONG

    def real(token: str) -> Any:
        return _WRONG if math.isinf(float(token)) else Num(token)

    try:
        return json.loads(
            text, parse_int=Num, parse_float=real, parse_constant=lambda _: _WRONG, object_pairs_hook=pairs
        )
    except json.JSONDecodeError:
        return _WRONG


def _record(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not is_sound(value):
        return None
    return {safe(name): item for name, item in value.items()}


def is_sound(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_text(name) and is_sound(item) for name, item in value.items())
    if isinstance(value, list):
        return all(map(is_sound, value))
    return _is_text(value) if isinstance(value, str) else value is not _WRONG


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

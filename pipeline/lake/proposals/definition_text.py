"""A proposed definition as YAML, with comments that say why. What it says is what `files.parse` reads back. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.lake.datasets.dataset_names import DatasetName
from pipeline.lake.proposals.checks import Checked, Column
from pipeline.lake.proposals.keys import Key

_PLAIN_KEY = re.compile(r"[a-z_][a-z0-9_]*")
_PLAIN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_LONGEST_REMARK = 240


def write_definition(
    name: DatasetName, file: str, rows: str, checked: Checked, key: Key, partition: str | None, rules: Sequence[str]
) -> str:
    """The text of the file. `rows` says of what it was made."""
    parts = (
        *_head(name, file, rows, checked),
        *_stage_a(checked),
        *_table(key, partition),
        *_quality(key, rules),
    )
    return "\n".join(parts) + "\n"


def printable(text: str) -> str:
    """On one line of a comment."""
    return "".join(character if character.isprintable() else "?" for character in text)[:_LONGEST_REMARK]


def _head(name: DatasetName, file: str, rows: str, checked: Checked) -> Iterator[str]:
    yield "# yaml-language-server: $schema=../dataset.schema.json"
    yield f"# Proposed from {rows} of {printable(file)}. A sample proves nothing: check it."
    if checked.trial.rows_bad:
        yield f"# Left out: {checked.trial.rows_bad:,} rows that cannot be read. They would go to the quarantine."
    yield f"team: {name.team}"
    yield f"dataset: {name.dataset}"
    yield ""


def _stage_a(checked: Checked) -> Iterator[str]:
    yield "stage_a:"
    for doubt in checked.doubts:
        yield f"  # {printable(doubt)}"
    yield from (f"  {option}: {_value(value)}" for option, value in checked.options.items())
    yield "  # The contract. A file that lacks a column is refused, unless the column is optional; others are kept."
    yield "  columns:"
    yield from map(_column, checked.columns)
    yield "  on_bad_row: quarantine  # or reject_file: a bad row refuses its whole file"
    yield ""
    yield "stage_b:"
    yield "  schedule: rate(5 minutes)"
    yield ""


def _column(column: Column) -> str:
    contract = column.contract
    kind = column.type if contract.keys() == {"type"} else _mapping(contract)
    remarks = printable("; ".join((*column.doubts, *_renamed(column))))
    return f"    {_name(column.name)}: {kind}" + (f"  # {remarks}" if remarks else "")


def _renamed(column: Column) -> Iterator[str]:
    original = column.named.original.strip()
    if original and original.lower() != column.name and not isinstance(column.named.source, str):
        yield f"{original!r} in the file"


def _mapping(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_value(value)}" for key, value in values.items()) + "}"


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
    text = str(value)
    plain = _PLAIN_TEXT.fullmatch(text) and text.lower() not in _YAML_WORDS
    return text if plain else json.dumps(text, ensure_ascii=not text.isprintable())


def _name(name: str) -> str:
    """A column's name as YAML reads it back: `no` and `2024` are none without quotes."""
    return name if _PLAIN_KEY.fullmatch(name) and name not in _YAML_WORDS else f'"{name}"'


def _table(key: Key, partition: str | None) -> Iterator[str]:
    yield "table:"
    if key.is_strong and key.column:
        yield f"  # {key.column} stands once in the sample: a newer row replaces the older one of its key."
        yield "  # If rows never change, write append, leave out the key, and write scope: table below."
        yield "  write: upsert"
        yield f"  key: [{_name(key.column)}]"
    elif key.column:
        yield f"  # {key.column} stands once in this small sample. If newer rows are to replace older ones, write"
        yield f"  # upsert and key: [{_name(key.column)}]; replace, if files are sent again; else append."
        yield "  write: append"
    else:
        yield "  # No column is named as the id of the rows. To replace rows, write upsert and name a key."
        yield "  write: append"
    if partition:
        yield f"  partition_by: [{_name(partition)}]  # each day has many rows in the sample"
    yield ""


def _quality(key: Key, rules: Sequence[str]) -> Iterator[str]:
    yield "quality:"
    yield "  # Each holds for the sample. A batch that breaks one is not published; with on_failure: warn it is."
    yield "  ruleset: |"
    yield "    Rules = ["
    yield from (f"      {rule}," for rule in rules[:-1])
    yield f"      {rules[-1]}"
    yield "    ]"
    if key.is_strong:
        yield "  # IsUnique sees the batch's own rows; upsert leaves one of each key in the table. Without upsert write"
        yield "  # table: that finds what an earlier batch loaded, and reads the whole table at each batch."
        yield "  scope: batch"
    yield "  on_failure: block"

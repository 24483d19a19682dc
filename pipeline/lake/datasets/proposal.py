"""Proposes a dataset definition from a sample: types, optional columns, a likely key, rules that hold. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from pipeline.lake.datasets.dataset_names import DatasetName
from pipeline.lake.datasets.files import parse, path_of
from pipeline.lake.datasets.inference import has_leading_zeros, infer, lacks_zone
from pipeline.lake.datasets.model import Dataset
from pipeline.lake.datasets.samples import Sample, SampleColumn
from pipeline.lake.datasets.types import Array, Map, Primitive, Struct, Type

FEW_VALUES = 8
"""A column of more different values than this gets no list of them."""

COMPLETE_RULES = 10
KEY_COLUMNS = 3
KEY_CANDIDATES = 8

_ID_NAME = re.compile(r"(^|_)(id|ids|key|uuid|guid|code|number|no|nr|sku|ean|isbn)$")
_PLAIN_KEY = re.compile(r"[a-z_][a-z0-9_]*")
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_LISTABLE = re.compile(r"[^\"'\\\x00-\x1f]{1,40}")


@dataclass(frozen=True, slots=True)
class Inferred:
    """What was made of a column of the sample: its type as it is written, and what is to be doubted about it."""

    name: str
    type: str
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A definition as text, with comments that say why, as what it defines, and what was inferred for it."""

    text: str
    dataset: Dataset
    columns: tuple[Inferred, ...] = ()
    read: str = ""
    """What was read of the sample, and how."""
    key: str = ""
    """Which key was found, and what says so."""


def propose(sample: Sample, name: DatasetName) -> Proposal:
    """Propose the definition of `name`; the sample itself satisfies it, but for its rows that cannot be read."""
    columns = [_Column(column, sample) for column in sample.columns]
    key = _key(columns, sample.rows)
    text = "\n".join((*_head(sample, name), *_stage_a(sample, columns), *_table(columns, key), *_quality(columns, key)))
    dataset = parse(f"{text}\n".encode(), path_of(name).as_posix()).dataset
    inferred = tuple(
        Inferred(column.name, column.written, _printable("; ".join(column.doubts()))) for column in columns
    )
    return Proposal(f"{text}\n", dataset, inferred, _read(sample), _key_told(key, sample))


class _Column:
    """A column of the sample and what is seen of it."""

    def __init__(self, column: SampleColumn, sample: Sample) -> None:
        self.name = column.name
        self.original = column.original
        self.rows = sample.rows
        self.absent = column.absent
        self.text = sample.format == "csv"
        self._values = column.values

    @cached_property
    def given(self) -> list[object]:
        return [value for value in self._values if value is not None]

    @cached_property
    def type(self) -> Type:
        return infer(self._values, text=self.text, name=self.name)

    @property
    def is_complete(self) -> bool:
        return len(self.given) == self.rows

    @property
    def is_nested(self) -> bool:
        return isinstance(self.type, Array | Map | Struct)

    @cached_property
    def distinct(self) -> set[str]:
        return {str(value) for value in self.given}

    @property
    def may_be_key(self) -> bool:
        """Complete, of a type that identifies, and named as what does."""
        identifies = self.type in (Primitive.BIGINT, Primitive.DATE) or self.is_text
        return identifies and self.is_complete and bool(_ID_NAME.search(self.name))

    @cached_property
    def is_text(self) -> bool:
        """A string by nature, and not because nothing else holds its values."""
        return self.type is Primitive.STRING and all(type(value) is str for value in self.given)

    @property
    def values(self) -> tuple[object, ...]:
        return self._values

    def remarks(self) -> Iterator[str]:
        if self.absent:
            yield f"in {self.rows - self.absent:,} of {self.rows:,} records"
        if not self.given:
            yield "always empty in the sample"
        elif self.text and self.type is Primitive.STRING and has_leading_zeros(self._values):
            yield "a string, so that leading zeros stay"
        elif self.type is Primitive.TIMESTAMP and lacks_zone(self._values):
            yield "times without a zone are taken as UTC"
        if self.original.strip().lower() != self.name:
            yield f"{self.original.strip()!r} in the file"

    def doubts(self) -> Iterator[str]:
        """The remarks, and how much less than all rows the type was taken from."""
        yield from self.remarks()
        if 0 < len(self.given) < self.rows - self.absent:
            yield f"{self.rows - self.absent - len(self.given):,} of {self.rows:,} rows have no value"
        if self.given and len(self.distinct) == 1 and self.rows > 1:
            yield "one value in all rows that have any"

    @property
    def written(self) -> str:
        return f"{self.type}, optional" if self.absent else str(self.type)


def _head(sample: Sample, name: DatasetName) -> Iterator[str]:
    part = "" if sample.whole else "the first "
    yield "# yaml-language-server: $schema=../dataset.schema.json"
    yield f"# Proposed from {part}{sample.rows:,} rows of {_printable(sample.file)}. A sample proves nothing: check it."
    if sample.skipped:
        yield f"# Left out: {sample.skipped:,} rows that cannot be read. They would go to the quarantine."
    yield f"team: {name.team}"
    yield f"dataset: {name.dataset}"
    yield ""


def _read(sample: Sample) -> str:
    how = "" if sample.format != "csv" else " cut by " + {"\t": "tabs"}.get(sample.delimiter, repr(sample.delimiter))
    part = "all" if sample.whole else "the first"
    left = f"; {sample.skipped:,} could not be read, and would go to the quarantine" if sample.skipped else ""
    return f"{sample.format}{how}, from {part} {sample.rows:,} rows{left}"


def _key_told(key: tuple[str, ...], sample: Sample) -> str:
    if not key:
        return "none: no column that looks like an id stands once in the sample; rows are appended"
    once = "stands" if len(key) == 1 else "together stand"
    return f"{', '.join(key)}: {once} once in the {sample.rows:,} rows of the sample, which proves nothing"


def _stage_a(sample: Sample, columns: list[_Column]) -> Iterator[str]:
    yield "stage_a:"
    yield f"  format: {sample.format}"
    if sample.delimiter != ",":
        yield '  delimiter: "\\t"' if sample.delimiter == "\t" else f'  delimiter: "{sample.delimiter}"'
    yield "  # The contract. A file that lacks a column is refused, unless the column is optional; others are kept."
    yield "  columns:"
    for column in columns:
        kind = _optional(column.type) if column.absent else str(column.type)
        remarks = _printable("; ".join(column.remarks()))
        yield f"    {_yaml(column.name)}: {kind}" + (f"  # {remarks}" if remarks else "")
    yield "  on_bad_row: quarantine  # or reject_file: a bad row refuses its whole file"
    yield ""
    yield "stage_b:"
    yield "  schedule: rate(5 minutes)"
    yield ""


def _yaml(name: str) -> str:
    """A column's name as YAML reads it back: `no` and `2024` are none without quotes."""
    return name if _PLAIN_KEY.fullmatch(name) and name not in _YAML_WORDS else f'"{name}"'


def _optional(kind: Type) -> str:
    text = str(kind)
    # A comma would end the value in a mapping on one line.
    return f"{{type: {text if text.isalpha() else json.dumps(text)}, optional: true}}"


def _printable(text: str) -> str:
    """On one line of a comment."""
    return "".join(character if character.isprintable() else "?" for character in text)[:200]


def _key(columns: list[_Column], rows: int) -> tuple[str, ...]:
    """The first column, else the fewest, whose values together stand once. One row shows nothing."""
    if rows < 2:
        return ()
    candidates = [column for column in columns if column.may_be_key][:KEY_CANDIDATES]
    for size in range(1, KEY_COLUMNS + 1):
        for chosen in combinations(candidates, size):
            if len(set(zip(*(column.values for column in chosen), strict=True))) == rows:
                return tuple(column.name for column in chosen)
    return ()


def _table(columns: list[_Column], key: tuple[str, ...]) -> Iterator[str]:
    yield "table:"
    if key:
        named = f"{key[0]} stands" if len(key) == 1 else f"{' and '.join(key)} together stand"
        yield f"  # {named} once in the sample: a newer row replaces the older one of its key."
        yield "  # If rows never change, write append, leave out the key, and write scope: table below."
        yield "  write: upsert"
        yield f"  key: [{', '.join(map(_yaml, key))}]"
    else:
        yield "  # No column that looks like an id identifies the rows. To replace rows, write upsert and name a key."
        yield "  write: append"
    yield ""


def _quality(columns: list[_Column], key: tuple[str, ...]) -> Iterator[str]:
    yield "quality:"
    yield "  # Each holds for the sample. A batch that breaks one is not published; with on_failure: warn it is."
    yield "  ruleset: |"
    yield "    Rules = ["
    rules = list(_rules(columns, key))
    yield from (f"      {rule}," for rule in rules[:-1])
    yield f"      {rules[-1]}"
    yield "    ]"
    if len(key) == 1:
        yield "  # IsUnique sees the batch's own rows; upsert leaves one of each key in the table. Without upsert write"
        yield "  # table: that finds what an earlier batch loaded, and reads the whole table at each batch."
        yield "  scope: batch"
    yield "  on_failure: block"


def _rules(columns: list[_Column], key: tuple[str, ...]) -> Iterator[str]:
    yield "RowCount > 0"
    scalar = [column for column in columns if column.is_complete and not column.is_nested]
    first = sorted(scalar, key=lambda column: column.name not in key)
    yield from (f'IsComplete "{column.name}"' for column in first[:COMPLETE_RULES])
    if len(key) == 1:
        yield f'IsUnique "{key[0]}"'
    for column in scalar:
        few = len(column.distinct) <= FEW_VALUES and len(column.distinct) * 5 <= column.rows
        listable = all(_LISTABLE.fullmatch(value) for value in column.distinct)
        names = column.name in key or _ID_NAME.search(column.name)
        if column.is_text and not names and few and listable:
            values = ", ".join(f'"{value}"' for value in sorted(column.distinct))
            yield f'ColumnValues "{column.name}" in [{values}]'

"""Reads a sample file of a dataset into columns of values, for a proposal. What Stage A reads is the readers' business.

Only the start of a large file is read. Text stays text and JSON numbers stay as they were written: what they could be
is the question of `inference`.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pipeline.core.errors import BadInput
from pipeline.lake.datasets.names import safe_name

LIMIT = 32 * 1024 * 1024
"""Bytes of text that a sample is read to. A JSON array has to be whole, so a longer one is refused."""

Format = Literal["csv", "json", "jsonl"]

_DELIMITERS = (",", ";", "\t", "|")
_SNIFFED_ROWS = 50
_GZIP_MAGIC = b"\x1f\x8b"
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_FORMATS: Mapping[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SampleColumn:
    """A column under its safe name and as the file calls it. `values` has None for null; `absent` rows lack it."""

    name: str
    original: str
    values: tuple[Any, ...]
    absent: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A file's beginning. `whole`: there was no more of it. `skipped` rows could not be read."""

    file: str
    format: Format
    delimiter: str
    rows: int
    columns: tuple[SampleColumn, ...]
    skipped: int
    whole: bool


def read_sample(path: Path) -> Sample:
    """Read the beginning of a CSV, JSON or JSON lines file, plain or gzip; `BadInput` says why it is none."""
    text, whole = _text(path)
    if not text.strip():
        raise BadInput(f"{path} is empty", hint="A sample needs at least one row.")
    kind = _format(path, text)
    if kind == "csv":
        sample = _read_csv(path, text, whole)
    else:
        records, skipped = _array(path, text, whole) if kind == "json" else _lines(text)
        if not records:
            raise BadInput(f"{path} holds no JSON objects", hint="Each record must be an object of named values.")
        sample = Sample(path.name, kind, ",", len(records), _columns_of(path, records), skipped, whole)
    if not sample.rows:
        raise BadInput(f"{path} has no rows that can be read", hint="A sample needs at least one row.")
    return sample


def _text(path: Path) -> tuple[str, bool]:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP_MAGIC
        with gzip.open(path, "rb") if packed else path.open("rb") as source:
            data = source.read(LIMIT + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(f"{path} is no whole gzip file: {error}") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    whole = len(data) <= LIMIT
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    try:
        # The cut may go through a character.
        text = codecs.getincrementaldecoder(encoding)().decode(data, whole).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not {encoding}: {error.reason} at byte {error.start}") from error
    return (text, True) if whole else (text[: text.rfind("\n") + 1], False)


def _format(path: Path, text: str) -> Format:
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    start = text.lstrip()[:1]
    if suffix in _FORMATS:
        return _FORMATS[suffix]
    if start == "[":
        return "json"
    if start == "{":
        return "jsonl"
    if suffix == ".json":
        raise BadInput(f"{path} is no JSON of records: it starts with {start!r}")
    return "csv"


def _read_csv(path: Path, text: str, whole: bool) -> Sample:
    import pyarrow as pa
    import pyarrow.csv

    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = next((row for row in reader if row), [])
    except csv.Error as error:
        raise BadInput(f"{path}: the header is no CSV: {error}") from error
    names = _safe_names(path, header)
    skipped: list[int] = []

    def skip(row: Any) -> str:
        skipped.append(1)
        return "skip"

    try:
        table = pa.csv.read_csv(
            pa.BufferReader(text.encode()),
            read_options=pa.csv.ReadOptions(use_threads=False, column_names=names, skip_rows=reader.line_num),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
            # As in Stage A: nothing without quotes is null, "" is an empty string.
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise BadInput(f"{path} is no CSV with delimiter {delimiter!r}: {error}") from error
    columns = (
        SampleColumn(name, original, tuple(table.column(name).to_pylist()), 0)
        for name, original in zip(names, header, strict=True)
    )
    return Sample(path.name, "csv", delimiter, table.num_rows, tuple(columns), len(skipped), whole)


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first rows into the most cells, as many in each."""

    def cells(delimiter: str) -> int:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            widths = [len(row) for row in islice(reader, _SNIFFED_ROWS) if row]
        except csv.Error:
            return 0
        agreeing = sum(width == widths[0] for width in widths)
        return widths[0] if widths and agreeing * 2 > len(widths) else 0

    return max(_DELIMITERS, key=cells)


def _safe_names(path: Path, names: Iterable[str]) -> list[str]:
    taken: dict[str, str] = {}
    for name in names:
        safe = safe_name(name)
        if not safe:
            raise BadInput(f"{path}: a column has an empty name", hint="Give every column a name.")
        if safe in taken:
            raise BadInput(f"{path}: columns {taken[safe]!r} and {name!r} are both named {safe!r}")
        taken[safe] = name
    return list(taken)


_load = json.JSONDecoder(parse_float=Number, parse_int=Number).decode


def _array(path: Path, text: str, whole: bool) -> tuple[list[dict[str, Any]], int]:
    if not whole:
        raise BadInput(
            f"{path} is longer than {LIMIT >> 20} MB", hint="Cut a smaller array from it, or use JSON lines."
        )
    try:
        items = _load(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: {error}") from error
    records = [item for item in items if isinstance(item, dict)]
    return records, len(items) - len(records)


def _lines(text: str) -> tuple[list[dict[str, Any]], int]:
    records: list[dict[str, Any]] = []
    skipped = 0
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            item = _load(line)
        except (ValueError, RecursionError):
            item = None
        if isinstance(item, dict):
            records.append(item)
        else:
            skipped += 1
    return records, skipped


def _columns_of(path: Path, records: list[dict[str, Any]]) -> tuple[SampleColumn, ...]:
    originals = list(dict.fromkeys(name for record in records for name in record))
    names = _safe_names(path, originals)
    return tuple(
        SampleColumn(
            name,
            original,
            tuple(record.get(original) for record in records),
            sum(original not in record for record in records),
        )
        for name, original in zip(names, originals, strict=True)
    )

"""Every cell of an accepted file is in the staged file, in `_rescued`, or in the bad rows with its line: counted."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import fastavro
import openpyxl
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.types import Primitive, parse_type
from pipeline.lake.files.forms import form_of
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.values import read_text
from tests.examples import examples
from tests.lake.files.conftest import TINY, read

Cell = str | None
Row = list[Cell]
WIDTH = 14


@dataclass(frozen=True)
class Sample:
    """A table of text as somebody has it, and what the dataset says of it."""

    names: list[str]
    rows: list[Row]
    contract: dict[str, Column]
    options: dict[str, str]


@dataclass(frozen=True)
class File:
    """The same as bytes. `lines` are the rows' places, `quoted` how a cell stands in its row."""

    data: bytes
    lines: list[int]
    settings: Mapping[str, Any]
    quoted: Callable[[str], list[str]]


def _delimited(delimiter: str) -> Callable[[Sample], File]:
    def write(sample: Sample) -> File:
        out, lines = StringIO(), []
        csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(sample.names)
        for row in sample.rows:
            lines.append(out.getvalue().count("\n") + 1)
            out.write(delimiter.join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in row))
            out.write("\n")
        return File(out.getvalue().encode(), lines, {}, lambda cell: [cell.replace('"', '""')])

    return write


def _fixed(sample: Sample) -> File:
    lines = ["".join((cell or "").ljust(WIDTH) for cell in row) for row in (sample.names, *sample.rows)]
    places = [place for place, line in enumerate(lines[1:], 2) if line.strip()]
    return File("\n".join(lines).encode(), places, {"widths": [WIDTH] * len(sample.names)}, lambda cell: [cell])


def _as_json(cell: str) -> list[str]:
    return [json.dumps(cell, ensure_ascii=ascii)[1:-1] for ascii in (True, False)]


def _objects(sample: Sample) -> list[dict[str, Cell]]:
    return [dict(zip(sample.names, row, strict=True)) for row in sample.rows]


def _numbered(sample: Sample, data: bytes, **said: Any) -> File:
    return File(data, list(range(1, len(sample.rows) + 1)), said, _as_json)


def _json(sample: Sample) -> File:
    return _numbered(sample, json.dumps(_objects(sample), indent=1).encode())


def _jsonl(sample: Sample) -> File:
    return _numbered(sample, "\n".join(json.dumps(each, ensure_ascii=False) for each in _objects(sample)).encode())


def _table(sample: Sample) -> pa.Table:
    return pa.Table.from_pylist(_objects(sample), pa.schema({name: pa.string() for name in sample.names}))


def _parquet(sample: Sample) -> File:
    out = BytesIO()
    pq.write_table(_table(sample), out)
    return _numbered(sample, out.getvalue())


def _orc(sample: Sample) -> File:
    out = BytesIO()
    pyarrow.orc.write_table(_table(sample), out)
    return _numbered(sample, out.getvalue())


def _avro(sample: Sample) -> File:
    fields = [{"name": name, "type": ["null", "string"]} for name in sample.names]
    out = BytesIO()
    fastavro.writer(out, {"type": "record", "name": "row", "fields": fields}, _objects(sample))
    return _numbered(sample, out.getvalue())


def _xml(sample: Sample) -> File:
    rows = (
        "".join(f"<{name}/>" if cell is None else f"<{name}>{escape(cell)}</{name}>" for name, cell in each.items())
        for each in _objects(sample)
    )
    text = "<all>" + "\n".join(f"<row>{row}</row>" for row in rows) + "</all>"
    return _numbered(sample, text.encode(), records="row")


def _xlsx(sample: Sample) -> File:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(sample.names)
    # Text that looks like a number stays text.
    for place, row in enumerate(sample.rows, 2):
        for column, cell in enumerate(row, 1):
            if cell is not None:
                target = sheet.cell(place, column)
                target.value, target.data_type = cell, "s"
    out = BytesIO()
    book.save(out)
    places = [place for place, row in enumerate(sample.rows, 2) if any(cell is not None for cell in row)]
    return File(out.getvalue(), places, {}, _as_json)


WRITERS: dict[str, Callable[[Sample], File]] = {
    "csv": _delimited(","),
    "tsv": _delimited("\t"),
    "fixed": _fixed,
    "json": _json,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "orc": _orc,
    "avro": _avro,
    "xml": _xml,
    "xlsx": _xlsx,
}
PLAIN_TEXT = ("fixed", "xml", "xlsx")
"""Formats in which a text has no spaces or line ends around it, and nothing is null."""

names = st.sampled_from([["id", "name"], ["id", "New_Col", "x"], ["a", "b", "c", "d"]])
simple = st.text(st.sampled_from("abzß 1.-"), min_size=1, max_size=8).map(str.strip).filter(bool)
wild = st.text(st.sampled_from('ab",;\n\t\\ é1€<&'), max_size=8)
typed = st.sampled_from(["1", "-7", "1.50", "0042", "2026-02-28", "2026-02-30", "NaN", "x", "9" * 12, "12,5"])


@st.composite
def samples(draw: st.DrawFn, format: str) -> Sample:
    columns = draw(names)
    text = simple if format in PLAIN_TEXT else simple | wild
    cells = st.lists(st.none() | typed | text, min_size=len(columns), max_size=len(columns))
    # A row of nothing is no row, or one of those that are put aside: it has no cell to lose.
    rows = draw(st.lists(cells.filter(lambda row: any(row)), min_size=1, max_size=8))
    kinds = st.sampled_from(["int", "bigint", "decimal(5,2)", "date", "string", "double"])
    declared = draw(st.lists(st.sampled_from(columns), min_size=1, unique=True))
    contract = {
        name.lower(): Column.model_validate({"type": draw(kinds), "required": draw(st.booleans())}) for name in declared
    }
    options = {
        "on_bad_value": draw(st.sampled_from(["quarantine", "rescue"])),
        "on_new_column": draw(st.sampled_from(["add", "rescue"])),
    }
    return Sample(columns, rows, contract, options)


def missing(sample: Sample, file: File, format: str, limits: Limits) -> list[str]:
    """The cells that are nowhere, and what is there that no cell says."""
    said = {**file.settings, **sample.options}
    with tempfile.TemporaryDirectory() as folder:
        found = read(Path(folder), file.data, format, sample.contract, limits=limits, **said)
    staged = dict(zip(found.positions, found.rows, strict=True))
    bad = {each["line"]: each["raw"] for each in found.bad}
    assert sorted([*staged, *bad]) == file.lines
    assert found.conversion.rows_in == len(file.lines)
    definition = StageA.model_validate({"format": format, "columns": sample.contract, **said})
    lost = []
    for line, row in zip(file.lines, sample.rows, strict=True):
        for name, cell in zip(sample.names, row, strict=True):
            if line in bad:
                there = cell is None or any(text in bad[line] for text in file.quoted(cell))
            else:
                there = _is_there(staged[line], name, cell, definition)
            if not there:
                lost.append(f"{cell!r} of {name} in row {line}")
    return lost


def _is_there(row: Mapping[str, Any], name: str, cell: Cell, definition: StageA) -> bool:
    rescued = json.loads(row.get("_rescued") or "{}")
    column = definition.columns.get(name.lower())
    if column is None and definition.on_new_column == "rescue":
        return name.lower() not in row and rescued.get(name) == cell
    value = row[name.lower()]
    if cell is None:
        return value is None
    kind = parse_type(column.type) if column else Primitive.STRING
    try:
        expected = read_text(cell, kind, form_of(definition, column))
    except ValueError:
        return value is None and rescued.get(name.lower()) == cell
    return bool(value == expected)


@pytest.mark.thorough
@pytest.mark.parametrize("format", WRITERS)
@given(data=st.data())
@settings(max_examples=examples(40), deadline=None)
def test_every_cell_is_somewhere(format: str, data: st.DataObject) -> None:
    sample = data.draw(samples(format))
    limits = data.draw(st.sampled_from([TINY, Limits()]))
    assert missing(sample, WRITERS[format](sample), format, limits) == []

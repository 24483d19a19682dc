"""The same rows in every format: what the conformance suite reads, written by hand or by other libraries."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import fastavro
import netCDF4
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import xlsxwriter
from lxml import etree

Rows = Sequence[tuple[str, str]]
NAMES = ("id", "Name")


@dataclass(frozen=True)
class Format:
    """Two columns of text, `id` and `Name`; `first` is the position of the first row, `options` the dataset's."""

    name: str
    first: int
    write: Callable[[tuple[str, str], Rows], bytes]
    options: Mapping[str, Any] = field(default_factory=dict)

    def data(self, *rows: tuple[str, str], names: tuple[str, str] = NAMES) -> bytes:
        return self.write(names, rows)

    def text(self, *rows: tuple[str, str]) -> str:
        return self.data(*rows).decode()


def text_format(
    name: str, head: str, row: str, separator: str, tail: str, first: int, options: Mapping[str, Any] | None = None
) -> Format:
    """`head` and `row` have the names of the columns in them, `row` a %s for each value."""

    def write(names: tuple[str, str], rows: Rows) -> bytes:
        head_, row_ = (each.replace("id", names[0]).replace("Name", names[1]) for each in (head, row))
        return (head_ + separator.join(row_ % each for each in rows) + tail).encode()

    return Format(name, first, write, options or {})


def _table(names: tuple[str, str], rows: Rows) -> pa.Table:
    return pa.Table.from_arrays([pa.array([row[place] for row in rows], pa.string()) for place in (0, 1)], names=names)


def _parquet(names: tuple[str, str], rows: Rows) -> bytes:
    file = io.BytesIO()
    pq.write_table(_table(names, rows), file)
    return file.getvalue()


def _orc(names: tuple[str, str], rows: Rows) -> bytes:
    file = io.BytesIO()
    orc.write_table(_table(names, rows), file)
    return file.getvalue()


def _fixed(names: tuple[str, str], rows: Rows) -> bytes:
    return b"".join(f"{one:>120}{other}\n".encode() for one, other in [names, *rows])


def _avro(names: tuple[str, str], rows: Rows) -> bytes:
    fields = [{"name": name, "type": ["null", "string"]} for name in names]
    file = io.BytesIO()
    records = [dict(zip(names, row, strict=True)) for row in rows]
    fastavro.writer(file, {"type": "record", "name": "Row", "fields": fields}, records, sync_interval=40)
    return file.getvalue()


def _xlsx(names: tuple[str, str], rows: Rows) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_numbers": False})
    sheet = book.add_worksheet()
    for place, row in enumerate([names, *rows]):
        sheet.write_string(place, 0, row[0])
        sheet.write_string(place, 1, row[1])
    book.close()
    return file.getvalue()


def _netcdf(names: tuple[str, str], rows: Rows) -> bytes:
    file = netCDF4.Dataset("rows.nc", "w", memory=1024)
    file.createDimension("row", len(rows))
    for place, name in enumerate(names):
        variable = file.createVariable(name, str, ("row",))
        for number, row in enumerate(rows):
            variable[number] = row[place]
    return bytes(file.close())


def _xml(names: tuple[str, str], rows: Rows) -> bytes:
    root = etree.Element("rows")
    for row in rows:
        element = etree.SubElement(root, "row")
        for name, value in zip(names, row, strict=True):
            etree.SubElement(element, name).text = value
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True))


TEXTS = [
    text_format("csv", "id,Name\n", "%s,%s", "\n", "\n", 2),
    text_format("tsv", "id\tName\n", "%s\t%s", "\n", "\n", 2),
    Format("fixed", 2, _fixed, {"widths": [120, 20_000_000]}),
    text_format("jsonl", "", '{"id":"%s","Name":"%s"}', "\n", "\n", 1),
    text_format("json", "[", '{"id":"%s","Name":"%s"}', ",\n ", "]", 1),
]
"""Formats in any encoding, whose rows stand by themselves."""

OTHERS = [
    Format("parquet", 1, _parquet),
    Format("avro", 1, _avro),
    Format("orc", 1, _orc),
    Format("netcdf", 1, _netcdf),
    Format("xlsx", 2, _xlsx),
    Format("xml", 1, _xml, {"records": "row"}),
]
FORMATS = [*TEXTS, *OTHERS]

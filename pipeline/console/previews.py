"""Previews: the first lines of a text, or columns and first rows of a Parquet file. Reads a bounded part."""

from __future__ import annotations

import codecs
import json
import zlib
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.console.stored import Blocks, OverBudget, beginning
from pipeline.core.objects import ObjectVersion
from pipeline.operate.query import plain

TEXT_BYTES = 16 * 1024
LINES = 20
CHARACTERS = 300
ROWS = 10
ROW_COLUMNS = 12
COLUMNS = 100
_PARQUET = b"PAR1"
_GZIP = b"\x1f\x8b"
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True, slots=True)
class Preview:
    """`lines` of a text, or `columns` (name and type) and `rows` of a table; `note` says what is left out, and why."""

    lines: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the object's page has it."""
        return asdict(self)


def preview(obj: ObjectVersion, size: int) -> Preview:
    """The preview of an object of `size` bytes, by its content and not by its name."""
    first = beginning(obj, TEXT_BYTES) if size else b""
    if not first:
        return Preview(note="It is empty.")
    if first.startswith(_PARQUET):
        return _table(obj, size)
    note = None
    if first.startswith(_GZIP):
        first, note = _unpacked(first, whole=size <= TEXT_BYTES)
    return text(first, cut=size > TEXT_BYTES or (note is None and len(first) == TEXT_BYTES), note=note)


def _unpacked(first: bytes, *, whole: bool) -> tuple[bytes, str | None]:
    """The beginning of gzip data, unpacked, and what is wrong with it; `whole`: these are all its bytes."""
    decompressor = zlib.decompressobj(31)
    try:
        unpacked = decompressor.decompress(first, TEXT_BYTES)
    except zlib.error as error:
        return b"", f"Its gzip data is broken: {error}."
    early = whole and not decompressor.eof and len(unpacked) < TEXT_BYTES
    return unpacked, "Its gzip data ends early: the file is not whole." if early else None


def text(first: bytes, *, cut: bool, note: str | None = None) -> Preview:
    """The first lines of bytes that may not be text; `cut`: more follows."""
    encoding = next((name for mark, name in _UTF_16.items() if first.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig" and b"\0" in first:
        return Preview(note="It is not text.")
    lines = first.decode(encoding, "replace").splitlines()
    if cut and len(lines) <= LINES:
        # The last line may be incomplete.
        lines = lines[:-1] or lines
    shown = tuple(line if len(line) <= CHARACTERS else f"{line[:CHARACTERS]}…" for line in lines[:LINES])
    more = "More follows." if cut or len(lines) > LINES else None
    return Preview(lines=shown, note=note or more or (None if shown else "It has no readable text."))


def _table(obj: ObjectVersion, size: int) -> Preview:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: tuple[tuple[str, str], ...] = ()
    try:
        file = pq.ParquetFile(pa.PythonFile(Blocks(obj, size), mode="r"), buffer_size=64 * 1024, pre_buffer=False)
        schema = file.schema_arrow
        columns = tuple((field.name, str(field.type)[:CHARACTERS]) for field in list(schema)[:COLUMNS])
        shown = [name for name, _ in columns][:ROW_COLUMNS]
        batch = next(file.iter_batches(batch_size=ROWS, columns=shown), None)
    except OverBudget:
        return Preview(columns=columns, note="Its rows are too wide to be shown here: download it.")
    except (pa.ArrowException, OSError, ValueError) as error:
        return Preview(columns=columns, note=f"It cannot be read as Parquet: {error}"[:CHARACTERS])
    rows = batch.to_pylist() if batch else []
    note = f"{file.metadata.num_rows:,} rows, {len(schema):,} columns."
    cells = tuple(tuple(_cell(row.get(name)) for name in shown) for row in rows)
    return Preview(columns=columns, rows=cells, note=note)


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    simple = plain(value)
    written = simple if isinstance(simple, str) else json.dumps(simple, ensure_ascii=False)
    return written if len(written) <= CHARACTERS else f"{written[:CHARACTERS]}…"

"""What is in a sample file: how it is packed and which format its bytes are, whatever its name says."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import BinaryIO

from pipeline.core.errors import BadInput, BadObject
from pipeline.lake.datasets.raw_files import BINARY
from pipeline.lake.files.compression import COMPRESSIONS, MAGIC_BYTES, compression_of
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.signatures import signature_of
from pipeline.lake.files.source import Source

LIMIT = 32 * 1024 * 1024
"""Bytes that a sample is read to. A JSON document has to be whole, so a longer one is refused."""

_NAMED: Mapping[str, str] = {
    ".csv": "text",
    ".tsv": "text",
    ".tab": "text",
    ".psv": "text",
    ".txt": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".geojson": "json",
    ".xml": "xml",
}


_SQL = re.compile(
    rb"(?i)\A(?:\xef\xbb\xbf)?(?:\s|--[^\n]*\n|/\*.*?\*/;?|(?:SET|USE|BEGIN|START TRANSACTION|DROP TABLE)\b[^;\n]*;)*"
    rb"(?:INSERT\s+INTO\s+\S+\s*(?:\(|VALUES\b)|CREATE\s+(?:TEMPORARY\s+)?TABLE\s)",
    re.DOTALL,
)
"""A dump of a database begins so, behind comments and settings."""

_SQL_STARTS_WITHIN = 16 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """The beginning of a file, unpacked. `whole`: there is no more of it. `packed` says how it was packed, if it was.

    `kind` is a binary format, or text, json, jsonl or xml.
    """

    path: Path
    data: bytes
    whole: bool
    packed: str
    kind: str

    @property
    def name(self) -> str:
        """The file's name without that of its packing."""
        return _unpacked(self.path.name)

    @contextmanager
    def opened(self) -> Iterator[tuple[BinaryIO, str]]:
        """The bytes as Stage A gets them, or their beginning, with the name of the file."""
        if self.whole or self.kind in (*BINARY, "xlsx"):
            with self.path.open("rb") as file:
                yield file, self.path.name
        else:
            yield io.BytesIO(self.data), self.name


def read_content(path: Path) -> Content:
    """Read a sample; BadInput for what is none, and where its name and its bytes contradict each other."""
    try:
        with path.open("rb") as file:
            start = file.read(64)
            if not start:
                raise BadInput(f"{path} is empty", hint="A sample needs at least one row.")
            file.seek(0)
            if is_workbook(file, start):
                return Content(path, b"", True, "", "xlsx")
            file.seek(0)
            source = Source(file, path.name, Limits())
            data = _read(source)
    except BadObject as error:
        raise BadInput(f"{path}: {error.message}", hint=error.hint) from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    whole = len(data) <= LIMIT
    found = compression_of(start[:MAGIC_BYTES])
    packed = found.name if found else ""
    kind = _kind(path, data)
    if kind in ("text", "jsonl") and not whole:
        data = data[: data.rfind(b"\n") + 1] or data
    return Content(path, data, whole, packed, kind)


def is_workbook(file: BinaryIO, start: bytes) -> bool:
    """Whether a ZIP archive is an Excel workbook."""
    if not start.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def _read(source: Source) -> bytes:
    parts, have = [], 0
    while have <= LIMIT and (data := source.read(1024 * 1024)):
        parts.append(data)
        have += len(data)
    return b"".join(parts)


def _kind(path: Path, data: bytes) -> str:
    if found := signature_of(data[:MAGIC_BYTES]):
        if found.format is None:
            raise BadInput(f"{path} is {found.what}", hint=found.hint)
        return found.format
    named = _NAMED.get(PurePath(_unpacked(path.name)).suffix)
    start = data.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00")[:200].replace(b"\x00", b"")
    if start.lower().startswith((b"<!doctype html", b"<html", b"<table")):
        raise BadInput(f"{path} is an HTML page", hint="Look at it: it may be a server's error in place of the file.")
    if _SQL.match(data[:_SQL_STARTS_WITHIN]):
        raise BadInput(f"{path} holds SQL statements", hint="Export the table as CSV, JSON or Parquet.")
    if start[:5] == b"<?xml" or (named == "xml" and start[:1] == b"<"):
        return "xml"
    return _json_kind(path, named, start[:1].decode(errors="replace"))


def _json_kind(path: Path, named: str | None, start: str) -> str:
    """Of what is no other format: json or jsonl by how it starts, else text."""
    if start in ("[", "{") and named != "text":
        return "jsonl" if named == "jsonl" and start == "{" else "json"
    if named == "json":
        raise BadInput(f"{path} is no JSON of records: it starts with {start!r}")
    return "jsonl" if named == "jsonl" else "text"


def _unpacked(name: str) -> str:
    name = name.lower()
    for suffix in (suffix for each in COMPRESSIONS for suffix in each.suffixes):
        name = name.removesuffix(suffix)
    return name

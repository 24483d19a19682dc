"""The parts of an Excel workbook: its sheets, shared texts and formats, and the cells of a sheet as they are stored."""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import IO, Any

from pipeline.core.errors import BadObject
from pipeline.lake.files.compression import Readable
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.xlsx_formats import Shown, digits_shown, moment_text, shown_as
from pipeline.lake.files.readers.xml_elements import Elements
from pipeline.lake.files.zip_archive import open_archive

MOST_TEXT = 64 * 1024 * 1024
"""Characters of texts that cells share, which are in memory together."""

_RELATIONS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_RELATIONS_STRICT = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\s[^>]*?ref=["']([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)["']""")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_LONGEST_MERGE = 200
_PIECE = 1 << 20


class Stored(Enum):
    """What a cell is."""

    TEXT = auto()
    NUMBER = auto()
    DATE = auto()
    BOOLEAN = auto()
    BROKEN = auto()


@dataclass(frozen=True, slots=True)
class Cell:
    """`text` is a number as the file has it, a date in ISO 8601, or what a broken cell shows; `why` it is broken.

    `digits` is as many as its format shows at least, with zeros in front.
    """

    stored: Stored
    text: str
    why: str = ""
    digits: int = 0


Row = tuple[int, dict[int, Cell]]
"""The number of a row, from 1, and its cells by their columns, from 0."""


class Workbook:
    """Opened from a file that can seek. BadObject for what is no workbook, is damaged, or grows beyond reason."""

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._limits = limits
        self._size = file.seek(0, 2)
        file.seek(0)
        self._read = 0
        self._archive = open_archive(file)
        self._names = self._archive.NameToInfo
        if "mimetype" in self._names:
            raise BadObject("the file is an OpenDocument sheet, not an Excel workbook", hint="Save it as .xlsx.")
        self._path = self._office_document()
        if self._path.endswith(".bin"):
            raise BadObject("the file is a binary workbook (.xlsb)", hint="Save it as .xlsx.")

    def sheets(self) -> dict[str, str]:
        """The paths of the sheets that are shown, by their names."""
        relations = self._relations(self._path)
        found = {}
        for sheet in self._elements(self._path, "sheet"):
            kind, path = relations.get(sheet.get(_RELATIONS) or sheet.get(_RELATIONS_STRICT) or "", ("", ""))
            if kind == "worksheet" and sheet.get("state", "visible") == "visible":
                found[sheet.get("name", "")] = path
        return found

    def rows(self, path: str) -> Iterator[Row]:
        """The rows of a sheet that have cells, in order."""
        with _whole():
            yield from self._rows(path)

    def _rows(self, path: str) -> Iterator[Row]:
        before = 0
        for element in self._elements(path, "row"):
            number = int(element.get("r") or before + 1)
            if number <= before:
                raise BadObject(f"the sheet is damaged: row {number} stands behind row {before}")
            before = number
            cells: dict[int, Cell] = {}
            column = -1
            for each in element.iterchildren("{*}c"):
                place = _PLACE.fullmatch(each.get("r") or "")
                column = column_number(place[1]) if place else column + 1
                cell = self._cell(each)
                if cell is not None:
                    cells[column] = cell
            if cells:
                yield number, cells

    def merged(self, path: str) -> set[tuple[int, int]]:
        """The first and last rows, from 1, of cells that are one.

        They stand behind the rows, so that the part is searched for them before it is read.
        """
        found: set[tuple[int, int]] = set()
        rest = b""
        with self._open(path) as part:
            while data := part.read(_PIECE):
                data = rest + data
                found |= {(int(top), int(bottom)) for _, top, _, bottom in _MERGED.findall(data)}
                rest = data[-_LONGEST_MERGE:]
        self._read = 0
        return found

    def _cell(self, element: Any) -> Cell | None:
        value = formula = inline = None
        for part in element:
            name = part.tag.rpartition("}")[2]
            if name == "v":
                value = part.text
            elif name == "f":
                formula = part
            elif name == "is":
                inline = _text_of(part)
        kind = element.get("t", "n")
        if kind == "inlineStr":
            return Cell(Stored.TEXT, inline) if inline else None
        if not value:
            missing = formula is not None and kind != "str"
            return Cell(Stored.BROKEN, "", "is a formula whose result is not stored") if missing else None
        return self._valued(kind, value, element)

    def _valued(self, kind: str, value: str, element: Any) -> Cell | None:
        if kind == "s":
            text = self._shared[_index(value)]
            return Cell(Stored.TEXT, text) if text else None
        if kind == "str":
            return Cell(Stored.TEXT, _unescaped(value))
        if kind == "b":
            return Cell(Stored.BOOLEAN, "true" if value in ("1", "true") else "false")
        if kind == "e":
            return Cell(Stored.BROKEN, value, "is an error of the sheet")
        if kind == "d":
            return Cell(Stored.DATE, value)
        style = _index(element.get("s") or "0")
        shown, digits = self._styles[style] if style < len(self._styles) else (Shown.NUMBER, 0)
        if shown is Shown.NUMBER:
            return Cell(Stored.NUMBER, value, digits=digits)
        try:
            return Cell(Stored.DATE, moment_text(float(value), shown, self._since_1904))
        except ValueError as error:
            return Cell(Stored.BROKEN, value, str(error))

    @cached_property
    def _shared(self) -> list[str]:
        path = self._part("sharedStrings")
        found: list[str] = []
        size = 0
        for element in self._elements(path, "si") if path else ():
            text = _text_of(element)
            size += len(text)
            if size > MOST_TEXT:
                raise BadObject(
                    f"the workbook has more than {MOST_TEXT:,} characters of different texts",
                    hint="Save the sheet as CSV.",
                )
            found.append(text)
        return found

    @cached_property
    def _styles(self) -> list[tuple[Shown, int]]:
        path = self._part("styles")
        if not path:
            return []
        with _whole():
            codes = {int(each.get("numFmtId")): each.get("formatCode", "") for each in self._elements(path, "numFmt")}
            for formats in self._elements(path, "cellXfs"):
                numbers = [int(each.get("numFmtId") or 0) for each in formats.iterchildren("{*}xf")]
                return [(shown_as(each, codes.get(each)), digits_shown(codes.get(each))) for each in numbers]
        return []

    @cached_property
    def _since_1904(self) -> bool:
        return any(each.get("date1904") in ("1", "true") for each in self._elements(self._path, "workbookPr"))

    def _part(self, kind: str) -> str:
        return next((path for found, path in self._relations(self._path).values() if found == kind), "")

    def _office_document(self) -> str:
        if "_rels/.rels" in self._names:
            for kind, path in self._relations("").values():
                if kind == "officeDocument":
                    return path
        raise BadObject("the file is no Excel workbook", hint="Say the right `format` in the definition.")

    def _relations(self, path: str) -> dict[str, tuple[str, str]]:
        folder, name = posixpath.split(path)
        part = posixpath.join(folder, "_rels", f"{name}.rels")
        found = {}
        for each in self._elements(part, "Relationship") if part in self._names else ():
            target = posixpath.normpath(posixpath.join("/", folder, each.get("Target", ""))).lstrip("/")
            found[each.get("Id", "")] = (each.get("Type", "").rpartition("/")[2], target)
        return found

    def _elements(self, path: str, name: str) -> Iterator[Any]:
        with self._open(path) as part, _whole():
            yield from Elements(part, name, self._limits.record, "a part of the workbook")

    def _open(self, path: str) -> _Part:
        try:
            return _Part(self, self._archive.open(path))
        except (KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile) as error:
            raise _damaged() from error

    def count(self, size: int) -> None:
        """Take notice of bytes that were unpacked."""
        self._read += size
        limits = self._limits
        if self._read > max(limits.expansion_floor, limits.expansion * self._size):
            raise BadObject(
                f"the workbook grows to more than {limits.expansion} times its size", hint="Save the sheet as CSV."
            )


class _Part:
    """A part as it is unpacked."""

    def __init__(self, workbook: Workbook, part: IO[bytes]) -> None:
        self._workbook = workbook
        self._part = part

    def __enter__(self) -> Readable:
        return self

    def __exit__(self, *_: object) -> None:
        self._part.close()

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._part.read(size)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise _damaged() from error
        self._workbook.count(len(data))
        return data


def column_number(letters: str) -> int:
    """The place of a column, from 0."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _text_of(element: Any) -> str:
    # How a text is pronounced stands beside it, in rPh.
    parts = (part.text or "" for part in element.iter("{*}t") if not part.getparent().tag.endswith("}rPh"))
    return _unescaped("".join(parts))


def _unescaped(text: str) -> str:
    """With the characters that XML cannot hold, and the underscores that would look like one."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _index(text: str) -> int:
    number = int(text)
    if number < 0:
        raise IndexError
    return number


@contextmanager
def _whole() -> Iterator[None]:
    """Numbers within that are none, or of nothing that there is, are those of a damaged workbook."""
    try:
        yield
    except (ValueError, IndexError, TypeError) as error:
        raise _damaged() from error


def _damaged() -> BadObject:
    return BadObject(
        "the workbook is damaged: a part of it cannot be read",
        hint="Open and save it again, or send it again if the upload was cut.",
    )

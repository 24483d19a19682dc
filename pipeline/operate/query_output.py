"""The rows of an answer as text: for a page, and as CSV."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.operate.query import plain


def texts_of(batch: Any) -> Iterator[list[str | None]]:
    """Each row's values as text, None for null."""
    columns = [_texts(column) for column in batch.columns]
    for row in zip(*columns, strict=True):
        yield list(row)


def _texts(column: Any) -> list[str | None]:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python's times have microseconds.
        return [None if at is None else at.replace(" ", "T") for at in column.cast(pa.string()).to_pylist()]
    try:
        values = column.to_pylist(maps_as_pydicts="lossy")
    except TypeError:
        # Keys of a map that no dict takes.
        values = column.to_pylist()
    except (ValueError, OverflowError):
        # Python has no years beyond 9999; Arrow writes them.
        return list(column.cast(pa.string()).to_pylist())
    return [None if value is None else text_of(value) for value in values]


def text_of(value: Any) -> str:
    """A value as text without loss; what is nested, or no text, as JSON."""
    found = plain(value)
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def csv(names: list[str], batches: Iterable[Any], *, formulas: bool = False) -> Iterator[str]:
    """RFC 4180: CRLF, quotes where they are needed. Null is nothing, empty text is `""`.

    Spreadsheets compute a cell that begins with `=`, `+`, `-`, `@`, a tab or a line's end, and a formula can send the
    sheet away. Such text gets a `'` in front, unless it is a plain number; with `formulas` values stay as they are.
    """
    shown = _field if formulas else _safe_field
    yield ",".join(map(shown, names)) + "\r\n"
    for batch in batches:
        yield "".join(",".join(map(shown, row)) + "\r\n" for row in texts_of(batch))


_FORMULA = re.compile(r"[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


def _safe_field(text: str | None) -> str:
    if text and _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return _field("'" + text)
    return _field(text)


def _field(text: str | None) -> str:
    if text is None:
        return ""
    if text and not any(c in text for c in ',"\r\n') and text == text.strip():
        return text
    return '"' + text.replace('"', '""') + '"'

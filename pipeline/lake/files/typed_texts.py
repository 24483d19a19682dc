"""The exact text of values that a file gave a type: what rows that are bad quote, and what text columns hold.

Numbers as the shortest text that is that number, dates and timestamps as in ISO 8601, bytes as UTF-8, lists, maps and
structs as JSON.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.lake.files.far_moments import far_days, far_instants
from pipeline.lake.files.strict_json import JsonNumber
from pipeline.lake.files.typed_kinds import is_bytes, is_list, is_text
from pipeline.lake.files.values import json_text


def texts_of(column: pa.Array) -> pa.Array:
    """The text of each value, null for null; bytes that are no UTF-8 as \\xNN."""
    if not pa.types.is_nested(column.type):
        return _texts(plain(column))
    return pa.array([None if value is None else json_text(value) for value in json_values(column)], pa.string())


def json_values(column: pa.Array) -> list[Any]:
    """Each value as `json_text` takes it. A map with a key twice is a list of pairs."""
    column = plain(column)
    of = column.type
    if pa.types.is_map(of):
        keys, items = _texts(plain(column.keys)).to_pylist(), json_values(column.items)
        return [None if each is None else _object([(keys[i], items[i]) for i in each]) for each in _ranges(column)]
    if is_list(of):
        values = json_values(column.values)
        return [None if each is None else [values[i] for i in each] for each in _ranges(column)]
    if pa.types.is_struct(of):
        names = [part.name for part in of]
        parts = [json_values(part) for part in column.flatten()]
        rows = zip(*parts, strict=True) if parts else [()] * len(column)
        valid = column.is_valid().to_pylist()
        return [
            _object(list(zip(names, row, strict=True))) if ok else None for row, ok in zip(rows, valid, strict=True)
        ]
    return _leaves(column)


def plain(column: pa.Array) -> pa.Array:
    """The same values without dictionary, extension type, or a layout of lists and strings of its own."""
    of = column.type
    if isinstance(of, pa.UuidType):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    if isinstance(of, pa.BaseExtensionType):
        return plain(column.storage)
    if pa.types.is_dictionary(of):
        return plain(column.dictionary_decode())
    if of == pa.float16():
        # Arrow computes nothing with it.
        return column.cast(pa.float32())
    if is_text(of) and of != pa.string():
        return column.cast(pa.string())
    if is_list(of) and not pa.types.is_list(of):
        return column.cast(pa.list_(of.value_type))
    return column


def _ranges(column: pa.Array) -> list[range | None]:
    offsets = column.offsets.to_pylist()
    valid = column.is_valid().to_pylist()
    return [range(start, end) if ok else None for start, end, ok in zip(offsets[:-1], offsets[1:], valid, strict=True)]


def _object(pairs: list[tuple[str, Any]]) -> object:
    found = dict(pairs)
    return found if len(found) == len(pairs) else [[name, item] for name, item in pairs]


def _leaves(column: pa.Array) -> list[Any]:
    of = column.type
    if pa.types.is_boolean(of):
        return list(column.to_pylist())
    texts = _texts(column).to_pylist()
    if pa.types.is_floating(of):
        finite = pc.is_finite(column).to_pylist()
        return [JsonNumber(text) if ok else text for text, ok in zip(texts, finite, strict=True)]
    if pa.types.is_integer(of) or pa.types.is_decimal(of):
        return [None if text is None else JsonNumber(text) for text in texts]
    return list(texts)


def _texts(column: pa.Array) -> pa.Array:
    of = column.type
    if pa.types.is_date(of):
        days = column.cast(pa.date32())
        far = far_days(days)
        return days.cast(pa.string()) if far is None else pa.array(far, pa.string())
    if pa.types.is_timestamp(of):
        far = far_instants(column)
        if far is not None:
            return pa.array(far, pa.string())
        # Of a zone only the instant is left: its name may be none that this machine knows.
        local = column.cast(pa.timestamp(of.unit))
        written = pc.strftime(local, format="%Y-%m-%dT%H:%M:%SZ" if of.tz else "%Y-%m-%dT%H:%M:%S")
        return pc.replace_substring_regex(written, r"\.0+(Z?)$", r"\1")
    if pa.types.is_time(of):
        return pc.replace_substring_regex(column.cast(pa.string()), r"\.0+$", "")
    if is_bytes(of):
        return _decoded(column)
    if pa.types.is_decimal(of):
        return pa.array([None if value is None else f"{value:f}" for value in column.to_pylist()], pa.string())
    return column.cast(pa.string())


def _decoded(column: pa.Array) -> pa.Array:
    values = column.to_pylist()
    return pa.array(
        [None if value is None else value.decode(errors="backslashreplace") for value in values], pa.string()
    )

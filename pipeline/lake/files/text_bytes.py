"""Columns of text as Arrow holds them: the bytes of all values end to end, and where each ends."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ends = NDArray[np.int32]


def ends_of(column: pa.Array) -> Ends:
    """Where each value starts in `all_bytes`, and, one further, where it ends."""
    offsets = column.buffers()[1]
    if offsets is None or not len(column):
        return np.zeros(len(column) + 1, dtype=np.int32)
    return np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]


def all_bytes(column: pa.Array) -> Bytes:
    """What `ends_of` counts in: more than the column where that is a slice."""
    data = column.buffers()[2]
    return np.frombuffer(data if data is not None else b"", dtype=np.uint8)


def content(column: pa.Array) -> Bytes:
    """The UTF-8 of all values, end to end."""
    ends = ends_of(column)
    return all_bytes(column)[ends[0] : ends[-1]]


def check_utf8(data: bytes | Bytes) -> None:
    """ArrowInvalid if it is no UTF-8."""
    ends = np.array([0, len(data)], np.int32)
    pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(ends), pa.py_buffer(data)]).validate(full=True)


def may_begin_with_zero(column: pa.Array) -> bool:
    """Whether a value might begin with 0 and be longer, a sign or a space before it. False is certain."""
    ends = ends_of(column)
    if not len(column) or ends[0] == ends[-1]:
        return False
    data = all_bytes(column)
    starts = ends[:-1]
    if not column.null_count and ends[-1] > starts[-1] and (data[starts] > ord("0")).all():
        return False
    longer = starts[np.diff(ends) > 1]
    first = data[longer]
    after_sign = data[longer[first < ord("0")] + 1]
    return bool(((first == ord("0")) | (first > ord("9"))).any() or (after_sign <= ord("0")).any())

"""Where some bytes stand in a text, by eights: most of a text is none of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.lake.files.text_bytes import Bytes

_AT_ONCE = 256 * 1024
"""Bytes that a processor keeps at hand, so that several passes cost little more than one. A multiple of eight."""


def places_of(text: Bytes, first: int, last: int | None = None) -> NDArray[np.int64]:
    """The places of all bytes from `first` to `last`, or of `first` alone."""
    flags = np.empty(min(_AT_ONCE, len(text) + 7), np.bool_)
    found = [np.empty(0, np.int64)]
    for start in range(0, len(text), _AT_ONCE):
        part = text[start : start + _AT_ONCE]
        whole = (len(part) + 7) // 8 * 8
        flags[len(part) : whole] = False
        np.equal(part, first, out=flags[: len(part)]) if last is None else np.less_equal(
            part - np.uint8(first), np.uint8(last - first), out=flags[: len(part)]
        )
        eights = flags[:whole].view(np.uint64)
        marked = np.flatnonzero(eights != 0)
        within = np.flatnonzero(eights[marked].view(np.bool_))
        found.append((marked[within >> 3] << 3) + (within & 7) + start)
    return np.concatenate(found)


def count_of(text: Bytes, byte: int) -> int:
    """How many bytes are that one."""
    flags = np.empty(min(_AT_ONCE, len(text)), np.bool_)
    count = 0
    for start in range(0, len(text), _AT_ONCE):
        part = text[start : start + _AT_ONCE]
        count += int(np.count_nonzero(np.equal(part, byte, out=flags[: len(part)])))
    return count

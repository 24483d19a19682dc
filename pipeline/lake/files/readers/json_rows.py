"""Records of a JSON block one by one: which lines are records for certain, which in doubt, and why one is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.lake.files.byte_places import places_of
from pipeline.lake.files.readers.base import Block, Recut
from pipeline.lake.files.readers.faults import why_foreign
from pipeline.lake.files.readers.json_arrays import decode_elements
from pipeline.lake.files.readers.json_split import WHITESPACE, ArrayBlock, Elements, LineBlock, Text
from pipeline.lake.files.readers.json_values import load_record
from pipeline.lake.files.streams import BOM

_PIECE = 16 * 1024
"""How much of a block that does not fit is read by Python at least."""

_LINE_END, _RETURN, _OPEN, _CLOSE = b"\n\r{}"

_KINDS: dict[type, str] = {
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One record without surrounding white space."""

    position: int
    raw: bytes


def text_of(block: Block) -> Text:
    """The bytes of the block's rows."""
    if isinstance(block, ArrayBlock):
        return block.elements.text
    return np.frombuffer(block.data, np.uint8, block.end if isinstance(block, LineBlock) else -1)


def count_objects(block: Block) -> int:
    """How many objects the block holds if each is certainly a record of its own, else 0.

    Of elements of an array that is how many they are by the commas at which they were cut.
    """
    if isinstance(block, ArrayBlock):
        return block.elements.count
    text = text_of(block)
    breaks = block.breaks if isinstance(block, LineBlock) else places_of(text, _LINE_END)
    if len(breaks) and breaks[-1] == len(text) - 1:
        text, breaks = text[:-1], breaks[:-1]
    if len(text) and text[-1] == _RETURN:
        text = text[:-1]
    if not (len(text) and text[0] == _OPEN and text[-1] == _CLOSE):
        return 0
    # Within valid JSON an object never follows another without a comma: such a line end parts two records.
    before = text[breaks - 1]
    if len(breaks) and (before == _RETURN).any():
        before = np.where(before == _RETURN, text[breaks - 2], before)
    parted = np.count_nonzero((before == _CLOSE) & (text[breaks + 1] == _OPEN))
    expected = len(breaks) if block.records is None else len(block.records) - 1
    return int(parted) + 1 if parted == expected else 0


def rows_of(block: Block) -> list[Row]:
    """The records of a block with their places. Recut if they are not what their array was cut into."""
    if isinstance(block, ArrayBlock):
        block = _proved(block.elements, block.first)
    records = bytes(text_of(block)).split(b"\n") if block.records is None else map(bytes, block.records)
    rows = []
    for position, record in enumerate(records, block.first):
        raw = record.strip(WHITESPACE)
        while raw.startswith(BOM):
            raw = raw.removeprefix(BOM).lstrip(WHITESPACE)
        if raw:
            rows.append(Row(position, raw))
    return rows


def _proved(elements: Elements, first: int) -> Block:
    found = decode_elements(memoryview(elements.data)[elements.start : elements.end])
    if found is None or len(found) != elements.count:
        raise Recut
    return Block(b"", first, records=found)


class Pieces:
    """The rows of a block in pieces: small where Python reads them, and ever larger while they need not be."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows
        self._size = _PIECE

    def __iter__(self) -> Iterator[list[Row]]:
        start = 0
        while start < len(self._rows):
            end, size = start, 0
            while end < len(self._rows) and size < self._size:
                size += len(self._rows[end].raw)
                end += 1
            yield self._rows[start:end]
            start = end

    def learn(self, *, fits: bool) -> None:
        """Whether the last piece was read as a whole."""
        self._size = self._size * 2 if fits else _PIECE


def load_object(raw: bytes, encoding: str = "utf-8") -> dict[str, Any]:
    """One record as a dictionary; `ValueError`, with what is wrong, for anything else. The text was in `encoding`."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ValueError(why_foreign(raw, error.start, encoding)) from None
    value = load_record(text)
    if not isinstance(value, dict):
        raise ValueError(f"it is {_KINDS[type(value)]}, not an object")
    return value

"""Records of a JSON block one by one: which lines are records for certain, which in doubt, and why one is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.lake.files.readers.base import Block
from pipeline.lake.files.readers.json_split import WHITESPACE
from pipeline.lake.files.readers.json_values import load_record
from pipeline.lake.files.streams import BOM

_PIECE = 16 * 1024
"""How much of a block that does not fit is read by Python at least."""

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


def count_objects(block: Block) -> int:
    """How many objects the block holds if each is certainly a record of its own, else 0."""
    if block.records is not None:
        return len(block.records) if all(record[:1] == b"{" for record in block.records) else 0
    body = block.data.removesuffix(b"\n").removesuffix(b"\r")
    if not (body.startswith(b"{") and body.endswith(b"}")):
        return 0
    # Within valid JSON an object never follows another without a comma: such a line end parts two records.
    lines = body.count(b"\n")
    parted = body.count(b"}\n{") + (body.count(b"}\r\n{") if b"\r" in body else 0)
    return lines + 1 if parted == lines else 0


def pieces(block: Block) -> Iterator[list[Row]]:
    """The records of a block with their places, some megabytes at a time."""
    records = block.data.split(b"\n") if block.records is None else block.records
    piece: list[Row] = []
    size = 0
    for position, record in enumerate(records, block.first):
        raw = record.strip(WHITESPACE)
        while raw.startswith(BOM):
            raw = raw.removeprefix(BOM).lstrip(WHITESPACE)
        if not raw:
            continue
        piece.append(Row(position, raw))
        size += len(raw)
        if size >= _PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def load_object(raw: bytes) -> dict[str, Any]:
    """One record as a dictionary; `ValueError`, with what is wrong, for anything else."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"bytes that are no UTF-8 (byte {error.start + 1} of the row: {raw[error.start]:#04x})"
        ) from None
    value = load_record(text)
    if not isinstance(value, dict):
        raise ValueError(f"it is {_KINDS[type(value)]}, not an object")
    return value

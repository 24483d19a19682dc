"""Cut JSON into records: lines at line ends, an array at the commas between its elements. Values are not read here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

from pipeline.core.errors import BadObject
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.base import Block
from pipeline.lake.files.streams import TextStream

WHITESPACE = b" \t\r\n"
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)
_SEPARATOR = re.compile(rb"[^\s]\s*,\s*[^\s]")
_TRIES = 8
"""How many likely commas are tried before every token is looked at."""


def line_blocks(source: TextStream, limits: Limits, data: bytes) -> Iterator[Block]:
    """Blocks of whole lines, the first small: it is what the schema is learned from. `data` was read before."""
    line, size, final = 1, limits.first_sample, False
    while True:
        end = len(data) if final else data.rfind(b"\n") + 1
        if end:
            yield Block(data[:end], line)
            line += data.count(b"\n", 0, end)
            data, size = data[end:], limits.block
        elif len(data) > limits.record:
            raise BadObject(
                f"line {line} is longer than {limits.record} bytes",
                hint="JSON lines hold one record a line; is this an array or another format?",
            )
        if final:
            return
        more = source.read(size)
        final = not more
        data += more


class ArrayBlocks:
    """Elements of one top-level array. `data` starts at its bracket, `skipped` bytes into the text."""

    def __init__(self, source: TextStream, limits: Limits, data: bytes, skipped: int) -> None:
        self._source = source
        self._limits = limits
        self._data = data[1:]
        self._offset = skipped + 1
        self._record = 1
        self._separator: bytes | None = None
        self._decoder = msgspec.json.Decoder(list[msgspec.Raw])

    def __iter__(self) -> Iterator[Block]:
        size = self._limits.first_sample
        while more := self._source.read(size):
            self._data += more
            cut = self._cut()
            if cut:
                elements, length = cut
                yield self._block(elements)
                self._drop(length)
                size = self._limits.block
            elif len(self._data) > self._limits.record:
                raise self._broken(f"element {self._record} is longer than {self._limits.record} bytes", 0)
        yield from self._last()

    def _block(self, elements: list[bytes]) -> Block:
        first = self._record
        self._record += len(elements)
        return Block(b"\n".join(elements), first, records=elements)

    def _drop(self, length: int) -> None:
        self._data = self._data[length:]
        self._offset += length

    def _cut(self) -> tuple[list[bytes], int] | None:
        """Whole elements at the start of the data, and the length up to and with the comma that follows them."""
        end = len(self._data)
        for _ in range(_TRIES if self._separator else 0):
            assert self._separator
            end = self._data.rfind(self._separator, 0, end)
            if end < 0:
                break
            comma = end + self._separator.index(b",", 1)
            # What parses as whole elements is cut at a comma between elements, whatever the comma looked like.
            if (elements := self._decode(self._data[:comma])) is not None:
                return elements, comma + 1
        return self._cut_by_token()

    def _decode(self, data: bytes) -> list[bytes] | None:
        try:
            return [bytes(element) for element in self._decoder.decode(b"[" + data + b"]")]
        except (msgspec.DecodeError, RecursionError):
            return None

    def _cut_by_token(self) -> tuple[list[bytes], int] | None:
        commas = _commas(self._data)
        if not commas:
            return None
        self._learn(commas)
        elements = self._decode(self._data[: commas[-1]])
        if elements is None:
            starts = [0, *(comma + 1 for comma in commas)]
            elements = [self._element(start, comma) for start, comma in zip(starts, commas, strict=False)]
        return elements, commas[-1] + 1

    def _learn(self, commas: list[int]) -> None:
        """Remember how elements are parted, from the last character of one to the first of the next."""
        comma = commas[0]
        before = len(self._data[:comma].rstrip(WHITESPACE)) - 1
        found = _SEPARATOR.match(self._data, max(before, 0))
        self._separator = found[0] if found else None

    def _last(self) -> Iterator[Block]:
        rest = self._data.rstrip(WHITESPACE)
        if not rest.endswith(b"]"):
            raise self._broken("the array is not closed", len(rest))
        rest = rest[:-1]
        if not rest.strip(WHITESPACE):
            if self._record > 1:
                raise self._broken("a comma is followed by no element", len(rest))
            return
        elements = self._decode(rest)
        if elements is None:
            commas = [*_commas(rest), len(rest)]
            starts = [0, *(comma + 1 for comma in commas)]
            elements = [self._element(start, comma) for start, comma in zip(starts, commas, strict=False)]
        yield self._block(elements)

    def _element(self, start: int, end: int) -> bytes:
        """One element. What is JSON but for NaN and the like is one, for its row alone to be refused."""
        data = self._data[start:end]
        raw = data.strip(WHITESPACE)
        place = start + len(data) - len(data.lstrip(WHITESPACE))
        text = raw.decode(errors="surrogateescape")
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            place += len(text[: error.pos].encode(errors="surrogateescape"))
            raise self._broken(f"the array breaks: {error.msg}", place) from None
        except (ValueError, RecursionError):
            # A number of thousands of digits, or too deep a nesting: its row is bad, the array is whole.
            return raw
        return raw

    def _broken(self, what: str, place: int) -> BadObject:
        return BadObject(
            f"{what} (byte {self._offset + place} of the text)",
            hint="Mend the file there; an array has no rows that could be told apart behind a break.",
        )


def _commas(data: bytes) -> list[int]:
    """Offsets of the commas between elements, up to the first bracket too many."""
    found = []
    depth = 0
    for token in _TOKEN.finditer(data):
        match token[0]:
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
                if depth < 0:
                    break
            case b"," if depth == 0:
                found.append(token.start())
    return found

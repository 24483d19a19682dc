"""Cut JSON into records: lines at line ends, arrays at the commas between their elements, documents at their ends.

Values are not read here, but for what stands beside the records of a path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import BadObject
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.base import Block
from pipeline.lake.files.readers.json_structure import scan
from pipeline.lake.files.streams import BOM, TextStream

Record = bytes | msgspec.Raw

WHITESPACE = b" \t\r\n"
_SEPARATOR = re.compile(rb"[^\s]\s*,\s*[^\s]")
_BLANKS = re.compile(rb"(?:[ \t\r\n]|" + BOM + rb")*")
_TRIES = 8
"""How many likely commas are tried before every token is looked at."""


class Window:
    """The text from where it is being read: it grows at its end and is dropped at its start."""

    def __init__(self, stream: TextStream, limits: Limits) -> None:
        self._stream = stream
        self.limits = limits
        self.data = b""
        self.offset = 0
        self._size = limits.first_sample

    def more(self) -> bool:
        """Read on; False at the end of the text. What does not end is read in ever larger parts."""
        if len(self.data) > self.limits.record:
            raise BadObject(
                f"the value at byte {self.offset} of the text is longer than {self.limits.record} bytes",
                hint="If the records are an array under a key, say where in `records`, such as $.data.",
            )
        data = self._stream.read(max(self._size, len(self.data)))
        self._size = self.limits.block
        self.data += data
        return bool(data)

    def drop(self, length: int) -> None:
        """Go on behind `length` bytes."""
        self.data = self.data[length:]
        self.offset += length

    def peek(self) -> bytes:
        """The next character that is no white space (nor a mark of byte order), where the text goes on; else none."""
        self.skip_blanks()
        return self.data[:1]

    def skip_blanks(self) -> int:
        """Go to that character; the answer is how many line ends stood before it."""
        lines = 0
        while True:
            found = _BLANKS.match(self.data)
            assert found
            if found.end():
                lines += self.data.count(b"\n", 0, found.end())
                self.drop(found.end())
            # A mark may be cut.
            if len(self.data) >= len(BOM) or not self.more():
                return lines

    def broken(self, what: str, place: int) -> BadObject:
        """The error for what is wrong at `place` of the data."""
        return BadObject(
            f"{what} (byte {self.offset + place} of the text)",
            hint="Mend the file there; an array or object has no rows that could be told apart behind a break.",
        )


@dataclass(frozen=True, slots=True)
class LineBlock(Block):
    """Lines of `data` up to `end`: what follows is of the next block, and copying costs. `breaks` are all line ends."""

    end: int = 0
    breaks: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


def line_blocks(window: Window, line: int) -> Iterator[Block]:
    """Blocks of whole lines from that line on, the first small: it is what the schema is learned from."""
    final = False
    while True:
        data = window.data
        breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == b"\n"[0])
        end = len(data) if final else int(breaks[-1]) + 1 if len(breaks) else 0
        if end:
            yield LineBlock(data, line, end=end, breaks=breaks)
            line += len(breaks)
            window.drop(end)
        elif len(data) > window.limits.record:
            raise BadObject(
                f"line {line} is longer than {window.limits.record} bytes",
                hint="JSON lines hold one record a line; is this an array or another format?",
            )
        if final:
            return
        final = not window.more()


def record_blocks(groups: Iterable[Sequence[Record]], limits: Limits) -> Iterator[Block]:
    """Blocks of records, numbered from 1, of about the size that the limits say."""
    first, size = 1, limits.first_sample
    waiting: list[Record] = []
    texts: list[bytes] = []
    for group in groups:
        waiting.extend(group)
        texts.extend([b"\n".join(group)] if group else [])
        if sum(map(len, texts)) >= size // 2 and waiting:
            yield _records_block(waiting, texts, first)
            first += len(waiting)
            size, waiting, texts = limits.block, [], []
    if waiting:
        yield _records_block(waiting, texts, first)


def _records_block(records: Sequence[Record], texts: Sequence[bytes], first: int) -> Block:
    # The records are views of what was parsed: bytes of each would cost as much as finding them.
    return Block(texts[0] if len(texts) == 1 else b"\n".join(texts), first, records=records)


class ArrayElements:
    """The elements of one array, in groups. The window stands at its bracket, and behind it in the end."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._separator: bytes | None = None
        self._decoder = msgspec.json.Decoder(list[msgspec.Raw])

    def __iter__(self) -> Iterator[Sequence[Record]]:
        window = self._window
        window.drop(1)
        if window.peek() == b"]":
            window.drop(1)
            return
        while True:
            if quick := self._quick():
                yield quick
                window.more()
                continue
            structure = scan(window.data)
            end, commas = structure.end(), structure.commas()
            if end is not None:
                yield self._elements([*commas, end])
                window.drop(end + 1)
                return
            if commas:
                yield self._elements(commas)
                window.drop(commas[-1] + 1)
            if not window.more() and not commas:
                raise window.broken("the array is not closed", len(window.data.rstrip(WHITESPACE)))

    def _quick(self) -> Sequence[Record] | None:
        """Whole elements at the start of the data, cut at a comma like the first; the window is behind it then."""
        data = self._window.data
        end = len(data)
        for _ in range(_TRIES if self._separator else 0):
            assert self._separator
            end = data.rfind(self._separator, 0, end)
            if end < 0:
                break
            comma = end + self._separator.index(b",", 1)
            # What parses as whole elements is cut at a comma between elements, whatever the comma looked like.
            if (elements := self._decode(memoryview(data)[:comma])) is not None:
                self._window.drop(comma + 1)
                return elements
        return None

    def _decode(self, data: memoryview) -> list[msgspec.Raw] | None:
        try:
            return self._decoder.decode(b"".join((b"[", data, b"]")))
        except (msgspec.DecodeError, RecursionError):
            return None

    def _elements(self, ends: list[int]) -> Sequence[Record]:
        """The elements that end at those places."""
        self._learn(ends[0])
        elements = self._decode(memoryview(self._window.data)[: ends[-1]])
        if elements is not None and len(elements) == len(ends):
            return elements
        starts = [0, *(end + 1 for end in ends)]
        return [self._element(start, end) for start, end in zip(starts, ends, strict=False)]

    def _learn(self, comma: int) -> None:
        """Remember how elements are parted, from the last character of one to the first of the next."""
        data = self._window.data
        before = len(data[:comma].rstrip(WHITESPACE)) - 1
        found = _SEPARATOR.match(data, max(before, 0))
        self._separator = found[0] if found else None

    def _element(self, start: int, end: int) -> bytes:
        """One element. What is JSON but for NaN and the like is one, for its row alone to be refused."""
        data = self._window.data[start:end]
        raw = data.strip(WHITESPACE)
        place = start + len(data) - len(data.lstrip(WHITESPACE))
        text = raw.decode(errors="surrogateescape")
        if not raw:
            what = "a comma is followed by no element" if self._window.data[end : end + 1] == b"]" else "no element"
            raise self._window.broken(what, place)
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            place += len(text[: error.pos].encode(errors="surrogateescape"))
            raise self._window.broken(f"the array breaks: {error.msg}", place) from None
        except (ValueError, RecursionError):
            # A number of thousands of digits, or too deep a nesting: its row is bad, the array is whole.
            return raw
        return raw


def objects(window: Window) -> Iterator[Sequence[Record]]:
    """The objects that follow each other where the window stands, in groups, up to what is none."""
    while window.peek() == b"{":
        found = scan(window.data).values()
        group: list[bytes] = []
        place = 0
        for start, end in found:
            if window.data[start : start + 1] != b"{" or _BLANKS.fullmatch(window.data, place, start) is None:
                break
            group.append(window.data[start:end])
            place = end
        if group:
            yield group
            window.drop(place)
        elif not window.more():
            raise window.broken("an object is not closed", len(window.data.rstrip(WHITESPACE)))

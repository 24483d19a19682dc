"""Cut JSON into records: lines at line ends, arrays at the commas between their elements, documents at their ends.

Values are not read here, but for what stands beside the records of a path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import BadObject
from pipeline.lake.files.byte_places import places_of
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.base import Block
from pipeline.lake.files.readers.json_structure import scan
from pipeline.lake.files.streams import BOM, TextStream

Record = bytes | msgspec.Raw

WHITESPACE = b" \t\r\n"
_LINE_END = ord("\n")
_BLANKS = re.compile(rb"(?:[ \t\r\n]|" + BOM + rb")*")

Text = NDArray[np.uint8]
"""The bytes of one or more whole records."""


class Window:
    """The text from where it is being read: it grows at its end and is dropped at its start.

    `careful` says that where it is cut is proved first. `guessed` is whether it was cut without.
    """

    def __init__(self, stream: TextStream, limits: Limits, *, careful: bool = True) -> None:
        self._stream = stream
        self.limits = limits
        self.careful = careful
        self.guessed = False
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


@dataclass(frozen=True, slots=True)
class Elements:
    """Elements of an array, cut at the commas that look like those between them: `count` by those commas.

    In `text` these are line ends. A line end is no JSON within a string, and does not part two values of one. So
    who reads as many objects in `text` has proved that they are the elements of `data[start:end]`.
    """

    text: Text
    count: int
    data: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ArrayBlock(Block):
    """Elements that nobody has proved so far; `data` is what they lie in."""

    elements: Elements = field(kw_only=True)


Group = Sequence[Record] | Elements


def line_blocks(window: Window, line: int) -> Iterator[Block]:
    """Blocks of whole lines from that line on, the first small: it is what the schema is learned from."""
    final = False
    while True:
        data = window.data
        breaks = places_of(np.frombuffer(data, np.uint8), _LINE_END)
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


def record_blocks(groups: Iterable[Group], limits: Limits) -> Iterator[Block]:
    """Blocks of records, numbered from 1, of about the size that the limits say."""
    first, size = 1, limits.first_sample
    waiting: list[Record] = []
    texts: list[bytes] = []
    for group in groups:
        if not isinstance(group, Elements):
            waiting.extend(group)
            texts.extend([b"\n".join(group)] if group else [])
        if waiting and (isinstance(group, Elements) or sum(map(len, texts)) >= size // 2):
            yield _records_block(waiting, texts, first)
            first += len(waiting)
            size, waiting, texts = limits.block, [], []
        if isinstance(group, Elements):
            yield ArrayBlock(group.data, first, elements=group)
            first += group.count
    if waiting:
        yield _records_block(waiting, texts, first)


def _records_block(records: Sequence[Record], texts: Sequence[bytes], first: int) -> Block:
    # The records are views of what was parsed: bytes of each would cost as much as finding them.
    return Block(texts[0] if len(texts) == 1 else b"\n".join(texts), first, records=records)


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

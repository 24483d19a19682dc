"""Cut a CSV text into blocks of whole records."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.core.errors import BadObject
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.base import Block
from pipeline.lake.files.readers.csv_dialect import Swap
from pipeline.lake.files.readers.csv_records import Rows, Scanner, count_lines
from pipeline.lake.files.streams import BOM

Read = Callable[[int], bytes]
"""About so many bytes of text, none at the end."""


@dataclass(frozen=True, slots=True)
class CsvBlock(Block):
    """`rows` are its records where they had to be found to cut it; `line_ends` is how many it has."""

    rows: Rows | None = None
    line_ends: int = 0


@dataclass(frozen=True, slots=True)
class Unclosed(CsvBlock):
    """The end of a file from the record on whose quote is never closed."""

    def error(self) -> BadObject:
        """What is wrong, where those lines are needed."""
        return BadObject(
            f"a quote that is opened in the row on line {self.first} is never closed",
            hint="Close it, or double it; if quotes mean nothing in the file, say `quote: none`.",
        )


class Ahead(Iterator[CsvBlock]):
    """Blocks, of which the next ones may be looked at before they are taken."""

    def __init__(self, blocks: Iterator[CsvBlock], most: int) -> None:
        self._blocks = blocks
        self._most = most
        self._held: deque[CsvBlock] = deque()

    def __next__(self) -> CsvBlock:
        return self._held.popleft() if self._held else next(self._blocks)

    def following(self) -> Iterator[CsvBlock]:
        """The next ones, of which at most about `most` bytes are read for it."""
        yield from list(self._held)
        while sum(len(block.data) for block in self._held) < self._most:
            found = next(self._blocks, None)
            if found is None:
                return
            self._held.append(found)
            yield found


def cut(read: Read, scanner: Scanner, limits: Limits, line: int) -> Iterator[CsvBlock]:
    """Blocks from `line` of the file on, without byte-order marks where a record begins: files were joined there.

    The last one may be `Unclosed`. BadObject for a record that is longer than any should be.
    """
    data, final = read(limits.block), False
    while data:
        # One byte is found in a twentieth of the time of three.
        if BOM[:1] in data and BOM in data:
            data = _without_marks(data, scanner)
        layout = scanner.layout(data, final)
        if layout.end:
            text = data[: layout.end]
            block = CsvBlock(text, line, rows=layout.rows, line_ends=count_lines(text))
            yield block
            line += block.line_ends
            data = data[layout.end :]
        elif len(data) > limits.record:
            raise BadObject(
                f"the row that starts on line {line} is longer than {limits.record} bytes",
                hint="Look for a quote that is not closed on that line; `quote: none` says that quotes mean nothing.",
            )
        if final:
            if layout.unterminated is not None:
                yield Unclosed(data, line, line_ends=count_lines(data))
            return
        more = read(limits.block)
        final = not more
        data += more


def swapped(read: Read, swap: Swap) -> Read:
    """The same text with signs exchanged for their stand-ins."""
    held = b""

    def read_swapped(size: int) -> bytes:
        nonlocal held
        while True:
            more = read(size)
            data = held + more
            whole = swap.whole(data) if more else len(data)
            data, held = data[:whole], data[whole:]
            if data or not more:
                return swap.swap(data)

    return read_swapped


def without_first(block: CsvBlock, scanner: Scanner, after: int) -> CsvBlock | None:
    """What is behind that offset, which is the end of a record; None if nothing is."""
    rest = block.data[after:]
    if not rest:
        return None
    lines = count_lines(block.data[:after])
    rows = scanner.layout(rest, final=True).rows if block.rows else None
    return CsvBlock(rest, block.first + lines, rows=rows, line_ends=block.line_ends - lines)


def _without_marks(data: bytes, scanner: Scanner) -> bytes:
    parts, position = [], 0
    for start in _marks(scanner, data):
        parts.append(data[position:start])
        position = start + len(BOM)
    return b"".join([*parts, data[position:]])


def _marks(scanner: Scanner, data: bytes) -> Iterator[int]:
    position = 0
    while position < len(data):
        if data.startswith(BOM, position):
            yield position
            position += len(BOM)
        position = scanner.after(data, position)

"""The end of a table of text that is no part of it: so many records, found before anything is made of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipeline.lake.files.readers.csv_blocks import CsvBlock, Unclosed
from pipeline.lake.files.readers.csv_records import Rows, Scanner, count_lines


def without_footer(blocks: Iterable[CsvBlock], scanner: Scanner, count: int) -> Iterator[CsvBlock]:
    """The blocks without the last `count` records that are not blank; a comment counts as one.

    Behind a quote that is never closed each line counts, for a footer need not be a table. BadObject where more lines
    are than the footer has.
    """
    held: deque[tuple[CsvBlock, Rows | None]] = deque()
    have = 0
    for block in blocks:
        if isinstance(block, Unclosed):
            count -= sum(1 for line in block.data.splitlines() if line)
            if count < 0:
                raise block.error()
            break
        rows = _rows_of(block, scanner) if count else None
        held.append((block, rows))
        have += _count(rows)
        while held and have - _count(held[0][1]) >= count:
            have -= _count(held[0][1])
            yield held.popleft()[0]
    for block, rows in held:
        if have - _count(rows) >= count:
            yield block
        elif rows is not None and have > count:
            yield _before(block, rows, have - count)
        have -= _count(rows)


def _rows_of(block: CsvBlock, scanner: Scanner) -> Rows:
    return scanner.rows(block.data) if block.rows is None else block.rows


def _count(rows: Rows | None) -> int:
    return 0 if rows is None else len(rows.starts)


def _before(block: CsvBlock, rows: Rows, count: int) -> CsvBlock:
    """The first records of a block."""
    data = block.data[: int(rows.starts[count])]
    problems = {row: problem for row, problem in rows.problems.items() if row < count}
    kept = Rows(rows.starts[:count], rows.ends[:count], rows.lines[:count], problems)
    return replace(block, data=data, rows=kept if block.rows is not None else None, line_ends=count_lines(data))

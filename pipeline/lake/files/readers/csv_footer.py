"""The end of a table of text that is no part of it: so many records, found before anything is made of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace

from pipeline.lake.files.readers.csv_blocks import CsvBlock, Unclosed
from pipeline.lake.files.readers.csv_records import Rows, Scanner, count_lines


@dataclass(frozen=True, slots=True)
class FooterBlock(CsvBlock):
    """Records that are said to be no rows: they may be of a file that has no footer."""


def without_footer(blocks: Iterable[CsvBlock], scanner: Scanner, count: int) -> Iterator[CsvBlock]:
    """The blocks, with the last `count` records that are not blank as `FooterBlock`; a comment counts as one.

    Behind a quote that is never closed each line counts, for a footer need not be a table: they come as `Unclosed`.
    BadObject where more lines are than the footer has.
    """
    unclosed: Unclosed | None = None
    held: deque[tuple[CsvBlock, Rows | None]] = deque()
    have = 0
    for block in blocks:
        if isinstance(block, Unclosed):
            count -= sum(1 for line in block.data.splitlines() if line)
            if count < 0:
                raise block.error()
            unclosed = block
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
            yield _behind(block, rows, have - count)
        else:
            yield _footer(block)
        have -= _count(rows)
    if unclosed is not None:
        yield unclosed


def lines_behind(block: Unclosed, scanner: Scanner) -> FooterBlock | None:
    """The lines behind the first of those whose quote is never closed, as far as they are no end of it."""
    quote = scanner.dialect.quote
    lines = [line for line in block.data.splitlines(keepends=True)[1:] if quote not in line]
    data = b"".join(lines)
    if not data:
        return None
    rows = scanner.layout(data, final=True).rows
    return FooterBlock(data, block.first, rows=rows, line_ends=count_lines(data))


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


def _behind(block: CsvBlock, rows: Rows, count: int) -> FooterBlock:
    """The records of a block behind the first ones."""
    start = int(rows.starts[count])
    before = count_lines(block.data[:start])
    problems = {row - count: problem for row, problem in rows.problems.items() if row >= count}
    kept = Rows(rows.starts[count:] - start, rows.ends[count:] - start, rows.lines[count:] - before, problems)
    return FooterBlock(
        block.data[start:],
        block.first + before,
        rows=kept if block.rows is not None else None,
        line_ends=block.line_ends - before,
    )


def _footer(block: CsvBlock) -> FooterBlock:
    return FooterBlock(**{each.name: getattr(block, each.name) for each in fields(block)})

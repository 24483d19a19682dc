"""Convert one raw file into one staged Parquet file, value for value, in memory that does not grow with the file.

Every accepted value reaches the Parquet equal to the value in the source, or its row is in `bad_rows`. The columns are
the file's, under safe names and in its order, then the contract's optional ones that it lacks, as nulls (or that it had
not had when the first row group was written); last comes `ROW_COLUMN` of `pipeline.lake.datasets.model`, an int64 that
is 1-based and grows: the source line where the row starts (CSV, JSON lines), or its number in the array. "The last row
of a key wins" means the greatest. A zoneless timestamp is UTC.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.errors import BadObject, Inconsistent
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.files.allocation import keep_freed_memory
from pipeline.lake.files.choice import Choice, Chooser, RowsElsewhere
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.originals import Again, Original
from pipeline.lake.files.parquet_output import BadRowsFile, Misfit, ParquetFile
from pipeline.lake.files.readers import READERS, Block, Chunk, Reader, Recut
from pipeline.lake.files.readers.base import total
from pipeline.lake.files.source import Readable, Source
from pipeline.lake.files.tolerance import Where, check_share

_DEFAULTS = Limits()


@dataclass(frozen=True, slots=True)
class Conversion:
    """What came of a file. `columns` are those of the Parquet but for ROW_COLUMN, as Spark's type strings.

    `nulled` counts by column the values of rows out that are null because the dataset says `on_bad_value: null`.
    `elsewhere` are rows of the choice that are in neither of both files.
    """

    rows_in: int
    rows_out: int
    rows_bad: int
    columns: Mapping[str, str]
    nulled: Mapping[str, int]
    elsewhere: RowsElsewhere = field(default_factory=RowsElsewhere)


def convert(
    source: Readable,
    *,
    file_name: str,
    settings: StageA,
    contract: Mapping[str, Column],
    parquet: Path,
    bad_rows: Path,
    metadata: Mapping[str, str],
    limits: Limits = _DEFAULTS,
    again: Again | None = None,
    choice: Choice | None = None,
) -> Conversion:
    """Read `source` from where it stands to its end, and write `parquet` and `bad_rows` (JSON lines).

    `metadata` goes into the Parquet file's own. Temporary files lie beside `parquet`. A format whose rows may change
    the schema (JSON) may have to read twice: `again` then opens the same bytes anew; without it, a source that cannot
    seek takes its size on the disk. Raises BadObject for a file that cannot be read as the dataset says, and for any
    bad row where the dataset says `on_bad_row: reject_file`; what was written then is worth nothing. With `choice` only
    those rows are converted, however many of them are bad: the dataset took the file before.
    """
    if settings.format not in READERS:
        raise BadObject(f"there is no reader for {settings.format!r}", hint=f"Known are {', '.join(READERS)}.")
    if choice:
        settings = settings.model_copy(update={"on_bad_row": "quarantine", "max_bad_rows": None})
    keep_freed_memory()
    job = _Job(settings, contract, parquet, bad_rows, metadata, limits, choice)
    try:
        workbook = settings.format == "xlsx"
        with Original(source, file_name, limits, parquet.parent, again, workbook=workbook) as original:
            return job.run(original)
    except OSError as error:
        # Arrow's errors carry the number in their text only.
        if error.errno == errno.ENOSPC or f"errno {errno.ENOSPC}" in str(error):
            raise BadObject(
                "the temporary disk is full",
                hint="Send the data in several files, or lower the setting big-file-mb: a job's disk is larger.",
            ) from error
        raise


@dataclass(frozen=True, slots=True)
class _Job:
    """The arguments of one conversion."""

    settings: StageA
    contract: Mapping[str, Column]
    parquet: Path
    bad_rows: Path
    metadata: Mapping[str, str]
    limits: Limits
    choice: Choice | None = None

    def run(self, original: Original) -> Conversion:
        kind = READERS[self.settings.format]()
        reader = self._reader(kind, original.first(twice=kind.rereads))
        try:
            found = self._read(reader)
        except Recut:
            reader = self._reader(kind, original.second())
            reader.careful = True
            found = self._read(reader)
        if found is None:
            # The schema widened after rows were written: only the original has their values as they were.
            reader.read_again(original.second())
            found = self._read(reader)
        if found is None:
            raise Inconsistent(f"the schema of a {self.settings.format} file changed when it was read again")
        return found

    def _reader(self, kind: type[Reader], source: Source) -> Reader:
        reader = kind(source, self.settings, self.contract, self.limits)
        reader.where = Where(self.metadata.get("sluice.source", ""), {})
        return reader

    def _read(self, reader: Reader) -> Conversion | None:
        """Read to the end; None if the schema widened after rows had been written, and is complete only now."""
        fits, chooser = True, Chooser(self.choice) if self.choice else None
        nulled: dict[str, int] = {}
        with (
            BadRowsFile(self.bad_rows) as bad_rows,
            ParquetFile(self.parquet, self.metadata, self.limits.row_group) as parquet,
        ):
            for found in _chunks(reader, self.limits.workers):
                chunk = chooser.of(found) if chooser else found
                bad_rows.add(chunk.bad)
                nulled = total((nulled, chunk.nulled)) if chunk.nulled else nulled
                self._check(bad_rows)
                if fits:
                    try:
                        parquet.add(chunk, reader.table_schema())
                    except Misfit:
                        fits = False
            reader.finish()
            self._check(bad_rows, parquet.rows + bad_rows.rows)
            try:
                if not fits:
                    return None
                parquet.finish(reader.table_schema(), reader.notes())
            except Misfit:
                return None
            return Conversion(
                parquet.rows + bad_rows.rows,
                parquet.rows,
                bad_rows.rows,
                parquet.columns,
                nulled,
                chooser.elsewhere() if chooser else RowsElsewhere(),
            )

    def _check(self, bad: BadRowsFile, total: int | None = None) -> None:
        if bad.rows and self.settings.on_bad_row == "reject_file":
            raise BadObject(
                f"the file has bad rows, and the dataset says `on_bad_row: reject_file`: {bad.told}",
                hint="Mend the rows, or say `on_bad_row: quarantine`.",
            )
        check_share(self.settings, bad.rows, total, told=bad.told)


def _chunks(reader: Reader, workers: int) -> Iterator[Chunk]:
    """Blocks are parsed by `workers` threads while the next are read, and settled in order."""
    waiting: deque[tuple[Block, Future[Chunk | None]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="parse") as pool:
        try:
            for number, block in enumerate(reader.blocks()):
                # The first block is settled before the second is parsed, which needs the schema that it teaches: a
                # thread would only be waited for.
                if number == 0:
                    yield from reader.settle(block, reader.parse(block))
                    continue
                waiting.append((block, pool.submit(reader.parse, block)))
                # One more lies ready, for while the next is read and cut.
                if len(waiting) > workers + 1:
                    yield from _settle(reader, *waiting.popleft())
            while waiting:
                yield from _settle(reader, *waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _settle(reader: Reader, block: Block, parsed: Future[Chunk | None]) -> Iterator[Chunk]:
    yield from reader.settle(block, parsed.result())

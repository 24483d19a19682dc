"""Whether Stage A's memory grows with a file: its peak as one conversion reads on and on.

    python -m tests.benchmarks.stage_a_memory [csv|jsonl|parquet] [--megabytes M] [--keep FOLDER]

The file is one of 100 MB that comes again and again (the header of a CSV is set aside each time), so that a long one
needs no disk; a Parquet file is made, of its row groups again and again. A peak is the greatest of very many: what
several threads hold at once is now and then a little more, and the longer a file, the surer that is met. What keeps
growing would grow with every megabyte.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.benchmarks.stage_a_inputs import make, rows_of
from tests.benchmarks.stage_a_runs import NoPandas, peak_mib

ONE_MB = 100
TOLD_AT = (100, 200, 400, 700, 1000, 1500, 2000, 3000, 5000, 10_000)


class Marks:
    """Tells when a file of `megabytes` was read how far."""

    def __init__(self, megabytes: int, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._marks = [mark for mark in TOLD_AT if mark < megabytes]
        self.size = 0

    def count(self, data: bytes) -> bytes:
        """The same bytes, which were read."""
        self.size += len(data)
        if self._marks and self.size >= self._marks[0] * 1_000_000:
            self._tell(self._marks.pop(0))
        return data


class Repeated:
    """A file that comes again and again until it has `megabytes`."""

    def __init__(self, source: Path, megabytes: int, tell: Callable[[int], None] = lambda _: None) -> None:
        self._file = source.open("rb")
        self._megabytes = megabytes
        self._marks = Marks(megabytes, tell)

    def read(self, size: int = -1, /) -> bytes:
        """As a file's; none at the end."""
        data = self._file.read(size)
        if not data and self._marks.size < self._megabytes * 1_000_000:
            self._file.seek(0)
            data = self._file.read(size)
        return self._marks.count(data)


class Watched(io.FileIO):
    """A file on the disk."""

    def __init__(self, path: Path, megabytes: int, tell: Callable[[int], None]) -> None:
        super().__init__(path)
        self._read = Marks(megabytes, tell)

    def read(self, size: int | None = -1, /) -> bytes:
        """As a file's."""
        return self._read.count(super().read(size) or b"")


def repeat_row_groups(source: Path, megabytes: int) -> Path:
    import pyarrow.parquet as pq

    long = source.with_suffix(f".{megabytes}.parquet")
    file = pq.ParquetFile(source)
    with pq.ParquetWriter(long, file.schema_arrow, compression="snappy") as writer:
        while long.stat().st_size < megabytes * 1_000_000:
            for group in range(file.num_row_groups):
                writer.write_table(file.read_row_group(group))
    return long


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="?", choices=["csv", "jsonl", "parquet"], default="jsonl")
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--keep", type=Path, help="folder whose input is kept and used again")
    asked = parser.parse_args()
    sys.meta_path.insert(0, NoPandas())
    with tempfile.TemporaryDirectory() as folder:
        inputs = asked.keep or Path(folder)
        inputs.mkdir(parents=True, exist_ok=True)
        # In a process of its own: what DuckDB takes is not ours.
        with ProcessPoolExecutor(1) as pool:
            source = pool.submit(make, asked.kind, inputs, rows_of(asked.kind, ONE_MB)).result()
            if asked.kind == "parquet":
                source = pool.submit(repeat_row_groups, source, asked.megabytes).result()
        convert_all(asked.kind, source, asked.megabytes, Path(folder))


def convert_all(kind: str, source: Path, megabytes: int, folder: Path) -> None:
    from pipeline.lake.datasets import StageA
    from pipeline.lake.files.conversion import convert

    found = convert(
        Watched(source, megabytes, _tell) if kind == "parquet" else Repeated(source, megabytes, _tell),
        file_name=f"file.{kind}",
        settings=StageA.model_validate({"format": kind}),
        contract={},
        parquet=folder / "out.parquet",
        bad_rows=folder / "out.bad",
        metadata={},
        again=lambda: Repeated(source, megabytes),
    )
    _tell(megabytes)
    print(f"{found.rows_out:,} rows", flush=True)


def _tell(megabytes: int) -> None:
    import pyarrow as pa

    arrow = pa.default_memory_pool().max_memory() / 2**20
    print(f"{megabytes:6,} MB: {peak_mib():4.0f} MiB at most, {arrow:3.0f} of them Arrow's", flush=True)


if __name__ == "__main__":
    main()

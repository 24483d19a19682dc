"""One conversion in a process of its own, ours or a peer's: time, processor time, peak memory; and what came of it."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

ZSTD_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds are those of the conversion, without start and imports; `mib` is the peak of the whole process."""

    seconds: float
    processor: float
    mib: float
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """What one process does. `who` is ours, duckdb, or pyarrow; `stage_a` and `contract` are for ours.

    `unchecked` is ours without the checks of JSON values: what they cost is measured by leaving them out.
    """

    who: str
    source: Path
    target: Path
    stage_a: Mapping[str, Any]
    contract: Mapping[str, Any]


def run(work: Work) -> Run:
    """Do it in a fresh interpreter, without pandas: pyarrow would import it, and Lambda's layer has none."""
    said = json.dumps([work.who, str(work.source), str(work.target), work.stage_a, work.contract])
    done = subprocess.run([sys.executable, "-m", __name__, said], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{work.who} failed on {work.source}:\n{done.stderr}")
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def medians(runs: Sequence[Run]) -> Run:
    """Median times, and the greatest peak."""
    return Run(
        statistics.median(each.seconds for each in runs),
        statistics.median(each.processor for each in runs),
        max(each.mib for each in runs),
        runs[-1].facts,
    )


def content(path: Path) -> str:
    """Row count and a hash of the rows that their order does not change, zoneless timestamps taken for UTC."""
    # In a process of its own, for its memory not to stay here.
    command = [sys.executable, "-c", _CONTENT.format(path=path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]


_CONTENT = """
import duckdb
duckdb.sql("SET enable_progress_bar = false")
found = duckdb.sql("DESCRIBE SELECT * FROM '{path}'").fetchall()
columns = {{row[0]: row[1] for row in found if row[0] != "_sluice_row"}}
plain = [
    f"timezone('UTC', \\"{{name}}\\")" if kind == "TIMESTAMP WITH TIME ZONE" else f'"{{name}}"'
    for name, kind in columns.items()
]
text = ", ".join(f"{{each}}::VARCHAR" for each in plain)
print(duckdb.sql(f"SELECT count(*), sum(hash({{text}})::HUGEINT) FROM '{path}'").fetchall()[0])
"""


def _ours(source: Path, target: Path, stage_a: Any, contract: Any) -> Callable[[], dict[str, Any]]:
    from pipeline.lake.datasets import Column, StageA
    from pipeline.lake.files.conversion import convert
    from pipeline.lake.files.readers import READERS

    READERS[stage_a["format"]]()
    settings = StageA.model_validate(stage_a)
    columns = {name: Column.model_validate(column) for name, column in contract.items()}

    def work() -> dict[str, Any]:
        with source.open("rb") as stream:
            found = convert(
                stream,
                file_name=source.name,
                settings=settings,
                contract=columns,
                parquet=target,
                bad_rows=target.with_suffix(".bad"),
                metadata={},
            )
        return {"out": found.rows_out, "bad": found.rows_bad}

    return work


def _unchecked(source: Path, target: Path, stage_a: Any, contract: Any) -> Callable[[], dict[str, Any]]:
    from pipeline.lake.files.readers import json_reader

    for check in ("may_round", "check_decimals", "check_doubles", "check_utf8"):
        setattr(json_reader, check, lambda *_: False)
    return _ours(source, target, stage_a, contract)


def _duckdb(source: Path, target: Path, *_: Any) -> Callable[[], dict[str, Any]]:
    import duckdb

    # All columns as text, which is what Stage A makes of a CSV without contract, and no order lost.
    reader = f"read_csv('{source}', all_varchar=true)" if ".csv" in source.name else f"read_json('{source}')"
    connection = duckdb.connect()
    options = f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {ZSTD_LEVEL}"

    def work() -> dict[str, Any]:
        connection.sql(f"COPY (SELECT * FROM {reader}) TO '{target}' ({options})")
        return {}

    return work


def _pyarrow(source: Path, target: Path, *_: Any) -> Callable[[], dict[str, Any]]:
    import pyarrow.parquet as pq

    def work() -> dict[str, Any]:
        pq.write_table(pq.read_table(source), target, compression="zstd", compression_level=ZSTD_LEVEL)
        return {}

    return work


def _pyarrow_streamed(source: Path, target: Path, *_: Any) -> Callable[[], dict[str, Any]]:
    import pyarrow.parquet as pq

    def work() -> dict[str, Any]:
        file = pq.ParquetFile(source)
        with pq.ParquetWriter(target, file.schema_arrow, compression="zstd", compression_level=ZSTD_LEVEL) as writer:
            for group in range(file.num_row_groups):
                writer.write_table(file.read_row_group(group))
        return {}

    return work


_WHO = {
    "ours": _ours,
    "unchecked": _unchecked,
    "duckdb": _duckdb,
    "pyarrow": _pyarrow,
    "pyarrow streamed": _pyarrow_streamed,
}


def peak_mib() -> float:
    # Not rusage's, which begins with the memory of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


class NoPandas(MetaPathFinder):
    """Hides it. None in `sys.modules` would do so for Python, but not for Cython, which goes on with the None."""

    def find_spec(self, fullname: str, *_: Any) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)


def _main() -> None:
    sys.meta_path.insert(0, NoPandas())
    who, source, target, stage_a, contract = json.loads(sys.argv[1])
    work = _WHO[who](Path(source), Path(target), stage_a, contract)
    began, used = time.perf_counter(), time.process_time()
    facts = work()
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    print(json.dumps({"seconds": seconds, "processor": processor, "mib": peak_mib(), "facts": facts}))


if __name__ == "__main__":
    _main()

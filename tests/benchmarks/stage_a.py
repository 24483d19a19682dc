"""Stage A against DuckDB's COPY, in one run on one machine: time, memory, and whether the content is the same.

    python tests/benchmarks/stage_a.py [--rows MILLIONS] [--rounds N] [--keep FOLDER]

Each conversion is a process of its own; times are medians and without start and imports, memory is the peak of the
process. Both sides write zstd at the same level. Ratios are DuckDB's time divided by ours: above 1 we are faster.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ZSTD_LEVEL = 1
COLUMNS = (
    "id",
    "code",
    "name",
    "city",
    "amount",
    "price",
    "quantity",
    "flag",
    "day",
    "moment",
    "note",
    "token",
)
_ROWS = """
    SELECT range AS id, printf('%06d', (hash(range) % 1000000)::BIGINT) AS code,
        'name ' || (hash(range + 1) % 50000) AS name,
        ['London', 'Paris', 'Zürich', 'New York', 'São Paulo'][1 + (hash(range + 2) % 5)::INT] AS city,
        round((hash(range + 3) % 100000000) / 100.0, 2)::DECIMAL(12, 2) AS amount,
        (hash(range + 4) % 1000000007) / 1000003.0 AS price, (hash(range + 5) % 100)::INT AS quantity,
        hash(range + 6) % 2 = 0 AS flag, DATE '2020-01-01' + (hash(range + 7) % 2000)::INT AS day,
        TIMESTAMP '2020-01-01' + to_seconds((hash(range + 8) % 100000000)::BIGINT) AS moment,
        CASE WHEN hash(range + 9) % 10 = 0 THEN NULL ELSE 'note, ' || (hash(range + 9) % 1000) END AS note,
        md5(range::VARCHAR) AS token
    FROM range({rows})
"""
_NESTED = """
    SELECT id, code, name, struct_pack(city := city, zip := code) AS address, price, flag,
        [struct_pack(sku := token[1:8], quantity := quantity),
            struct_pack(sku := token[9:16], quantity := quantity + 1)] AS items, day::VARCHAR AS day, note
    FROM ({rows})
"""


def make(folder: Path, rows: int) -> dict[str, Path]:
    """The inputs, made by DuckDB from hashes of the row number: the same every time."""
    import duckdb

    flat = _ROWS.format(rows=rows)
    nested = _NESTED.format(rows=_ROWS.format(rows=rows // 2))
    paths = {"csv": folder / "rows.csv", "jsonl": folder / "rows.jsonl", "json": folder / "rows.json"}
    made = {
        "csv": f"COPY ({flat}) TO '{paths['csv']}' (HEADER)",
        "jsonl": f"COPY ({nested}) TO '{paths['jsonl']}' (FORMAT json)",
        "json": f"COPY ({nested}) TO '{paths['json']}' (FORMAT json, ARRAY true)",
    }
    for name, statement in made.items():
        if not paths[name].exists():
            duckdb.sql(statement)
    gz = paths["csv.gz"] = folder / "rows.csv.gz"
    if not gz.exists():
        with gz.open("wb") as packed:
            subprocess.run(["gzip", "-1", "-c", paths["csv"]], stdout=packed, check=True)
    return paths


def run_ours(source: Path, target: Path) -> float:
    from pipeline.lake.datasets import StageA
    from pipeline.lake.files.conversion import convert

    settings = StageA.model_validate({"format": source.name.removesuffix(".gz").rpartition(".")[2]})
    started = time.perf_counter()
    with source.open("rb") as stream:
        convert(
            stream,
            file_name=source.name,
            settings=settings,
            contract={},
            parquet=target,
            bad_rows=target.with_suffix(".bad"),
            metadata={},
        )
    return time.perf_counter() - started


def run_duckdb(source: Path, target: Path) -> float:
    import duckdb

    # All columns as text, which is what Stage A makes of a CSV without contract, and no order lost.
    reader = f"read_csv('{source}', all_varchar=true)" if ".csv" in source.name else f"read_json('{source}')"
    connection = duckdb.connect()
    options = f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {ZSTD_LEVEL}"
    started = time.perf_counter()
    connection.sql(f"COPY (SELECT * FROM {reader}) TO '{target}' ({options})")
    return time.perf_counter() - started


def measure(kind: str, source: Path, target: Path) -> dict[str, Any]:
    """One conversion in a process of its own."""
    command = [sys.executable, __file__, "--one", kind, str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{kind} failed on {source}:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def content(path: Path) -> tuple[Any, ...]:
    """Row count and a hash of the rows that their order does not change."""
    import duckdb

    columns = [row[0] for row in duckdb.sql(f"DESCRIBE SELECT * FROM '{path}'").fetchall() if row[0] != "_sluice_row"]
    text = ", ".join(f'"{column}"::VARCHAR' for column in columns)
    return duckdb.sql(f"SELECT count(*), sum(hash({text})::HUGEINT) FROM '{path}'").fetchall()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, default=4.0, help="millions of CSV rows; JSON gets half as many")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder whose inputs are kept and used again")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        kind, source, target = arguments.one
        seconds = {"ours": run_ours, "duckdb": run_duckdb}[kind](Path(source), Path(target))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "mib": peak}))
        return
    with tempfile.TemporaryDirectory() as folder:
        inputs = arguments.keep or Path(folder)
        inputs.mkdir(parents=True, exist_ok=True)
        for name, source in make(inputs, int(arguments.rows * 1_000_000)).items():
            report(name, source, Path(folder), arguments.rounds)


def report(name: str, source: Path, folder: Path, rounds: int) -> None:
    size = source.stat().st_size / 2**20
    found: dict[str, list[dict[str, Any]]] = {"ours": [], "duckdb": []}
    for _ in range(rounds):
        for kind, runs in found.items():
            runs.append(measure(kind, source, folder / f"{kind}.parquet"))
    seconds = {kind: statistics.median(run["seconds"] for run in runs) for kind, runs in found.items()}
    peak = {kind: max(run["mib"] for run in runs) for kind, runs in found.items()}
    same = content(folder / "ours.parquet") == content(folder / "duckdb.parquet")
    sizes = {kind: (folder / f"{kind}.parquet").stat().st_size / 2**20 for kind in found}
    print(
        f"{name:7} {size:5.0f} MiB | ours {seconds['ours']:.2f} s {size / seconds['ours']:4.0f} MiB/s "
        f"{peak['ours']:4.0f} MiB peak, {sizes['ours']:.0f} MiB out | DuckDB {seconds['duckdb']:.2f} s "
        f"{peak['duckdb']:4.0f} MiB peak, {sizes['duckdb']:.0f} MiB out "
        f"| ratio {seconds['duckdb'] / seconds['ours']:.2f} | content {'equal' if same else 'DIFFERS'}",
        flush=True,
    )


if __name__ == "__main__":
    main()

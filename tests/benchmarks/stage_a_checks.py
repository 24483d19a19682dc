"""What Stage A's checks of JSON values cost, and what they find that its peers read otherwise.

    python -m tests.benchmarks.stage_a_checks [--scale S] [--rounds N] [--keep FOLDER]

First the time of JSON lines with the checks (that no decimal is rounded by its double, no number overflows its column,
all text is UTF-8) and without them, without a contract and with one, each as a ratio to DuckDB's in the same run: above
1 we are faster. Then small files, each of two rows: what is written, and what each reader makes of it, as text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.stage_a import MEGABYTES, arguments, folders
from tests.benchmarks.stage_a_inputs import NESTED_CONTRACT, make, rows_of
from tests.benchmarks.stage_a_runs import Run, Work, medians, run


@dataclass(frozen=True, slots=True)
class Case:
    """A file of JSON lines with a column `v`. `wanted` is what its last value says, None if the row is none."""

    what: str
    text: bytes
    wanted: str | None


CASES = (
    Case("a decimal of 19 digits", b'{"v":1.5}\n{"v":0.1234567890123456789}\n', "0.1234567890123456789"),
    Case("an amount of 17 digits", b'{"v":1.5}\n{"v":9007199254740993.25}\n', "9007199254740993.25"),
    Case("an integer of 20 digits", b'{"v":1}\n{"v":12345678901234567890}\n', "12345678901234567890"),
    Case("2^53 + 1 beside decimals", b'{"v":1.5}\n{"v":9007199254740993}\n', "9007199254740993"),
    Case("an exponent that no double has", b'{"v":1.5}\n{"v":1e-400}\n', "1e-400"),
    Case("a number that is text", b'{"v":"x"}\n{"v":1.50}\n', "1.50"),
    Case("a key that stands twice", b'{"v":1}\n{"v":2,"v":3}\n', None),
    Case("NaN, which is not JSON", b'{"v":1.5}\n{"v":NaN}\n', None),
    Case("bytes that are not UTF-8", b'{"v":"x"}\n{"v":"M\xfcller"}\n', None),
    Case("half of a surrogate pair", b'{"v":"x"}\n{"v":"\\ud83d"}\n', None),
)


def main() -> None:
    asked = arguments(__doc__, ["cost", "found"])
    with folders(asked.keep) as (inputs, outputs):
        if "cost" in asked.names:
            report_cost(
                make("jsonl", inputs, rows_of("jsonl", MEGABYTES["jsonl"] * asked.scale)), outputs, asked.rounds
            )
        if "found" in asked.names:
            report_found(outputs)


def report_cost(source: Path, folder: Path, rounds: int) -> None:
    stage_a, target = {"format": "jsonl"}, folder / "out.parquet"
    works = {
        "with the checks": Work("ours", source, target, stage_a, {}),
        "without them": Work("unchecked", source, target, stage_a, {}),
        "with the checks and a contract": Work("ours", source, target, stage_a, NESTED_CONTRACT),
        "without them, with a contract": Work("unchecked", source, target, stage_a, NESTED_CONTRACT),
        "DuckDB": Work("duckdb", source, target, stage_a, {}),
    }
    runs: dict[str, list[Run]] = {what: [] for what in works}
    for _ in range(rounds):
        for what, work in works.items():
            runs[what].append(run(work))
    found = {what: medians(those) for what, those in runs.items()}
    print(
        f"| JSON lines, {source.stat().st_size / 1e6:.0f} MB | time | processor | DuckDB's by it |\n|---|---|---|---|"
    )
    for what, of in found.items():
        ratios = f"{found['DuckDB'].seconds / of.seconds:.2f}, {found['DuckDB'].processor / of.processor:.2f}"
        print(f"| {what} | {of.seconds:.2f} s | {of.processor:.2f} s | {ratios} |", flush=True)


def report_found(folder: Path) -> None:
    readers: dict[str, Callable[[Path], str | None]] = {"Sluice": _sluice, "DuckDB": _duckdb, "pyarrow": _pyarrow}
    print(f"\n| what | written | {' | '.join(readers)} |\n|---|---|---|---|---|")
    wrong = dict.fromkeys(readers, 0)
    for case in CASES:
        source = folder / "case.jsonl"
        source.write_bytes(case.text)
        told = []
        for who, read in readers.items():
            found, why = _try(read, source)
            right = found == case.wanted
            wrong[who] += not right
            told.append((f"`{found}`" if found is not None else why) + ("" if right else " **wrong**"))
        written = case.text.splitlines()[1].decode(errors="backslashreplace")
        print(f"| {case.what} | `{written}` | {' | '.join(told)} |", flush=True)
    print(f"| **wrong** | {len(CASES)} files | {' | '.join(map(str, wrong.values()))} |", flush=True)


def _try(read: Callable[[Path], str | None], source: Path) -> tuple[str | None, str]:
    try:
        return read(source), "the row is set aside"
    except Exception as error:  # what a peer raises is its own business
        return None, f"the file is refused ({type(error).__name__})"


def _sluice(source: Path) -> str | None:
    import pyarrow.parquet as pq

    from pipeline.lake.datasets import StageA
    from pipeline.lake.files.conversion import convert

    target = source.with_suffix(".parquet")
    with source.open("rb") as stream:
        found = convert(
            stream,
            file_name=source.name,
            settings=StageA(format="jsonl"),
            contract={},
            parquet=target,
            bad_rows=source.with_suffix(".bad"),
            metadata={},
        )
    return None if found.rows_bad else _text(pq.read_table(target).column("v")[1].as_py())


def _duckdb(source: Path) -> str | None:
    import duckdb

    return _text(duckdb.sql(f"SELECT v::VARCHAR FROM read_json('{source}')").fetchall()[1][0])


def _pyarrow(source: Path) -> str | None:
    import pyarrow.json

    return _text(pyarrow.json.read_json(source).column("v")[1].as_py())


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str)


if __name__ == "__main__":
    main()

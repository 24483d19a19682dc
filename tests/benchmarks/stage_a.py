"""Stage A against its peers, in one run on one machine: time, memory, and whether the content is the same.

    python -m tests.benchmarks.stage_a [csv] [jsonl] [json] [csv.gz] [parquet] [--scale S] [--rounds N] [--keep FOLDER]

The peers are DuckDB's COPY of the same file, and for Parquet pyarrow's own rewrite, whole and a row group at a time.
Each conversion is a process of its own; times are medians and without start and imports, memory is the peak of the
process. All write zstd at the same level. Ratios are the peer's time divided by ours: above 1 we are faster. Ours reads
without a contract; `declared`, of JSON, by one with the types of its columns.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.stage_a_inputs import NESTED_CONTRACT, make, rows_of
from tests.benchmarks.stage_a_runs import Run, Work, content, medians, run

MEGABYTES = {"csv": 550, "jsonl": 470, "json": 470, "csv.gz": 270, "parquet": 300}
PEERS = {"parquet": ("pyarrow", "pyarrow streamed")}
DECLARED = {"jsonl": NESTED_CONTRACT, "json": NESTED_CONTRACT}
GOALS = {"csv": 1.5, "jsonl": 0.9, "json": 0.9, "csv.gz": 1.3, "parquet": 0.9}


def arguments(description: str | None, names: list[str]) -> argparse.Namespace:
    """What both benchmarks of Stage A take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*names, []], default=[], help="which; all if none is named")
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes that the table quotes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder whose inputs are kept and used again")
    found = parser.parse_args()
    found.names = found.names or names
    return found


@contextmanager
def folders(keep: Path | None) -> Iterator[tuple[Path, Path]]:
    """Where inputs lie, and where outputs."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = keep or Path(folder)
        inputs.mkdir(parents=True, exist_ok=True)
        yield inputs, Path(folder)


def main() -> None:
    asked = arguments(__doc__, list(MEGABYTES))
    with folders(asked.keep) as (inputs, outputs):
        for name in asked.names:
            source = make(name, inputs, rows_of(name, MEGABYTES[name] * asked.scale))
            report(name, source, outputs, asked.rounds)


def report(name: str, source: Path, folder: Path, rounds: int) -> None:
    stage_a = {"format": name.removesuffix(".gz")}
    works = {"ours": Work("ours", source, folder / "ours.parquet", stage_a, {})}
    if name in DECLARED:
        works["declared"] = Work("ours", source, folder / "declared.parquet", stage_a, DECLARED[name])
    peers = PEERS.get(name, ("duckdb",))
    works |= {each: Work(each, source, folder / f"{each}.parquet", stage_a, {}) for each in peers}
    runs: dict[str, list[Run]] = {each: [] for each in works}
    # Alternating, so that what else the machine does meets all of them.
    for _ in range(rounds):
        for each, work in works.items():
            runs[each].append(run(work))
    size = source.stat().st_size / 1e6
    found = {each: medians(those) for each, those in runs.items()}
    expected = content(works["ours"].target)
    print(f"{name:8} {size:4.0f} MB, goal {GOALS[name]}", flush=True)
    for each, of in found.items():
        out = works[each].target.stat().st_size / 1e6
        same = "".join(
            f" | {of.seconds / found[mine].seconds:.2f} × the time of {mine}, "
            f"{of.processor / found[mine].processor:.2f} × its processor time"
            for mine in ("ours", "declared")
            if each in peers and mine in found
        )
        same += "" if content(works[each].target) == expected else " | THE CONTENT DIFFERS"
        print(
            f"    {each:17} {of.seconds:6.2f} s, {size / of.seconds:4.0f} MB/s, processor {of.processor:6.2f} s, "
            f"{of.mib:5.0f} MiB at most, {out:4.0f} MB written{same}",
            flush=True,
        )


if __name__ == "__main__":
    main()

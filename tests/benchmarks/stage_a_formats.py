"""What the way a file is written costs Stage A: other encodings, bad rows, and whether memory grows with the file.

    python -m tests.benchmarks.stage_a_formats [german] [bad-values] [ragged] [foreign] [growth-csv …]
        [--scale S] [--rounds N]

german: cp1252, decimal comma, days as dd/MM/yyyy, beside the same rows in UTF-8 and ISO. bad-values, ragged, foreign: a
row in a hundred is put aside, beside the same rows when all are good. growth: the peak memory of 100 MB and of 1 GB.
Ratios are the plain file's time divided by the other's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks.stage_a import arguments, folders
from tests.benchmarks.stage_a_inputs import CONTRACT, GERMAN, GERMAN_CONTRACT, make, rows_of
from tests.benchmarks.stage_a_runs import Run, Work, content, medians, run

MEGABYTES = 300
GROWTH = {"csv": (100, 1000), "csv.gz": (50, 500), "jsonl": (100, 1000), "json": (100, 1000), "parquet": (100, 1000)}
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "german": (GERMAN, GERMAN_CONTRACT),
    "bad-values": ({}, CONTRACT),
    "ragged": ({}, CONTRACT),
    "foreign": ({}, CONTRACT),
}
GOALS = {"german": 0.7, "bad-values": 0.67, "ragged": 0.67, "foreign": 0.67}


def main() -> None:
    asked = arguments(__doc__, [*VARIANTS, *(f"growth-{kind}" for kind in GROWTH)])
    with folders(asked.keep) as (inputs, outputs):
        for name in asked.names:
            if name.startswith("growth-"):
                grow(name.removeprefix("growth-"), inputs, outputs, asked.scale)
            else:
                rows = rows_of("csv", MEGABYTES * asked.scale)
                compare(name, make("csv", inputs, rows), make(name, inputs, rows), outputs, asked.rounds)


def compare(name: str, plain: Path, other: Path, folder: Path, rounds: int) -> None:
    options, contract = VARIANTS[name]
    works = {
        "plain": Work("ours", plain, folder / "plain.parquet", {"format": "csv"}, CONTRACT),
        name: Work("ours", other, folder / "other.parquet", {"format": "csv", **options}, contract),
    }
    runs: dict[str, list[Run]] = {each: [] for each in works}
    for _ in range(rounds):
        for each, work in works.items():
            runs[each].append(run(work))
    found = {each: medians(those) for each, those in runs.items()}
    print(f"{name}, {other.stat().st_size / 1e6:.0f} MB, goal {GOALS[name]}", flush=True)
    for each, of in found.items():
        print(
            f"    {each:11} {of.seconds:6.2f} s, processor {of.processor:6.2f} s, {of.mib:4.0f} MiB at most, "
            f"{of.facts['out']} rows and {of.facts['bad']} bad ones | "
            f"{found['plain'].seconds / of.seconds:.2f} × as fast, "
            f"{found['plain'].processor / of.processor:.2f} by processor time",
            flush=True,
        )
    if name == "german" and content(folder / "plain.parquet") != content(folder / "other.parquet"):
        print("    THE CONTENT DIFFERS", flush=True)


def grow(kind: str, inputs: Path, folder: Path, scale: float) -> None:
    peaks = []
    for mb in GROWTH[kind]:
        source = make(kind, inputs, rows_of(kind, mb * scale))
        stage_a = {"format": kind.removesuffix(".gz")}
        peaks.append(run(Work("ours", source, folder / "out.parquet", stage_a, {})).mib)
    small, large = GROWTH[kind]
    print(
        f"growth {kind:8} {small * scale:.0f} MB: {peaks[0]:4.0f} MiB at most, "
        f"{large * scale:.0f} MB: {peaks[1]:4.0f} MiB",
        flush=True,
    )


if __name__ == "__main__":
    main()

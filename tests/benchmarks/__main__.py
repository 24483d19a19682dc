"""All measurements, one after another."""

from __future__ import annotations

import subprocess
import sys

MODULES = tuple(
    f"tests.benchmarks.{name}"
    for name in (
        "flow",
        "flood",
        "burst",
        "depth",
        "engine",
        "stage_a",
        "stage_a_formats",
        "stage_a_checks",
        "stage_a_memory",
        "sniffing",
        "console",
        "looking",
        "cold_start",
        "commits",
        "rows_again",
        "signatures",
        "feeds",
        "forecasts",
        "forecasts_lake",
    )
)


def main() -> None:
    for name in MODULES:
        print(f"\n# python -m {name}", flush=True)
        subprocess.run([sys.executable, "-m", name], check=True)


if __name__ == "__main__":
    main()

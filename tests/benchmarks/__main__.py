"""All measurements, one after another."""

from __future__ import annotations

import subprocess
import sys

MODULES = ("tests.benchmarks.flow", "tests.benchmarks.engine", "tests.benchmarks.stage_a", "tests.benchmarks.console")


def main() -> None:
    for name in MODULES:
        print(f"\n# python -m {name}", flush=True)
        subprocess.run([sys.executable, "-m", name], check=True)


if __name__ == "__main__":
    main()

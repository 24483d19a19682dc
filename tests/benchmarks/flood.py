"""A flood of small files of one dataset, and one file of another dataset dropped after all of them.

    python -m tests.benchmarks.flood [--files N] [--calls]

Objects a second count from the first drop to the last row in the table, with `sluice wait` waiting; processor time is
that of all processes of the lake, so that it says something on a busy machine as well. `--calls` adds what was asked of
the embedded AWS for an object.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.cli.embedded import call
from pipeline.cli.waits import wait
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import DatasetName
from pipeline.operate.connection import Connected
from tests.benchmarks.engine import cpu_s
from tests.benchmarks.flow import drop
from tests.benchmarks.small_lake import NAME, small_lake
from tests.whole_lake.listening import processes

STAGE_B = "stage_b: {schedule: rate(1 minute), max_objects: 300}\n"
OTHER = DatasetName("other", "single")
DROPPERS = 4
PATIENCE_S = 3600
LOOK_EVERY_S = 0.5
KINDS = {
    "supervisor": "pipeline.emulator.supervisor",
    "console": "pipeline.console",
    "function workers": "awslambda/main.py",
    "jobs": "script.py",
    "JVM": "/bin/java",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--calls", action="store_true")
    given = parser.parse_args()
    with small_lake(STAGE_B, also=(OTHER,)) as connected:
        warm_up(connected)
        measure(connected, given.files, show_calls=given.calls)


def warm_up(connected: Connected) -> None:
    """One file through each dataset: workers, Spark and tables are there."""
    for name in (NAME, OTHER):
        drop(connected, "warm-up.csv", name)
    wait(connected, PATIENCE_S, lambda _: None)


def measure(connected: Connected, files: int, *, show_calls: bool) -> None:
    assert connected.endpoint
    call(connected.endpoint, "calls", "DELETE")
    meter = Meter()
    meter.start()
    began = time.monotonic()
    with ThreadPoolExecutor(DROPPERS) as pool:
        list(pool.map(lambda n: drop(connected, f"{n}.csv"), range(files)))
    dropped = time.monotonic()
    print(f"{files} files dropped in {dropped - began:.0f} s", flush=True)
    other = drop(connected, "late.csv", OTHER)
    follower = threading.Thread(target=follow, args=(connected, other, dropped))
    follower.start()
    wait(connected, PATIENCE_S, lambda _: None)
    took = time.monotonic() - began
    follower.join()
    meter.stop()
    found = Counter(row.status.value for row in connected.lake.catalog.all(str(NAME)))
    print(f"{files} files in {took:.0f} s: {files / took:.1f} objects a second to the table; {dict(found)}")
    for kind, seconds in meter.seconds.items():
        print(f"  processor of {kind:<17} {seconds:6.1f} s, {1000 * seconds / files:6.1f} ms an object")
    if show_calls:
        print_calls(connected.endpoint, files)


def follow(connected: Connected, path: str, dropped: float) -> None:
    """Print when the other dataset's file reaches each status."""
    seen: Status | None = None
    while seen is not Status.COMMITTED:
        time.sleep(LOOK_EVERY_S)
        rows = connected.lake.catalog.history(path)
        if rows and rows[-1].status is not seen:
            seen = rows[-1].status
            print(f"  the other dataset's file is {seen} after {time.monotonic() - dropped:.1f} s", flush=True)


class Meter:
    """Processor seconds of the lake's processes by kind, those included that ended meanwhile, up to the last look."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[str, float]] = {}
        self._first: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._look()
        self._first = {pid: seconds for pid, (_, seconds) in self._last.items()}
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        self._look()

    @property
    def seconds(self) -> dict[str, float]:
        found: dict[str, float] = defaultdict(float)
        for pid, (kind, seconds) in self._last.items():
            found[kind] += seconds - self._first.get(pid, 0.0)
        return dict(found)

    def _run(self) -> None:
        while not self._ended.wait(0.2):
            self._look()

    def _look(self) -> None:
        for pid in processes(os.getpid())[1:]:
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_text()
                kind = next((kind for kind, mark in KINDS.items() if mark in command), "others")
                self._last[pid] = (kind, cpu_s(pid))


def print_calls(endpoint: str, files: int) -> None:
    counts: Counter[tuple[str, str, str]] = Counter()
    for each in call(endpoint, "calls")["calls"]:
        counts[each["caller"], each["service"], each["operation"]] += each["count"]
    for (caller, service, operation), count in counts.most_common(40):
        print(f"  {count / files:7.2f} an object  {caller} {service} {operation}")


if __name__ == "__main__":
    main()

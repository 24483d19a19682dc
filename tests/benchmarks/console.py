"""How fast the console's pages are with a large lake behind them, and how large.

    python -m tests.benchmarks.console [--rows N] [--executions N] [--datasets N]

An embedded lake of 50 datasets, whose catalog has 100,000 rows, half of them of one dataset, 50 batches of each, and
whose Stage A machine has had 10,000 executions (of a machine that does nothing). Each page is asked for 20 times over
HTTP: medians, with the processor time of the console and of the lake's own process for one request, what they do
meanwhile in the background in it. Beside it stands the same page of the lake before, and the bare calls that somebody
with boto3 alone would make for the same lines, in the same run. At last the console is ended, and the one that the lake
starts in its place is asked at once: how long a page takes while nothing is known, and when everything is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.cli.connect import Target
from pipeline.core.clients import client
from pipeline.core.objects import ObjectVersion
from pipeline.deploy.datasets.definitions import apply_definitions
from pipeline.deploy.embedded import EmbeddedBackend
from pipeline.emulator import lifecycle
from pipeline.emulator.state import RunningLake
from pipeline.lake.catalog import Status
from pipeline.lake.catalog.rows import OPEN
from pipeline.lake.settings import Setting
from pipeline.operate.connection import Connected
from tests.benchmarks.catalog_rows import THREADS, Row, fill, row_of
from tests.benchmarks.console_pages import FIRST, bare_calls, fill_batches, pages_of
from tests.benchmarks.engine import cpu_s, resident_mb
from tests.conftest import ROOT
from tests.deploying import deploy
from tests.whole_lake.conftest import checkout_of

DATASET = "demo/orders"
TIMES = 20
NOTHING = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
STATUSES = [*[Status.COMMITTED] * 96, Status.FAILED, Status.QUARANTINED, Status.STAGED, Status.DUPLICATE]
"""Of a hundred rows."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--executions", type=int, default=10_000)
    parser.add_argument("--datasets", type=int, default=50)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        root = checkout_of(Path(folder, "checkout"))
        names = define(root / "definitions" / "datasets", given.datasets)
        lake = lifecycle.start(root, port=0, region="eu-west-1", env="local")
        try:
            deploy(root, lake)
            connected = Target.of(lake).connect()
            apply_definitions(root, connected, EmbeddedBackend(connected.env))
            batch = fill_batches(connected, [DATASET, *names])
            pages = fill_a_little(connected, batch)
            empty = {page: measure(lake, page) for page in pages}
            began = time.monotonic()
            fill(connected, range(1, given.rows), partial(row, names=names))
            run_executions(connected, given.executions)
            print(f"{given.rows:,} rows and {given.executions:,} executions in {time.monotonic() - began:.0f} s")
            until_known(lake)
            print("| page | large lake | processor: console | lake | before | bare calls | size |")
            print("|---|---|---|---|---|---|---|")
            bare = bare_calls(connected, DATASET)
            for page in pages:
                print_page(page, measure(lake, page), empty[page], bare.get(page))
            print(f"memory of the console {resident_mb(console_of(lake)):.0f} MB")
            measure_cold(lake)
        finally:
            lifecycle.stop(root)


def define(folder: Path, number: int) -> list[str]:
    """Write the demo's datasets and as many like its orders that there are `number`; the names to give rows to."""
    shutil.copytree(ROOT / "definitions" / "datasets" / "demo", folder / "demo")
    orders, there = (folder / "demo" / "orders.yaml").read_text(), len(list(folder.rglob("*.yaml")))
    names = [f"like_{n}" for n in range(number - there)]
    for name in names:
        (folder / "demo" / f"{name}.yaml").write_text(orders.replace("dataset: orders", f"dataset: {name}"))
    return [f"demo/{name}" for name in names]


def fill_a_little(connected: Connected, batch: str) -> list[str]:
    """One object and one execution; the pages to measure."""
    machine = connected.lake.settings[Setting.STAGE_A_MACHINE]
    client("stepfunctions").update_state_machine(stateMachineArn=machine, definition=json.dumps(NOTHING))
    client("stepfunctions").start_execution(stateMachineArn=machine, name=FIRST, input="{}")
    fill(connected, range(1), partial(row, names=[]))
    return pages_of(connected, DATASET, batch)


def row(bucket: str, n: int, names: Sequence[str]) -> Row:
    """Every other row is of one dataset, the others of all of `names` by turns."""
    dataset = names[n // 2 % len(names)] if n % 2 and names else DATASET
    obj, status = ObjectVersion(bucket, f"{dataset}/{n}.csv", f"v{n}"), STATUSES[n // 2 % 100]
    reason = "a reason of the usual length, which somebody reads" if status in OPEN else None
    event_ms = int(time.time() * 1000) - n * 1000
    passed = (Status.REGISTERED, status)
    return row_of(obj, dataset, event_ms, passed, rows_in=10, rows_out=10, rows_bad=0, reason=reason)


def run_executions(connected: Connected, number: int) -> None:
    machine = connected.lake.settings[Setting.STAGE_A_MACHINE]

    def start(n: int) -> None:
        client("stepfunctions").start_execution(stateMachineArn=machine, name=f"demo-orders-{n}", input="{}")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(start, range(number)))


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one request: the median of seconds, the means of seconds of processor time, and bytes."""

    took: float
    console: float
    lake: float
    size: int


def get(lake: RunningLake, page: str) -> bytes:
    bearer = {"Authorization": f"Bearer {lake.key.console_token()}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(lake.console + page, headers=bearer)) as answer:
            found: bytes = answer.read()
    except urllib.error.HTTPError as error:
        sys.exit(f"{page}: {error}: {error.read().decode()[-1500:]}")
    return found


def measure(lake: RunningLake, page: str) -> Measured:
    console, times, size = console_of(lake), [], 0
    before = cpu_s(console), cpu_s(lake.pid)
    for _ in range(TIMES):
        began = time.monotonic()
        size = len(get(lake, page))
        times.append(time.monotonic() - began)
    used = cpu_s(console) - before[0], cpu_s(lake.pid) - before[1]
    return Measured(statistics.median(times), used[0] / TIMES, used[1] / TIMES, size)


def print_page(page: str, many: Measured, few: Measured, bare: Callable[[], object] | None) -> None:
    by_hand = ""
    if bare:
        times = []
        for _ in range(TIMES):
            began = time.monotonic()
            bare()
            times.append(time.monotonic() - began)
        by_hand = f"{statistics.median(times) * 1000:.0f} ms"
    own = f"{many.took * 1000:.0f} ms | {many.console * 1000:.0f} ms | {many.lake * 1000:.0f} ms"
    print(f"| `{page[:60]}` | {own} | {few.took * 1000:.0f} ms | {by_hand} | {many.size / 1000:.0f} kB |", flush=True)


def until_known(lake: RunningLake) -> float:
    """Seconds until the console has read all objects once."""
    began = time.monotonic()
    while json.loads(get(lake, "/search.json?q=99.csv")).get("looked_at") is None:
        time.sleep(0.2)
    return time.monotonic() - began


def measure_cold(lake: RunningLake) -> None:
    for page in ("/objects", "/search?q=99.csv", "/executions?name=-99", "/"):
        os.kill(console_of(lake), signal.SIGTERM)
        time.sleep(1)
        while True:
            try:
                get(lake, "/glossary")
                break
            except OSError:
                time.sleep(0.1)
        began = time.monotonic()
        get(lake, page)
        took = time.monotonic() - began
        known = until_known(lake)
        used = cpu_s(console_of(lake))
        print(f"cold `{page}` {took:.2f} s; all objects known after {known:.1f} s, {used:.1f} s of processor time")


def console_of(lake: RunningLake) -> int:
    """The process id of the lake's console."""
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                command = (path / "cmdline").read_bytes()
            except OSError:
                continue
            if b"pipeline.console" in command and lake.endpoint.encode() in command:
                return int(path.name)
    sys.exit("the console does not run")


if __name__ == "__main__":
    main()

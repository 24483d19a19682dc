"""How fast the console's pages are with a large lake behind them, and how large.

    python -m tests.benchmarks.console [--rows N] [--executions N]

An embedded lake whose catalog has 100,000 rows and whose Stage A machine has had 10,000 executions (of a machine that
does nothing). Each page is asked for 20 times over HTTP; beside it stands the same page of an empty lake.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

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
from tests.benchmarks.engine import resident_mb
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
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        root = checkout_of(Path(folder, "checkout"))
        shutil.copytree(ROOT / "definitions" / "datasets" / "demo", root / "definitions" / "datasets" / "demo")
        lake = lifecycle.start(root, port=0, region="eu-west-1", env="local")
        try:
            deploy(root, lake)
            connected = Target.of(lake).connect()
            apply_definitions(root, connected, EmbeddedBackend(connected.env))
            pages = fill_a_little(connected)
            empty = {page: measure(lake, page) for page in pages}
            began = time.monotonic()
            fill(connected, range(given.rows), row)
            run_executions(connected, given.executions)
            print(f"{given.rows:,} rows and {given.executions:,} executions in {time.monotonic() - began:.0f} s")
            measure(lake, "/")
            time.sleep(30)
            for page in pages:
                few, many = empty[page], measure(lake, page)
                print(
                    f"{page[:60]:<62} median {many[0] * 1000:4.0f} ms ({few[0] * 1000:3.0f} ms with an empty lake), "
                    f"{many[1] / 1000:5.1f} kB"
                )
            print(f"memory of the console {resident_mb(console_of(lake)):.0f} MB")
        finally:
            lifecycle.stop(root)


def fill_a_little(connected: Connected) -> list[str]:
    """One object and one execution; the pages to measure."""
    machine = connected.lake.settings[Setting.STAGE_A_MACHINE]
    client("stepfunctions").update_state_machine(stateMachineArn=machine, definition=json.dumps(NOTHING))
    client("stepfunctions").start_execution(stateMachineArn=machine, name="demo-orders-first", input="{}")
    fill(connected, range(1), row)
    raw = connected.lake.settings[Setting.RAW_BUCKET]
    return [
        "/",
        "/datasets",
        f"/datasets/{DATASET}",
        f"/browse?at={quote(f's3://{raw}/{DATASET}/')}",
        f"/object?uri={quote(f's3://{raw}/{DATASET}/0.csv')}",
        "/objects",
        f"/objects?dataset={DATASET}&status=FAILED",
        f"/objects?dataset={DATASET}&attention=yes",
        f"/objects?dataset={DATASET}&name=99.csv",
        "/search?q=99.csv",
        "/executions",
        "/executions?status=SUCCEEDED",
        "/executions/demo-orders-first",
        "/queues",
        "/query",
        "/logs",
    ]


def row(bucket: str, n: int) -> Row:
    obj, status = ObjectVersion(bucket, f"{DATASET}/{n}.csv", f"v{n}"), STATUSES[n % 100]
    reason = "a reason of the usual length, which somebody reads" if status in OPEN else None
    event_ms = int(time.time() * 1000) - n * 1000
    passed = (Status.REGISTERED, status)
    return row_of(obj, DATASET, event_ms, passed, rows_in=10, rows_out=10, rows_bad=0, reason=reason)


def run_executions(connected: Connected, number: int) -> None:
    machine = connected.lake.settings[Setting.STAGE_A_MACHINE]

    def start(n: int) -> None:
        client("stepfunctions").start_execution(stateMachineArn=machine, name=f"demo-orders-{n}", input="{}")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(start, range(number)))


def measure(lake: RunningLake, page: str) -> tuple[float, int]:
    """The median time and the size of a page."""
    times, size = [], 0
    for _ in range(TIMES):
        began = time.monotonic()
        bearer = {"Authorization": f"Bearer {lake.key.console_token()}"}
        with urllib.request.urlopen(urllib.request.Request(lake.console + page, headers=bearer)) as answer:
            size = len(answer.read())
        times.append(time.monotonic() - began)
    return statistics.median(times), size


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

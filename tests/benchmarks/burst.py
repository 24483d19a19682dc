"""A burst beyond what may run at once: how late it comes, and whether anything of it fails.

    python -m tests.benchmarks.burst [--files N] [--reserved N] [--hours H]

Small files of one dataset, dropped by eight threads, while the transform function has concurrency reserved.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from pipeline.cli.embedded import call
from pipeline.core.clients import client
from pipeline.lake.catalog import Status
from pipeline.operate.connection import Connected
from pipeline.operate.progress import look
from tests.benchmarks.flow import drop
from tests.benchmarks.small_lake import NAME, small_lake

STAGE_B = "stage_b: {schedule: rate(1 minute), max_objects: 300}\n"
LOOK_EVERY_S = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--reserved", type=int, default=2)
    parser.add_argument("--hours", type=float, default=2)
    given = parser.parse_args()
    with small_lake(STAGE_B) as connected:
        measure(connected, given.files, given.reserved, given.hours * 3600)


def measure(connected: Connected, files: int, reserved: int, patience_s: float) -> None:
    function = client("ssm").get_parameter(Name="/sluice/local/transform-function")["Parameter"]["Value"]
    client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=reserved)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: drop(connected, f"{n}.csv"), range(files)))
    print(f"{files} files dropped after {time.monotonic() - began:.0f} s; {reserved} transforms at once", flush=True)
    staged = False
    while time.monotonic() - began < patience_s:
        progress = look(connected.lake)
        left = progress.messages + progress.count(Status.REGISTERED)
        print(f"{time.monotonic() - began:6.0f} s  {progress.describe()}", flush=True)
        if not left and not staged:
            staged = True
            print(f"all staged after {time.monotonic() - began:.0f} s", flush=True)
        if progress.is_settled:
            break
        time.sleep(LOOK_EVERY_S)
    found = Counter(row.status for row in connected.lake.catalog.all(str(NAME)))
    assert connected.endpoint
    runs = call(connected.endpoint, "invocations")
    print(f"after {time.monotonic() - began:.0f} s: {dict(found)}; transforms run {runs.get(function, 0)}", flush=True)


if __name__ == "__main__":
    main()

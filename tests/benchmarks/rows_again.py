"""How long rows take that come back: 40,000 bad rows of 4 million, after the contract was mended.

    python -m tests.benchmarks.rows_again [--rows N]

One file in a warm embedded lake, with a ruleset. From the call that sends the rows again to the commit of their batch;
beside it, how long the whole file had taken from its drop to its commit, in the same lake a moment before. Processor
time is that of this process and of everything in the lake.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.cli.waits import wait
from pipeline.core.clients import client
from pipeline.core.dynamo import decode, encode
from pipeline.lake.batches.records import batch_item
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.settings import Setting
from pipeline.operate.connection import Connected
from pipeline.operate.rows_again import send_rows
from pipeline.operate.tables import load_table
from tests.benchmarks.flow import QUALITY, drop
from tests.benchmarks.looking import supervisor
from tests.benchmarks.small_lake import NAME, small_lake
from tests.whole_lake.listening import processes

PATIENCE_S = 1800
ONE_IN = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4_000_000)
    rows = parser.parse_args().rows
    bad = rows // ONE_IN
    with small_lake(QUALITY) as connected:
        drop(connected, "warm.csv")
        settle(connected)
        lines = (b"%d,%s\n" % (n, b"n/a" if n % ONE_IN == 0 else b"1") for n in range(rows))
        body = b"id,n\n" + b"".join(lines)
        bucket = connected.lake.settings[Setting.RAW_BUCKET]
        key = f"{NAME}/big.csv"
        report("the whole file", lambda: client("s3").put_object(Bucket=bucket, Key=key, Body=body), connected)
        expect(connected, 1 + rows - bad)
        mend(connected)
        report(f"{bad:,} rows of {rows:,} again", lambda: send_rows(connected.lake, NAME), connected)
        expect(connected, 1 + rows)
        [row] = connected.lake.catalog.history(f"{bucket}/{key}")[:1]
        assert (row.bad, row.rows_again) == (0, bad), row


def report(what: str, begin: Callable[[], object], connected: Connected) -> None:
    """Do something and print how long the lake took until nothing was left to do, and how much of it was the call."""
    moments = [(time.monotonic(), used_s())]
    begin()
    moments.append((time.monotonic(), used_s()))
    settle(connected)
    moments.append((time.monotonic(), used_s()))
    (began, used), *ends = moments
    for part, (until, by_then) in zip(("  of it the call alone", what), ends, strict=True):
        of_what = ", ".join(f"{who} {by_then[who] - used[who]:.1f}" for who in used)
        total = sum(by_then.values()) - sum(used.values())
        print(f"{part:<36} {until - began:6.1f} s, {total:6.1f} s of the processor ({of_what})", flush=True)
    print(f"{'  by when':<36} {', '.join(_steps(connected))}", flush=True)


def _steps(connected: Connected) -> list[str]:
    """The steps of the newest batch, by the clock."""
    [batch] = connected.lake.batches.newest(str(NAME), 1)
    key = encode({"dataset": str(NAME), "item": batch_item(batch.id)})
    table = connected.lake.settings[Setting.BATCHES_TABLE]
    row = decode(client("dynamodb").get_item(TableName=table, Key=key)["Item"])
    return [f"{status} {at[11:19]}" for status, at in row["history"]]


def used_s() -> dict[str, float]:
    """Seconds of this process and the lake's, those of children that have ended included, by who they are."""
    ticks = dict.fromkeys(("caller", "services", "Spark", "functions"), 0)
    for pid in (os.getpid(), *processes(supervisor())):
        with contextlib.suppress(OSError):
            spent = sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
            command = Path(f"/proc/{pid}/cmdline").read_text()
            others = "Spark" if "java" in command.partition("\0")[0] else "functions"
            who = {os.getpid(): "caller", supervisor(): "services"}.get(pid, others)
            ticks[who] += spent
    return {who: spent / os.sysconf("SC_CLK_TCK") for who, spent in ticks.items()}


def settle(connected: Connected) -> None:
    progress = wait(connected, PATIENCE_S, lambda progress: None)
    assert progress.is_settled, progress.describe()


def mend(connected: Connected) -> None:
    """Apply a contract that takes the bad rows."""
    old = connected.lake.registry.get(NAME)
    assert old
    mended = Dataset.from_stored(
        {
            **old.dataset.model_dump(mode="json", exclude_defaults=True),
            "stage_a": {"format": "csv", "columns": {"id": "string", "n": "int"}, "null_values": ["n/a"]},
            "quality": {"ruleset": 'Rules = [ IsComplete "id" ]'},
        }
    )
    connected.lake.registry.put(Registration.of(mended, old.queue_url, old.dead_letter_queue_url, old.table))


def expect(connected: Connected, rows: int) -> None:
    registration = connected.lake.registry.get(NAME)
    assert registration
    table = load_table(registration, connected.lake.tables)
    assert table
    assert table.scan().count() == rows


if __name__ == "__main__":
    main()

"""What a feed does in a second: records made rows on one core, rows written, and a history imported.

`--rows` records are decoded; as many rows are written into the real PostgreSQL, in batches of `--batch`, and some of
them one at a time by the same guarded upsert, which is the peer. `--history` items are imported as pages of a scan.
On a busy machine the clock says what others do: rates are said of the processor, too, that our process and PostgreSQL's
for it have used together.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pipeline.emulator.rds.server import PORT, PostgresServer
from pipeline.feeds.changes import Change, Decoder
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.migrations import apply, plan
from pipeline.feeds.target import SEQUENCE, rows_table
from pipeline.feeds.writer import Writer, versions_of
from tests.feeds.contracts import KEYRING, feed, item, record

PEOPLE = 10_000
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
ONE_AT_A_TIME = 1_000
DECODED = 10_000


def attributes(number: int, chance: random.Random) -> dict[str, Any]:
    """A transaction of somebody: moments do not come back, people and places do."""
    person = chance.randrange(PEOPLE)
    return {
        "customer": {"M": {"email": {"S": f"Person.{person}@Example.org"}}},
        "card_number": {"S": f"4000 {person:012d}"},
        "amount": {"N": f"{chance.randrange(10**6) / 100}"},
        "booked": {"S": (FIRST + timedelta(seconds=number)).isoformat()},
        "postcode": {"S": f"NE{person % 90} {person % 9}ST"},
    }


def records(count: int, start: int = 0) -> list[dict[str, Any]]:
    chance = random.Random(start)
    return [record(10**21 + n, f"t{n:09}", **attributes(n, chance)) for n in range(start, start + count)]


def pages(count: int, size: int) -> Iterator[list[dict[str, Any]]]:
    chance = random.Random(1)
    for start in range(0, count, size):
        yield [item(f"h{n:09}", **attributes(n, chance)) for n in range(start, min(start + size, count))]


def decoding(count: int) -> None:
    decoder, rates = Decoder(feed(), KEYRING, {"person": 1, "card": 1}), list[float]()
    for start in range(0, max(count, 10 * DECODED), DECODED):
        batch = records(DECODED, start)
        began = time.process_time()
        found = sum(isinstance(each, Change) for each in decoder.decode(batch))
        rates.append(found / (time.process_time() - began))
    print(f"decoded a second of processor, people who were not met before: {rates[0]:,.0f}", end="")
    later = sorted(rates[len(rates) // 2 :])
    print(f"; who come back: median {later[len(later) // 2]:,.0f}, best {later[-1]:,.0f}")


def writing(connection: psycopg.Connection[Any], count: int, batch: int) -> None:
    contract, writer = feed(), Writer(feed())
    decoder = Decoder(contract, KEYRING, versions_of(connection, contract))
    changes = [each for each in decoder.decode(records(count)) if isinstance(each, Change)]
    began, used = time.monotonic(), _processor(connection)
    for start in range(0, count, batch):
        writer.write(connection, changes[start : start + batch])
    ours, of_both = count / (time.monotonic() - began), count / (_processor(connection) - used)
    print(f"rows written a second, batches of {batch:,}: {ours:,.0f}; of the processor {of_both:,.0f}")

    few = [Change(each.key, each.sequence + 10**9, each.values) for each in changes[:ONE_AT_A_TIME]]
    query = _one_row(connection)
    began, used = time.monotonic(), _processor(connection)
    for change in few:
        connection.execute(query, (*(change.values or ()), change.sequence, False), prepare=True)
    theirs, theirs_of_both = len(few) / (time.monotonic() - began), len(few) / (_processor(connection) - used)
    print(f"rows written a second, one at a time: {theirs:,.0f}; of the processor {theirs_of_both:,.0f}")
    print(f"ratio by the clock: {ours / theirs:.1f}; of the processor {of_both / theirs_of_both:.1f}")


def _processor(connection: psycopg.Connection[Any]) -> float:
    """Seconds that this process and PostgreSQL's for the connection have used (proc(5), utime and stime)."""
    fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _one_row(connection: psycopg.Connection[Any]) -> bytes:
    """The same guarded upsert of one row."""
    contract = feed()
    names = [*contract.columns, SEQUENCE, "sluice_deleted"]
    others = [name for name in names if name not in contract.target.key]
    comma = sql.SQL(", ")
    query = sql.SQL(
        "INSERT INTO {} AS there ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {} WHERE there.{} < excluded.{}"
    ).format(
        rows_table(contract),
        comma.join(map(sql.Identifier, names)),
        comma.join([sql.Placeholder()] * len(names)),
        comma.join(map(sql.Identifier, contract.target.key)),
        comma.join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in others),
        sql.Identifier(SEQUENCE),
        sql.Identifier(SEQUENCE),
    )
    return query.as_bytes(connection)


def importing(connection: psycopg.Connection[Any], count: int, size: int) -> None:
    """As `history.import_history` writes pages: without DynamoDB, whose rate the table's capacity decides."""
    contract, writer = feed(), Writer(feed())
    decoder = Decoder(contract, KEYRING, versions_of(connection, contract))
    written, spent, used = 0, 0.0, 0.0
    for page in pages(count, size):
        began, began_processor = time.monotonic(), _processor(connection)
        with connection.transaction():
            written += writer.write(connection, map(decoder.of_item, page)).changed
        spent, used = spent + time.monotonic() - began, used + _processor(connection) - began_processor
    hours = 24 * 3600 * 1000 / (written / spent) / 3600
    print(
        f"history, {written:,} items in pages of {size:,}: {written / spent:,.0f} a second ({spent:,.1f} s),", end=" "
    )
    print(f"of the processor {written / used:,.0f}; 24 hours of 1,000 a second take {hours * 60:,.0f} minutes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=10_000)
    parser.add_argument("--history", type=int, default=200_000, help="Ten million for the figure of the whole.")
    asked = parser.parse_args()
    print(json.dumps({"load": Path("/proc/loadavg").read_text().split()[0]}))
    decoding(asked.rows)
    with tempfile.TemporaryDirectory() as folder:
        server = PostgresServer(Path(folder), "for the benchmark")
        server.start()
        try:
            place = f"host={server.socket} port={PORT} user=postgres dbname=postgres"
            with psycopg.connect(place, password="for the benchmark", autocommit=True) as connection:
                apply(connection, plan(connection, feed(), Keyring({1: KEYRING.keys[1]}, KEYRING.legacy)))
                writing(connection, asked.rows, asked.batch)
                importing(connection, asked.history, asked.batch)
        finally:
            server.stop()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"peak memory {peak:,} MiB")


if __name__ == "__main__":
    main()

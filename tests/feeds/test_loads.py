"""What was loaded of a stream is known, by however many sessions at once."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from pipeline.emulator.rds.server import PostgresServer
from pipeline.feeds.loads import loads_of, note
from pipeline.feeds.writer import Written
from tests.feeds.conftest import connect
from tests.feeds.contracts import record
from tests.feeds.test_writer import migrated


def made(at: float) -> dict[str, Any]:
    found = record(1)
    found["dynamodb"]["ApproximateCreationDateTime"] = at
    return found


def test_the_newest_batch_says_how_far_behind_the_source_it_was(
    postgres: PostgresServer, database: str, target: psycopg.Connection[Any]
):
    contract = migrated(target)
    assert loads_of(target, contract) is None
    now = time.time()
    note(target, contract, [made(now - 500)], Written(1, 2, 3))
    with connect(postgres, database) as other:
        note(other, contract, [made(now - 90), made(now - 60)], Written(10, 20, 30))
    found = loads_of(target, contract)
    assert found is not None
    assert found.lag_s is not None
    assert 55 < found.lag_s < 120
    assert (found.changed, found.older, found.refused) == (11, 22, 33)
    note(target, contract, [record(1)], Written(0, 0, 0))
    assert loads_of(target, contract).lag_s is None  # type: ignore[union-attr]
    target.execute("UPDATE sluice_feeds.loaded SET at = now() - interval '40 days'")
    assert loads_of(target, contract) is None
    migrated(target)
    assert target.execute("SELECT count(*) FROM sluice_feeds.loaded").fetchone() == (0,)

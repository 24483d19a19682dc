"""What `status` says of a batch that another writer of its table keeps from committing."""

from __future__ import annotations

from pipeline.lake.batches.completion import REBASES
from pipeline.lake.batches.records import BatchStatus
from pipeline.lake.catalog import Status
from pipeline.lake.tables.outcomes import CommitOutcome
from stages.stage_b.end import REBASED_TOO_OFTEN, why_another_batch
from tests.cli.stories import rows


def words(result) -> str:
    assert result.exit_code == 0, result.exception
    return " ".join(result.stdout.split())


def test_status_tells_that_others_write_and_that_the_next_batch_tries_by_itself(lake, orders, sluice):
    obj = orders.stage("a.csv")
    batch = orders.open(obj)
    orders.write(batch, rows(1))
    table = lake.tables.load(orders.work.table)
    table.append(rows(99).cast(table.schema().as_arrow()))
    assert lake.finisher.commit(orders.name, batch, orders.work.table) is CommitOutcome.REBASE
    assert f"others write to its table: transform 2 of {REBASES + 1}" in words(sluice("status"))

    reason = why_another_batch({"Error": REBASED_TOO_OFTEN})
    assert lake.finisher.give_up(orders.name, batch, orders.work.table, reason) is BatchStatus.CANCELLED
    assert orders.row(obj).status is Status.STAGED
    again = orders.open(obj)
    # Also while the next one runs, and no person is asked for anything.
    told = words(sluice("status"))
    assert "others wrote to its table during each of 4 transforms: its objects wait" in told
    assert "Needs attention: nothing" in told

    orders.write(again, rows(1))
    orders.commit(again)
    assert "others wrote" not in words(sluice("status"))
    found = lake.tables.load(orders.work.table).scan().to_arrow()
    assert sorted(found["id"].to_pylist()) == [1, 99]

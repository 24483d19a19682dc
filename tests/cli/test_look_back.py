"""Tables as they were, and what a batch changed."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.types import IntegerType

from pipeline.core.errors import BadInput, NotThere
from tests.cli.conftest import Actor

DAYS = {
    "team": "shop",
    "dataset": "days",
    "stage_a": {"format": "csv", "columns": {"id": "bigint", "name": "string"}},
}
KEYED = {
    "team": "shop",
    "dataset": "keyed",
    "stage_a": {"format": "csv", "columns": {"id": "bigint", "name": "string"}},
    "table": {"write": "upsert", "key": ["id"]},
}


def rows_of(ids: list[int], names: list[str | None]) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "name": pa.array(names, pa.string())})


def load(actor: Actor, file: str, rows: pa.Table) -> str:
    batch = actor.open(actor.stage(file))
    actor.write(batch, rows)
    actor.commit(batch)
    # Snapshots have milliseconds.
    time.sleep(0.01)
    return batch


@pytest.fixture(scope="module")
def days(lake):
    actor = Actor(lake, DAYS)
    return actor, [load(actor, f"{n}.csv", rows_of([n, n], [f"day {n}", None])) for n in (1, 2, 3)]


def documented(result) -> Any:
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def ids_as_of(sluice, moment: str) -> list[int]:
    sql = "select distinct id from shop.days order by id"
    return [row["id"] for row in documented(sluice("query", sql, "--as-of", moment, "--json"))]


def test_a_query_sees_the_table_as_it_was_after_a_batch(sluice, days):
    _, batches = days
    assert [ids_as_of(sluice, batch) for batch in batches] == [[1], [1, 2], [1, 2, 3]]


def test_a_query_sees_the_table_as_it_was_at_a_time(sluice, days):
    actor, _ = days
    table = actor.lake.finisher.tables.load(actor.work.table)
    moments = [datetime.fromtimestamp(each.timestamp_ms / 1000, UTC) for each in table.metadata.snapshot_log[-3:]]
    assert [ids_as_of(sluice, at.isoformat()) for at in moments] == [[1], [1, 2], [1, 2, 3]]
    just_before = moments[2] - timedelta(milliseconds=1)
    assert ids_as_of(sluice, just_before.replace(tzinfo=None).isoformat()) == [1, 2]
    assert ids_as_of(sluice, (datetime.now(UTC) + timedelta(days=1)).isoformat()) == [1, 2, 3]


def test_other_tables_of_a_query_are_as_they_were_when_the_batch_was_committed(sluice, days, lake):
    actor, batches = days
    other = Actor(lake, {**DAYS, "dataset": "others"})
    load(other, "a.csv", rows_of([1], ["later"]))
    last = load(actor, "4.csv", rows_of([4], ["day 4"]))
    load(other, "b.csv", rows_of([2], ["latest"]))
    sql = "select (select max(id) from shop.days) as d, (select count(*) from shop.others) as o"
    assert documented(sluice("query", sql, "--as-of", last, "--json")) == [{"d": 4, "o": 1}]
    early = documented(sluice("query", "select id from shop.days", "--as-of", batches[0], "--json"))
    assert early == [{"id": 1}, {"id": 1}]


def test_a_time_before_the_table_is_refused_and_so_is_what_is_no_time(sluice, days):
    result = sluice("query", "from shop.days", "--as-of", "2001-01-01")
    assert isinstance(result.exception, BadInput)
    assert "shop/days was not there yet at 2001-01-01T00:00:00.000Z" in str(result.exception)
    assert isinstance(sluice("query", "from shop.days", "--as-of", "").exception, BadInput)
    result = sluice("query", "from shop.days", "--as-of", "yesterday")
    assert "'yesterday' is neither a batch of this lake nor a time" in str(result.exception)


def test_a_batch_that_readers_have_not_seen_is_no_moment(sluice, days):
    actor, _ = days
    batch = actor.open(actor.stage("open.csv"))
    actor.write(batch, rows_of([9], ["nine"]), "FAILED")
    actor.lake.finisher.quarantine(actor.name, batch, actor.work.table)
    result = sluice("query", "from shop.days", "--as-of", batch)
    assert f"batch {batch} is QUARANTINED: readers have not seen its rows" in str(result.exception)
    assert "sluice diff" in str(result.exception.hint)
    found = documented(sluice("diff", batch, "--json"))
    assert (found["status"], found["added"]) == ("QUARANTINED", {"count": 1})
    assert found["rows"]["added"] == [{"id": 9, "name": "nine"}]


def test_an_append_added_its_rows_each_as_often_as_it_stands_there(sluice, days):
    actor, batches = days
    batch = load(actor, "twice.csv", rows_of([1, 1], ["day 1", "day 1"]))
    found = documented(sluice("diff", batch, "--json"))
    assert [found[what]["count"] for what in ("added", "changed", "removed")] == [2, 0, 0]
    assert found["rows"]["added"] == [{"id": 1, "name": "day 1"}] * 2
    second = documented(sluice("diff", batches[1], "--json", "--limit", "1"))
    assert second["added"] == {"count": 2}
    assert len(second["rows"]["added"]) == 1


def ordered(rows: pa.Table, order: str) -> pa.Table:
    return rows.append_column("_sluice_order", pa.array([order] * len(rows)))


def test_an_upsert_changed_the_rows_of_its_keys(sluice, lake):
    actor = Actor(lake, KEYED)
    load(actor, "a.csv", ordered(rows_of([1, 2, 3, 5], ["a", "b", None, "e"]), "1"))
    batch = actor.open(actor.stage("b.csv"))
    # What a merge of 1, 3 and 4 leaves of the first file, and a row that is gone.
    after = rows_of([1, 2, 3, 4], ["A", "b", "c", "d"])
    actor.write(batch, ordered(after, "2"), replaces="id > 0")
    actor.commit(batch)
    found = documented(sluice("diff", batch, "--json"))
    assert found["key"] == ["id"]
    assert {what: found[what]["count"] for what in ("added", "changed", "removed")} == {
        "added": 1,
        "changed": 2,
        "removed": 1,
    }
    assert found["rows"]["added"] == [{"id": 4, "name": "d"}]
    assert found["rows"]["removed"] == [{"id": 5, "name": "e"}]
    changed = sorted(found["rows"]["changed"], key=lambda pair: pair["before"]["id"])
    assert changed == [
        {"before": {"id": 1, "name": "a"}, "after": {"id": 1, "name": "A"}},
        {"before": {"id": 3, "name": None}, "after": {"id": 3, "name": "c"}},
    ]
    shown = sluice("diff", batch).stdout
    assert "1 row added, 2 rows changed, 1 row removed" in shown


def test_a_batch_that_brought_a_column_is_compared_with_it(sluice, lake):
    actor = Actor(lake, {**KEYED, "dataset": "wider"})
    load(actor, "a.csv", ordered(rows_of([1, 2], ["a", "b"]), "1"))
    with actor.lake.finisher.tables.load(actor.work.table).update_schema() as update:
        update.add_column("more", IntegerType())
    batch = actor.open(actor.stage("b.csv"))
    wide = pa.table({"id": [1, 2], "name": ["a", "b"], "_sluice_order": ["2", "2"], "more": pa.array([7, None])})
    actor.write(batch, wide, replaces="id > 0")
    actor.commit(batch)
    found = documented(sluice("diff", batch, "--json"))
    assert found["changed"] == {"count": 1}
    assert found["rows"]["changed"] == [
        {"before": {"id": 1, "name": "a", "more": None}, "after": {"id": 1, "name": "a", "more": 7}}
    ]
    before = sluice("query", "from shop.wider", "--as-of", batch, "--json")
    assert len(documented(before)) == 2


def test_a_batch_that_is_not_there_is_said(sluice, days):
    result = sluice("diff", "nothing")
    assert isinstance(result.exception, NotThere)


def test_what_people_read_of_a_difference(sluice, days):
    _, batches = days
    shown = sluice("diff", batches[2]).stdout
    assert "shop/days" in shown
    assert "2 rows added, 0 rows changed, 0 rows removed" in shown
    assert "day 3" in shown
    assert "NULL" in shown
    assert "more rows" in sluice("diff", batches[2], "--limit", "1").stdout

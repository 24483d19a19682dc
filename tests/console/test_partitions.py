"""Partitions of a table, from its manifests."""

from __future__ import annotations

from datetime import date
from itertools import count

import pyarrow as pa
import pytest

from pipeline.operate import partitions as module
from tests.cli.conftest import ORDERS, Actor

HOSTILE = '<script>alert("x")</script>'
numbers = count()


@pytest.fixture(scope="module")
def visits(lake) -> Actor:
    """Two batches: three rows of one day and place, then one that has neither."""
    columns = {"id": "bigint", "day": "date", "place": "string"}
    stage_a, table = {"format": "csv", "columns": columns}, {"partition_by": ["day", "place"]}
    made = Actor(lake, {**ORDERS, "dataset": "visits", "stage_a": stage_a, "table": table})
    load(made, [1, 2, 3], [date(2026, 1, 31)] * 3, [HOSTILE] * 3)
    load(made, [4], [None], [None])
    return made


def load(actor: Actor, ids, days, places):
    batch = actor.open(actor.stage(f"{next(numbers)}.csv"))
    actor.write(
        batch, pa.table({"id": ids, "day": pa.array(days, pa.date32()), "place": pa.array(places, pa.string())})
    )
    actor.commit(batch)


def test_each_partition_has_its_rows_and_files_the_largest_first(visitor, visits):
    found = visitor.document(f"/datasets/{visits.name}")["table"]["partitions"]
    assert found == {
        "columns": ["day", "place"],
        "partitions": [
            {"values": ["2026-01-31", HOSTILE], "rows": 3, "files": 1},
            {"values": [None, None], "rows": 1, "files": 1},
        ],
        "number": 2,
        "is_all": True,
    }
    assert "<script>alert" not in visitor.get(f"/datasets/{visits.name}").text


def test_a_table_without_partitions_says_nothing_of_them(visitor, orders):
    assert visitor.document(f"/datasets/{orders.name}")["table"]["partitions"] is None
    assert ">Partitions" not in visitor.get(f"/datasets/{orders.name}").text


@pytest.mark.parametrize("bound", ["MANIFESTS", "FILES"])
def test_of_too_many_files_the_newest_are_counted(visits, monkeypatch, bound):
    monkeypatch.setattr(module, bound, 1)
    table = visits.lake.finisher.tables.load(visits.work.table)
    found = module.partitions(table)
    assert found
    assert not found.is_all
    assert [each.values for each in found.partitions] == [(None, None)]

"""Batches whose rows go through a transform of the team's own: SQL, a function in Python, a script."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from tests.stages.stage_b.conftest import JOB, Loaded, MakeTable, Staged, Table

ORDERS = {"id": "bigint", "customer": "string", "price": "double"}
JOIN = """
-- A comment is allowed.
select o.id, c.name, o.price * 2 as twice
from staged o join {view} c on o.customer = c.customer
where o.price > 0;
"""


def orders(number: int, *rows: tuple[int, str, float]) -> Staged:
    ids, customers, prices = zip(*rows, strict=True)
    return Staged(pa.table({"id": list(ids), "customer": list(customers), "price": list(prices)}), number)


def with_code(table: Table, text: str, **said: Any) -> Table:
    """The same table, whose team has changed its code."""
    assert table.dataset.transform
    changed = table.dataset.transform.model_copy(update={"text": text, **said})
    return replace(table, dataset=table.dataset.model_copy(update={"transform": changed}))


def failure(loaded: Loaded) -> str:
    assert loaded.run["JobRunState"] == "FAILED", loaded.run
    assert loaded.write is None
    return str(loaded.run["ErrorMessage"])


@pytest.fixture
def customers(make_table: MakeTable) -> Table:
    table = make_table({"customer": "string", "name": "string"}, write="upsert", key=["customer"])
    table.load(Staged(pa.table({"customer": ["a", "b"], "name": ["Ada", "Bob"]})))
    return table


def view_of(table: Table) -> str:
    return table.name.partition(".")[2]


def test_sql_joins_the_staged_rows_with_another_table(make_table: MakeTable, customers: Table) -> None:
    view = view_of(customers)
    transform = {"sql": "s.sql", "text": JOIN.format(view=view), "reads": [f"team/{view}"]}
    table = make_table(ORDERS, transform)
    loaded = table.load(orders(1, (1, "a", 1.5), (2, "b", 2.0), (3, "a", -1.0), (4, "nobody", 1.0)))
    assert table.rows() == [{"id": 1, "name": "Ada", "twice": 3.0}, {"id": 2, "name": "Bob", "twice": 4.0}]
    write = loaded.write
    assert write
    assert (write.given, write.made, write.rows, write.superseded_rows, write.can_move) == (4, 2, 2, 0, True)
    assert write.read == {f"team/{view}": str(customers.tables.load(customers.name).current_snapshot().snapshot_id)}

    changed = with_code(table, "select id, name, 1.5D as twice, price from staged, " + view)
    assert "TransformFailed: s.sql gives price, which the table does not have" in failure(
        changed.transform(orders(2, (5, "a", 1.0)))
    )
    other_type = with_code(table, f"select id, name, 'x' as twice from staged, {view}")
    said = failure(other_type.transform(orders(2, (5, "a", 1.0))))
    assert "s.sql gives twice as string, and the table has it as double. Cast it" in said
    unknown = with_code(table, f"select id, name, o.prize as twice from staged o, {view}")
    said = failure(unknown.transform(orders(2, (5, "a", 1.0))))
    assert "s.sql: [UNRESOLVED_COLUMN.WITH_SUGGESTION]" in said
    assert "line 1" in said or "pos" in said
    elsewhere = table.transform(orders(2, (5, "a", 1.0)), job=JOB)
    assert "Refused: the transform of team/set runs in the job of that dataset alone" in failure(elsewhere)
    gone = with_code(table, "select 1", reads=("team/gone",))
    assert "s.sql reads team/gone, whose table is not there" in failure(gone.transform(orders(2, (5, "a", 1.0))))
    assert len(table.rows()) == 2, "nothing of what failed is seen"


def test_sql_of_an_upsert_has_one_row_a_key(make_table: MakeTable) -> None:
    sums = "select customer, sum(price) as total, max(_sluice_order) as _sluice_order from staged group by customer"
    table = make_table(ORDERS, {"sql": "s.sql", "text": sums}, write="upsert", key=["customer"])
    table.load(orders(1, (1, "a", 1.0), (2, "a", 2.0)), orders(2, (3, "b", 4.0)))
    loaded = table.load(orders(3, (4, "b", 5.0)))
    assert table.rows() == [{"customer": "a", "total": 3.0}, {"customer": "b", "total": 5.0}]
    assert loaded.write
    assert (loaded.write.given, loaded.write.made, loaded.write.can_move) == (1, 1, False)
    twice = with_code(table, "select customer, price as total from staged")
    said = failure(twice.transform(orders(4, (5, "secret", 1.0), (6, "secret", 2.0))))
    assert "gives 1 keys (customer) several rows each" in said
    assert "secret" not in said
    null = with_code(table, "select string(null) as customer, price as total from staged")
    assert "gives 1 rows without a value in the key customer" in failure(null.transform(orders(4, (5, "x", 1.0))))
    nothing = with_code(table, "select customer, price as total from staged where false").load(orders(5, (7, "c", 1.0)))
    assert nothing.write
    assert (nothing.write.rows, nothing.write.given, nothing.write.made) == (0, 1, 0)


CLEAN = """
import pyarrow.compute as pc

def clean(batch):
    kept = batch.filter(pc.greater(batch["price"], 0))
    return kept.append_column("half", pc.divide(kept["price"], 2))

def fails(batch):
    return checked(batch)

def checked(batch):
    raise ValueError("no price at all")

def other(batch):
    return batch.drop_columns("price")
"""


def test_a_function_gets_batches_and_its_rows_are_of_their_object(make_table: MakeTable) -> None:
    table = make_table(ORDERS, {"python": "p.py:clean", "text": CLEAN}, write="replace")
    first = orders(1, (1, "a", 1.0), (2, "b", -2.0))
    loaded = table.load(replace(first, file="f"), orders(2, (3, "c", 3.0)))
    assert loaded.write
    assert (loaded.write.given, loaded.write.made, loaded.write.rows) == (3, 2, 2)
    table.load(replace(orders(3, (4, "d", 8.0)), file="f"))
    assert [(row["id"], row["half"]) for row in table.rows()] == [(3, 1.5), (4, 4.0)], "a newer version replaces"
    said = failure(with_code(table, CLEAN, python="p.py:fails").transform(orders(4, (5, "a", 1.0))))
    assert "TransformFailed: ValueError: no price at all (at p.py:12 in checked:" in said
    assert "← p.py:9 in fails: return checked(batch)" in said
    said = failure(with_code(table, CLEAN, python="p.py:other").transform(orders(4, (5, "a", 1.0))))
    assert (
        "TypeError: other gave columns ['customer', 'id'], and ['customer', 'half', 'id', 'price'] are wanted" in said
    )
    assert len(table.rows()) == 2


SCRIPT = """
from pyspark.sql import functions as F
from pipeline.lake.transforms import batch

names = batch.table("team/{view}")
batch.write(batch.staged().join(names, "customer").select("id", F.upper("name").alias("name")))
"""
AROUND = """
from pipeline.lake.transforms import batch
rows = batch.staged().select("id", F.lit("x").alias("name"))
rows.writeTo("glue_catalog.{table}").append()
batch.write(rows)
""".replace("from pipeline", "from pyspark.sql import functions as F\nfrom pipeline")


def test_a_script_reads_what_it_was_granted_and_writes_to_the_branch_alone(
    make_table: MakeTable, customers: Table
) -> None:
    view = view_of(customers)
    transform = {"script": "j.py", "text": SCRIPT.format(view=view), "reads": [f"team/{view}"]}
    table = make_table(ORDERS, transform)
    loaded = table.load(orders(1, (1, "a", 1.5), (2, "nobody", 2.0)))
    assert table.rows() == [{"id": 1, "name": "ADA"}]
    assert loaded.write
    assert (loaded.write.given, loaded.write.made, loaded.write.can_move) == (2, 1, False)

    asks = "from pipeline.lake.transforms import batch\nbatch.table('other/secrets')"
    said = failure(with_code(table, asks).transform(orders(2, (3, "a", 1.0))))
    assert (
        "reads other/secrets, which it was not granted. Name it under transform.reads and apply; now there is "
        f"team/{view}" in said
    )
    raises = "def work():\n    raise KeyError('price')\nwork()"
    said = failure(with_code(table, raises).transform(orders(2, (3, "a", 1.0))))
    assert "KeyError: 'price' (at j.py:2 in work: raise KeyError('price') ← j.py:3 in <module>: work())" in said
    assert "j.py ended without batch.write" in failure(with_code(table, "1").transform(orders(2, (3, "a", 1.0))))
    said = failure(with_code(table, AROUND.format(table=table.name)).transform(orders(2, (3, "a", 1.0))))
    assert "WillFailAgain: TransformFailed: j.py wrote to main of its table, past the rules of quality" in said

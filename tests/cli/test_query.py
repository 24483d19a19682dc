"""What `tables` and `query` read of Iceberg tables that were written as batches are."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from pipeline.cli.query import plain
from pipeline.core.clients import client
from pipeline.core.errors import BadInput, NotThere, WrongUsage
from pipeline.operate.saved_queries import SavedQueries
from tests.cli.conftest import Actor
from tests.cli.position_deletes import delete_rows

PEOPLE = {
    "team": "shop",
    "dataset": "people",
    "stage_a": {"format": "json", "columns": {"id": "bigint", "tags": "array<string>", "at": "timestamp"}},
    "table": {"write": "upsert", "key": ["id"]},
}
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LARGE = 9_007_199_254_740_993


@pytest.fixture(scope="module")
def filled(orders):
    batch = orders.open(orders.stage("a.csv"))
    prices = [Decimal("0.10"), None, Decimal("99999999.99")]
    orders.write(batch, pa.table({"id": [1, 2, LARGE], "price": prices, "at": [AT, None, AT]}))
    orders.commit(batch)
    return orders, batch


@pytest.fixture(scope="module")
def people(lake):
    actor = Actor(lake, PEOPLE)
    batch = actor.open(actor.stage("p.json"))
    columns = {"id": [1, 2, 3], "tags": [["a"], [], None], "at": [AT] * 3, "_sluice_order": ["1", "2", "3"]}
    actor.write(batch, pa.table(columns))
    actor.commit(batch)
    return actor


def documented(result):
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def test_query_gives_exact_values_as_json(sluice, filled):
    assert documented(sluice("query", "select * from shop.orders order by id", "--json")) == [
        {"id": 1, "price": "0.10", "at": "2026-01-02T03:04:05.678901Z"},
        {"id": 2, "price": None, "at": None},
        {"id": LARGE, "price": "99999999.99", "at": "2026-01-02T03:04:05.678901Z"},
    ]


def test_a_saved_query_is_run_by_its_name(sluice, filled, lake):
    saved = SavedQueries(lake)
    saved.save("how many", "select count(*) as n from shop.orders", "", "ana", replace=False)
    saved.save("before", "select count(*) as n from shop.orders", "2001-01-01", "ana", replace=False)
    assert documented(sluice("query", "--saved", "how many", "--json")) == [{"n": 3}]
    early = sluice("query", "--saved", "before", "--json")
    assert isinstance(early.exception, BadInput) or documented(early) == [{"n": 0}]
    now = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert documented(sluice("query", "--saved", "before", "--as-of", now, "--json")) == [{"n": 3}]
    assert [each["name"] for each in documented(sluice("query", "--list-saved", "--json"))] == ["before", "how many"]
    assert "how many" in sluice("query", "--list-saved").stdout
    assert "count_star()" in sluice("query", "--saved", "how many", "--explain").stdout
    assert isinstance(sluice("query", "--saved", "nobody's").exception, NotThere)
    for wrong in ((), ("select 1", "--saved", "how many"), ("--saved", "how many", "--list-saved")):
        assert isinstance(sluice("query", *wrong).exception, WrongUsage), wrong


def test_query_sums_beyond_64_bits_exactly(sluice, filled):
    sql = "select sum(id * 1000)::hugeint * 1000000 as s, sum(price) as p from shop.orders"
    total = (3 + LARGE) * 1000 * 1000000
    assert documented(sluice("query", sql, "--json")) == [{"s": total, "p": "100000000.09"}]


def test_a_table_named_twice_is_read_twice(sluice, filled):
    sql = "select count(*) as n from shop.orders a join shop.orders b using (id) join Shop.Orders c on c.id = a.id"
    assert documented(sluice("query", sql, "--json")) == [{"n": 3}]


def test_a_query_sees_nothing_of_a_batch_that_is_not_committed(sluice, filled):
    orders, _ = filled
    batch = orders.open(orders.stage("later.csv"))
    orders.write(batch, pa.table({"id": [7], "price": [Decimal("1.00")], "at": [AT]}))
    assert documented(sluice("query", "select count(*) as n from shop.orders", "--json")) == [{"n": 3}]
    orders.lake.finisher.quarantine(orders.name, batch, orders.work.table)


def test_the_order_column_stays_out_of_sight(sluice, people):
    found = documented(sluice("query", "from shop.people order by id limit 1", "--json"))
    assert found == [{"id": 1, "tags": ["a"], "at": "2026-01-02T03:04:05.678901Z"}]


def test_rows_that_a_merge_deleted_are_neither_read_nor_counted(sluice, people):
    delete_rows(people.lake.finisher.tables.load(people.work.table), [1])
    found = documented(sluice("query", "select id from shop.people order by id", "--json"))
    assert [row["id"] for row in found] == [1, 3]
    entry = next(t for t in documented(sluice("tables", "--json")) if t["name"] == "shop.people")
    assert entry["rows"] == 2


def test_two_columns_of_one_name_lose_no_value(sluice, filled):
    found = documented(sluice("query", "select 1 as a, 2 as a, 3 as a_1", "--json"))
    assert found == [{"a": 1, "a_2": 2, "a_1": 3}]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select * from shop.nothing", "there is no table shop.nothing"),
        ("select * from orders", "orders does not exist"),
        ("select * from lake.shop.orders", "there is no table lake.shop.orders"),
        ("select nope from shop.orders", '"nope" not found'),
        ("selec 1", "syntax error"),
        ("delete from shop.orders", "only one SELECT"),
        ("select 1; select 2", "only one SELECT"),
        ("copy (select 1) to '/tmp/stolen.csv'", "only one SELECT"),
        ("select * from '/etc/passwd'", "/etc/passwd"),
        ("select * from read_text('/etc/passwd')", "is not run"),
        ("select 1 / 'x'::int", "Could not convert"),
        ("", "only one SELECT"),
    ],
)
def test_a_wrong_query_is_an_error_of_one_line_that_lists_the_tables(sluice, filled, people, sql, message):
    for options in ([], ["--json"]):
        result = sluice("query", sql, *options)
        assert isinstance(result.exception, BadInput), result.exception
        assert message in result.exception.message
        assert "\n" not in result.exception.message
        assert result.stdout == ""


def test_an_unknown_table_lists_those_there_are(sluice, filled, people):
    assert sluice("query", "from a.b").exception.hint == "Tables: shop.orders, shop.people."


def test_query_reads_as_text_and_says_when_there_is_more(sluice, filled):
    text = sluice("query", "select id, '[red]x' as x, price from shop.orders order by id", "--limit", "2").stdout
    assert "[red]x" in text
    assert "NULL" in text
    assert str(LARGE) not in text
    assert "more rows" in text


def test_tables_tell_rows_files_snapshot_and_the_last_batch(sluice, filled):
    _, batch = filled
    entry = next(t for t in documented(sluice("tables", "--json")) if t["name"] == "shop.orders")
    assert (entry["rows"], entry["files"], entry["columns"], entry["last_batch"]) == (3, 1, 3, batch)
    assert entry["snapshot"]
    assert entry["committed"].endswith("Z")
    assert "shop.orders" in sluice("tables").stdout


def test_a_dataset_whose_table_is_not_there_is_listed_and_can_not_be_queried(sluice, lake, people):
    gone = Actor(lake, {**PEOPLE, "dataset": "gone"})
    client("glue").delete_table(DatabaseName="sluice_local_shop", Name="gone")
    try:
        entry = next(t for t in documented(sluice("tables", "--json")) if t["name"] == "shop.gone")
        assert (entry["table"], entry["rows"]) == (gone.work.table, None)
        assert "no table yet" in sluice("tables").stdout
        assert "no table shop.gone" in sluice("query", "from shop.gone").exception.message
    finally:
        client("dynamodb").delete_item(TableName="datasets-table", Key={"name": {"S": "shop/gone"}})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (float("nan"), "nan"),
        (Decimal("1E+3"), "1000"),
        (b"\x00\xff", "00ff"),
        ({1: [Decimal("1.0")]}, {"1": ["1.0"]}),
        (datetime(2026, 1, 1), "2026-01-01T00:00:00"),
    ],
)
def test_values_are_plain_without_loss(value, expected):
    assert plain(value) == expected


def test_a_narrow_answer_has_its_title_on_one_line(sluice, filled):
    assert sluice("query", "select 1 as n").stdout.splitlines()[0].strip() == "1 row"

"""Where a query is wrong, and what may have been meant."""

from __future__ import annotations

import duckdb
import pytest

from pipeline.operate.query_errors import Place, no_table, of_duckdb

TABLES = "Tables: shop.orders."


def wrong(sql):
    db = duckdb.connect(config={"errors_as_json": "true"})
    db.execute('create schema shop; create table shop.orders(id int, price double, "Odd ""name" int)')
    with pytest.raises(duckdb.Error) as raised:
        db.execute(sql)
    return of_duckdb(str(raised.value), sql, TABLES)


@pytest.mark.parametrize(
    ("sql", "at", "meant"),
    [
        ("select prise from shop.orders", (1, 8, "prise"), ("price",)),
        ("select 'é😀',\n  prise\nfrom shop.orders", (2, 3, "prise"), ("price",)),
        ("select o.prise from shop.orders o", (1, 8, "o.prise"), ("price",)),
        ("select * form shop.orders", (1, 15, "shop"), ()),
        ("select\r\n\tsum(pric) from shop.orders", (2, 6, "pric"), ("price",)),
        ('select "Odd ""nam" from shop.orders', (1, 8, '"Odd ""nam"'), None),
        ("select 1 / 'x'::int", (1, 15, "::"), ()),
    ],
)
def test_the_place_and_the_name_that_may_be_meant_are_told(sql, at, meant):
    error = wrong(sql)
    line, column, there = at
    assert (error.place.line, error.place.column) == (line, column)
    assert sql[error.place.start :].startswith(there)
    shown, caret = error.place.drawn.split("\n")
    assert shown[caret.index("^") :].startswith(there.replace("\t", " "))
    assert meant is None or error.meant[:1] == meant[:1]
    assert "\n" not in error.message
    assert "exception_message" not in error.message


def test_what_is_no_json_is_told_as_it_is():
    for text in ("Something broke", "Odd Error: {not json", "", 'Odd Error: {"location": "[99999, 1]"}', "A: {}"):
        error = of_duckdb(text, "select 1", TABLES)
        assert error.place is None
        assert isinstance(error.message, str)
    assert "more memory" in of_duckdb('Out of Memory Error: {"exception_message": "x"}', "select 1", TABLES).message


def test_a_place_in_a_very_long_line_is_shown_with_what_is_around_it():
    sql = f"select {'x, ' * 5000}prise"
    place = Place.of(sql, sql.index("prise"), 5)
    assert len(place.drawn) < 1000
    shown, caret = place.drawn.split("\n")
    assert shown[caret.index("^") :] == "prise"
    at_the_end = Place.of("select", 6, 1)
    assert at_the_end.drawn == "line 1: select\n              ^"


@pytest.mark.parametrize(
    ("name", "sql", "meant", "column"),
    [
        ("shop.order", "select * from shop.order", ("shop.orders",), 15),
        ("shop.order", 'select * from "shop" . "order"', ("shop.orders",), 15),
        ("orders", "select shop.orders.id from orders", ("shop.orders",), 28),
        ("sales.orders", "from sales.orders", ("shop.orders",), 6),
        ("nothing.like", "from nothing.like", (), 6),
        ("gone", "from something", (), None),
    ],
)
def test_a_table_that_is_not_there_has_those_of_like_names(name, sql, meant, column):
    error = no_table("there is no table", name, sql, ["farm.cows", "shop.orders", "shop.people"], TABLES)
    assert error.meant[: len(meant)] == meant
    assert bool(error.meant) == bool(meant)
    assert (error.place.column if error.place else None) == column

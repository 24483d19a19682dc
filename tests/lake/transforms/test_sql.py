"""What the SQL of a transform may be, and where it says what is wrong."""

from __future__ import annotations

import pytest

from pipeline.lake.datasets import DatasetName
from pipeline.lake.transforms.sql import Relation, Wanted, findings

RELATIONS = {
    "staged": Relation(frozenset({"id", "customer", "price", "_sluice_order"}), closed=True),
    "customers": Relation(frozenset({"customer", "name"}), closed=False),
}
DATASETS = {"customers": DatasetName("demo", "customers")}
ANYTHING = Wanted(frozenset(), (), needs_order=False)


def told(text: str, wanted: Wanted = ANYTHING) -> list[str]:
    return [
        f"{each.severity} {each.line}:{each.column} {each.what}" for each in findings(text, RELATIONS, DATASETS, wanted)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "select * from staged",
        "-- why\nselect s.id, c.name as name from staged s left join customers c on s.customer = c.customer;",
        "with big as (select id, price from staged where price > 1) select id, sum(price) as s from big group by id",
        "with big (a, b) as (select id, price from staged) select a, b from big",
        "with big as (select id from staged), more (a) as (select id from big) select a from more",
        "select t.a as id from (select id from staged) as t (a)",
        "select t.a as id from (select id from staged) t(a)",
        "select id, row_number() over (partition by customer order by price desc) as place from staged",
        "select id, part from staged lateral view explode(split(customer, ',')) t as part",
        "select id from staged union all select id from staged where id in (select max(id) from staged)",
        "select /*+ broadcast(c) */ s.id from staged s join customers c using (customer)",
        "select id, case when price > 1 then 'a' else 'b' end as kind, cast(price as decimal(10,2)) as p from staged",
        "select s.id from staged s where exists (select 1 from customers c where c.customer = s.customer)",
        "select price * 2 as twice, id from staged order by twice",
    ],
)
def test_one_select_over_what_may_be_read_is_right(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("select id frm staged\nwhere x", "error 1:15 is not understood near 'staged'"),
        ("select id\nfrom staged\nwhere (price > 1", "error 3:"),
        ("select 'a from staged", "error 1:1 a string, a comment or a name is not closed"),
        ("", "error 1:1 is no SELECT"),
        ("drop table staged", "error 1:1 is no SELECT"),
        ("insert into customers select * from staged", "error 1:1 is no SELECT"),
        ("select 1 as a from staged; select 2 as b from staged", "error 1:1 is not one SELECT: 2 statements"),
        (
            "select s.id\n  from staged s, stagedd",
            "error 2:18 reads stagedd, which is not there; it may read customers, staged; a dataset is named under "
            "transform.reads, as team/dataset",
        ),
        ("select s.id from staged s join demo.customers c on 1=1", "error 1:32 reads demo.customers: write customers"),
        ("select id from staged, shop.secrets", "error 1:24 reads shop.secrets: transform.reads does not name it"),
        ("select id from staged, parquet.`s3://other/x`", "transform.reads does not name it"),
        ("select id from staged, range(9)", "range"),
        ("select java_method('a', 'b') as x from staged", "error 1:8 the function java_method is not allowed"),
        ("select id, reflect('a', 'b') as x from staged", "error 1:12 the function reflect is not allowed"),
        ("with t (a) as (select id from staged) select a, t(1) as x from t", "error 1:49 the function t is not"),
        ("select ${env:SECRET} as x from staged", "error 1:8 Spark replaces ${ by settings"),
        ("select name from customers", "error 1:1 does not read staged"),
        ("select id,\n prize from staged", "error 2:2 staged has no column prize"),
        ("select s.prize as p from staged s", "error 1:10 s has no column prize"),
        ("select c.email as e from staged s, customers c", "warning 1:10 c declares no column email"),
        ("select id, price * 2 from staged", "error 1:12 a column of the result needs a name"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, finding: str) -> None:
    [found] = told(text)
    assert finding in found


def test_the_result_has_what_the_table_needs() -> None:
    keyed = Wanted(frozenset(), ("customer",), needs_order=False)
    assert told("select id from staged", keyed) == ["error 1:1 does not give customer"]
    assert told("select * from staged", keyed) == []
    declared = Wanted(frozenset({"id", "n"}), (), needs_order=True)
    assert told("select id, price from staged", declared) == [
        "error 1:1 does not give _sluice_order, by which rows are replaced: select it, and group by it",
        "error 1:1 does not give n",
        "error 1:1 gives price, which transform.columns does not have",
    ]

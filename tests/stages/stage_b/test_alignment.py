"""Which values fit which column types: the SQL, run by Spark on one value after another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.lake.datasets.types import parse_type
from stages.stage_b.jobs.alignment import cast, type_sql
from tests.warm_lake import WarmLake

# A value as SQL, its type, the type of the table's column, and what stands in the table; REFUSED where it does not fit.
REFUSED = "refused"
CASES: list[tuple[str, str, str, Any]] = [
    ("7", "int", "bigint", 7),
    ("7", "int", "double", 7.0),
    ("cast(null as bigint)", "bigint", "int", None),
    ("2147483647L", "bigint", "int", 2147483647),
    ("2147483648L", "bigint", "int", REFUSED),
    ("9007199254740992L", "bigint", "double", 2.0**53),
    ("9007199254740993L", "bigint", "double", REFUSED),
    ("1152921504606846976L", "bigint", "double", 2.0**60),
    ("9223372036854775807L", "bigint", "double", REFUSED),
    ("16777217", "int", "float", REFUSED),
    ("16777216", "int", "float", 2.0**24),
    ("3.0D", "double", "bigint", 3),
    ("3.5D", "double", "bigint", REFUSED),
    ("double('NaN')", "double", "bigint", REFUSED),
    ("double('Infinity')", "double", "bigint", REFUSED),
    ("1e300D", "double", "float", REFUSED),
    ("0.5D", "double", "float", 0.5),
    ("0.1D", "double", "float", REFUSED),
    ("1.25BD", "decimal(3,2)", "decimal(10,4)", "1.2500"),
    ("1.25BD", "decimal(3,2)", "decimal(10,1)", REFUSED),
    ("12345.00BD", "decimal(7,2)", "decimal(4,0)", REFUSED),
    ("0.1D", "double", "decimal(10,2)", "0.10"),
    ("0.125D", "double", "decimal(10,2)", REFUSED),
    ("12", "int", "decimal(3,1)", "12.0"),
    ("123", "int", "decimal(3,1)", REFUSED),
    ("true", "boolean", "int", REFUSED),
    ("1", "int", "boolean", REFUSED),
    ("date '2026-01-31'", "date", "timestamp", REFUSED),
    ("'12'", "string", "int", 12),
    ("'012'", "string", "int", REFUSED),
    ("' 12'", "string", "int", REFUSED),
    ("'12.0'", "string", "bigint", REFUSED),
    ("'9223372036854775808'", "string", "bigint", REFUSED),
    ("'-0.5'", "string", "double", -0.5),
    ("'100'", "string", "double", 100.0),
    ("'1e3'", "string", "double", 1000.0),
    ("'12345678901234567890'", "string", "double", REFUSED),
    ("'1e999'", "string", "double", REFUSED),
    ("'NaN'", "string", "double", REFUSED),
    ("''", "string", "double", REFUSED),
    ("'12.5'", "string", "decimal(5,2)", "12.50"),
    ("'12.500'", "string", "decimal(5,2)", "12.50"),
    ("'12.505'", "string", "decimal(5,2)", REFUSED),
    ("'1234.5'", "string", "decimal(5,2)", REFUSED),
    ("'true'", "string", "boolean", True),
    ("'yes'", "string", "boolean", REFUSED),
    ("'2026-01-31'", "string", "date", "2026-01-31"),
    ("'2026-1-31'", "string", "date", REFUSED),
    ("1e10D", "double", "string", "1.0E10"),
    ("12.50BD", "decimal(4,2)", "string", "12.50"),
    ("true", "boolean", "string", "true"),
    ("timestamp '2026-01-31 12:00:00.5'", "timestamp", "string", "2026-01-31T12:00:00.500000Z"),
    ("named_struct('a', 1, 'b', cast(null as string))", "struct<a:int,b:string>", "string", '{"a":1,"b":null}'),
    ("array(1L, 2L)", "array<bigint>", "array<int>", [1, 2]),
    ("array(1L, 2147483648L)", "array<bigint>", "array<int>", REFUSED),
    ("array(cast(null as bigint))", "array<bigint>", "array<int>", [None]),
    ("array(array(1L), null)", "array<array<bigint>>", "array<array<int>>", [[1], None]),
    ("array(1)", "array<int>", "int", REFUSED),
    ("map('k', 5L)", "map<string,bigint>", "map<string,int>", {"k": 5}),
    ("map('k', 2147483648L)", "map<string,bigint>", "map<string,int>", REFUSED),
    ("map(1, 5)", "map<int,int>", "map<string,int>", {"1": 5}),
    ("named_struct('b', 5L)", "struct<b:bigint>", "struct<a:string,b:int>", {"a": None, "b": 5}),
    ("named_struct('b', 2147483648L)", "struct<b:bigint>", "struct<a:string,b:int>", REFUSED),
    ("cast(null as struct<b:bigint>)", "struct<b:bigint>", "struct<a:string,b:int>", None),
    ("array(named_struct('b', 5L))", "array<struct<b:bigint>>", "array<struct<b:string>>", [{"b": "5"}]),
]
# One row with a column a case, as JSON; for what fits its value, else the word.
SCRIPT = """
import json, sys
from awsglue.utils import getResolvedOptions
from pyspark.sql import SparkSession
given = json.loads(getResolvedOptions(sys.argv, ["given"])["given"])
spark = SparkSession.builder.getOrCreate()
values = spark.sql("select " + ", ".join(f"{one[0]} as v{i}" for i, one in enumerate(given)))
options = "map('ignoreNullFields', 'false')"
answers = [
    f"if({fits}, to_json(named_struct('v', cast({value} as {kind})), {options}), null) as a{i}"
    for i, (_, value, fits, kind) in enumerate(given)
]
print(json.dumps(list(values.selectExpr(*answers).first())))
"""


@pytest.fixture(scope="module")
def answers(lake: WarmLake) -> list[Any]:
    given = []
    for number, (value, have, want, _) in enumerate(CASES):
        one = cast(f"v{number}", parse_type(have), parse_type(want))
        given.append([f"cast({value} as {have})", one.value, one.fits or "true", type_sql(parse_type(want))])
    lake.make_job("alignment", SCRIPT)
    run = lake.run("alignment", given=json.dumps(given))
    assert run["JobRunState"] == "SUCCEEDED", run["ErrorMessage"]
    return [REFUSED if text is None else json.loads(text)["v"] for text in json.loads(lake.output(run["Id"])[-1])]


@pytest.mark.parametrize("number", range(len(CASES)), ids=[" ".join(case[:3]) for case in CASES])
def test_a_value_reaches_its_column_equal_or_not_at_all(answers: list[Any], number: int) -> None:
    *_, want, expected = CASES[number]
    if want.startswith("decimal") and expected != REFUSED:
        expected = float(expected)
    assert answers[number] == expected


def test_a_column_of_the_same_type_is_read_as_it_is() -> None:
    for text in ("string", "array<struct<a:int>>"):
        kind = parse_type(text)
        assert (cast("`c`", kind, kind).value, cast("`c`", kind, kind).fits) == ("`c`", None)

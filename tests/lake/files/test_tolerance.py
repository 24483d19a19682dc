"""What becomes of values and columns that are not as declared, in every format."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column
from pipeline.lake.files.limits import Limits
from tests.lake.files.conftest import Reading

Rows = list[dict[str, str | None]]


def csv(rows: Rows) -> bytes:
    lines = [",".join(rows[0]), *(",".join(value or "" for value in row.values()) for row in rows)]
    return "\n".join(lines).encode()


def jsonl(rows: Rows) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def array(rows: Rows) -> bytes:
    return json.dumps(rows).encode()


def parquet(rows: Rows) -> bytes:
    out = BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, pa.schema({name: pa.string() for name in rows[0]})), out)
    return out.getvalue()


WRITERS = {"csv": csv, "jsonl": jsonl, "json": array, "parquet": parquet}
FIRST = {"csv": 2, "jsonl": 1, "json": 1, "parquet": 1}


@pytest.fixture(params=list(WRITERS))
def format(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def run(reading: Reading, format: str, rows: Rows, contract: dict[str, Any], **settings: Any) -> Any:
    return reading(WRITERS[format](rows), format, contract, **settings)


def rescued(row: dict[str, Any]) -> Any:
    return row["_rescued"] and json.loads(row["_rescued"])


ROWS: Rows = [{"id": "1", "n": "1"}, {"id": "2", "n": "x"}, {"id": "3", "n": None}]


def test_a_bad_value_is_rescued_and_its_row_stays(reading: Reading, format: str) -> None:
    found = run(reading, format, ROWS, {"n": "int"}, on_bad_value="rescue")
    assert [(row["id"], row["n"]) for row in found.rows] == [("1", 1), ("2", None), ("3", None)]
    assert [rescued(row) for row in found.rows] == [None, {"n": "x", "_sluice_row": FIRST[format] + 1}, None]
    assert found.conversion.columns["_rescued"] == "string"
    assert not found.bad


def test_a_file_without_bad_values_has_the_column_too(reading: Reading, format: str) -> None:
    found = run(reading, format, ROWS[:1], {"n": "int"}, on_bad_value="rescue")
    assert found.rows == [{"id": "1", "n": 1, "_rescued": None}]


def test_a_bad_value_is_null_where_the_dataset_says_so(reading: Reading, format: str) -> None:
    found = run(reading, format, ROWS, {"n": "int"}, on_bad_value="null")
    assert [row["n"] for row in found.rows] == [1, None, None]
    assert not found.bad
    assert "_rescued" not in found.conversion.columns


@pytest.mark.parametrize("on_bad_value", ["quarantine", "rescue", "null"])
def test_a_row_without_a_required_value_is_bad(reading: Reading, format: str, on_bad_value: str) -> None:
    contract = {"n": Column(type="int", required=True)}
    found = run(reading, format, ROWS, contract, on_bad_value=on_bad_value)
    assert [row["id"] for row in found.rows] == ["1"]
    assert [bad["line"] - FIRST[format] for bad in found.bad] == [1, 2]
    assert "column n: 'x' is not int" in found.bad[0]["reason"]
    assert found.bad[1]["reason"] == "column n: a value is missing, and the column is required"


def test_a_record_without_the_key_of_a_required_column_is_bad(reading: Reading) -> None:
    contract = {"n": Column(type="int", required=True)}
    found = reading('{"id":1}\n{"id":2}\n{"id":3,"n":3}\n', "jsonl", contract)
    assert [row["id"] for row in found.rows] == [3]
    assert [bad["line"] for bad in found.bad] == [1, 2]


def test_new_columns_are_rescued_under_the_files_own_names(reading: Reading, format: str) -> None:
    rows: Rows = [{"id": "1", "New Col": "x"}, {"id": "2", "New Col": None}, {"id": "3", "New Col": "y"}]
    found = run(reading, format, rows, {"id": "int"}, on_new_column="rescue")
    assert list(found.conversion.columns) == ["id", "_rescued"]
    first = FIRST[format]
    assert [rescued(row) for row in found.rows] == [
        {"New Col": "x", "_sluice_row": first},
        None,
        {"New Col": "y", "_sluice_row": first + 2},
    ]


def test_numbers_of_new_keys_are_rescued_as_they_were_written(reading: Reading) -> None:
    text = '{"id":1,"v":1.10}\n{"id":2,"v":"a","w":{"x":[1.0]}}\n{"id":3,"v":null}\n{"id":4,"v":true}\n'
    found = reading(text, "jsonl", {"id": "int"}, on_new_column="rescue")
    values = [{k: v for k, v in (rescued(row) or {}).items() if k != "_sluice_row"} for row in found.rows]
    assert values == [{"v": "1.10"}, {"v": "a", "w": '{"x":[1.0]}'}, {}, {"v": "true"}]


def test_what_is_rescued_of_a_row_stands_together(reading: Reading, format: str) -> None:
    rows: Rows = [{"id": "1", "n": "x", "extra": 'a"b'}]
    found = run(reading, format, rows, {"id": "int", "n": "int"}, on_new_column="rescue", on_bad_value="rescue")
    assert rescued(found.rows[0]) == {"n": "x", "extra": 'a"b', "_sluice_row": FIRST[format]}


def test_a_new_column_refuses_the_file_where_the_dataset_says_so(reading: Reading, format: str) -> None:
    with pytest.raises(BadObject, match="on_new_column: reject"):
        run(reading, format, ROWS, {"id": "int"}, on_new_column="reject")


@pytest.mark.parametrize("most", [0, 1, "40%", "0%"])
def test_more_bad_rows_than_the_dataset_bears_refuse_the_file(reading: Reading, format: str, most: int | str) -> None:
    rows: Rows = [{"id": "1", "n": "1"}, {"id": "2", "n": "x"}, {"id": "3", "n": "y"}, {"id": "4", "n": "4"}]
    first = f"line {FIRST[format] + 1}: column n: a value "
    with pytest.raises(BadObject, match=f"max_bad_rows: {most}`: {first}"):
        run(reading, format, rows, {"n": "int"}, max_bad_rows=most)


@pytest.mark.parametrize("most", [2, "50%", None])
def test_as_many_bad_rows_as_the_dataset_bears_are_put_aside(reading: Reading, format: str, most: int | str) -> None:
    rows: Rows = [{"id": "1", "n": "1"}, {"id": "2", "n": "x"}, {"id": "3", "n": "y"}, {"id": "4", "n": "4"}]
    assert len(run(reading, format, rows, {"n": "int"}, max_bad_rows=most).bad) == 2


def test_the_file_is_named_beside_what_is_rescued(reading: Reading) -> None:
    found = reading(
        "id\nx\n", "csv", {"id": "int"}, on_bad_value="rescue", metadata={"sluice.source": "s3://raw/a.csv"}
    )
    assert rescued(found.rows[0]) == {"id": "x", "_sluice_file": "s3://raw/a.csv", "_sluice_row": 2}


WORDS = ["NA", "\\N", "-"]


def test_null_words_are_null_in_columns_of_any_type_and_quoted_ones_in_text_are_text(reading: Reading) -> None:
    text = 'NA,n,s,new\n1,NA,NA,NA\n2,"NA","NA","NA"\n3,\\N,\\N,-\n'
    found = reading(text, "csv", {"n": "int", "s": "string"}, null_values=WORDS)
    assert [(row["n"], row["s"], row["new"]) for row in found.rows] == [
        (None, None, None),
        (None, "NA", "NA"),
        (None, None, None),
    ]
    assert "na" in found.rows[0]


def test_null_words_are_found_beside_bad_rows_and_backslashes(reading: Reading) -> None:
    text = 'a;b\n\\N;1\n1;2;3\nx\\;y;NA\n"NA";"NA"\n'
    found = reading(text, "csv", {"b": "int"}, null_values=WORDS, escape="backslash", delimiter=";")
    assert [(row["a"], row["b"]) for row in found.rows] == [(None, 1), ("x;y", None), ("NA", None)]


def test_null_words_of_json_are_null_in_text_too(reading: Reading) -> None:
    text = '{"s":"NA","n":"NA","new":"NA"}\n{"s":"x","n":5,"new":"y"}\n'
    found = reading(text, "jsonl", {"s": "string", "n": "int"}, null_values=WORDS)
    assert found.rows == [{"s": None, "n": None, "new": None}, {"s": "x", "n": 5, "new": "y"}]


def test_spaces_are_trimmed_in_every_column(reading: Reading) -> None:
    text = "id, name , amount\n1, a , 5\n2,   ,\n"
    found = reading(text, "csv", {"amount": "int"}, trim=True)
    assert found.rows == [{"id": "1", "name": "a", "amount": 5}, {"id": "2", "name": None, "amount": None}]


@pytest.mark.parametrize("number", ["1.50", "-0.5e3", "1234.5678"])
def test_a_number_of_json_is_told_as_the_file_writes_it(reading: Reading, number: str) -> None:
    """The dataset's decimal comma is that of texts."""
    text = f'{{"N": {number}}}\n{{"N": "7,5"}}\n{{"N": 1}}\n'
    said = {"decimal": ",", "thousands": "."}
    found = reading(text, "jsonl", {"n": "int"}, on_bad_value="rescue", **said)
    assert [json.loads(row["_rescued"])["n"] for row in found.rows[:2]] == [number, "7,5"]
    found = reading(text, "jsonl", {"n": "int"}, **said)
    assert [bad["reason"].split(" is not")[0] for bad in found.bad] == [f"column n: '{number}'", "column n: '7,5'"]


def test_numbers_of_json_keep_their_value_where_text_has_decimal_commas(reading: Reading) -> None:
    text = '{"d":1.234}\n{"d":"1.234"}\n{"d":"1.234,5"}\n{"d":-2}\n'
    found = reading(text, "jsonl", {"d": "double"}, decimal=",", thousands=".")
    assert [row["d"] for row in found.rows] == [1.234, 1234.0, 1234.5, -2.0]


def test_epochs_of_json_are_numbers_or_text(reading: Reading) -> None:
    column = Column.model_validate({"type": "timestamp", "format": "epoch_milliseconds"})
    found = reading('{"t":1767225600000}\n{"t":"1767225600001"}\n{"t":null}\n', "jsonl", {"t": column})
    assert [row["t"] and row["t"].isoformat() for row in found.rows] == [
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.001000+00:00",
        None,
    ]


def test_truth_of_json_is_true_beside_the_columns_own_words(reading: Reading) -> None:
    column = Column.model_validate({"type": "boolean", "true_values": "Y", "false_values": "N"})
    found = reading('{"b":true}\n{"b":"Y"}\n{"b":false}\n{"b":"x"}\n', "jsonl", {"b": column})
    assert [row["b"] for row in found.rows] == [True, True, False]
    assert [bad["line"] for bad in found.bad] == [4]


def test_a_share_of_bad_rows_is_exact(reading: Reading) -> None:
    text = "n\n" + "x\n" * 57 + "1\n" * 9943
    # As binary fractions 0.57 times 10,000 is less than 5,700.
    found = reading(text, "csv", {"n": "int"}, max_bad_rows="0.57%", limits=Limits())
    assert len(found.bad) == 57


def test_values_that_become_null_are_counted_in_rows_that_reach_the_table(reading: Reading, format: str) -> None:
    rows: Rows = [{"n": "1", "m": "x", "r": "1"}, {"n": "y", "m": "2", "r": "1"}, {"n": "z", "m": "z", "r": None}] * 9
    data = WRITERS[format](rows)
    contract = {"n": "int", "m": "int", "r": Column(type="string", required=True)}
    found = reading(data, format, contract, on_bad_value="null")
    assert (found.conversion.nulled, found.conversion.rows_bad) == ({"n": 9, "m": 9}, 9)
    assert not reading(data, format, contract, on_bad_value="rescue").conversion.nulled

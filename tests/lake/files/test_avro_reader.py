"""Avro as its writers write it: every type, logical types beyond Python's, unions, each way of packing, and damage."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import uuid
from decimal import Decimal
from typing import Any

import fastavro
import pytest

from pipeline.core.errors import BadObject
from pipeline.lake.files.limits import Limits
from tests.lake.files.conftest import TINY, Reading, damaged

UTC = dt.UTC


def written(types: dict[str, Any], rows: list[dict[str, Any]], **options: Any) -> bytes:
    fields = [{"name": name, "type": kind} for name, kind in types.items()]
    schema = fastavro.parse_schema({"type": "record", "name": "Row", "namespace": "org.example", "fields": fields})
    file = io.BytesIO()
    fastavro.writer(file, schema, rows, **options)
    return file.getvalue()


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


def record(name: str, **types: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": each, "type": kind} for each, kind in types.items()]}


def decimal(precision: int, scale: int, **fixed: Any) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale, **fixed}


FIRST, DAY = dt.datetime(1, 1, 1, tzinfo=UTC), dt.datetime(2026, 1, 2, tzinfo=UTC)
TENTHS, LARGE = Decimal("0.1234567890"), Decimal("123456789012345.678")
TREE = record("Tree", v="int", l=["null", "Tree"])
PART = record("P", At=logical("int", "date"), d=["null", decimal(4, 1)])
TYPES: list[tuple[Any, Any, str, Any]] = [
    ("int", -(2**31), "int", -(2**31)),
    ("long", 2**63 - 1, "bigint", 2**63 - 1),
    ("float", 0.5, "float", 0.5),
    ("double", 0.1, "double", 0.1),
    ("boolean", True, "boolean", True),
    ("string", "Zoë 😀", "string", "Zoë 😀"),
    ("bytes", "ü".encode(), "string", "ü"),
    ("null", None, "string", None),
    ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", "string", "B"),
    ({"type": "fixed", "name": "F", "size": 2}, b"ab", "string", "ab"),
    ({"type": "array", "items": ["null", "long"]}, [1, None], "array<bigint>", [1, None]),
    ({"type": "map", "values": "int"}, {"a": 1}, "map<string,int>", [("a", 1)]),
    (["null", "string"], None, "string", None),
    (["int", "long"], 2**40, "bigint", 2**40),
    (["string", "int"], 5, "string", "5"),
    (["null", "int", "string"], "x", "string", "x"),
    (["null", {"type": "array", "items": "int"}, "string"], [1, 2], "string", "[1,2]"),
    (["string", logical("int", "date")], dt.date(2026, 1, 2), "string", "2026-01-02"),
    (["string", "double", logical("long", "timestamp-millis")], DAY, "string", "2026-01-02T00:00:00Z"),
    (["null", decimal(10, 2), "string"], Decimal("-1.50"), "string", "-1.50"),
    (["string", {"type": "array", "items": logical("int", "date")}], [DAY.date()], "string", '["2026-01-02"]'),
    (["string", record("U", d=decimal(4, 1))], {"d": Decimal("1.5")}, "string", '{"d":1.5}'),
    (
        ["string", record("V", a="int"), record("W", d=["null", logical("int", "date")])],
        {"d": DAY.date()},
        "string",
        '{"d":"2026-01-02"}',
    ),
    (
        record("X", d=logical("int", "date"), l=["null", "X"]),
        {"d": DAY.date(), "l": {"d": DAY.date(), "l": None}},
        "struct<d:date,l:string>",
        {"d": DAY.date(), "l": '{"d":"2026-01-02","l":null}'},
    ),
    (logical("int", "date"), dt.date(2026, 1, 2), "date", dt.date(2026, 1, 2)),
    (logical("int", "time-millis"), dt.time(1, 2, 3), "string", "01:02:03"),
    (logical("long", "time-micros"), dt.time(1, 2, 3, 4), "string", "01:02:03.000004"),
    (logical("long", "timestamp-millis"), DAY, "timestamp", DAY),
    (["null", logical("long", "timestamp-micros")], FIRST, "timestamp", FIRST),
    (logical("long", "local-timestamp-micros"), DAY.replace(tzinfo=None), "timestamp", DAY),
    (decimal(10, 2), Decimal("-1.50"), "decimal(10,2)", Decimal("-1.50")),
    (["null", decimal(38, 10)], TENTHS, "decimal(38,10)", TENTHS),
    (decimal(18, 3, type="fixed", name="D", size=8), LARGE, "decimal(18,3)", LARGE),
    (logical("string", "uuid"), uuid.UUID(int=5), "string", "00000000-0000-0000-0000-000000000005"),
    (TREE, {"v": 1, "l": {"v": 2, "l": None}}, "struct<v:int,l:string>", {"v": 1, "l": '{"v":2,"l":null}'}),
    (
        PART,
        {"At": DAY.date(), "d": Decimal("1.5")},
        "struct<at:date,d:decimal(4,1)>",
        {"at": DAY.date(), "d": Decimal("1.5")},
    ),
]


@pytest.mark.parametrize(("schema", "value", "kind", "expected"), TYPES)
def test_a_value_of_every_type(schema: Any, value: Any, kind: str, expected: Any, reading: Reading) -> None:
    found = reading(written({"Col": schema, "n": "int"}, [{"Col": value, "n": n} for n in range(3)]), "avro")
    assert found.conversion.columns == {"col": kind, "n": "int"}
    assert [row["col"] for row in found.rows] == [expected] * 3
    assert found.positions == [1, 2, 3]


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "zstandard", "bzip2", "xz"])
def test_every_way_of_packing(codec: str, reading: Reading) -> None:
    rows = [{"id": n, "s": f"row {n % 7}"} for n in range(2000)]
    found = reading(
        written({"id": "long", "s": "string"}, rows, codec=codec, sync_interval=500), "avro", limits=Limits()
    )
    assert found.rows == rows


def test_an_unknown_way_of_packing_is_named(reading: Reading) -> None:
    data = written({"id": "long"}, [{"id": 1}]).replace(b"\x08null", b"\x08lzma")
    with pytest.raises(BadObject, match="packed with 'lzma'"):
        reading(data, "avro")


def test_timestamps_beyond_pythons_cost_their_row_only(reading: Reading) -> None:
    numbers = written({"t": "long"}, [{"t": 0}, {"t": 10**15}])
    header = written({"t": logical("long", "timestamp-millis")}, [])
    # Behind the header, which ends with them, 16 bytes end each block.
    blocks = numbers[numbers.index(numbers[-16:]) + 16 :].replace(numbers[-16:], header[-16:])
    found = reading(header + blocks, "avro")
    assert [row["t"] for row in found.rows] == [dt.datetime(1970, 1, 1, tzinfo=UTC)]
    assert found.bad[0]["line"] == 2


def test_nanoseconds_are_exact_or_bad(reading: Reading) -> None:
    data = written({"t": logical("long", "timestamp-nanos")}, [{"t": 1000}, {"t": 1}])
    found = reading(data, "avro")
    assert [row["t"] for row in found.rows] == [dt.datetime(1970, 1, 1, 0, 0, 0, 1, UTC)]
    assert "finer than microseconds" in found.bad[0]["reason"]


def test_bytes_that_are_no_text_cost_their_row_only(reading: Reading) -> None:
    found = reading(written({"b": "bytes"}, [{"b": b"a"}, {"b": b"\xff"}]), "avro")
    assert found.rows == [{"b": "a"}]
    assert "no UTF-8" in found.bad[0]["reason"]
    assert "\\xff" in found.bad[0]["raw"]


def test_a_union_whose_dates_could_be_numbers_is_refused(reading: Reading) -> None:
    data = written({"c": ["string", "int", logical("long", "timestamp-millis")]}, [{"c": 5}])
    with pytest.raises(BadObject, match="a timestamp-millis beside a type that is stored alike"):
        reading(data, "avro")


def test_a_duration_has_no_column_type(reading: Reading) -> None:
    schema = {"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}
    with pytest.raises(BadObject, match="column c: no column type holds"):
        reading(written({"c": schema}, [{"c": bytes(12)}]), "avro")


def test_a_file_without_records_is_a_file(reading: Reading) -> None:
    assert reading(written({"a": "int"}, []), "avro", {"a": "bigint"}).conversion.columns == {"a": "bigint"}


def test_a_file_of_something_else_than_records_is_refused(reading: Reading) -> None:
    file = io.BytesIO()
    fastavro.writer(file, "string", ["a"])
    with pytest.raises(BadObject, match="no records"):
        reading(file.getvalue(), "avro")
    with pytest.raises(BadObject, match="is not Avro"):
        reading(b"id,name\n1,a\n", "avro")


DATA = written({"id": "long", "s": "string"}, [{"id": n, "s": f"row {n}"} for n in range(100)], sync_interval=200)


@pytest.mark.parametrize("cut", [*range(1, 27), *range(28, 40), 300, len(DATA) - 20])
def test_a_file_that_was_cut_is_refused(cut: int, reading: Reading) -> None:
    with pytest.raises(BadObject, match="damaged or cut"):
        reading(DATA[:-cut], "avro")


@pytest.mark.thorough
def test_damage_is_never_an_error_of_the_function(reading: Reading) -> None:
    for data in damaged(DATA, 5):
        with contextlib.suppress(BadObject):
            reading(data, "avro")


def test_a_block_that_grows_beyond_reason_is_refused(reading: Reading) -> None:
    for codec in ("deflate", "snappy", "zstandard", "bzip2", "xz"):
        data = written({"s": "string"}, [{"s": "a" * 100_000}], codec=codec)
        with pytest.raises(BadObject, match=r"block 1 of the Avro file grows to more than 16,384 bytes"):
            reading(data, "avro", limits=TINY)

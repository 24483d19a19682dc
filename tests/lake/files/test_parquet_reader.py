"""Parquet as others write it: every type, exact or refused, and files that are cut."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import json
import math
from collections.abc import Callable
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column
from pipeline.lake.files.limits import Limits
from tests.lake.files.conftest import Reading

UTC = dt.UTC


def written(columns: dict[str, pa.Array], **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **options)
    return file.getvalue()


NATURAL: list[tuple[pa.Array, str, list[Any]]] = [
    (pa.array([1, None], pa.int8()), "int", [1, None]),
    (pa.array([65535], pa.uint16()), "int", [65535]),
    (pa.array([2**32 - 1], pa.uint32()), "bigint", [2**32 - 1]),
    (pa.array([2**64 - 1, 0], pa.uint64()), "decimal(20,0)", [decimal.Decimal(2**64 - 1), decimal.Decimal(0)]),
    (pa.array([2**63 - 1], pa.int64()), "bigint", [2**63 - 1]),
    (pa.array([0.1], pa.float32()), "float", [0.10000000149011612]),
    (pa.array([0.5], pa.float16()), "float", [0.5]),
    (pa.array([0.1, 2.0**60, float("inf")]), "double", [0.1, 2.0**60, float("inf")]),
    (pa.array([True, None]), "boolean", [True, None]),
    (pa.array(["a", None]), "string", ["a", None]),
    (pa.array(["a", "b", "a"]).dictionary_encode(), "string", ["a", "b", "a"]),
    (pa.array(["ü"], pa.large_string()), "string", ["ü"]),
    (pa.array(["ü".encode()], pa.binary()), "string", ["ü"]),
    (pa.array([None, None], pa.null()), "string", [None, None]),
    (pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)]), "date", [dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    (pa.array([86_400_000], pa.date64()), "date", [dt.date(1970, 1, 2)]),
    (pa.array([1], pa.timestamp("s")), "timestamp", [dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)]),
    (
        pa.array([1_000], pa.timestamp("ns", tz="Europe/Berlin")),
        "timestamp",
        [dt.datetime(1970, 1, 1, 0, 0, 0, 1, UTC)],
    ),
    (pa.array([dt.time(1, 2, 3), dt.time(1, 2, 3, 4)]), "string", ["01:02:03", "01:02:03.000004"]),
    (pa.array([1], pa.time32("ms")), "string", ["00:00:00.001"]),
    (pa.array([decimal.Decimal("1.50")], pa.decimal128(12, 2)), "decimal(12,2)", [decimal.Decimal("1.50")]),
    (pa.array([decimal.Decimal("1.5")], pa.decimal256(38, 1)), "decimal(38,1)", [decimal.Decimal("1.5")]),
    (pa.array([[1, None], None, []], pa.list_(pa.int16())), "array<int>", [[1, None], None, []]),
    (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), "array<bigint>", [[1, 2]]),
    (pa.array([{"A b": 1, "c": "x"}, None]), "struct<a_b:bigint,c:string>", [{"a_b": 1, "c": "x"}, None]),
    (pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())), "map<string,int>", [[("k", 1)], None]),
    (
        pa.array([[{"t": dt.datetime(2026, 1, 1)}]], pa.list_(pa.struct([("t", pa.timestamp("ns"))]))),
        "array<struct<t:timestamp>>",
        [[{"t": dt.datetime(2026, 1, 1, tzinfo=UTC)}]],
    ),
]


@pytest.mark.parametrize(("column", "kind", "values"), NATURAL, ids=[str(each[0].type)[:40] for each in NATURAL])
def test_a_column_that_the_contract_lacks_keeps_its_values(
    column: pa.Array, kind: str, values: list[Any], reading: Reading
) -> None:
    found = reading(written({"Col": column}), "parquet")
    assert found.conversion.columns == {"col": kind}
    assert [row["col"] for row in found.rows] == values
    assert found.positions == list(range(1, len(values) + 1))
    assert found.bad == []


@pytest.mark.parametrize(("column", "kind", "values"), NATURAL, ids=[str(each[0].type)[:40] for each in NATURAL])
def test_every_type_has_a_text(column: pa.Array, kind: str, values: list[Any], reading: Reading) -> None:
    found = reading(written({"c": column}), "parquet", {"c": "string"})
    assert [row["c"] is None for row in found.rows] == [value is None for value in values]


D = decimal.Decimal
BAD = "bad"
FITS: list[tuple[pa.Array, str, list[Any]]] = [
    (pa.array([1, 2**31], pa.int64()), "int", [1, BAD]),
    (pa.array([1.0, 1.5, float("nan"), 2.0**53 + 2]), "bigint", [1, BAD, BAD, BAD]),
    (pa.array([0.1, 0.123, 1e300]), "decimal(5,2)", [D("0.10"), BAD, BAD]),
    (pa.array([2**53 + 1, 5], pa.int64()), "double", [BAD, 5.0]),
    (pa.array([12, 1234], pa.int64()), "decimal(4,2)", [D("12.00"), BAD]),
    (pa.array([2**63 - 1], pa.int64()), "decimal(38,19)", [D(2**63 - 1)]),
    (pa.array([0.5, 0.1]), "float", [0.5, 0.10000000149011612]),
    (pa.array([D("1.50"), D("1.55")]), "decimal(3,1)", [D("1.5"), BAD]),
    (pa.array([D("2.00"), D("2.10")]), "int", [2, BAD]),
    (pa.array([D("2.10")]), "double", [2.1]),
    (pa.array(["1", "x"]), "int", [1, BAD]),
    (pa.array(["1", "x"]).dictionary_encode(), "int", [1, BAD]),
    (pa.array([b"1", b"\xff"]), "string", ["1", BAD]),
    (pa.array([dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 1, 1)]), "date", [dt.date(2026, 1, 1), BAD]),
    (pa.array([dt.date(2026, 1, 1)]), "timestamp", [dt.datetime(2026, 1, 1, tzinfo=UTC)]),
    (pa.array([1, 1000], pa.timestamp("ns")), "timestamp", [BAD, dt.datetime(1970, 1, 1, 0, 0, 0, 1, UTC)]),
    (pa.array([-(10**14), 0], pa.timestamp("ms")), "timestamp", [BAD, dt.datetime(1970, 1, 1, tzinfo=UTC)]),
    (pa.array([1, 2]), "string", ["1", "2"]),
    (pa.array([True]), "string", ["true"]),
    (pa.array([1.0, 0.1]), "string", ["1", "0.1"]),
    (pa.array([D("1.50")]), "string", ["1.50"]),
    (pa.array([[1, 2**40], [3]]), "array<int>", [BAD, [3]]),
    (pa.array([{"a": 1}, {"a": 2**40}]), "struct<a:int,b:string>", [{"a": 1, "b": None}, BAD]),
    (pa.array([{"a": 1}, None]), "string", ['{"a":1}', None]),
    (pa.array([[], [("k", 1)], None], pa.map_(pa.string(), pa.int64())), "string", ["{}", '{"k":1}', None]),
    (pa.array(['{"a":1}', "x"]), "struct<a:int>", [{"a": 1}, BAD]),
    (pa.array([[("k", "1")], [("k", "x")]], pa.map_(pa.string(), pa.string())), "map<string,int>", [[("k", 1)], BAD]),
]


@pytest.mark.parametrize(
    ("column", "kind", "values"), FITS, ids=[f"{str(each[0].type)[:30]}-{each[1]}" for each in FITS]
)
def test_values_fit_exactly_or_their_rows_are_bad(
    column: pa.Array, kind: str, values: list[Any], reading: Reading
) -> None:
    found = reading(written({"c": column}), "parquet", {"c": kind})
    assert [row["c"] for row in found.rows] == [value for value in values if value is not BAD]
    assert [bad["line"] for bad in found.bad] == [place for place, value in enumerate(values, 1) if value is BAD]
    for bad in found.bad:
        assert json.loads(bad["raw"]).keys() == {"c"}
        assert bad["reason"].startswith("column c: ")


REFUSED = [
    (pa.array([True]), "int", "column c is a boolean in the file, and the dataset declares int"),
    (pa.array([1]), "boolean", "is an integer"),
    (pa.array([1]), "date", "is an integer"),
    (pa.array([1.0]), "timestamp", "is a floating-point number"),
    (pa.array([[1]]), "int", "is a list"),
    (pa.array([1]), "array<int>", "is an integer"),
    (pa.array([{"a": 1, "b": 2}]), "struct<a:int>", "is a struct"),
    (pa.array([dt.time(1)]), "timestamp", "is a time of day"),
]


@pytest.mark.parametrize(("column", "kind", "words"), REFUSED)
def test_a_type_that_can_never_be_the_contracts_refuses_the_file(
    column: pa.Array, kind: str, words: str, reading: Reading
) -> None:
    with pytest.raises(BadObject, match=words):
        reading(written({"c": column}), "parquet", {"c": kind})


def test_a_type_that_no_column_holds_refuses_the_file(reading: Reading) -> None:
    with pytest.raises(BadObject, match="column c: no column type holds a duration"):
        reading(written({"c": pa.array([dt.timedelta(1)])}), "parquet")
    with pytest.raises(BadObject, match="more digits than the 38"):
        reading(written({"c": pa.array([D(1)], pa.decimal256(60, 2))}), "parquet")


def test_integers_are_dates_and_flags_by_the_forms_of_the_dataset(reading: Reading) -> None:
    data = written({"d": pa.array([20251231, 20259999]), "t": pa.array([1767225600000, 0]), "f": pa.array([1, 0])})
    contract = {
        "d": Column(type="date", format="yyyyMMdd"),
        "t": Column(type="timestamp", format="epoch_milliseconds"),
        "f": Column.model_validate({"type": "boolean", "true_values": "1", "false_values": "0"}),
    }
    found = reading(data, "parquet", contract)
    assert found.rows == [{"d": dt.date(2025, 12, 31), "t": dt.datetime(2026, 1, 1, tzinfo=UTC), "f": True}]
    assert len(found.bad) == 1


def test_timestamps_without_a_zone_are_in_the_datasets(reading: Reading) -> None:
    data = written({"t": pa.array([dt.datetime(2026, 1, 1), dt.datetime(2026, 3, 29, 2, 30)])})
    found = reading(data, "parquet", {"t": "timestamp"}, timezone="Europe/Berlin")
    assert found.rows[0] == {"t": dt.datetime(2025, 12, 31, 23, tzinfo=UTC)}


def test_int96_is_an_instant_in_any_year(reading: Reading) -> None:
    years = [dt.datetime(1900, 1, 1), dt.datetime(2026, 1, 1, 1, 2, 3, 4)]
    data = written({"t": pa.array(years, pa.timestamp("ns"))}, use_deprecated_int96_timestamps=True)
    found = reading(data, "parquet", timezone="Europe/Berlin")
    assert [row["t"] for row in found.rows] == [year.replace(tzinfo=UTC) for year in years]
    far = duckdb_free_int96(dt.datetime(9999, 12, 31))
    assert [row["t"] for row in reading(far, "parquet").rows] == [dt.datetime(9999, 12, 31, tzinfo=UTC)]
    fine = written({"t": pa.array([1], pa.timestamp("ns"))}, use_deprecated_int96_timestamps=True)
    (bad,) = reading(fine, "parquet").bad
    assert "finer than microseconds" in bad["reason"]


def duckdb_free_int96(moment: dt.datetime) -> bytes:
    """A file whose one INT96 is written over in place: Arrow writes none outside of nanoseconds."""
    plain = written(
        {"t": pa.array([0], pa.timestamp("ns"))},
        use_deprecated_int96_timestamps=True,
        compression="none",
        use_dictionary=False,
        write_statistics=False,
    )
    old = (0).to_bytes(8, "little") + (2440588).to_bytes(4, "little")
    days = (moment.date() - dt.date(1970, 1, 1)).days
    new = (0).to_bytes(8, "little") + (2440588 + days).to_bytes(4, "little")
    assert plain.count(old) == 1
    return plain.replace(old, new)


def test_pandas_writes_what_is_read(reading: Reading) -> None:
    frame = pd.DataFrame(
        {
            "When": pd.to_datetime(["2026-01-01 01:02:03.000004", None]),
            "Kind": pd.Categorical(["a", "b"]),
            "n": pd.array([1, None], dtype="Int64"),
            "f": [1.5, float("nan")],
            "o": [b"x", None],
        }
    )
    file = io.BytesIO()
    frame.to_parquet(file)
    found = reading(file.getvalue(), "parquet", {"n": "int"})
    assert found.rows == [
        {"when": dt.datetime(2026, 1, 1, 1, 2, 3, 4, UTC), "kind": "a", "n": 1, "f": 1.5, "o": "x"},
        {"when": None, "kind": "b", "n": None, "f": None, "o": None},
    ]


def test_duckdb_writes_what_is_read(reading: Reading, tmp_path: Any) -> None:
    path = str(tmp_path / "duck.parquet")
    duckdb.sql(
        f"copy (select 1::hugeint % 7 as h, 18446744073709551615::ubigint as u, 1.5::decimal(9,2) as d, "
        f"uuid '12345678-1234-1234-1234-123456789abc' as id, time '01:02:03' as t, [1, 2] as l, "
        f"{{'a': 1, 'b': 'x'}} as s, map {{'k': 1}} as m, timestamptz '2026-01-01 00:00:00+01' as z, "
        f"'[1]'::json as j) to '{path}' (format parquet)"
    )
    (row,) = reading((tmp_path / "duck.parquet").read_bytes(), "parquet").rows
    assert row["u"] == D(2**64 - 1)
    assert (row["d"], row["t"], row["l"], row["s"]) == (D("1.50"), "01:02:03", [1, 2], {"a": 1, "b": "x"})
    assert row["m"] == [("k", 1)]
    assert row["z"] == dt.datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert row["id"] == "12345678-1234-1234-1234-123456789abc"
    assert row["j"] == "[1]"


def test_row_groups_and_batches_do_not_show(reading: Reading) -> None:
    rows = 1000
    data = written({"i": pa.array(range(rows)), "s": pa.array([f"x{i % 7}" for i in range(rows)])}, row_group_size=64)
    found = reading(data, "parquet", limits=Limits(block=500, row_group=1000))
    assert [row["i"] for row in found.rows] == list(range(rows))
    assert found.positions == list(range(1, rows + 1))


def test_a_file_without_rows_is_a_file(reading: Reading) -> None:
    found = reading(written({"a": pa.array([], pa.int32())}), "parquet", {"a": "bigint"})
    assert (found.rows, found.conversion.columns) == ([], {"a": "bigint"})


@pytest.mark.parametrize("cut", [1, 4, 8, 12, 100, 500])
def test_a_file_that_was_cut_is_refused(cut: int, reading: Reading) -> None:
    data = written({"a": pa.array(range(1000))})
    with pytest.raises(BadObject, match="damaged or cut: its footer"):
        reading(data[:-cut], "parquet")


@pytest.mark.parametrize("damage", [lambda data: data[:8] + b"\xff" * 60 + data[68:], lambda data: data[:4] + data[9:]])
def test_damaged_pages_are_refused(damage: Callable[[bytes], bytes], reading: Reading) -> None:
    data = written({"a": pa.array(range(1000))}, write_page_checksum=True)
    with pytest.raises(BadObject, match="damaged or cut"):
        reading(damage(data), "parquet")


def test_what_is_no_parquet_is_named(reading: Reading) -> None:
    with pytest.raises(BadObject, match="is not Parquet"):
        reading(b"id,name\n1,a\n", "parquet")
    with pytest.raises(BadObject, match="empty"):
        reading(b"", "parquet")


def test_what_is_no_number_stays_whatever_stands_beside_it(reading: Reading) -> None:
    column = pa.array([math.nan, math.inf, 2.5, 1e300])
    found = reading(written({"c": column}), "parquet", {"c": "float"})
    assert str([row["c"] for row in found.rows]) == "[nan, inf, 2.5]"
    assert [bad["line"] for bad in found.bad] == [4]


def test_an_empty_map_is_in_the_row_that_is_put_aside(reading: Reading) -> None:
    columns = {"n": pa.array(["x"]), "m": pa.array([[]], pa.map_(pa.string(), pa.int64()))}
    found = reading(written(columns), "parquet", {"n": "int"})
    assert json.loads(found.bad[0]["raw"]) == {"n": "x", "m": {}}


FAR_DAYS = {-800_000: "-0221-09-04", -719_163: "0000-12-31", 2_932_897: "10000-01-01", 3_000_000: "10183-09-21"}
FARTHER_DAYS = {10**8: "275760-09-13", -(10**8): "-271821-04-20"}


@pytest.mark.parametrize(
    "kind", [pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ms", "UTC"), pa.timestamp("us")]
)
def test_a_day_far_from_ours_is_told_and_kept_as_text_and_is_no_date(reading: Reading, kind: pa.DataType) -> None:
    """Spark, Java and sentinels such as 99999-12-31 have such days; Arrow writes wrong ones without a word."""
    days = FAR_DAYS if str(kind) == "timestamp[us]" else FAR_DAYS | FARTHER_DAYS
    column = (
        pa.array([0, *days], pa.int32())
        .cast(pa.date32())
        .cast(pa.timestamp("s") if pa.types.is_timestamp(kind) else kind)
    )
    data = written({"d": column.cast(kind)})
    tail = "" if pa.types.is_date(kind) else "T00:00:00Z" if kind.tz else "T00:00:00"
    texts = [f"{day}{tail}" for day in days.values()]
    for columns in ({"d": "string"}, {"d": "string", "x": Column(type="int", optional=True)}):
        assert [row["d"] for row in reading(data, "parquet", columns).rows[1:]] == texts
    found = reading(data, "parquet", {"d": "timestamp" if tail else "date"}, on_bad_value="rescue")
    assert [json.loads(row["_rescued"])["d"] for row in found.rows[1:]] == texts
    for contract in ({}, {"d": "date"}, {"d": "timestamp"}):
        bad = reading(data, "parquet", contract).bad
        assert [json.loads(row["raw"])["d"] for row in bad] == texts
        assert {row["reason"].partition(": it ")[2] for row in bad} == {"lies outside the years 1 to 9999"}

"""ORC: every type, each way of packing, stripes, damage, and the timestamps that Arrow would read wrongly."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.orc as orc
import pytest

from pipeline.core.errors import BadObject
from pipeline.lake.files.limits import Limits
from tests.lake.files.conftest import Reading, damaged

UTC = dt.UTC


def written(columns: dict[str, pa.Array], **options: Any) -> bytes:
    file = io.BytesIO()
    orc.write_table(pa.table(columns), file, **options)
    return file.getvalue()


NOON = dt.datetime(2026, 1, 2, 12, 0, 0, 5)
TYPES: list[tuple[pa.Array, str, list[Any]]] = [
    (pa.array([1, None], pa.int8()), "int", [1, None]),
    (pa.array([2**63 - 1, None], pa.int64()), "bigint", [2**63 - 1, None]),
    (pa.array([0.1, None]), "double", [0.1, None]),
    (pa.array([True, None]), "boolean", [True, None]),
    (pa.array(["ü", None]), "string", ["ü", None]),
    (pa.array([b"a", None]), "string", ["a", None]),
    (pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)]), "date", [dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    (pa.array([NOON, None], pa.timestamp("us")), "timestamp", [NOON.replace(tzinfo=UTC), None]),
    (pa.array([NOON, None], pa.timestamp("us", "UTC")), "timestamp", [NOON.replace(tzinfo=UTC), None]),
    (pa.array([Decimal("1.50"), None], pa.decimal128(30, 2)), "decimal(30,2)", [Decimal("1.50"), None]),
    (pa.array([[1, None], None, []]), "array<bigint>", [[1, None], None, []]),
    (pa.array([{"A": 1}, None]), "struct<a:bigint>", [{"a": 1}, None]),
    (pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())), "map<string,int>", [[("k", 1)], None]),
]


@pytest.mark.parametrize(("column", "kind", "values"), TYPES, ids=[str(each[0].type)[:30] for each in TYPES])
def test_values_of_every_type(column: pa.Array, kind: str, values: list[Any], reading: Reading) -> None:
    found = reading(written({"Col": column}), "orc")
    assert found.conversion.columns == {"col": kind}
    assert [row["col"] for row in found.rows] == values


@pytest.mark.parametrize("packed", ["uncompressed", "zlib", "snappy", "lz4", "zstd"])
def test_every_way_of_packing_and_its_footer(packed: str, reading: Reading) -> None:
    columns = {f"t{number}": pa.array([NOON] * 50, pa.timestamp("us")) for number in range(40)}
    found = reading(written(columns, compression=packed), "orc", limits=Limits())
    assert found.rows[49]["t39"] == NOON.replace(tzinfo=UTC)
    columns["t7"] = pa.array([dt.datetime(9999, 12, 31)] * 50, pa.timestamp("us"))
    with pytest.raises(BadObject, match="column 8 of the ORC file has timestamps outside of the years 1678 to 2261"):
        reading(written(columns, compression=packed), "orc")


@pytest.mark.parametrize("year", [1, 1600, 2262, 2300, 9999])
def test_timestamps_that_arrow_reads_wrongly_are_refused(year: int, reading: Reading) -> None:
    moment = dt.datetime(year, 12, 31)
    for column in (pa.array([NOON, moment], pa.timestamp("us")), pa.array([{"t": moment}])):
        with pytest.raises(BadObject, match="1678 to 2261"):
            reading(written({"a": pa.array([1] * len(column)), "t": column}), "orc")


def test_nulls_are_no_timestamps(reading: Reading) -> None:
    assert reading(written({"t": pa.nulls(2, pa.timestamp("us"))}), "orc").rows == [{"t": None}, {"t": None}]


def test_stripes_and_batches_do_not_show(reading: Reading) -> None:
    columns = {"i": pa.array(range(50_000)), "s": pa.array([f"x{i * 7919 % 99_991}" for i in range(50_000)])}
    data = written(columns, stripe_size=50_000)
    found = reading(data, "orc", limits=Limits(block=10_000, row_group=200_000))
    assert orc.ORCFile(io.BytesIO(data)).nstripes > 1
    assert [row["i"] for row in found.rows] == list(range(50_000))
    assert found.positions == list(range(1, 50_001))


def test_a_value_that_does_not_fit_costs_its_row_only(reading: Reading) -> None:
    found = reading(written({"i": pa.array([1, 2**40])}), "orc", {"i": "int"})
    assert (found.rows, found.bad[0]["line"], found.bad[0]["raw"]) == ([{"i": 1}], 2, '{"i":1099511627776}')


def test_a_file_without_rows_is_a_file(reading: Reading) -> None:
    assert reading(written({"a": pa.array([], pa.int32())}), "orc").conversion.columns == {"a": "int"}


def numbers_and_moments(rows: int) -> bytes:
    return written({"a": pa.array(range(rows)), "t": pa.array([NOON] * rows, pa.timestamp("us"))})


@pytest.mark.parametrize("cut", [1, 5, 20, 100, 250])
def test_a_file_that_was_cut_is_refused(cut: int, reading: Reading) -> None:
    with pytest.raises(BadObject, match="damaged or cut"):
        reading(numbers_and_moments(1000)[:-cut], "orc")


@pytest.mark.thorough
def test_damage_is_never_an_error_of_the_function(reading: Reading) -> None:
    # Few rows: a file's structure is most of its bytes then, and is where most of the damage comes.
    for data in damaged(numbers_and_moments(50), 5):
        with contextlib.suppress(BadObject):
            reading(data, "orc")


def test_what_is_no_orc_is_named(reading: Reading) -> None:
    with pytest.raises(BadObject, match="is not ORC"):
        reading(b"id,name\n1,a\n", "orc")

"""The transform job on tables that upsert: of one key the newest row wins, whatever batch it comes in."""

from __future__ import annotations

import pyarrow as pa
from pyiceberg.types import DoubleType, LongType

from tests.stages.stage_b.conftest import MakeTable, Staged


def rows(*pairs: tuple[int | None, str]) -> pa.Table:
    return pa.table({"id": pa.array([key for key, _ in pairs], pa.int64()), "v": [value for _, value in pairs]})


def test_the_newest_row_of_a_key_wins_in_a_file_in_a_batch_and_over_batches(make_table: MakeTable) -> None:
    table = make_table({"id": "bigint", "v": "string"}, write="upsert", key=["id"])
    # Row groups of two rows: the file is read in parts, and its last row still counts.
    repeated = rows(*((number % 3, f"file 5 row {number}") for number in range(11)))
    loaded = table.load(
        Staged(repeated, 5, row_group_size=2),
        Staged(rows((0, "file 9"), (None, "nobody"), (7, "file 9")), 9),
        Staged(rows((1, "file 2"), (8, "file 2")), 2),
    )
    assert loaded.write
    assert (loaded.write.rows, loaded.write.bad_rows) == (5, 1)
    assert table.rows() == [
        {"id": 0, "v": "file 9"},
        {"id": 1, "v": "file 5 row 10"},
        {"id": 2, "v": "file 5 row 8"},
        {"id": 7, "v": "file 9"},
        {"id": 8, "v": "file 2"},
    ]
    assert table.quarantined(loaded.batch) == [
        {"object": "raw/team/set/file-9#v9", "reason": "key column id is null", "row": {"id": None, "v": "nobody"}}
    ]

    late = table.load(Staged(rows((0, "late"), (1, "late"), (8, "late"), (9, "late")), 4))
    assert late.write
    assert late.write.rows == 2
    found = {row["id"]: row["v"] for row in table.rows()}
    assert found == {0: "file 9", 1: "file 5 row 10", 2: "file 5 row 8", 7: "file 9", 8: "late", 9: "late"}

    older = table.load(Staged(rows((0, "oldest"), (9, "oldest")), 1))
    assert older.write
    assert (older.write.snapshot, older.write.rows) == (None, 0)
    assert {row["id"]: row["v"] for row in table.rows()} == found

    # The same object again replaces its own rows: a replay ends where it was.
    table.load(Staged(rows((0, "late"), (1, "late"), (8, "late"), (9, "late")), 4))
    assert {row["id"]: row["v"] for row in table.rows()} == found


def test_a_row_replaces_the_whole_row_and_one_without_an_order_is_the_oldest(make_table: MakeTable) -> None:
    table = make_table({"a": "int", "b": "string", "v": "string"}, write="upsert", key=["a", "b"], partition_by=["b"])
    unordered = pa.table({"a": pa.array([1], pa.int32()), "b": ["x"], "v": ["by another tool"]})
    table.tables.load(table.name).append(unordered)
    loaded = table.load(Staged(pa.table({"b": ["x"], "a": pa.array([1], pa.int64()), "extra": [True]}), 1))
    assert loaded.write
    assert loaded.write.rows == 1
    assert table.rows() == [{"a": 1, "b": "x", "v": None, "extra": True}]


def test_a_table_whose_key_and_values_became_wider_goes_on(make_table: MakeTable) -> None:
    table = make_table({"id": "int", "v": "float"}, write="upsert", key=["id"])
    narrow = pa.table({"id": pa.array([1, 2], pa.int32()), "v": pa.array([0.5, 1.5], pa.float32())})
    table.load(Staged(narrow, 1))
    with table.tables.load(table.name).update_schema() as update:
        update.update_column("id", LongType())
        update.update_column("v", DoubleType())
    wide = pa.table({"id": pa.array([2, 2**40], pa.int64()), "v": pa.array([1e300, 2.5], pa.float64())})
    loaded = table.load(Staged(wide, 2))
    assert loaded.write
    assert (loaded.write.rows, loaded.write.bad_rows) == (2, 0)
    assert {row["id"]: row["v"] for row in table.rows()} == {1: 0.5, 2: 1e300, 2**40: 2.5}

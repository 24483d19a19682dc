"""The transform job on rows that were set aside and come later: a part adds to its version, and wins of older ones."""

from __future__ import annotations

import pyarrow as pa

from tests.stages.stage_b.conftest import MakeTable, Staged


def rows(*pairs: tuple[str | None, int]) -> pa.Table:
    return pa.table({"p": [part for part, _ in pairs], "v": pa.array([value for _, value in pairs], pa.int64())})


COLUMNS = {"p": "string", "v": "bigint"}


def test_a_part_of_a_replacing_object_is_added_to_its_version_and_takes_the_place_of_older_ones(
    make_table: MakeTable,
) -> None:
    table = make_table(COLUMNS, write="replace")
    table.load(Staged(rows(("a", 1), ("b", 1)), 1, file="x"), Staged(rows(("z", 9)), 9, file="y"))
    table.load(Staged(rows(("a", 2)), 2, file="x"))
    table.load(Staged(rows(("b", 2)), 2, file="x", part=1), Staged(rows(("c", 2)), 2, file="x", part=2))
    mine = [{"p": "a", "v": 2}, {"p": "b", "v": 2}, {"p": "c", "v": 2}]
    assert table.rows() == [*mine, {"p": "z", "v": 9}]

    # Of this version nothing was loaded until now: what it replaces, its first rows replace.
    table.load(Staged(rows(("d", 3)), 3, file="x", part=1))
    assert table.rows() == [{"p": "d", "v": 3}, {"p": "z", "v": 9}]
    late = Staged(rows(("e", 2)), 2, file="x", part=3)
    loaded = table.load(late)
    assert loaded.write
    assert (loaded.write.rows, loaded.write.superseded) == (0, (late.object_id,))
    assert table.rows() == [{"p": "d", "v": 3}, {"p": "z", "v": 9}]


def test_a_part_of_an_object_that_overwrites_the_table_is_added_unless_a_newer_one_is_there(
    make_table: MakeTable,
) -> None:
    table = make_table(COLUMNS, write="overwrite")
    table.load(Staged(rows(("a", 2)), 2))
    table.load(Staged(rows(("b", 2)), 2, part=1))
    assert table.rows() == [{"p": "a", "v": 2}, {"p": "b", "v": 2}]
    table.load(Staged(rows(("c", 3)), 3), Staged(rows(("d", 2)), 2, part=2))
    assert table.rows() == [{"p": "c", "v": 3}]
    loaded = table.load(Staged(rows(("d", 2)), 2, part=3))
    assert loaded.write
    assert loaded.write.rows == 0
    table.load(Staged(rows(("e", 4)), 4, part=1))
    assert table.rows() == [{"p": "e", "v": 4}]


def test_a_part_is_added_to_the_partitions_of_its_version_and_replaces_those_of_older_ones(
    make_table: MakeTable,
) -> None:
    table = make_table(COLUMNS, write="overwrite", partition_by=["p"])
    table.load(Staged(rows(("a", 1), ("b", 1), ("c", 1)), 1))
    table.load(Staged(rows(("a", 2), ("d", 2)), 2))
    table.load(Staged(rows(("d", 3)), 3))
    loaded = table.load(Staged(rows(("a", 22), ("b", 22), ("d", 22)), 2, part=1))
    assert loaded.write
    assert (loaded.write.rows, loaded.write.superseded_rows) == (2, 1)
    found = [{"p": "a", "v": 2}, {"p": "a", "v": 22}, {"p": "b", "v": 22}, {"p": "c", "v": 1}, {"p": "d", "v": 3}]
    assert sorted(table.rows(), key=lambda row: (row["p"], row["v"])) == found


def test_a_part_of_an_upsert_never_takes_the_place_of_a_newer_row(make_table: MakeTable) -> None:
    table = make_table(COLUMNS, write="upsert", key=["p"])
    table.load(Staged(rows(("a", 1)), 1), Staged(rows(("b", 2)), 2))
    table.load(Staged(rows(("a", 11), ("b", 11), ("c", 11)), 1, part=1))
    assert table.rows() == [{"p": "a", "v": 11}, {"p": "b", "v": 2}, {"p": "c", "v": 11}]


def test_a_part_is_compared_with_no_rows_of_its_own_version(make_table: MakeTable) -> None:
    table = make_table(COLUMNS)
    first = Staged(rows(("a", 1)), 1, file="x")
    table.load(first)
    part, second = Staged(rows(("a", 1)), 1, file="x", part=1), Staged(rows(("a", 1), ("b", 1)), 2, file="x")
    loaded = table.load(part, second, after=[first])
    assert loaded.write
    assert loaded.write.repeated == {second.digest: 1}
    assert len(table.rows()) == 4

"""The transform job on tables that an object replaces as a whole, or by partitions."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from tests.stages.stage_b.conftest import MakeTable, Staged


def rows(*pairs: tuple[str | None, int]) -> pa.Table:
    return pa.table({"p": [part for part, _ in pairs], "v": pa.array([value for _, value in pairs], pa.int64())})


def test_the_newest_object_replaces_the_table_and_older_ones_are_superseded(make_table: MakeTable) -> None:
    table = make_table({"p": "string", "v": "bigint"}, write="overwrite")
    old, new = Staged(rows(("a", 1)), 3), Staged(rows(("a", 2), ("b", 2)), 5)
    loaded = table.load(new, old)
    assert loaded.write
    assert (loaded.write.rows, loaded.write.superseded) == (2, (old.object_id,))
    assert table.rows() == [{"p": "a", "v": 2}, {"p": "b", "v": 2}]

    late = Staged(rows(("c", 4)), 4)
    loaded = table.load(late)
    assert loaded.write
    assert (loaded.write.snapshot, loaded.write.rows, loaded.write.superseded) == (None, 0, (late.object_id,))
    assert table.rows() == [{"p": "a", "v": 2}, {"p": "b", "v": 2}]

    table.load(Staged(rows(("d", 6)), 6))
    assert table.rows() == [{"p": "d", "v": 6}]

    # As a transform could have done, which has been taken out of the definition since.
    table.was_transformed = True
    table.load(Staged(rows(("e", 7)), 7))
    theirs = io.BytesIO()
    pq.write_table(rows(("secret", 1)), theirs)
    table.lake.s3.put_object(Bucket="curated", Key="hr/pay/data/1.parquet", Body=theirs.getvalue())
    table.tables.load(table.name).add_files(["s3://curated/hr/pay/data/1.parquet"])
    refused = table.transform(Staged(rows(("f", 8)), 8))
    assert refused.write is None
    assert "names s3://curated/hr/pay/data/1.parquet" in refused.run["ErrorMessage"]


def test_the_newest_object_of_each_partition_replaces_it_and_no_other(make_table: MakeTable) -> None:
    table = make_table({"p": "string", "v": "bigint"}, write="overwrite", partition_by=["p"])
    one = Staged(rows(("a", 1), ("b", 1), (None, 1)), 1)
    three = Staged(rows(("b", 3), ("b", 33), ("c", 3)), 3)
    hidden = Staged(rows(("b", 2), ("c", 2)), 2)
    loaded = table.load(one, three, hidden)
    assert loaded.write
    assert (loaded.write.rows, loaded.write.superseded) == (5, (hidden.object_id,))
    first = [{"p": None, "v": 1}, {"p": "a", "v": 1}, {"p": "b", "v": 3}, {"p": "b", "v": 33}, {"p": "c", "v": 3}]
    assert sorted(table.rows(), key=str) == sorted(first, key=str)

    # Newer than what stands in `a` and in the partition without a value, older than what stands in `c`.
    two = Staged(rows(("a", 2), ("c", 2), (None, 2)), 2)
    loaded = table.load(two)
    assert loaded.write
    assert (loaded.write.rows, loaded.write.superseded) == (2, ())
    second = [{"p": None, "v": 2}, {"p": "a", "v": 2}, {"p": "b", "v": 3}, {"p": "b", "v": 33}, {"p": "c", "v": 3}]
    assert sorted(table.rows(), key=str) == sorted(second, key=str)

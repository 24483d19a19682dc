"""The transform job on tables that append."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from pipeline.lake.datasets import Dataset
from pipeline.lake.messages.manifest import Manifest
from pipeline.lake.tables.outcomes import CommitOutcome
from tests.stages.stage_b.conftest import MakeTable, Staged
from tests.warm_lake import WarmLake


def test_a_batch_is_seen_only_after_its_commit_and_a_second_run_doubles_nothing(make_table: MakeTable) -> None:
    table = make_table({"id": "bigint", "name": "string"})
    first = table.transform(Staged(pa.table({"id": [1, 2], "name": ["a", None]})))
    assert first.run["JobRunState"] == "SUCCEEDED", first.run
    assert first.write
    assert (first.write.rows, first.write.bad_rows, first.write.superseded) == (2, 0, ())
    assert first.write.branch == f"b_{first.batch}_{first.run['Id']}"
    assert table.rows() == []
    assert table.rows(first.write.snapshot) == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]

    again = table.transform(batch=first.batch)
    assert again.write
    assert again.write.branch != first.write.branch
    assert again.write.snapshot
    outcome = table.tables.commit(table.name, again.batch, again.write.branch, again.write.base, again.write.snapshot)
    assert outcome == CommitOutcome.COMMITTED
    assert table.rows() == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]
    assert list(table.tables.load(table.name).metadata.refs) == ["main"]


def test_every_type_arrives_as_it_was_staged_and_new_columns_are_added_at_any_depth(make_table: MakeTable) -> None:
    table = make_table({"id": "bigint", "inner": "struct<a:int>"})
    moment = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
    row = {
        "id": 1,
        "inner": {"a": 1, "b": "deep"},
        "list": [{"x": 1, "y": None}],
        "map": [("k", 2.5)],
        "at": moment,
        "day": date(2026, 1, 31),
        "amount": Decimal("12.50"),
        "yes": True,
    }
    kinds = pa.schema(
        {
            "id": pa.int64(),
            "inner": pa.struct({"a": pa.int32(), "b": pa.string()}),
            "list": pa.list_(pa.struct({"x": pa.int32(), "y": pa.string()})),
            "map": pa.map_(pa.string(), pa.float64()),
            "at": pa.timestamp("us", tz="UTC"),
            "day": pa.date32(),
            "amount": pa.decimal128(10, 2),
            "yes": pa.bool_(),
        }
    )
    # The second file has the columns in another order, one fewer, and a wider one.
    other = pa.table({"yes": [False], "id": pa.array([2], pa.int32()), "inner": [{"a": 2}], "list": [[{"x": 2**40}]]})
    loaded = table.load(Staged(pa.Table.from_pylist([row], kinds), 1), Staged(other, 2))
    assert loaded.write
    assert (loaded.write.rows, loaded.write.bad_rows) == (2, 0)
    one, two = table.rows()
    assert one == row
    assert two == {name: None for name in row} | {
        "id": 2,
        "yes": False,
        "inner": {"a": 2, "b": None},
        "list": [{"x": 2**40, "y": None}],
    }


def test_a_row_with_a_value_that_does_not_fit_its_column_goes_to_the_quarantine(make_table: MakeTable) -> None:
    table = make_table({"id": "int", "share": "double", "text": "string"})
    good = pa.table({"id": [1], "share": [0.5], "text": ["x"]})
    mixed = pa.table(
        {"id": pa.array([2, 2**40], pa.int64()), "share": pa.array([2**53, 1], pa.int64()), "text": [7, 8]}
    )
    # As Stage A stages them, with the line of the source where each row starts.
    words = pa.table(
        {"_sluice_row": [2, 3, 9], "id": ["3", "03", None], "share": ["1.5", "2", "three"], "text": [True, False, None]}
    )
    loaded = table.load(Staged(good, 1), Staged(mixed, 2), Staged(words, 3))
    assert loaded.write
    assert (loaded.write.rows, loaded.write.bad_rows) == (3, 3)
    assert table.rows() == [
        {"id": 1, "share": 0.5, "text": "x"},
        {"id": 2, "share": float(2**53), "text": "7"},
        {"id": 3, "share": 1.5, "text": "true"},
    ]
    by_reason = sorted(table.quarantined(loaded.batch), key=lambda line: line["reason"])
    assert by_reason == [
        {
            "object": "raw/team/set/file-2#v2",
            "reason": "column id: a bigint that is no int without loss",
            "row": {"id": 2**40, "share": 1, "text": 8},
        },
        {
            "object": "raw/team/set/file-3#v3",
            "line": 3,
            "reason": "column id: a string that is no int without loss",
            "row": {"id": "03", "share": "2", "text": False},
        },
        {
            "object": "raw/team/set/file-3#v3",
            "line": 9,
            "reason": "column share: a string that is no double without loss",
            "row": {"id": None, "share": "three", "text": None},
        },
    ]


def test_rows_that_an_earlier_version_of_a_key_brought_are_counted(make_table: MakeTable) -> None:
    columns = {"id": "bigint", "at": "timestamp", "tags": "map<string,int>"}
    table = make_table(columns)

    def rows(*numbers: int) -> pa.Table:
        # Of 7 and 8 only the microsecond tells which is which.
        made = [{"id": min(n, 7), "at": datetime(2026, 1, 1, microsecond=n, tzinfo=UTC), "tags": []} for n in numbers]
        kinds = [("id", pa.int64()), ("at", pa.timestamp("us", tz="UTC")), ("tags", pa.map_(pa.string(), pa.int32()))]
        return pa.Table.from_pylist(made, pa.schema(kinds))

    first, other = Staged(rows(1, 2, 2, 7), 1, file="a"), Staged(rows(3), 2, file="b")
    alone = table.load(first, other)
    assert alone.write
    assert alone.write.repeated == {}
    # Two more versions at once; a file that is not repeated; and one whose rows do not all fit.
    mended, again = Staged(rows(1, 2, 2, 8), 3, file="a"), Staged(rows(8, 9), 4, file="a")
    new, broken = Staged(rows(1, 2), 5, file="c"), Staged(pa.table({"id": ["3", "x"]}), 6, file="b")
    loaded = table.load(mended, again, new, broken, after=[first, other])
    assert loaded.write
    assert loaded.write.repeated == {mended.digest: 3, again.digest: 1, broken.digest: 0}
    assert loaded.write.set_aside == {broken.digest: 1}
    assert (loaded.write.rows, len(table.rows())) == (9, 14)
    # What was staged of one has expired: of its key it is not known.
    gone = table.entries[first.object_id]["staged"].removeprefix("s3://staging/")
    table.lake.s3.delete_object(Bucket="staging", Key=gone)
    late, known = Staged(rows(1), 7, file="a"), Staged(rows(3, 3), 8, file="b")
    last = table.load(late, known, after=[first, mended, other])
    assert last.write
    assert last.write.repeated == {known.digest: 2}


def test_a_batch_without_a_row_to_load_writes_no_snapshot(make_table: MakeTable) -> None:
    table = make_table({"id": "int"})
    empty, bad = pa.table({"id": pa.array([], pa.int32())}), pa.table({"id": ["x"]})
    loaded = table.load(Staged(empty, 1), Staged(bad, 2))
    assert loaded.write
    assert (loaded.write.snapshot, loaded.write.rows, loaded.write.bad_rows) == (None, 0, 1)
    assert table.rows() == []


def test_a_staged_file_that_has_changed_or_gone_fails_the_run_by_name(make_table: MakeTable) -> None:
    table = make_table({"id": "int"})
    rows = pa.table({"id": pa.array([1], pa.int32())})
    changed = table.transform(Staged(rows, 1), Staged(rows, 2, changed=True))
    assert changed.run["JobRunState"] == "FAILED"
    name = f"s3://staging/team/set/{changed.batch}/{2:030d}00-1.parquet"
    # A prefix that the state machine reads: no other run would mend it.
    told = f"WillFailAgain: Gone: staged file {name}"
    assert changed.run["ErrorMessage"] == f"{told} has changed since the batch was sealed"
    assert changed.write is None

    table.lake.s3.delete_object(Bucket="staging", Key=name.removeprefix("s3://staging/"))
    missing = table.transform(batch=changed.batch)
    assert missing.run["ErrorMessage"] == (
        f"{told} is missing: it has expired. `sluice redrive --batch` with this batch stages it anew."
    )


def test_the_calls_of_an_append_do_not_grow_with_the_history_of_the_table(
    make_table: MakeTable, lake: WarmLake
) -> None:
    table = make_table({"id": "int"})
    counts = []
    for number in range(1, 5):
        staged = Staged(pa.table({"id": pa.array([number], pa.int32())}), number)
        lake.forget_calls()
        loaded = table.transform(staged)
        # What the test itself and Glue's own API add is left out.
        counts.append({k: n for k, n in lake.calls().items() if not k.startswith("glue.") or "Table" in k})
        assert loaded.write
        assert loaded.write.snapshot
        table.tables.commit(table.name, loaded.batch, loaded.write.branch, loaded.write.base, loaded.write.snapshot)
    assert counts[1] == counts[3]
    # 22 on the table, 11 by S3A on the one staged file, 5 beside, and the test's own three writes and one read.
    assert sum(counts[3].values()) <= 42, counts[3]


def test_a_column_that_is_named_as_sparks_own_and_days_before_1582_lose_no_row(make_table: MakeTable) -> None:
    table = make_table({"_metadata": "string", "day": "date"})
    days = [date(1, 1, 1), date(1582, 10, 10)]
    files = [pa.table({"_metadata": [f"file {number}"] * 2, "day": days}) for number in (1, 2)]
    loaded = table.load(Staged(files[0], 1), Staged(files[1], 2))
    assert loaded.write
    assert (loaded.write.rows, loaded.write.bad_rows) == (4, 0)
    assert sorted(map(str, table.rows())) == sorted(str(row) for file in files for row in file.to_pylist())


def test_what_an_append_wrote_is_put_on_what_somebody_else_wrote_meanwhile(make_table: MakeTable) -> None:
    table = make_table({"id": "bigint", "part": "string"}, partition_by=["part"])
    table.load(Staged(pa.table({"id": [1], "part": ["a"]})))
    loaded = table.transform(Staged(pa.table({"id": [2, 3], "part": ["a", "b"]}), 2))
    write = loaded.write
    assert write
    assert write.snapshot
    assert write.can_move
    table.tables.load(table.name).append(pa.table({"id": [99], "part": ["b"]}))
    for _ in range(2):
        outcome = table.tables.commit(
            table.name, loaded.batch, write.branch, write.base, write.snapshot, can_move=write.can_move
        )
        assert outcome == CommitOutcome.PICKED
    table.load(Staged(pa.table({"id": [4], "part": ["b"]}), 3))
    assert [row["id"] for row in table.rows()] == [1, 2, 3, 4, 99]
    assert list(table.tables.load(table.name).metadata.refs) == ["main"]


@pytest.mark.parametrize("write", ["upsert", "overwrite"])
def test_what_depends_on_the_table_is_not(make_table: MakeTable, write: str) -> None:
    key = {"key": ["id"]} if write == "upsert" else {}
    loaded = make_table({"id": "bigint"}, write=write, **key).transform(Staged(pa.table({"id": [1]})))
    assert loaded.write
    assert not loaded.write.can_move


@pytest.mark.parametrize(("scope", "judges_table"), [("batch", False), ("table", True), (None, False)])
def test_rules_about_the_whole_table_depend_on_it(scope: str | None, judges_table: bool) -> None:
    quality = {"ruleset": "Rules = [ RowCount > 0 ]", "scope": scope} if scope else None
    definition = {"team": "team", "dataset": "set", "stage_a": {"format": "csv"}, "quality": quality}
    dataset = json.loads(Dataset.model_validate(definition).to_json())
    document = {"batch": "01J", "dataset": dataset, "table": "lake_team.set", "objects": []}
    assert Manifest.from_json(document).judges_table is judges_table

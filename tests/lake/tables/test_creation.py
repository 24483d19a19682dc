"""Tables made from a dataset's definition, and what a changed definition may do to them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pyarrow as pa
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from pipeline.core.errors import BadDefinition, Inconsistent
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.types import parse_type
from pipeline.lake.tables import creation
from pipeline.lake.tables.creation import create_table, plan_table
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.lake.tables.names import COMMIT_RETRIES
from pipeline.lake.tables.schema import columns_of
from tests.lake.tables.conftest import LOCATION

_numbers = itertools.count()
COLUMNS = {
    "id": "bigint",
    "person": "struct<name:string,tags:array<struct<k:string>>>",
    "counts": "map<string,struct<n:int>>",
    "amount": "decimal(12,2)",
    "at": "timestamp",
    "part": "string",
}


def dataset(columns: dict[str, str], **table: Any) -> Dataset:
    definition = {"team": "team", "dataset": "set", "stage_a": {"format": "json", "columns": columns}, "table": table}
    return Dataset.model_validate(definition)


@pytest.fixture
def name() -> str:
    return f"made_{next(_numbers)}.set"


def make(tables: IcebergTables, name: str, columns: dict[str, str], **table: Any) -> Any:
    create_table(dataset(columns, **table), name, f"{LOCATION}/{name}", tables)
    return tables.load(name)


def test_a_new_table_has_the_contract_its_partitions_and_an_empty_snapshot(tables: IcebergTables, name: str) -> None:
    table = make(tables, name, COLUMNS, write="upsert", key=["id", "other"], partition_by=["part"])
    found = {column: str(kind) for column, kind in columns_of(table.schema()).items()}
    assert found == {**COLUMNS, "other": "string", "_sluice_order": "string"}
    assert [field.name for field in table.spec().fields] == ["part"]
    assert table.metadata.format_version == 2
    assert table.properties["write.merge.mode"] == "merge-on-read"
    assert table.properties.items() >= COMMIT_RETRIES.items()
    assert table.location() == f"{LOCATION}/{name}"
    snapshot = table.current_snapshot()
    assert (table.metadata.refs["main"].snapshot_id, snapshot.summary["total-records"]) == (snapshot.snapshot_id, "0")


def test_a_table_whose_making_broke_off_before_its_first_snapshot_is_finished(
    tables: IcebergTables, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(found: Any) -> None:
        raise KeyboardInterrupt

    wanted = dataset({"id": "bigint"})
    monkeypatch.setattr(creation, "_commit_nothing", dies)
    with pytest.raises(KeyboardInterrupt):
        make(tables, name, {"id": "bigint"})
    monkeypatch.undo()
    assert plan_table(wanted, name, tables) == "finish"
    assert "main" in make(tables, name, {"id": "bigint"}).metadata.refs
    assert plan_table(wanted, name, tables) == "none"


def test_applying_the_same_definition_again_changes_nothing(tables: IcebergTables, name: str) -> None:
    first = make(tables, name, COLUMNS)
    assert make(tables, name, COLUMNS).metadata_location == first.metadata_location


def test_columns_may_be_added_at_any_depth_and_rows_stay(tables: IcebergTables, name: str) -> None:
    table = make(tables, name, {"id": "bigint", "person": COLUMNS["person"], "counts": COLUMNS["counts"]})
    row = {"id": 1, "person": {"name": "a", "tags": [{"k": "x"}]}, "counts": [("c", {"n": 1})]}
    table.append(pa.Table.from_pylist([row], table.scan().to_arrow().schema))
    wider = {
        "id": "bigint",
        "person": "struct<name:string,tags:array<struct<k:string,v:int>>,born:date>",
        "counts": "map<string,struct<n:int,m:double>>",
        "new": "array<string>",
    }
    changed = make(tables, name, wider)
    assert columns_of(changed.schema()) == {column: parse_type(kind) for column, kind in wider.items()}
    assert changed.scan().to_arrow().to_pylist() == [
        {
            "id": 1,
            "person": {"name": "a", "tags": [{"k": "x", "v": None}], "born": None},
            "counts": [("c", {"n": 1, "m": None})],
            "new": None,
        }
    ]


def test_columns_may_become_wider_at_any_depth_and_rows_stay(tables: IcebergTables, name: str) -> None:
    narrow = {"id": "int", "price": "decimal(5,2)", "part": "int", "inner": "struct<l:array<struct<x:float>>>"}
    table = make(tables, name, narrow, partition_by=["part"])
    row = {"id": 1, "price": Decimal("1.50"), "part": 7, "inner": {"l": [{"x": 0.5}]}}
    table.append(pa.Table.from_pylist([row], table.scan().to_arrow().schema))
    wide = {"id": "bigint", "price": "decimal(20,2)", "part": "bigint", "inner": "struct<l:array<struct<x:double>>>"}
    assert plan_table(dataset(wide, partition_by=["part"]), name, tables) == "alter"
    changed = make(tables, name, wide, partition_by=["part"])
    assert columns_of(changed.schema()) == {column: parse_type(kind) for column, kind in wide.items()}
    large = {"id": 2**40, "price": Decimal("99999999999.25"), "part": 2**40, "inner": {"l": [{"x": 1e300}]}}
    changed.append(pa.Table.from_pylist([large], changed.scan().to_arrow().schema))
    found = sorted(tables.load(name).scan().to_arrow().to_pylist(), key=lambda each: each["id"])
    assert found == [row, large]
    assert plan_table(dataset(wide, partition_by=["part"]), name, tables) == "none"


def test_a_column_that_the_definition_no_longer_names_stays(tables: IcebergTables, name: str) -> None:
    make(tables, name, {"id": "bigint", "old": "string"})
    assert set(columns_of(make(tables, name, {"id": "bigint"}).schema())) == {"id", "old"}


def test_an_append_table_may_become_one_that_upserts(tables: IcebergTables, name: str) -> None:
    make(tables, name, {"id": "bigint"})
    assert "_sluice_order" in columns_of(make(tables, name, {"id": "bigint"}, write="upsert", key=["id"]).schema())


@pytest.mark.parametrize(
    ("columns", "table", "message"),
    [
        ({"id": "int", "part": "string"}, {"partition_by": ["part"]}, "id is bigint in the table and int in the"),
        (
            {"id": "bigint", "inner": "struct<a:array<int>>"},
            {"partition_by": ["part"]},
            "inner.a.element is bigint in the table and int in the definition",
        ),
        ({"id": "bigint"}, {}, "is partitioned by identity(part) and the definition says nothing"),
        ({"id": "bigint"}, {"partition_by": ["id"]}, "and the definition says identity(id)"),
    ],
)
def test_any_other_change_is_refused_and_says_what_differs(
    tables: IcebergTables, name: str, columns: dict[str, str], table: dict[str, Any], message: str
) -> None:
    before = make(tables, name, {"id": "bigint", "inner": "struct<a:array<bigint>>"}, partition_by=["part"])
    with pytest.raises(BadDefinition) as refused:
        make(tables, name, columns, **table)
    assert message in str(refused.value)
    assert tables.load(name).metadata_location == before.metadata_location


@pytest.fixture
def denied(tables: IcebergTables) -> Iterator[list[str]]:
    """Tables of a guarded catalog: asking for one that is not there is denied, as for one that is not granted."""
    said: list[str] = []

    def deny(**_: Any) -> tuple[Any, dict[str, Any]] | None:
        error = {"Code": "AccessDeniedException", "Message": said[0]} if said else None
        return (AWSResponse("", 400, {}, None), {"Error": error}) if error else None

    events = tables.catalog.glue.meta.events
    events.register("before-call.glue.GetTable", deny, unique_id="denied")
    yield said
    events.unregister("before-call.glue.GetTable", unique_id="denied")


def test_a_table_that_lake_formation_denies_is_taken_for_one_to_make(
    tables: IcebergTables, name: str, denied: list[str]
) -> None:
    denied.append("Insufficient Lake Formation permission(s): Required Describe on set")
    assert plan_table(dataset({"id": "bigint"}), name, tables) == "create"
    denied[:] = ["User: someone is not authorized to perform: glue:GetTable"]
    with pytest.raises(ClientError, match="not authorized"):
        plan_table(dataset({"id": "bigint"}), name, tables)


def test_a_table_that_is_there_and_denied_is_not_made_again(
    tables: IcebergTables, name: str, denied: list[str]
) -> None:
    make(tables, name, {"id": "bigint"})
    denied.append("Insufficient Lake Formation permission(s): Required Describe on set")
    with pytest.raises(ClientError, match="Lake Formation"):
        make(tables, name, {"id": "bigint"})


def test_metadata_that_is_broken_is_told_and_left(tables: IcebergTables, name: str, endpoint: str) -> None:
    bucket, _, key = make(tables, name, {"id": "bigint"}).metadata_location.removeprefix("s3://").partition("/")
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="eu-west-1")
    s3.put_object(Bucket=bucket, Key=key, Body=b'{"broken": ')
    for attempt in (plan_table, lambda *given: create_table(given[0], given[1], LOCATION, given[2])):
        with pytest.raises(Inconsistent, match=f"the metadata of table {name} cannot be read"):
            attempt(dataset({"id": "bigint"}), name, tables)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b'{"broken": '

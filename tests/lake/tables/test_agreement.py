"""What is said of a table without PyIceberg is what PyIceberg says of it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from pyiceberg.types import TimeType

from pipeline.core.errors import BadDefinition
from pipeline.lake.datasets.types import Primitive
from pipeline.lake.tables import creation
from pipeline.lake.tables.agreement import stands
from pipeline.lake.tables.creation import create_database, plan_table
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.lake.tables.schema import iceberg_type
from tests.lake.tables.conftest import LOCATION
from tests.lake.tables.test_creation import COLUMNS, dataset, make, name

__all__ = ["name"]

PARTITIONED = {"write": "upsert", "key": ["id"], "partition_by": ["part"]}
CHANGED: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({**COLUMNS, "note": "string"}, PARTITIONED),
    ({**COLUMNS, "id": "string"}, PARTITIONED),
    ({**COLUMNS, "id": "double"}, PARTITIONED),
    ({**COLUMNS, "amount": "decimal(13,2)"}, PARTITIONED),
    ({**COLUMNS, "person": "struct<name:string,age:int,tags:array<struct<k:string>>>"}, PARTITIONED),
    ({**COLUMNS, "person": "struct<name:string,tags:array<struct<k:int>>>"}, PARTITIONED),
    ({**COLUMNS, "counts": "map<string,struct<n:bigint>>"}, PARTITIONED),
    (COLUMNS, {**PARTITIONED, "partition_by": []}),
    (COLUMNS, {**PARTITIONED, "partition_by": ["id"]}),
]


@pytest.fixture
def aws(endpoint: str) -> dict[str, Any]:
    return {name: boto3.client(name, endpoint_url=endpoint, region_name="eu-west-1") for name in ("glue", "s3")}


def needs_nothing(wanted: Any, table: str, tables: IcebergTables) -> bool:
    try:
        return plan_table(wanted, table, tables) == "none"
    except BadDefinition:
        return False


def test_a_table_as_its_definition_says_stands(tables: IcebergTables, name: str, aws: dict[str, Any]) -> None:
    make(tables, name, COLUMNS, **PARTITIONED)
    fewer = {column: COLUMNS[column] for column in ("id", "part")}
    for columns in (COLUMNS, fewer):
        wanted = dataset(columns, **PARTITIONED)
        assert stands(wanted, name, home=f"{LOCATION}/{name}/", **aws)
        assert needs_nothing(wanted, name, tables)


@pytest.mark.parametrize(("columns", "table"), CHANGED)
def test_a_table_that_its_definition_has_left_does_not_stand(
    tables: IcebergTables, name: str, aws: dict[str, Any], columns: dict[str, str], table: dict[str, Any]
) -> None:
    make(tables, name, COLUMNS, **PARTITIONED)
    assert not stands(dataset(columns, **table), name, home=f"{LOCATION}/{name}/", **aws)
    assert not needs_nothing(dataset(columns, **table), name, tables)


def test_rows_that_cannot_be_replaced_are_left_to_be_refused(
    tables: IcebergTables, name: str, aws: dict[str, Any]
) -> None:
    make(tables, name, {"id": "bigint"})
    assert stands(dataset({"id": "bigint"}), name, home=f"{LOCATION}/{name}/", **aws)
    assert not stands(dataset({"id": "bigint"}, write="replace"), name, home=f"{LOCATION}/{name}/", **aws)


def test_a_table_is_read_as_it_is_now(tables: IcebergTables, name: str, aws: dict[str, Any]) -> None:
    wanted = dataset({"id": "bigint", "note": "string"})
    table = make(tables, name, {"id": "bigint"})
    with table.update_schema() as update:
        update.add_column("note", iceberg_type(Primitive.STRING))
    assert stands(wanted, name, home=f"{LOCATION}/{name}/", **aws)
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("note")
    assert not stands(wanted, name, home=f"{LOCATION}/{name}/", **aws)


def test_a_column_that_no_definition_can_say_is_left_to_be_refused(
    tables: IcebergTables, name: str, aws: dict[str, Any]
) -> None:
    table = make(tables, name, {"id": "bigint"})
    with table.update_schema() as update:
        update.add_column("at", TimeType())
    assert not stands(dataset({"id": "bigint"}), name, home=f"{LOCATION}/{name}/", **aws)
    assert not needs_nothing(dataset({"id": "bigint"}), name, tables)


def test_what_is_no_finished_table_does_not_stand(
    tables: IcebergTables, name: str, aws: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = dataset({"id": "bigint"})
    assert not stands(wanted, name, home=f"{LOCATION}/{name}/", **aws)
    monkeypatch.setattr(creation, "_commit_nothing", lambda found: None)
    make(tables, name, {"id": "bigint"})
    assert not stands(wanted, name, home=f"{LOCATION}/{name}/", **aws)
    foreign, database = f"{name}_foreign", name.partition(".")[0]
    aws["glue"].create_table(DatabaseName=database, TableInput={"Name": foreign.partition(".")[2], "Parameters": {}})
    assert not stands(wanted, foreign, home=f"{LOCATION}/{foreign}/", **aws)


def test_metadata_that_is_gone_is_left_to_be_told(tables: IcebergTables, name: str, aws: dict[str, Any]) -> None:
    place = make(tables, name, {"id": "bigint"}).metadata_location.removeprefix(f"{LOCATION}/")
    aws["s3"].delete_object(Bucket=LOCATION.removeprefix("s3://"), Key=place)
    assert not stands(dataset({"id": "bigint"}), name, home=f"{LOCATION}/{name}/", **aws)


def test_a_database_is_made_once(name: str, aws: dict[str, Any]) -> None:
    database = name.partition(".")[0]
    for _ in range(2):
        create_database(database, aws["glue"])
    assert aws["glue"].get_database(Name=database)["Database"]["Name"] == database

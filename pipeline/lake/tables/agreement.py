"""Whether a table is already what its definition says, asked of Glue and of the table's metadata.

Only a yes counts: what differs, or is otherwise than expected, is PyIceberg's to judge (`creation.plan_table`), which
takes more than half a second to load.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pipeline.lake.datasets.model import Dataset
from pipeline.lake.datasets.types import Array, Field, Map, Primitive, Struct, Type, parse_type
from pipeline.lake.tables.creation import table_columns
from pipeline.lake.tables.evolution import additions, conflicts, widenings
from pipeline.lake.tables.homes import OutsideTable, check_locations, check_properties, locations_of
from pipeline.lake.tables.names import MAIN, split_table

_PRIMITIVES = {
    **{each: Primitive(each) for each in ("string", "int", "float", "double", "boolean", "date")},
    "long": Primitive.BIGINT,
    # Spark's timestamp is an instant.
    "timestamptz": Primitive.TIMESTAMP,
}


def stands(dataset: Dataset, table: str, *, glue: Any, s3: Any, home: str) -> bool:
    """Whether `table` (`database.table`) needs nothing done to be as `dataset` says, and lies in `home`."""
    from botocore.exceptions import ClientError

    try:
        metadata = _metadata(table, glue, s3, home)
        return _is_as_said(dataset, metadata)
    # PyIceberg meets it again, and says what it is.
    except (ClientError, KeyError, OutsideTable, TypeError, ValueError):
        return False


def _metadata(table: str, glue: Any, s3: Any, home: str) -> dict[str, Any]:
    """The table's metadata; `KeyError` or `ValueError` if it is not an Iceberg table's, or compressed."""
    database, name = split_table(table)
    parameters = glue.get_table(DatabaseName=database, Name=name)["Table"]["Parameters"]
    if parameters["table_type"].upper() != "ICEBERG":
        raise ValueError(parameters["table_type"])
    check_locations([parameters["metadata_location"]], table, home)
    place = urlsplit(parameters["metadata_location"])
    found: dict[str, Any] = json.loads(s3.get_object(Bucket=place.netloc, Key=place.path[1:])["Body"].read())
    check_properties(found.get("properties", {}), table, home)
    check_locations(locations_of(found), table, home)
    return found


def _is_as_said(dataset: Dataset, metadata: Mapping[str, Any]) -> bool:
    schema = _chosen(metadata["schemas"], "schema-id", metadata["current-schema-id"])
    spec = _chosen(metadata["partition-specs"], "spec-id", metadata["default-spec-id"])
    names = {field["id"]: field["name"] for field in schema["fields"]}
    partitions = [(field["transform"], names[field["source-id"]]) for field in spec["fields"]]
    have, wanted = _columns(schema), table_columns(dataset)
    return (
        MAIN in metadata["refs"]
        and partitions == [("identity", name) for name in dataset.table.partition_by]
        and not conflicts(have, wanted)
        and not additions(have, wanted)
        and not widenings(have, wanted)
    )


def _chosen(entries: list[dict[str, Any]], key: str, number: int) -> dict[str, Any]:
    return {entry[key]: entry for entry in entries}[number]


def _columns(struct: Mapping[str, Any]) -> dict[str, Type]:
    return {field["name"]: _type(field["type"]) for field in struct["fields"]}


def _type(of: Any) -> Type:
    """A type as Iceberg's JSON has it; `KeyError` or `ValueError` for one that Sluice does not write."""
    if isinstance(of, str):
        return parse_type(of) if of.startswith("decimal(") else _PRIMITIVES[of]
    match of["type"]:
        case "list":
            return Array(_type(of["element"]))
        case "map":
            return Map(_type(of["key"]), _type(of["value"]))
        case "struct":
            return Struct(tuple(Field(name, kind) for name, kind in _columns(of).items()))
    raise KeyError(of["type"])

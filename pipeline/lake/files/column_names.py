"""Column names as Athena, Glue and Spark all take them."""

from __future__ import annotations

from pipeline.core.errors import BadObject
from pipeline.lake.datasets.system_columns import ICEBERG_COLUMNS, RESCUED_COLUMN

RESERVED_PREFIX = "_sluice"


def check_name(place: int, safe: str) -> None:
    """BadObject for a name that no column of a table can have; `place` is where it stands, from 1."""
    if not safe:
        raise BadObject(f"column {place} has an empty name", hint="Give every column a name.")
    if safe.startswith(RESERVED_PREFIX):
        raise BadObject(
            f"column {place} begins with {RESERVED_PREFIX!r}, which is kept for Sluice's own columns",
            hint="Rename the column in the file.",
        )
    if safe == RESCUED_COLUMN:
        raise BadObject(f"column {place} has the name of Sluice's own {safe!r}", hint="Rename the column in the file.")
    if safe in ICEBERG_COLUMNS:
        raise BadObject(f"column {place} has the name of Iceberg's own {safe!r}", hint="Rename the column in the file.")

"""Column names as Athena, Glue and Spark all take them."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.core.errors import BadObject
from pipeline.lake.datasets.names import safe_name
from pipeline.lake.datasets.system_columns import ICEBERG_COLUMNS, RESCUED_COLUMN

__all__ = ["MAX_LENGTH", "RESERVED_PREFIX", "check_name", "check_names", "safe_name"]

RESERVED_PREFIX = "_sluice"
MAX_LENGTH = 128
"""Bytes of a column name that the Glue catalog and the contract take."""


def check_names(names: Iterable[str]) -> dict[str, str]:
    """Map a file's own column names to safe ones, in order.

    BadObject where two become one, where one is empty or too long, and where one is Sluice's or Iceberg's. The message
    has their places, counted from 1, and no names: without a header they are cells.
    """
    taken: dict[str, int] = {}
    found: dict[str, str] = {}
    for place, name in enumerate(names, 1):
        safe = safe_name(name)
        if safe in taken:
            raise BadObject(
                f"columns {taken[safe]} and {place} have the same name",
                hint="Rename one of them in the file: names are compared in lower case, other characters become '_'.",
            )
        check_name(place, safe)
        taken[safe] = place
        found[name] = safe
    return found


def check_name(place: int, safe: str) -> None:
    """BadObject for a name that no column of a table can have; `place` is where it stands, from 1."""
    if not safe:
        raise BadObject(f"column {place} has an empty name", hint="Give every column a name.")
    if len(safe) > MAX_LENGTH:
        raise BadObject(f"the name of column {place} is longer than {MAX_LENGTH} characters", hint="Shorten the name.")
    if safe.startswith(RESERVED_PREFIX):
        raise BadObject(
            f"column {place} begins with {RESERVED_PREFIX!r}, which is kept for Sluice's own columns",
            hint="Rename the column in the file.",
        )
    if safe == RESCUED_COLUMN:
        raise BadObject(f"column {place} has the name of Sluice's own {safe!r}", hint="Rename the column in the file.")
    if safe in ICEBERG_COLUMNS:
        raise BadObject(f"column {place} has the name of Iceberg's own {safe!r}", hint="Rename the column in the file.")

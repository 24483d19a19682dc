"""Column names as Athena, Glue and Spark all take them."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.datasets.names import safe_name
from pipeline.datasets.own_columns import ICEBERG_COLUMNS
from pipeline.errors import BadObject

__all__ = ["MAX_LENGTH", "RESERVED_PREFIX", "check_names", "safe_name"]

RESERVED_PREFIX = "_sluice"
MAX_LENGTH = 128
"""Bytes of a column name that the Glue catalog and the contract take."""


def check_names(names: Iterable[str]) -> dict[str, str]:
    """Map a file's own column names to safe ones, in order.

    BadObject where two become one (the message names both), where one is empty or too long, and where one is Sluice's
    or Iceberg's.
    """
    taken: dict[str, str] = {}
    found: dict[str, str] = {}
    for name in names:
        safe = safe_name(name)
        if safe in taken:
            raise BadObject(
                f"columns {taken[safe]!r} and {name!r} are both named {safe!r}",
                hint="Rename one of them in the file: names are compared in lower case, other characters become '_'.",
            )
        _check_name(name, safe)
        taken[safe] = name
        found[name] = safe
    return found


def _check_name(name: str, safe: str) -> None:
    if not safe:
        raise BadObject("a column has an empty name", hint="Give every column a name.")
    if len(safe) > MAX_LENGTH:
        raise BadObject(f"column name {name[:40]!r}… is longer than {MAX_LENGTH} characters", hint="Shorten the name.")
    if safe.startswith(RESERVED_PREFIX):
        raise BadObject(
            f"column {name!r} begins with {RESERVED_PREFIX!r}, which is kept for Sluice's own columns",
            hint="Rename the column in the file.",
        )
    if safe in ICEBERG_COLUMNS:
        raise BadObject(f"column {name!r} has the name of one of Iceberg's own", hint="Rename the column in the file.")

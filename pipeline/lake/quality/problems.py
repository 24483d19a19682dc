"""What checks of rules share: findings, the kinds of column types, and whether a rule leaves NULLs out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipeline.lake.quality.model import Rule

Finding = tuple[str, str | None]
"""What is wrong, and what to write instead."""

Types = dict[str, str]
"""Column to type, as Spark and Athena write it."""

ColumnKind = Literal["number", "string", "boolean", "date", "timestamp", "nested", "unknown"]

_NUMBERS = ("int", "bigint", "smallint", "tinyint", "float", "double", "decimal")


def column_type(types: Mapping[str, str], name: str) -> ColumnKind:
    """Which kind of column it is; `unknown` for one without a type."""
    base = re.split(r"[(<]", types.get(name, ""))[0].strip()
    if base in _NUMBERS:
        return "number"
    if base.startswith("timestamp"):
        return "timestamp"
    if base in ("array", "map", "struct"):
        return "nested"
    if base in ("string", "boolean", "date"):
        return base  # type: ignore[return-value]
    return "unknown"


def in_sql(name: str) -> str:
    """A column's name as SQL takes it for one: in backticks where it would be a value, a word or a number."""
    try:
        found = sqlglot.parse_one(name, "spark")
    except SqlglotError:
        found = None
    return name if isinstance(found, exp.Column) else f"`{name}`"


def keeps_nulls_out(rule: Rule) -> bool:
    """Whether `where` says that the rule's column is not null, joined with nothing but `and`."""
    if not rule.where or not rule.parameters:
        return False
    where = " ".join(rule.where.lower().replace("`", "").split())
    said = re.search(rf"(^|[ (]){re.escape(rule.parameters[0])} is not null($|[ )])", where)
    return bool(said) and " or " not in where and "not (" not in where

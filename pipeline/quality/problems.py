"""What checks of rules share: findings, the kinds of column types, and whether a rule leaves NULLs out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from pipeline.quality.model import Rule

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


def shell_of(name: str) -> str:
    """The name as a table can have it."""
    return re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip() if not re.fullmatch(r"[a-z0-9_]+", name) else name


def keeps_nulls_out(rule: Rule) -> bool:
    """Whether `where` says that the rule's column is not null, joined with nothing but `and`."""
    if not rule.where or not rule.parameters:
        return False
    where = " ".join(rule.where.lower().replace("`", "").split())
    said = re.search(rf"(^|[ (]){re.escape(rule.parameters[0])} is not null($|[ )])", where)
    return bool(said) and " or " not in where and "not (" not in where

"""DuckDB's types as Parquet has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_KEPT = frozenset(
    {
        *("boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"),
        *("float", "double", "decimal", "varchar", "blob", "uuid", "enum", "json"),
        *("date", "time", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone"),
    }
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer: its type in the query, and the one that keeps its values in Parquet."""

    name: str
    type: str
    stored: str


def storable(kind: Any) -> str:
    """The SQL name of the type that keeps the values of a DuckDB type in Parquet.

    Parquet has no integers of 128 bits, which become decimals of 38 digits, and no intervals, bits or unions, which
    become text.
    """
    name = str(kind.id)
    match name:
        case "hugeint" | "uhugeint":
            return "DECIMAL(38,0)"
        case "list":
            return f"{storable(_children(kind)['child'])}[]"
        case "array":
            children = _children(kind)
            return f"{storable(children['child'])}[{children['size']}]"
        case "map":
            children = _children(kind)
            return f"MAP({storable(children['key'])}, {storable(children['value'])})"
        case "struct":
            inner = ", ".join(f"{quoted(field)} {storable(part)}" for field, part in kind.children)
            return f"STRUCT({inner})"
    if name in ("null", '"null"', "sqlnull"):
        return "INTEGER"
    return str(kind) if name in _KEPT else "VARCHAR"


def _children(kind: Any) -> dict[str, Any]:
    return dict(kind.children)


def quoted(name: str) -> str:
    """A name as SQL has it in quotes."""
    return '"' + name.replace('"', '""') + '"'

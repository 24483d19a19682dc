"""What a query may be: one SELECT, over the lake's tables and its own subqueries, with functions that only compute.

DuckDB's own lock (no external access, no changed setting) is the other half. Neither relies on the other: a setting
forgotten in a new version of DuckDB must not open the disk, nor a new way to write a table's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import BadInput

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LONGEST = 100_000
"""Characters of a query."""

DEEPEST = 500
"""Objects and lists around each other in a query as DuckDB tells it: reading more of them takes a deeper stack than
Python is sure to have, and DuckDB itself goes no deeper than 1,000 expressions."""

_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"})
"""Table functions that read nothing. Others read files, run SQL from text, follow pointers or tell of the machine."""

_SCALARS = frozenset({"current_setting", "getenv", "getvariable", "nextval", "currval", "write_log"})
"""Functions that tell of the process or change it."""

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}]')
"""A text, whose brackets do not count, or a bracket."""

QUARANTINE = "quarantine"
"""What names of tables of rows that were set aside begin with: `quarantine.team.dataset`."""

_NAMED = f"A table is named team.dataset; rows that were set aside of it are in {QUARANTINE}.team.dataset."

_ONLY = "only one SELECT is run: this does not write, and has no other statements"


class UnknownTable(BadInput):
    """A query names a table as none can be named; `table` is the name as far as it was read."""

    def __init__(self, message: str, table: str) -> None:
        super().__init__(message, hint=_NAMED)
        self.table = table


def tables_of(db: DuckDBPyConnection, sql: str) -> set[tuple[str, ...]]:
    """Team and dataset of each table that the query names, after `quarantine` where it asks for rows that were set
    aside; `BadInput` for a query that is not let through."""
    if len(sql) > LONGEST:
        raise BadInput(f"the query has more than {LONGEST:,} characters", hint="Ask for less at once.")
    statements = db.extract_statements(sql)
    [(answer,)] = db.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    if _depth(answer) > DEEPEST:
        raise BadInput("the query is nested too deeply", hint="Write it flatter.")
    tree = json.loads(answer)
    if len(statements) != 1 or tree.get("error") or len(tree["statements"]) != 1:
        raise BadInput(_ONLY)
    nodes = list(_nodes(tree))
    subqueries = {entry["key"].lower() for node in nodes for entry in _map_of(node)}
    subqueries |= {node["cte_name"].lower() for node in nodes if isinstance(node.get("cte_name"), str)}
    return {found for node in nodes if (found := _checked(node, subqueries))}


def _depth(text: str) -> int:
    """How many objects and lists of a JSON text stand around each other at most."""
    depth = deepest = 0
    for found in _BRACKETS.finditer(text):
        if found[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found[0] in "]}":
            depth -= 1
    return deepest


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the tree, without recursion."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)


def _map_of(node: dict[str, Any]) -> list[dict[str, Any]]:
    found = node.get("cte_map")
    return found["map"] if isinstance(found, dict) else []


def _checked(node: dict[str, Any], subqueries: set[str]) -> tuple[str, ...] | None:
    """The table that a node names, if it is one; `BadInput` for what is not let through."""
    kind = node.get("type")
    if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _NODES:
        raise BadInput(_ONLY)
    if kind == "TABLE_FUNCTION":
        _check_table_function(node["function"])
    elif kind == "SHOW_REF" and node.get("query") is None:
        raise BadInput("SHOW is not run", hint="DESCRIBE team.dataset tells a table's columns.")
    elif kind == "BASE_TABLE":
        return _table(node, subqueries)
    elif node.get("class") == "FUNCTION" and node["function_name"].lower() in _SCALARS:
        raise BadInput(f"{node['function_name']} is not run: a query sees the lake's tables and nothing else")
    return None


def _check_table_function(function: dict[str, Any]) -> None:
    name = str(function.get("function_name"))
    if name.lower() not in _TABLE_FUNCTIONS:
        there = ", ".join(sorted(_TABLE_FUNCTIONS))
        told = f"FROM {name}(…) is not run: a query sees the lake's tables and nothing else"
        raise BadInput(told, hint=f"Functions that make rows: {there}.")


def _table(node: dict[str, Any], subqueries: set[str]) -> tuple[str, ...] | None:
    # Names of teams and datasets are in lower case, and SQL does not mind.
    path = tuple(name.lower() for name in node["qualified_name"]["path"])
    catalog = (node.get("catalog_name") or "").lower()
    is_quarantine = len(path) == 3 and path[0] == QUARANTINE == catalog
    if (len(path) > 2 or catalog) and not is_quarantine:
        raise UnknownTable(f"there is no table {'.'.join(path)}", ".".join(path))
    if len(path) > 1:
        return path
    if path[0] not in subqueries:
        raise UnknownTable(f"{path[0]} does not exist", path[0])
    return None

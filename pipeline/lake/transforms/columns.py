"""Whether what a transform gives is what its table has. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from pipeline.lake.datasets.system_columns import ICEBERG_COLUMNS, ORDER_COLUMN
from pipeline.lake.datasets.types import Type, is_wider
from pipeline.lake.transforms.code import Code, TransformFailed

_NAME = re.compile(r"[a-z0-9_]{1,128}")
_DECLARE = "Name the columns under transform.columns; `sluice datasets apply` then adds what is new to the table."


def agreed_columns(code: Code, made: Sequence[tuple[str, Type]], table: Mapping[str, Type], is_first: bool) -> None:
    """Hold the columns that a transform gives to those of its table, or before the first batch to their own sense.

    `TransformFailed` says which column is wrong and what to do. A column that the table has wider is right.
    """
    _check_names(code, [name for name, _ in made])
    found = {name: kind for name, kind in made if name != ORDER_COLUMN}
    there = {name: kind for name, kind in table.items() if name != ORDER_COLUMN}
    wanted = dict(code.columns) or there
    whose = "transform.columns" if code.columns else "the table"
    for name, kind in found.items():
        if name in wanted and kind != wanted[name] and not is_wider(wanted[name], kind):
            raise TransformFailed(
                f"{code.file} gives {name} as {kind}, and {whose} has it as {wanted[name]}",
                hint=f"Cast it: cast(… as {wanted[name]}).",
            )
    if code.columns or not is_first:
        _check_same(code, found, wanted, whose)


def _check_names(code: Code, names: Sequence[str]) -> None:
    for name, number in Counter(names).items():
        if number > 1:
            raise TransformFailed(f"{code.file} gives {number} columns that are called {name}")
        if not _NAME.fullmatch(name):
            raise TransformFailed(
                f"{code.file} gives a column {name[:60]!r}",
                hint="Name it in lower-case letters, digits and underscores: … as name.",
            )
        if name in ICEBERG_COLUMNS:
            raise TransformFailed(f"{code.file} gives {name}, which is a column of Iceberg's own")
    if not set(names) - {ORDER_COLUMN}:
        raise TransformFailed(f"{code.file} gives no column")


def _check_same(code: Code, found: Mapping[str, Type], wanted: Mapping[str, Type], whose: str) -> None:
    if new := sorted(found.keys() - wanted.keys()):
        raise TransformFailed(f"{code.file} gives {', '.join(new)}, which {whose} does not have", hint=_DECLARE)
    if lacking := sorted(wanted.keys() - found.keys()):
        raise TransformFailed(
            f"{code.file} does not give {', '.join(lacking)}, which {whose} has",
            hint="Give it as null if it has no value any more: cast(null as type) as name.",
        )

"""What a change of a contract means to the rows that stand and to whoever reads them. Pure.

The target is brought to a contract forward only: what would make the stored rows mean something else is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pipeline.feeds.definition import Column, Feed, path_of
from pipeline.feeds.types import parse_type

_BIGINT_DIGITS = 19
_BACK = "with the values that it had, null in rows that changed meanwhile"
_ANOTHER_COLUMN = "Add a column of another name, and drop this one."


class Kind(StrEnum):
    """Whether a change asks nothing of readers, takes something away from them, or cannot be made."""

    COMPATIBLE = "compatible"
    BREAKING = "breaking"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ContractChange:
    """One change: `field` is a path such as `columns.person`, `subject` what of the feed it changes.

    `meaning` says what follows, or what to do instead of one that is refused.
    """

    field: str
    kind: Kind
    subject: str
    meaning: str


def changes(before: Feed, after: Feed, retired: Mapping[str, Column] | None = None) -> list[ContractChange]:
    """What is changed. `retired` are columns of earlier contracts that still stand in the table."""
    return [
        *_of_the_whole(before, after),
        *_of_namespaces(before, after),
        *_of_columns(before, after, retired or {}),
    ]


def _of_the_whole(before: Feed, after: Feed) -> Iterator[ContractChange]:
    if before.target != after.target:
        hint = "Give the feed another name for a new target, and import the history."
        yield ContractChange("target", Kind.REFUSED, "its target", hint)
    if before.source != after.source:
        # Each stream counts by itself: a change of the new table may look older than the row that stands.
        hint = "Give the feed another name and target for a new source, and import the history."
        yield ContractChange("source", Kind.REFUSED, "its source", hint)
    if before.key_holder != after.key_holder:
        meaning = "whoever held the keys knows them: rotate them"
        yield ContractChange("key_holder", Kind.COMPATIBLE, "who holds the keys", meaning)


def _of_namespaces(before: Feed, after: Feed) -> Iterator[ContractChange]:
    for name, namespace in after.namespaces.items():
        if name not in before.namespaces:
            what = f"the new namespace {name}"
            yield ContractChange(f"namespaces.{name}", Kind.COMPATIBLE, what, "joins with no other")
        elif before.namespaces[name] != namespace:
            what = f"the namespace {name}"
            yield ContractChange(f"namespaces.{name}", Kind.REFUSED, what, "Give the namespace another name.")


def _of_columns(before: Feed, after: Feed, retired: Mapping[str, Column]) -> Iterator[ContractChange]:
    for name, column in after.columns.items():
        known = before.columns.get(name) or retired.get(name)
        for kind, subject, meaning in _of_column(name, known, column, comes_back=name not in before.columns):
            yield ContractChange(f"columns.{name}", kind, subject, meaning)
    for name in before.columns:
        if name not in after.columns:
            meaning = (
                "it leaves the view, and what reads it fails; its values stay in the table until their rows change"
            )
            yield ContractChange(f"columns.{name}", Kind.BREAKING, f"the column {name}, which is gone", meaning)


def _of_column(name: str, before: Column | None, after: Column, *, comes_back: bool) -> Iterator[tuple[Kind, str, str]]:
    if before is None:
        yield (
            Kind.COMPATIBLE,
            f"the new column {name}",
            "null in rows that stand, until their item changes, or an import in place that is begun anew",
        )
        return
    if _meaning(name, before) != _meaning(name, after):
        yield Kind.REFUSED, f"what the column {name} means", _ANOTHER_COLUMN
    elif before.type != after.type and not is_wider(before.type, after.type):
        yield Kind.REFUSED, f"the type of {name} from {before.type} to {after.type}", "Add a column of another name."
    elif before.type != after.type:
        yield Kind.COMPATIBLE, f"the type of {name} from {before.type} to {after.type}", "all values fit"
    if comes_back:
        yield (
            Kind.COMPATIBLE,
            f"the column {name}, which is back",
            _BACK,
        )
    if after.required and not before.required:
        yield Kind.BREAKING, f"{name}, which is required now", "a record without it is put aside, and is no row"
    if after.comment != before.comment or after.quasi_identifier != before.quasi_identifier:
        yield Kind.COMPATIBLE, f"what is said of {name}", "no value changes"


def _meaning(name: str, column: Column) -> Mapping[str, Any]:
    """What decides the value of a column, but for its type."""
    said = column.model_dump(exclude={"type", "comment", "quasi_identifier", "required", "from_"})
    return {**said, "from": path_of(name, column)}


def is_wider(before: str, after: str) -> bool:
    """Whether every value of the one type is one of the other, and PostgreSQL makes it so in place."""
    old, new = parse_type(before), parse_type(after)
    return (
        (old.kind, new.kind) == ("decimal", "decimal")
        and new.scale >= old.scale
        and new.precision - new.scale >= old.precision - old.scale
    ) or ((old.kind, new.kind) == ("bigint", "decimal") and new.precision - new.scale >= _BIGINT_DIGITS)

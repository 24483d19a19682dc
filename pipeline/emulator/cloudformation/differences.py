"""What a deployment would change: recorded properties against those of the template, resource by resource. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.cloudformation.changes import PropertyChange, ResourceAction, ResourceChange
from pipeline.cloudformation.locations import Place
from pipeline.emulator.cloudformation.records import ResourceRecord
from pipeline.emulator.cloudformation.resource_types import ResourceType, text

ABSENT = None
"""What a property is before it is given and after it is left out."""


def compare(
    logical_id: str,
    kind: ResourceType,
    before: ResourceRecord | None,
    properties: Mapping[str, Any],
    place: Place,
    *,
    old_is_kept: bool = False,
) -> ResourceChange | None:
    """The change that brings a resource to `properties`; None if it is there already.

    Raises `BadDefinition` for a change that CloudFormation refuses: another type under the same logical id, or a
    property that cannot be changed.
    """
    unmade = kind.without_effect.get("", "")
    if before is None:
        return ResourceChange(logical_id, kind.name, ResourceAction.ADD, without_effect=unmade)
    if before.type != kind.name:
        raise place.wrong(
            f"CloudFormation does not change a resource's type, which was {before.type}",
            hint="Give the new resource another logical id.",
        )
    different = tuple(
        PropertyChange(path, old, new, any(touches(path, fixed) for fixed in kind.fixed))
        for path, old, new in _differences(before.properties, properties)
    )
    if not different:
        return None
    for each in different:
        if any(touches(each.path, path) for path in kind.unchangeable):
            raise (place / each.path).wrong(f"this property of {kind.name} cannot be changed")
    replaces = any(each.replaces for each in different)
    action = ResourceAction.REPLACE if replaces else ResourceAction.MODIFY
    return ResourceChange(logical_id, kind.name, action, different, replaces and old_is_kept, unmade)


def leaving(logical_id: str, record: ResourceRecord) -> ResourceChange:
    """What happens to a resource that the template has no more."""
    return ResourceChange(
        logical_id, record.type, ResourceAction.KEEP if record.kept_when_removed else ResourceAction.REMOVE
    )


def touches(path: str, other: str) -> bool:
    """Whether one of two property paths lies within the other, or is it. `[]` for a list's items counts as a step."""
    return path == other or path.startswith((f"{other}.", f"{other}[")) or other.startswith((f"{path}.", f"{path}["))


def _differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every path below which two values differ. Lists are compared as one: items have no names."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*before, *(name for name in after if name not in before)]:
            inner = f"{path}.{name}" if path else str(name)
            yield from _differences(before.get(name, ABSENT), after.get(name, ABSENT), inner)
    elif not _same(before, after):
        yield path, before, after


def _same(before: Any, after: Any) -> bool:
    """Scalars are compared as texts: CloudFormation has only texts for what comes out of a parameter."""
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_same(before[name], after[name]) for name in before)
    if before is ABSENT or after is ABSENT or isinstance(before, (list, Mapping)) or isinstance(after, (list, Mapping)):
        return bool(before == after)
    return text(before) == text(after)

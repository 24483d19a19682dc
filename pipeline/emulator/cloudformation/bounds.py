"""What values AWS takes for a property: numbers within bounds, names of a list, texts of a pattern.

`bounds.json` has them from CloudFormation's published resource schemas; they are written by
`tests/emulator/cloudformation/schemas.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.cloudformation.intrinsics import is_unknown
from pipeline.cloudformation.locations import Place, suggestion
from pipeline.cloudformation.property_shapes import ITEM
from pipeline.emulator.cloudformation.resource_types import text

FILE = Path(__file__).with_name("bounds.json")

Bounds = Mapping[str, Any]


@cache
def of(kind: str) -> Mapping[str, Bounds]:
    """The bounds of a resource type, by property path as `property_shapes` writes them."""
    found: Mapping[str, Bounds] = json.loads(FILE.read_text(encoding="utf-8")).get(kind, {})
    return found


def broken(kind: str, properties: Mapping[str, Any], place: Place) -> Iterator[tuple[Place, str]]:
    """Every value that AWS would refuse, and why. What is not known yet, and what refers to a secret, is let pass."""
    yield from _broken(properties, "", of(kind), place)


def _broken(value: Any, path: str, bounds: Mapping[str, Bounds], place: Place) -> Iterator[tuple[Place, str]]:
    if why := wrong(value, bounds.get(path, {})):
        yield place, why
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _broken(item, f"{path}.{name}" if path else str(name), bounds, place / str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _broken(item, f"{path}{ITEM}", bounds, place / index)


def wrong(value: Any, bounds: Bounds) -> str:
    """What is wrong with one value; empty if nothing is. CloudFormation takes texts for numbers."""
    if not bounds or is_unknown(value) or isinstance(value, Mapping):
        return ""
    if isinstance(value, list):
        return _beyond(len(value), bounds.get("minItems"), bounds.get("maxItems"), "items")
    told = text(value)
    if "{{resolve:" in told:
        return ""
    if "type" in bounds and (complaint := _not_a_number(told, bounds)):
        return complaint
    allowed = [text(each) for each in bounds.get("enum", ())]
    if allowed and told not in allowed:
        names = ", ".join(allowed) if len(allowed) <= 12 else f"the {len(allowed)} that there are"
        return f"{told!r} is none of {names}{suggestion(told, allowed)}"
    if (pattern := bounds.get("pattern")) is not None and not re.search(pattern, told):
        return f"{told!r} does not match {pattern}"
    return _beyond(len(told), bounds.get("minLength"), bounds.get("maxLength"), "characters")


def _not_a_number(told: str, bounds: Bounds) -> str:
    whole = bounds["type"] == "integer"
    try:
        number = int(told) if whole else float(told)
    except ValueError:
        return f"{told!r} is no {'whole ' if whole else ''}number"
    return _beyond(number, bounds.get("minimum"), bounds.get("maximum"), "")


def _beyond(number: float, least: float | None, most: float | None, what: str) -> str:
    unit = f" {what}" if what else ""
    if least is not None and number < least:
        return f"{number}{unit}, and at least {least} is needed"
    if most is not None and number > most:
        return f"{number}{unit}, and at most {most} is allowed"
    return ""

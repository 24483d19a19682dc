"""What an element holds, as values that JSON has: attributes and children by their names, without namespaces.

An element without attributes and children is its text, and nothing if it has none, as with `xsi:nil`. Children of one
name are a list. The text of an element with attributes stands under `value`.
"""

from __future__ import annotations

from typing import Any

from pipeline.lake.datasets.names import safe_name
from pipeline.lake.datasets.types import Array, Map, Struct, Type

VALUE = "value"
_SCHEMA_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"


def record_of(element: Any) -> dict[str, Any]:
    """The columns of a record. ValueError, which quotes nothing, for one that would lose something."""
    found = value_of(element)
    return found if isinstance(found, dict) else {} if found is None else {VALUE: found}


def value_of(element: Any) -> Any:
    """A text, None, or a dictionary of values and lists of values."""
    found = _attributes(element)
    attributes = frozenset(found)
    if element.get(f"{_SCHEMA_INSTANCE}nil") in ("true", "1"):
        if len(element) or (element.text or "").strip():
            raise ValueError("an element is nil and has a content, which would be lost")
        return found or None
    text = element.text or ""
    for child in element:
        text += child.tail or ""
        _add(found, attributes, _local(child.tag), value_of(child))
    if len(element) and text.strip():
        raise ValueError("text stands between elements, and would be lost")
    if not found:
        return text or None
    if text.strip() and not len(element):
        _add(found, attributes, VALUE, text)
    return found


def _attributes(element: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in element.attrib.items():
        if not name.startswith(_SCHEMA_INSTANCE) and found.setdefault(_local(name), value) is not value:
            raise ValueError("two attributes have the same name in different namespaces")
    return found


def shaped(value: Any, to: Type) -> Any:
    """The same as a declared type has it: a list also of one, a struct also of a text without attributes."""
    if value is None:
        return None
    match to:
        case Array(element):
            values = value if isinstance(value, list) else [value]
            return [shaped(each, element) for each in values]
        case Struct(fields):
            types = {field.name: field.type for field in fields}
            named = value if isinstance(value, dict) else {VALUE: value}
            return {name: shaped(each, types.get(safe_name(name), to)) for name, each in named.items()}
        case Map(_, item) if isinstance(value, dict):
            return {name: shaped(each, item) for name, each in value.items()}
    return value


def _add(found: dict[str, Any], attributes: frozenset[str], name: str, value: Any) -> None:
    if name in attributes:
        raise ValueError("an attribute and an element have the same name")
    if name not in found:
        found[name] = value
    elif isinstance(found[name], list):
        found[name].append(value)
    else:
        found[name] = [found[name], value]


def _local(name: str) -> str:
    return name.rpartition("}")[2]

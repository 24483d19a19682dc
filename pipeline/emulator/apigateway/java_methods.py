"""The methods of Java's strings, lists and maps that mapping templates can call, and how Java prints values.

A method that an owner does not have raises ValueError, as does one that is called with what it does not take.
Source: the API of java.lang.String, java.util.List and java.util.Map.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_GROUP = re.compile(r"\\(.)|\$(\d)", re.DOTALL)


def printed(value: Any) -> str:
    """A value as a template prints it: nothing for null, and what Java's toString gives."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}={_inside(each)}" for name, each in value.items()) + "}"
    if isinstance(value, (list, tuple, range)):
        return "[" + ", ".join(map(_inside, value)) + "]"
    return str(value)


def _inside(value: Any) -> str:
    return "null" if value is None else printed(value)


def _replacement(text: str) -> Callable[[re.Match[str]], str]:
    """Java writes groups as `$1` and takes the backslash off any other character."""

    def replace(match: re.Match[str]) -> str:
        return _GROUP.sub(lambda part: part[1] if part[1] is not None else match[int(part[2])] or "", text)

    return replace


def _split(text: str, pattern: str) -> list[str]:
    parts = re.split(pattern, text)
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def _at(index: int, length: int) -> int:
    if not 0 <= index <= length:
        raise ValueError(f"{index} lies outside 0 to {length}")
    return index


def _put(owner: dict[str, Any], key: str, value: Any) -> Any:
    before = owner.get(key)
    owner[key] = value
    return before


def _add(owner: list[Any], value: Any) -> bool:
    owner.append(value)
    return True


def _set(owner: list[Any], index: int, value: Any) -> Any:
    before, owner[index] = owner[index], value
    return before


_OF_TEXT: dict[str, Callable[..., Any]] = {
    "length": len,
    "isEmpty": lambda text: not text,
    "contains": lambda text, part: part in text,
    "startsWith": lambda text, part: text.startswith(part),
    "endsWith": lambda text, part: text.endswith(part),
    "indexOf": lambda text, part: text.find(part),
    "lastIndexOf": lambda text, part: text.rfind(part),
    "substring": lambda text, begin, end=None: text[
        _at(begin, len(text)) : _at(len(text) if end is None else end, len(text))
    ],
    "replace": lambda text, old, new: text.replace(old, new),
    "replaceAll": lambda text, pattern, new: re.sub(pattern, _replacement(new), text),
    "replaceFirst": lambda text, pattern, new: re.sub(pattern, _replacement(new), text, count=1),
    "matches": lambda text, pattern: re.fullmatch(pattern, text) is not None,
    "split": _split,
    "trim": lambda text: text.strip("".join(map(chr, range(33)))),
    "toLowerCase": lambda text: text.lower(),
    "toUpperCase": lambda text: text.upper(),
    "concat": lambda text, other: text + other,
    "equalsIgnoreCase": lambda text, other: text.lower() == str(other).lower(),
    "toString": lambda text: text,
    "equals": lambda text, other: text == other,
}
_OF_LISTS: dict[str, Callable[..., Any]] = {
    "size": len,
    "isEmpty": lambda values: not values,
    "get": lambda values, index: values[_at(index, len(values) - 1)],
    "contains": lambda values, value: value in values,
    "indexOf": lambda values, value: values.index(value) if value in values else -1,
    "add": _add,
    "set": _set,
    "toString": printed,
    "equals": lambda values, other: values == other,
}
_OF_MAPS: dict[str, Callable[..., Any]] = {
    "size": len,
    "isEmpty": lambda owner: not owner,
    "get": lambda owner, key: owner.get(key),
    "containsKey": lambda owner, key: key in owner,
    "keySet": lambda owner: list(owner),
    "values": lambda owner: list(owner.values()),
    "entrySet": lambda owner: [{"key": key, "value": value} for key, value in owner.items()],
    "put": _put,
    "remove": lambda owner, key: owner.pop(key, None),
    "toString": printed,
    "equals": lambda owner, other: owner == other,
}
_OF_OTHERS: dict[str, Callable[..., Any]] = {
    "toString": printed,
    "equals": lambda value, other: value == other,
}


def _of(owner: Any) -> Mapping[str, Callable[..., Any]]:
    if isinstance(owner, str):
        return _OF_TEXT
    if isinstance(owner, (list, tuple)):
        return _OF_LISTS
    return _OF_MAPS if isinstance(owner, Mapping) else _OF_OTHERS


METHODS = frozenset((*_OF_TEXT, *_OF_LISTS, *_OF_MAPS))
"""The names of all methods."""


def call(owner: Any, name: str, arguments: list[Any]) -> Any:
    """Call a method of a value."""
    method = _of(owner).get(name)
    if method is None:
        raise ValueError(f"{type(owner).__name__} has no method {name}")
    try:
        return method(owner, *arguments)
    except (TypeError, IndexError, re.error) as error:
        raise ValueError(f"{name} cannot be called so: {error}") from error

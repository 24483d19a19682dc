"""Where within an object of JSON its records may be: arrays of objects, under keys that say so, or alone there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

_WRAPPERS = frozenset(
    (
        "data",
        "items",
        "results",
        "result",
        "records",
        "rows",
        "value",
        "values",
        "entries",
        "list",
        "hits",
        "documents",
        "docs",
        "features",
        "content",
        "elements",
        "objects",
        "response",
        "payload",
        "events",
    )
)
_EMBEDDED = "_embedded"
"""Of the JSON Hypertext Application Language: the resources that another one holds."""

_ID = re.compile(r"(?i)_?(id|uuid|guid|key|code|number|no|nr|name|href|url)|.*(_id|Id|ID)")
"""A key that an object has of its own, and a list of others has not."""

_KEY = re.compile(r"[^.\[\]*$\s]+")
_DEEPEST = 3
_SHOWN = 3


def find_records(document: Mapping[str, Any], path: str = "$", depth: int = 0) -> tuple[str, list[Any]] | None:
    """The path and the records of the longest array of objects, where the rest looks like what is said about them."""
    arrays = [(key, value) for key, value in document.items() if _holds_records(value) and _KEY.fullmatch(key)]
    if arrays:
        key, records = max(arrays, key=lambda found: (found[0].lower() in _WRAPPERS, len(found[1])))
        others = [value for name, value in document.items() if name != key]
        is_about = (
            key.lower() in _WRAPPERS or not others or (len(arrays) == 1 and len(records) > 2 and len(others) <= 3)
        )
        return (f"{path}.{key}", records) if is_about else None
    if depth < _DEEPEST:
        for key, value in document.items():
            if isinstance(value, dict) and _KEY.fullmatch(key) and _is_wrapper(key, document):
                return find_records(value, f"{path}.{key}", depth + 1)
    return None


def places_of_objects(document: Mapping[str, Any]) -> list[str]:
    """Where its first arrays of objects are, and how many each holds, in words."""
    return [
        f"{path} holds {count:,} {'object' if count == 1 else 'objects'}"
        for path, count in islice(_arrays(document, "$", 0), _SHOWN)
    ]


def _arrays(document: Mapping[str, Any], path: str, depth: int) -> Iterator[tuple[str, int]]:
    for key, value in document.items():
        if not _KEY.fullmatch(key):
            continue
        if _holds_records(value):
            yield f"{path}.{key}", len(value)
        elif isinstance(value, dict) and depth < _DEEPEST:
            yield from _arrays(value, f"{path}.{key}", depth + 1)


def _is_wrapper(key: str, document: Mapping[str, Any]) -> bool:
    if key == _EMBEDDED:
        # What has a name of its own is one resource, whose parts are embedded in it.
        return not any(_ID.fullmatch(name) for name, value in document.items() if not isinstance(value, dict))
    return key.lower() in _WRAPPERS or len(document) == 1


def _holds_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)

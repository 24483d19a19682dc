"""What differs between two JSON documents, place by place. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, Literal

MOST = 100
"""Differences that are told of two documents."""
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One place, as a JSONPath; `before` and `after` are JSON, None where there is nothing."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: str | None
    after: str | None


def differences(before: str | None, after: str | None, most: int = MOST) -> list[Difference] | None:
    """The differences between two JSON texts, in their order; None if one of them is no JSON, or there is none."""
    if before is None or after is None:
        return None
    try:
        return list(islice(_walk("$", json.loads(before), json.loads(after)), most))
    except (ValueError, RecursionError):
        return None


def _walk(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from _walk(f"{path}{_step(name)}", before.get(name, _NOTHING), after.get(name, _NOTHING))
    elif isinstance(before, list) and isinstance(after, list):
        for place, (one, other) in enumerate(zip_longest(before, after, fillvalue=_NOTHING)):
            yield from _walk(f"{path}[{place}]", one, other)
    elif before is _NOTHING:
        yield Difference(path, "added", None, _text(after))
    elif after is _NOTHING:
        yield Difference(path, "removed", _text(before), None)
    # 1 and True are equal in Python, and are not in JSON.
    elif type(before) is not type(after) or before != after:
        yield Difference(path, "changed", _text(before), _text(after))


def _step(name: str) -> str:
    return f".{name}" if name.isidentifier() else f"[{json.dumps(name, ensure_ascii=False)}]"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

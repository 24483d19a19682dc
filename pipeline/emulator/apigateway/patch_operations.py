"""Patch operations, by which API Gateway's Update calls change what they name. Paths that are not honoured are refused.

Source: "Patch operations" in API Gateway's API reference: `/` and `~` of a name are written `~1` and `~0`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.emulator.apigateway.errors import bad_request, not_honoured

Convert = Callable[[str], Any]


def boolean(text: str) -> bool:
    """A boolean as patch operations write it."""
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def unescaped(step: str) -> str:
    """A name of a path without its escapes."""
    return step.replace("~1", "/").replace("~0", "~")


def change(target: dict[str, Any], operations: list[dict[str, Any]], allowed: Mapping[str, Convert]) -> None:
    """Apply `add`, `replace` and `remove` to `target` where the path is one of `allowed`; `*` stands for one name."""
    for each in operations:
        path = [unescaped(step) for step in str(each.get("path", "")).split("/")[1:]]
        convert = next((how for pattern, how in allowed.items() if _fits(pattern, path)), None)
        if convert is None or each.get("op") not in ("add", "replace", "remove"):
            raise not_honoured(f"the patch operation {each.get('op')} of {each.get('path')}")
        _apply(target, each, path, convert)


def _apply(target: dict[str, Any], each: Mapping[str, Any], path: list[str], convert: Convert) -> None:
    *parents, last = path
    for name in parents:
        target = target.setdefault(name, {})
    if each["op"] == "remove":
        target.pop(last, None)
        return
    try:
        target[last] = convert(str(each.get("value", "")))
    except ValueError:
        raise bad_request(f"Invalid patch path {each['path']} value: {each.get('value')}") from None


def _fits(pattern: str, path: list[str]) -> bool:
    steps = pattern.split("/")[1:]
    return len(steps) == len(path) and all(step in ("*", name) for step, name in zip(steps, path, strict=True))

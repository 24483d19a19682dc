"""JSON as pages show it: indented, and folded where it is nested deeply or long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from pipeline.operate import formatting

NODES = 3_000
"""Values of a document that are shown in folds; a larger one is plain indented text."""
DEPTH, LONG = 2, 12
"""What is deeper, or has more entries, is folded at first."""


def indented(text: str) -> str:
    """JSON indented; text that is no JSON, or nested too deeply, as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def folded(text: str, name: str) -> Markup:
    """The document with a fold for each object and list. `name` makes the folds' ids, by which they stay open."""
    try:
        value = json.loads(text)
        if _nodes(value) > NODES:
            raise ValueError
        parts = list(_parts("", value, "", 0, iter(f"{name}-{n}" for n in range(NODES))))
    except (ValueError, RecursionError):
        return Markup('<pre tabindex="0">{}</pre>').format(formatting.visible(indented(text), keep="\n\t"))
    return Markup('<div class="json">{}</div>').format(Markup("").join(parts))


def _nodes(value: Any) -> int:
    waiting, count = [value], 0
    while waiting and count <= NODES:
        each = waiting.pop()
        count += 1
        waiting += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
    return count


def _parts(key: str, value: Any, comma: str, depth: int, ids: Iterator[str]) -> Iterator[Markup]:
    """The lines of a value. Between the elements stand the ends and indents of lines, for who copies the text."""
    line = "\n" + "  " * depth
    if not isinstance(value, dict | list) or not value:
        yield Markup("{}<p>{}<{}>{}</{}>{}</p>").format(line, _key(key), *_scalar(value), comma)
        return
    pairs = list(value.items()) if isinstance(value, dict) else [("", each) for each in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    is_open = Markup(" open") if depth < DEPTH and (len(pairs) <= LONG or not depth) else ""
    what = formatting.counted(len(pairs), *(("entry", "entries") if isinstance(value, dict) else ("item",)))
    yield Markup('{}<details id="{}"{}><summary>{}{}<s> {} {}{}</s></summary><div>').format(
        line, next(ids), is_open, _key(key), opening, what, closing, comma
    )
    for place, (name, each) in enumerate(pairs, 1):
        shown = _quoted(name) if isinstance(value, dict) else ""
        yield from _parts(shown, each, "," if place < len(pairs) else "", depth + 1, ids)
    yield Markup("{}</div>{}{}</details>").format(line, closing, comma)


def _key(key: str) -> Markup:
    return Markup("<b>{}</b>: ").format(key) if key else Markup("")


def _scalar(value: Any) -> tuple[Markup, str, Markup]:
    """The element for a value without entries, its text, and the element again: `q` is text, `i` all else."""
    element = Markup("q") if isinstance(value, str) else Markup("i")
    return element, formatting.visible(json.dumps(value, ensure_ascii=False)), element


def _quoted(text: str) -> str:
    return formatting.visible(json.dumps(text, ensure_ascii=False))

"""Which of its layouts JSON has, and the records of each: lines, or documents (arrays, objects) one after another.

A document's records are its elements, or what stands at the dataset's path: $.data is the array under the key `data`.
What stands beside the path is skipped, and must be JSON all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from pipeline.core.errors import BadObject
from pipeline.lake.files.readers.json_arrays import ArrayElements
from pipeline.lake.files.readers.json_split import WHITESPACE, Group, Window, objects
from pipeline.lake.files.readers.json_structure import scan
from pipeline.lake.files.strict_json import load_json

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]*")


def holds_lines(window: Window) -> bool:
    """Is it one object a line, and not objects that span lines or share one? The window stands at the first."""
    while (end := scan(window.data).first_end()) is None:
        if len(window.data) > window.limits.record or not window.more():
            return not breaks_off(window.data)
    while not (rest := window.data[end:].lstrip(b" \t\r")) and window.more():
        pass
    if b"\n" in window.data[:end]:
        return not _is_json(window.data[:end])
    return rest[:1] in (b"\n", b"")


def breaks_off(text: bytes) -> bool:
    """Does a first line begin an object that goes on in the next, and none begin there?"""
    first, _, rest = text.partition(b"\n")
    second = rest.lstrip(WHITESPACE)
    if not second or second.startswith(b"{"):
        return False
    line = first.decode(errors="replace").rstrip()
    try:
        json.loads(line)
    except json.JSONDecodeError as error:
        return error.pos >= len(line)
    except (ValueError, RecursionError):
        return False
    return False


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def document_records(window: Window, path: Sequence[str]) -> Iterator[Group]:
    """The records of all documents in groups. BadObject for what is no document, and for one without the path."""
    while first := window.peek():
        if path:
            if first != b"{":
                raise window.broken(f"{_shown(path)} is looked for in objects, and here is none", 0)
            yield from _Walk(window, path).records()
        elif first == b"[":
            yield from ArrayElements(window)
        elif first == b"{":
            yield from objects(window)
        else:
            raise window.broken("here is neither an array, nor an object, nor the end", 0)


class _Walk:
    """One document, read from its start to its end; the window stands where the walk is."""

    def __init__(self, window: Window, path: Sequence[str]) -> None:
        self._window = window
        self._path = path
        self._found = False

    def records(self) -> Iterator[Group]:
        yield from self._object(0)
        if not self._found:
            raise BadObject(
                f"there is no {_shown(self._path)} in the object that ends at byte {self._window.offset} of the text",
                hint="Say in `records` where the records are, letter for letter, such as $.data.",
            )

    def _object(self, depth: int | None) -> Iterator[Group]:
        """Go through an object. `depth` is how much of the path lies behind, None beside the path."""
        window = self._window
        window.drop(1)
        if window.peek() == b"}":
            window.drop(1)
            return
        seen: set[str] = set()
        while True:
            key = self._key()
            if key in seen:
                # Only the path's own keys are the dataset's words: others may be somebody's values.
                named = f"key {key}" if key in self._path else "a key"
                raise window.broken(f"{named} stands twice in one object", 0)
            seen.add(key)
            if depth is not None and key == self._path[depth]:
                yield from self._on_path(depth + 1)
            else:
                self._skip()
            if self._ends(b"}"):
                return

    def _on_path(self, depth: int) -> Iterator[Group]:
        window, first = self._window, self._window.peek()
        here = _shown(self._path[:depth])
        if depth < len(self._path):
            if first != b"{":
                raise window.broken(f"{here} is {_kind(first)}, not an object", 0)
            yield from self._object(depth)
            return
        self._found = True
        if first == b"[":
            yield from ArrayElements(window)
        elif first == b"{":
            yield [self._take(window.limits.record)]
        else:
            raise window.broken(f"{here} is {_kind(first)}, not an array", 0)

    def _key(self) -> str:
        if self._window.peek() != b'"':
            raise self._window.broken("the object breaks: here should be a key", 0)
        key = self._load(self._take(self._window.limits.record))
        if self._window.peek() != b":":
            raise self._window.broken("the object breaks: here should be a colon", 0)
        self._window.drop(1)
        return str(key)

    def _skip(self) -> None:
        """Go behind a value. What is larger than a block is gone through piece by piece."""
        window, first = self._window, self._window.peek()
        if first not in (b"[", b"{") or self._end(window.limits.block) is not None:
            self._load(self._take(window.limits.record))
        elif first == b"{":
            for _ in self._object(None):
                pass
        else:
            window.drop(1)
            if window.peek() == b"]":
                window.drop(1)
                return
            while True:
                self._skip()
                if self._ends(b"]"):
                    return

    def _ends(self, bracket: bytes) -> bool:
        """Go behind a comma, or the bracket, which is the end."""
        found = self._window.peek()
        if found not in (b",", bracket):
            raise self._window.broken("the text breaks: here should be a comma or the closing bracket", 0)
        self._window.drop(1)
        return found == bracket

    def _take(self, limit: int) -> bytes:
        end = self._end(limit)
        if end is None:
            raise self._window.broken("the text ends within a value", len(self._window.data))
        raw = self._window.data[:end]
        self._window.drop(end)
        return raw

    def _end(self, limit: int) -> int | None:
        """Where the value ends at which the window stands, if it is at most `limit` bytes long."""
        window, first = self._window, self._window.peek()
        while True:
            end = _value_end(window.data, first)
            if end is not None and (end < len(window.data) or first in (b"[", b"{", b'"')):
                return end
            if len(window.data) > limit or not window.more():
                return end

    def _load(self, raw: bytes) -> object:
        try:
            return load_json(raw.decode())
        except ValueError as error:
            raise self._window.broken(f"what stands before is refused: {error}", 0) from None


def _value_end(data: bytes, first: bytes) -> int | None:
    if first in (b"[", b"{"):
        return scan(data).first_end()
    found = (_STRING if first == b'"' else _SCALAR).match(data)
    return found.end() if found else None


def _shown(path: Sequence[str]) -> str:
    return ".".join(("$", *path))


def _kind(first: bytes) -> str:
    kinds = {b"[": "an array", b"{": "an object", b'"': "a string", b"n": "null", b"": "missing"}
    return kinds.get(first, "a number or truth value")

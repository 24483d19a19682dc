"""The elements of JSON arrays: quickly where all look alike, else by every bracket and comma outside of strings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.lake.files.byte_places import places_of
from pipeline.lake.files.readers.json_split import WHITESPACE, Elements, Group, Record, Text, Window
from pipeline.lake.files.readers.json_structure import scan

_SEPARATOR = re.compile(rb"[^\s]\s*,\s*[^\s]")
_BETWEEN_LINES = re.compile(rb"\}[ \t\r]*,[ \t\r]*\n\s*\{")
_BEFORE_KEY = re.compile(rb'\}\s*,\s*\{\s*"[^"\\]{1,64}"\s*:')
_LINE_END = ord("\n")
_TRIES = 8
"""How many likely commas are tried before every token is looked at."""

_DECODER = msgspec.json.Decoder(list[msgspec.Raw])


def decode_elements(data: bytes | memoryview) -> list[msgspec.Raw] | None:
    """The elements between brackets that are not there, or None if it is not JSON."""
    try:
        return _DECODER.decode(b"".join((b"[", data, b"]")))
    except (msgspec.DecodeError, RecursionError):
        return None


class ArrayElements:
    """The elements of one array, in groups. The window stands at its bracket, and behind it in the end."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._separator: bytes | None = None
        self._between_objects: bytes | None = None

    def __iter__(self) -> Iterator[Group]:
        window = self._window
        window.drop(1)
        if window.peek() == b"]":
            window.drop(1)
            return
        while True:
            if quick := self._guessed() or self._quick():
                yield quick
                window.more()
                continue
            structure = scan(window.data)
            end, commas = structure.end(), structure.commas()
            if end is not None:
                yield self._elements([*commas, end])
                window.drop(end + 1)
                return
            if commas:
                yield self._elements(commas)
                window.drop(commas[-1] + 1)
            if not window.more() and not commas:
                raise window.broken("the array is not closed", len(window.data.rstrip(WHITESPACE)))

    def _guessed(self) -> Elements | None:
        """What looks like whole elements at the start of the data, which nobody has read; the window is behind it."""
        window, separator = self._window, self._between_objects
        if window.careful or not separator:
            return None
        data = window.data
        start = len(data) - len(data.lstrip(WHITESPACE))
        end = data.rfind(separator, start)
        if end < 0 or data[start : start + 1] != b"{":
            return None
        end += separator.index(b",")
        text = np.frombuffer(data, np.uint8)[start:end].copy()
        commas = _places(text, separator) + separator.index(b",")
        text[commas] = _LINE_END
        window.drop(end + 1)
        window.guessed = True
        return Elements(text, len(commas) + 1, data, start, end)

    def _quick(self) -> Sequence[Record] | None:
        """Whole elements at the start of the data, cut at a comma like the first; the window is behind it then."""
        data = self._window.data
        end = len(data)
        for _ in range(_TRIES if self._separator else 0):
            assert self._separator
            end = data.rfind(self._separator, 0, end)
            if end < 0:
                break
            comma = end + self._separator.index(b",", 1)
            # What parses as whole elements is cut at a comma between elements, whatever the comma looked like.
            if (elements := decode_elements(memoryview(data)[:comma])) is not None:
                self._window.drop(comma + 1)
                return elements
        return None

    def _elements(self, ends: list[int]) -> Sequence[Record]:
        """The elements that end at those places."""
        self._learn(ends[0])
        elements = decode_elements(memoryview(self._window.data)[: ends[-1]])
        if elements is not None and len(elements) == len(ends):
            return elements
        starts = [0, *(end + 1 for end in ends)]
        return [self._element(start, end) for start, end in zip(starts, ends, strict=False)]

    def _learn(self, comma: int) -> None:
        """Remember how elements are parted, from the last character of one to the first of the next.

        Where it can be within no string: a line end, or the next object's first key, tells a comma between objects.
        """
        data = self._window.data
        before = max(len(data[:comma].rstrip(WHITESPACE)) - 1, 0)
        found = _SEPARATOR.match(data, before)
        self._separator = found[0] if found else None
        between = _BETWEEN_LINES.match(data, before) or _BEFORE_KEY.match(data, before)
        self._between_objects = between[0] if between else None

    def _element(self, start: int, end: int) -> bytes:
        """One element. What is JSON but for NaN and the like is one, for its row alone to be refused."""
        data = self._window.data[start:end]
        raw = data.strip(WHITESPACE)
        place = start + len(data) - len(data.lstrip(WHITESPACE))
        text = raw.decode(errors="surrogateescape")
        if not raw:
            what = "a comma is followed by no element" if self._window.data[end : end + 1] == b"]" else "no element"
            raise self._window.broken(what, place)
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            place += len(text[: error.pos].encode(errors="surrogateescape"))
            raise self._window.broken(f"the array breaks: {error.msg}", place) from None
        except (ValueError, RecursionError):
            # A number of thousands of digits, or too deep a nesting: its row is bad, the array is whole.
            return raw
        return raw


def _places(text: Text, part: bytes) -> NDArray[np.int64]:
    """Where that part of the text begins, which begins nowhere within itself."""
    rarest = max(part.find(b"\n"), 0)
    places: NDArray[np.int64] = places_of(text, part[rarest]) - rarest
    places = places[(places >= 0) & (places <= len(text) - len(part))]
    for offset, byte in enumerate(part):
        places = places[text[places + offset] == byte]
    return places

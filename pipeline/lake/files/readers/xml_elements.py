"""Elements of an XML document one after another, in memory that does not grow, and without what makes XML dangerous.

A document type is refused: its entities can grow without end, and name files and addresses. Nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from lxml import etree

from pipeline.core.errors import BadObject

_PROLOG = 1 << 20
_PIECE = 1 << 16
_NAMES = 10
_SAFE: dict[str, Any] = {"resolve_entities": False, "no_network": True, "load_dtd": False, "remove_pis": True}


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Elements:
    """The outermost elements of a local name, in any namespace. Each is emptied when the next is asked for.

    BadObject for what is no XML, has a document type, or has none of them within `most` bytes after another.
    """

    def __init__(self, stream: _Stream, name: str, most: int, what: str = "the XML file") -> None:
        self._what = what
        self._name = name
        self._stream = _Measured(stream, most + 4 * _PIECE, f"{what} has no end of a <{name}> within {most:,} bytes")
        self._ahead = b""
        self.first_names: list[str] = []
        """Of elements at the start of the document, the root's first."""

    @property
    def size(self) -> int:
        """Bytes that were read."""
        return self._stream.size

    def __iter__(self) -> Iterator[Any]:
        self._check_prolog()
        # The sizes of texts are limited by `most`, and not by what lxml takes for huge.
        events = etree.iterparse(
            self, events=("start", "end"), tag=f"{{*}}{self._name}", huge_tree=True, remove_comments=True, **_SAFE
        )
        depth = 0
        try:
            for event, element in events:
                depth += 1 if event == "start" else -1
                if event == "end" and not depth:
                    self._stream.since = 0
                    yield element
                    _forget(element)
        except etree.XMLSyntaxError as error:
            raise self._broken(error) from error

    def read(self, size: int) -> bytes:
        """What lxml calls."""
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        return self._stream.read(size)

    def _check_prolog(self) -> None:
        parser = etree.XMLPullParser(events=("start",), **_SAFE)
        seen = b""
        root = None
        try:
            while root is None and len(seen) < _PROLOG and (data := self._stream.read(_PIECE)):
                seen += data
                parser.feed(data)
                root = self._first_element(parser)
            if seen and root is None and len(seen) < _PROLOG:
                # Of a short document libxml2 says nothing before its end.
                parser.close()
                root = self._first_element(parser)
        except etree.XMLSyntaxError as error:
            raise self._broken(error) from error
        if not seen:
            raise BadObject(f"{self._what} is empty", hint="An XML file needs at least its root element.")
        if root is None:
            raise BadObject(f"{self._what} is no XML: it has no element in its first {_PROLOG:,} bytes")
        if root.getroottree().docinfo.internalDTD is not None:
            raise BadObject(
                f"{self._what} has a document type (<!DOCTYPE …>), which can name files and grow without end",
                hint="Write the file without it, and entities as the characters that they stand for.",
            )
        self._ahead = seen

    def _first_element(self, parser: etree.XMLPullParser) -> Any:
        started = [element for _, element in parser.read_events()]
        self.first_names = list(dict.fromkeys(each.tag.rpartition("}")[2] for each in started))[:_NAMES]
        return started[0] if started else None

    def _broken(self, error: etree.XMLSyntaxError) -> BadObject:
        # What lxml says quotes names of the file.
        return BadObject(
            f"{self._what} is no whole XML: line {error.lineno or 1}, character {error.offset or 0} cannot be read "
            f"(libxml2's error {error.code})",
            hint="Look at that place, or send the file again if it was cut.",
        )


class _Measured:
    """Refuses to be read further than `most` bytes since `since` was last set to 0."""

    def __init__(self, stream: _Stream, most: int, words: str) -> None:
        self._stream = stream
        self._most = most
        self._words = words
        self.since = 0
        self.size = 0

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self.since += len(data)
        self.size += len(data)
        if self.since > self._most:
            raise BadObject(self._words, hint="Look for an element that is not closed, or name another with `records`.")
        return data


def _forget(element: Any) -> None:
    element.clear(keep_tail=False)
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]

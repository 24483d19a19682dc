"""Which element of an XML file is a row: the outermost one that stands there again and again."""

from __future__ import annotations

from collections import Counter
from typing import Any
from xml.parsers import expat

from pipeline.core.errors import BadInput
from pipeline.lake.proposals.contents import Content
from pipeline.lake.proposals.drafts import Draft


class _Elements:
    """Counts elements by their way from the root, and those that have something in them. Entities are refused."""

    def __init__(self) -> None:
        self.path: tuple[str, ...] = ()
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.parents: set[tuple[str, ...]] = set()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self.path:
            self.parents.add(self.path)
        self.path = (*self.path, name)
        self.counts[self.path] += 1
        if attributes:
            self.parents.add(self.path)

    def end(self, _: str) -> None:
        self.path = self.path[:-1]

    def refuse(self, *_: Any) -> None:
        raise BadInput("the XML declares entities, which are not read", hint="Write them out.")


def draft_xml(content: Content) -> Draft:
    """The draft of an XML file: its columns are those that the lake's reader finds in the element."""
    elements = _Elements()
    parser = expat.ParserCreate()
    parser.StartElementHandler = elements.start
    parser.EndElementHandler = elements.end
    parser.EntityDeclHandler = elements.refuse
    try:
        parser.Parse(content.data, content.whole)
    except expat.ExpatError as error:
        raise BadInput(f"{content.path} is no XML: {error}") from error
    name, count = _record(elements)
    doubts = () if count > 1 else (f"no element stands there twice: {name} is taken for a row",)
    return Draft({"format": "xml", "records": name}, (), f"{count:,} elements {name}", doubts)


def _record(elements: _Elements) -> tuple[str, int]:
    """The name of the element without its namespace, and how often it stands there."""
    rows = [(path, count) for path, count in elements.counts.items() if path in elements.parents and count > 1]
    if not rows:
        below = [(path, count) for path, count in elements.counts.items() if len(path) > 1 and path in elements.parents]
        rows = below[:1] or list(elements.counts.items())[:1]
    depth = min(len(path) for path, _ in rows)
    path, count = max((each for each in rows if len(each[0]) == depth), key=lambda each: each[1])
    return path[-1].rpartition(":")[2], count

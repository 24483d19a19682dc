"""The selection of a part: every row set aside of a version, and which of them are sent again. JSON lines.

The first line says what the version was when it was loaded; each other is a row as the quarantine has it, and `again`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FOLDER = "_rows"
"""Of the staging bucket: what is there expires as staged files do. No team's name starts with an underscore."""


@dataclass(frozen=True, slots=True)
class SelectionHead:
    """`rows` are how many the whole version had, good and bad; `key` the columns by which an upsert replaces rows."""

    rows: int
    key: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The first line."""
        return {"rows": self.rows, "key": list(self.key)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SelectionHead:
        """Reads what `to_json` wrote."""
        return cls(int(document["rows"]), tuple(document["key"]))


@dataclass(frozen=True, slots=True)
class RowAside:
    """A row that was set aside: where it stands in its file, why, and its text as the quarantine has it."""

    line: int
    reason: str
    raw: str
    again: bool = False

    def to_json(self) -> dict[str, Any]:
        """A line of the selection."""
        return {"line": self.line, "reason": self.reason, "raw": self.raw, "again": self.again}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> RowAside:
        """Reads a line of a selection, or of a file of bad rows."""
        raw, again = str(document.get("raw") or ""), bool(document.get("again"))
        return cls(int(document["line"]), str(document["reason"]), raw, again)


def lines_of(head: SelectionHead, rows: Iterable[RowAside]) -> Iterator[bytes]:
    """A selection as it is stored."""
    yield _line(head.to_json())
    yield from (_line(row.to_json()) for row in rows)


def read(lines: Iterable[bytes]) -> tuple[SelectionHead, Iterator[RowAside]]:
    """The head, and the rows as they are asked for."""
    found = iter(lines)
    head = SelectionHead.from_json(json.loads(next(found)))
    return head, (RowAside.from_json(json.loads(line)) for line in found)


def _line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"

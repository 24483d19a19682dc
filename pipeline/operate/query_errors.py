"""What is wrong with a query, where in it, and what may have been meant: as DuckDB says it, and of tables as known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

from pipeline.core.errors import BadInput

LONGEST_ERROR = 2000
SUGGESTED = 3
LONGEST_LINE = 300
"""Characters of a line of the query that are shown with a place in it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a query: `line` and `column` from 1, `length` in characters, and `text`, the line as it is written.

    `start` is the place's number of characters from the beginning of the query.
    """

    line: int
    column: int
    length: int
    text: str
    start: int

    @classmethod
    def of(cls, sql: str, start: int, length: int) -> Place:
        """The place `start` characters into the query."""
        begin = sql.rfind("\n", 0, start) + 1
        line = sql[begin:].partition("\n")[0].rstrip("\r")
        fits = max(min(length, len(line) - (start - begin)), 1)
        return cls(sql.count("\n", 0, start) + 1, start - begin + 1, fits, line, start)

    @property
    def drawn(self) -> str:
        """The line with a caret under its place; of a long one, what is around the place."""
        first = max(self.column - 1 - LONGEST_LINE // 2, 0)
        shown = self.text[first : first + LONGEST_LINE].replace("\t", " ")
        head = f"line {self.line}: {'… ' if first else ''}"
        return f"{head}{shown}\n{' ' * (len(head) + self.column - 1 - first)}{'^' * min(self.length, LONGEST_LINE)}"


class WrongQuery(BadInput):
    """A query that cannot be run: `place` says where, where that is known, `meant` what may stand there instead."""

    def __init__(self, message: str, *, hint: str | None, place: Place | None = None, meant: Iterable[str] = ()):
        super().__init__(message, hint=hint)
        self.place = place
        self.meant = tuple(meant)[:SUGGESTED]

    def to_json(self) -> dict[str, Any]:
        """As another process gets it."""
        place = {**asdict(self.place), "drawn": self.place.drawn} if self.place else None
        return {"error": self.message, "hint": self.hint, "place": place, "meant": list(self.meant)}


def of_duckdb(error: str, sql: str, tables: str) -> WrongQuery:
    """DuckDB's error, told as JSON (its setting `errors_as_json`); `tables` says in words which there are."""
    kind, _, rest = error.partition(": ")
    told: dict[str, Any] = {}
    if rest.startswith("{"):
        try:
            told = json.loads(rest)
        except ValueError:
            told = {}
    text = str(told.get("exception_message") or rest or error).partition("\n\nLINE ")[0]
    message = " ".join(f"{kind}: {text}".split()) if rest or told else " ".join(error.split())
    if message.startswith("Out of Memory"):
        # What DuckDB proposes then are settings, which are locked.
        return WrongQuery(
            "the query needs more memory than one may have", hint="Ask for less at once, or for fewer columns."
        )
    return WrongQuery(message[:LONGEST_ERROR], hint=tables, place=_place(told, sql), meant=_candidates(told, text))


def _place(told: dict[str, Any], sql: str) -> Place | None:
    """DuckDB counts bytes of UTF-8."""
    found = re.fullmatch(r"\[(\d+),\s*(\d+)\]", str(told.get("location", "")))
    if not found:
        return None
    raw, start, length = sql.encode(), int(found[1]), int(found[2])
    if start >= len(raw):
        return None
    before, there = raw[:start].decode(errors="ignore"), raw[start : start + length].decode(errors="ignore")
    return Place.of(sql, len(before), len(there))


def _candidates(told: dict[str, Any], text: str) -> list[str]:
    if told.get("candidates"):
        return [name for name in (each.strip() for each in str(told["candidates"]).split(",")) if name]
    listed = text.partition("Candidate bindings:")[2]
    return [name.replace('""', '"') for name in re.findall(r'"((?:[^"]|"")+)"', listed)]


def no_table(message: str, name: str, sql: str, names: Iterable[str], hint: str) -> WrongQuery:
    """A table that is not there: what may be meant of `names`, by the whole name or by the dataset's alone."""
    known = list(names)
    by_dataset = {each.rpartition(".")[2]: each for each in reversed(known)}
    dataset = name.rpartition(".")[2]
    close = [by_dataset[each] for each in get_close_matches(dataset, by_dataset, SUGGESTED, 0.6)]
    meant = dict.fromkeys([*get_close_matches(name, known, SUGGESTED, 0.75), *close])
    pattern = r"\s*\.\s*".join(rf'"?{re.escape(part)}"?' for part in name.split("."))
    found = re.search(rf"(?<![\w.]){pattern}(?![\w.])", sql, re.IGNORECASE)
    place = Place.of(sql, found.start(), len(found[0])) if found else None
    return WrongQuery(message, hint=hint, place=place, meant=meant)

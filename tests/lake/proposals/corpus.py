"""The corpus: messy files, and what is right for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "corpus"
_EXPECTED = FOLDER.with_suffix(".yaml")


@dataclass(frozen=True, slots=True)
class Case:
    """A file, and what is right: its columns in order, the options that say how it is written, its rows."""

    path: Path
    columns: Mapping[str | int, Mapping[str, Any]]
    options: Mapping[str, Any] | None
    rows: int
    bad: int

    @property
    def name(self) -> str:
        return self.path.name


@cache
def cases() -> tuple[Case, ...]:
    """All files of the corpus."""
    found = yaml.safe_load(_EXPECTED.read_text(encoding="utf-8"))
    return tuple(
        Case(
            FOLDER / name,
            {key: {"type": value} if isinstance(value, str) else value for key, value in case["columns"].items()},
            case.get("options"),
            case["rows"],
            case.get("bad", 0),
        )
        for name, case in found.items()
    )


def misses(case: Case, columns: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What is wrong with each column that is: its name, its type or its form. Columns too many count as one each."""
    proposed = list(columns.items())
    for place, (name, expected) in enumerate(case.columns.items()):
        if place >= len(proposed):
            yield f"{case.name}: {name}: no such column"
            continue
        found, contract = proposed[place]
        if isinstance(name, str) and found != name:
            yield f"{case.name}: {name}: called {found}"
        elif (compared := {key: value for key, value in contract.items() if key != "from"}) != expected:
            yield f"{case.name}: {name}: {compared}, and right is {dict(expected)}"
    for found, _ in proposed[len(case.columns) :]:
        yield f"{case.name}: {found}: a column too many"

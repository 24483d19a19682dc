"""What is wrong with definition files, by file, line and field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as option

from pipeline.core.definitions.yaml_values import Location, YamlProblem
from pipeline.core.errors import BadDefinition


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with one file. `line` counts from 1; `field` is a path such as `table.key[1]`.

    `column` is where in the line the field begins, from 1; None where that is not said.
    """

    path: str
    line: int
    field: str
    what: str
    column: int | None = option(default=None, compare=False)

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{self.path}:{self.line}:{f'{self.column}:' if self.column else ''} {where}{self.what}"


class BadDefinitions(BadDefinition):
    """Files that are no definitions. `problems` says all that is wrong with them, the message one a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


def line_of(where: Location, lines: Mapping[Location, int]) -> int:
    """The line (or the column) of the part at `where`, or of the nearest part around it that the file has."""
    while where and where not in lines:
        where = where[:-1]
    return lines.get(where, 1)


def field_name(where: Location) -> str:
    """`("table", "key", 1)` as people write it: `table.key[1]`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in where)
    return "".join(steps).removeprefix(".")


def problem_of(path: str, found: YamlProblem) -> Problem:
    """What `found` is in the file `path`."""
    return Problem(path, found.line, field_name(found.where), found.what)

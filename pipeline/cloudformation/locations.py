"""Places in templates, for error messages that name them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.cloudformation.lines import line
from pipeline.core.errors import BadDefinition


@dataclass(frozen=True, slots=True)
class Place:
    """A file, and the path of a value in it: `Resources`, a logical id and a property path, or another section."""

    file: str
    steps: tuple[str, ...] = ()

    def __truediv__(self, step: str | int) -> Place:
        return Place(self.file, (*self.steps, f"[{step}]" if isinstance(step, int) else step))

    def __str__(self) -> str:
        return f"{self.file}: {self._way}"

    @property
    def _way(self) -> str:
        steps = self.steps[1:] if self.steps[:1] == ("Resources",) else self.steps
        return ".".join(steps).replace(".[", "[")

    def wrong(self, message: str, *, hint: str | None = None) -> BadDefinition:
        """The error to raise for the value at this place, with its line if the file can be found."""
        at = line(self.file, self.steps)
        return BadDefinition(f"{self.file}{f':{at}' if at else ''}: {self._way}: {message}", hint=hint)


def suggestion(given: str, known: Iterable[str]) -> str:
    """`; did you mean …?` if one of the known names is similar to the given one, else an empty text."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(given.lower(), names, 1, cutoff=0.7)
    return f"; did you mean {names[near[0]]}?" if near else ""


class _Properties(dict[str, Any]):
    """A resource's properties: reading one that the template leaves out is an error of the template."""

    def __init__(self, properties: Mapping[str, Any], place: Place) -> None:
        super().__init__(properties)
        self._place = place

    def __missing__(self, name: str) -> Any:
        raise self._place.wrong(f"{name} is missing")


def strict_properties(value: Any, place: Place) -> Any:
    """`value` with mappings, at all depths, that raise `BadDefinition` when a missing property is read."""
    if isinstance(value, Mapping):
        return _Properties({name: strict_properties(item, place / str(name)) for name, item in value.items()}, place)
    if isinstance(value, list):
        return [strict_properties(item, place / index) for index, item in enumerate(value)]
    return value

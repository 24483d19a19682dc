"""A transform as a job gets it, in the manifest of a batch. Read without pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.errors import BadInput
from pipeline.lake.datasets.dataset_names import DatasetName
from pipeline.lake.datasets.types import Type, parse_type

STAGED = "staged"
"""What the rows that Stage A staged are called in a transform."""


class TransformFailed(BadInput):
    """The team's own code failed, by its own fault: what it gets stays the same until somebody mends it."""


@dataclass(frozen=True, slots=True)
class Code:
    """A team's code: `kind` is `sql`, `python` or `script`, `file` its path beside the definition, `text` its content.

    `views` are the datasets that it may read, by what it calls them; `columns` those that it says it gives, if any.
    """

    kind: str
    file: str
    text: str
    function: str = ""
    views: Mapping[str, DatasetName] = field(default_factory=dict)
    columns: Mapping[str, Type] = field(default_factory=dict)

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> Code | None:
        """The transform of a dataset's definition, as it is stored; None if it has none."""
        said = definition.get("transform")
        if not said:
            return None
        kind = next(kind for kind in ("sql", "python", "script") if said.get(kind))
        file, _, function = said[kind].partition(":")
        return cls(
            kind=kind,
            file=file,
            text=said.get("text", ""),
            function=function,
            views=dict(view_of(each) for each in said.get("reads", ())),
            columns={name: parse_type(text) for name, text in said.get("columns", {}).items()},
        )


def view_of(read: str) -> tuple[str, DatasetName]:
    """What a transform calls a dataset that it reads, and which it is: `team/dataset`, or `team/dataset as name`."""
    dataset, _, name = read.partition(" as ")
    found = DatasetName.parse(dataset)
    return name or found.dataset, found

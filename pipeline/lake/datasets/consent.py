"""Whose transforms may read a dataset's table: the part `shared_with` of a definition."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from pipeline.lake.datasets.dataset_names import NAME_PATTERN, DatasetName

_NAME = NAME_PATTERN[1:-1]


def _once(value: tuple[str, ...]) -> tuple[str, ...]:
    if twice := sorted({each for each in value if value.count(each) > 1}):
        raise ValueError(f"{twice[0]} is named twice")
    return value


SharedWith = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=rf"^{_NAME}(/{_NAME})?$")], ...], AfterValidator(_once)
]
"""Teams (`team`), or single datasets of theirs (`team/dataset`)."""


def may_read(reader: DatasetName, read: DatasetName, shared_with: Collection[str]) -> bool:
    """Whether the transform of `reader` may read the table of `read`: its team's own, or one that is shared with it."""
    return reader.team == read.team or bool({reader.team, str(reader)} & set(shared_with))

"""Dataset definitions: what a team registers. `model` is the shape, `types` the column types, `files` reads YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.lake.datasets.dataset_names import DatasetName

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Column, Dataset, Quality, StageA, StageB, Table

__all__ = ["Column", "Dataset", "DatasetName", "Quality", "StageA", "StageB", "Table"]


def __getattr__(name: str) -> Any:
    # Whoever needs only names or `types` should not wait an eighth of a second for pydantic.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pipeline.lake.datasets import model

    return getattr(model, name)

"""A dataset whose batch is to be brought on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Dataset


@dataclass(frozen=True, slots=True)
class Work:
    """A registered dataset and its table, `database.table`; the Glue job of its transform, if it has one."""

    dataset: Dataset
    table: str
    transform_job: str | None = None

    @property
    def name(self) -> str:
        """`team/dataset`."""
        return str(self.dataset.name)

"""A dataset whose batch is to be brought on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Dataset
    from pipeline.lake.datasets.registry import Registration


@dataclass(frozen=True, slots=True)
class Work:
    """A registered dataset and its table, `database.table`; the Glue job of its transform, if it has one, and whether
    it ever had one."""

    dataset: Dataset
    table: str
    transform_job: str | None = None
    was_transformed: bool = False

    @classmethod
    def of(cls, registration: Registration) -> Work:
        """The work of a registered dataset."""
        return cls(registration.dataset, registration.table, registration.transform_job, registration.was_transformed)

    @property
    def name(self) -> str:
        """`team/dataset`."""
        return str(self.dataset.name)

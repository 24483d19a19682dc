"""What staging needs of a lake, and no more: a job installs what its code imports before each run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pipeline.core.settings import Settings
from pipeline.lake.catalog import Catalog


class StagingLake(Protocol):
    """A lake, as far as Stage A stages objects and marks those that it cannot."""

    @property
    def settings(self) -> Settings:
        """Its buckets."""
        ...

    @property
    def catalog(self) -> Catalog:
        """Its object catalog."""
        ...

    def tell_team(self, event: str, dataset: str, facts: Mapping[str, Any]) -> None:
        """Tell the team of a dataset what it should look at; at least once."""
        ...

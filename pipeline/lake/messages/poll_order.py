"""The standing order by which a dataset's schedule calls the poller; `definitions/stacks/dataset.yaml` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Batching


@dataclass(frozen=True, slots=True)
class PollOrder:
    """All that a poll has to know to see that nothing is to do, so that an idle one reads no registration."""

    dataset: str
    queue_url: str
    settings: Batching

    def to_json(self) -> dict[str, Any]:
        """What the schedule of a dataset sends to the poller."""
        return {
            "dataset": self.dataset,
            "queue_url": self.queue_url,
            "stage_b": self.settings.model_dump(mode="json", exclude_none=True),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PollOrder:
        """pydantic's ValidationError, which is a ValueError, for settings that make no sense."""
        from pipeline.lake.datasets.model import Batching

        return cls(document["dataset"], document["queue_url"], Batching.model_validate(document["stage_b"]))

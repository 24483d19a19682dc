"""Registered datasets: the DynamoDB table that the routing Lambda reads as its context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from pipeline.core.dynamo import Change, encode, get, get_many, scan, update_if
from pipeline.lake.datasets.dataset_names import DatasetName

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Dataset, Table


@dataclass(frozen=True)
class Registration:
    """A registered dataset and its own deployed parts.

    Its definition is read when first asked for: lists and counts name datasets, and pydantic takes an eighth of a
    second to load.
    """

    name: DatasetName
    definition: str
    """As `Dataset.to_json` writes it."""
    queue_url: str
    dead_letter_queue_url: str
    table: str
    """`<glue database>.<table>`"""
    retired: str | None = None
    """Since when it takes no new objects, because its file is gone; None while it is in use."""
    is_closed: bool = False
    """Retired, and its own stack is gone, with queues and schedule."""
    transform_job: str | None = None
    """The Glue job that runs the team's own transform, under a role of its own; None where it has none."""
    was_transformed: bool = False
    """It has or once had such a job, whose role writes the table's metadata: what that names is looked at."""
    schedule: str | None = None
    """The name of the schedule that polls it; None if it was applied by an earlier release."""

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        queue_url: str,
        dead_letter_queue_url: str,
        table: str,
        transform_job: str | None = None,
        before: Registration | None = None,
        schedule: str | None = None,
    ) -> Self:
        """A dataset that is in use; `before` is how it was registered until now."""
        made = cls(dataset.name, dataset.to_json(), queue_url, dead_letter_queue_url, table)
        was_transformed = transform_job is not None or (before is not None and before.was_transformed)
        return replace(made, transform_job=transform_job, was_transformed=was_transformed, schedule=schedule)

    @cached_property
    def dataset(self) -> Dataset:
        """The definition, validated when it is first asked for."""
        from pipeline.lake.datasets.model import Dataset

        return Dataset.from_json(self.definition)


class Tables(Mapping[str, "Table"]):
    """What each dataset says of its table, by the dataset's name; a definition is read when it is asked for."""

    def __init__(self, registrations: Iterable[Registration]) -> None:
        self._registrations = {str(registration.name): registration for registration in registrations}

    def __getitem__(self, name: str) -> Table:
        return self._registrations[name].dataset.table

    def __iter__(self) -> Iterator[str]:
        return iter(self._registrations)

    def __len__(self) -> int:
        return len(self._registrations)


class Registry:
    """The datasets table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def get(self, name: DatasetName) -> Registration | None:
        """The registration of a dataset, read consistently; None if there is none."""
        row = get(self._dynamodb, self._table, {"name": str(name)})
        return _registration(row) if row else None

    def get_many(self, names: Iterable[DatasetName]) -> dict[DatasetName, Registration]:
        """Those of `names` that are registered; one call for up to a hundred."""
        keys = [{"name": str(name)} for name in sorted(set(names))]
        found = (_registration(row) for row in get_many(self._dynamodb, self._table, keys))
        return {registration.name: registration for registration in found}

    def all(self) -> list[Registration]:
        """All registrations, by name."""
        found = (_registration(row) for row in scan(self._dynamodb, TableName=self._table))
        return sorted(found, key=lambda r: r.name)

    def put(self, registration: Registration) -> None:
        """Register a dataset, or replace its registration. It is in use from here on, also if it was retired."""
        item = {
            "name": str(registration.name),
            "definition": registration.definition,
            "queue_url": registration.queue_url,
            "dead_letter_queue_url": registration.dead_letter_queue_url,
            "table": registration.table,
            **({"transform_job": registration.transform_job} if registration.transform_job else {}),
            **({"was_transformed": True} if registration.was_transformed else {}),
            **({"schedule": registration.schedule} if registration.schedule else {}),
        }
        self._dynamodb.put_item(TableName=self._table, Item=encode(item))

    def retire(self, name: DatasetName, at: str) -> Registration | None:
        """Mark a dataset as retired, unless it is; its registration as it then stands, None if there is none."""
        condition = "attribute_exists(#name) AND attribute_not_exists(#retired)"
        self._update(Change({"name": str(name)}, {"retired": at}, condition, {}))
        return self.get(name)

    def close(self, registration: Registration) -> bool:
        """Record that the stack of a retired dataset is gone. False if the dataset was brought back meanwhile."""
        key, values = {"name": str(registration.name)}, {"since": registration.retired}
        return self._update(Change(key, {"closed": True}, "#retired = :since", values))

    def reopen(self, name: DatasetName) -> None:
        """Record, before it is made, that the stack of a retired dataset may stand again."""
        self._update(Change({"name": str(name)}, {}, "attribute_exists(#retired)", {}, remove=("closed",)))

    def _update(self, change: Change) -> bool:
        return update_if(self._dynamodb, self._table, change) is None


def _registration(row: dict[str, Any]) -> Registration:
    return Registration(
        name=DatasetName.parse(row["name"]),
        definition=row["definition"],
        queue_url=row["queue_url"],
        dead_letter_queue_url=row["dead_letter_queue_url"],
        table=row["table"],
        retired=row.get("retired"),
        is_closed=row.get("closed", False),
        transform_job=row.get("transform_job"),
        # An earlier release wrote the job alone.
        was_transformed=row.get("was_transformed", "transform_job" in row),
        schedule=row.get("schedule"),
    )

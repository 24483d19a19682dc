"""Pauses of a dataset's schedule and of its table's upkeep: who paused, why, and since when.

They are kept in the row of the dataset's lock, which the poller reads anyway. Pausing a schedule itself is not done
here: see `pipeline.operate.schedules`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from pipeline.core.clock import Clock, iso, system_clock
from pipeline.core.dynamo import Change, get_many, update_if
from pipeline.lake.batches.records import LOCK, UPKEEP_PAUSED

LONGEST_REASON = 1000


class Paused(StrEnum):
    """What of a dataset can be paused; the value is the attribute of the lock's row that has the pause."""

    SCHEDULE = "schedule_paused"
    """Its schedule polls no more; what waits is loaded when somebody says so."""
    UPKEEP = UPKEEP_PAUSED
    """No turn of upkeep opens; batches go on."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody's pause of one thing."""

    by: str
    why: str
    since: str

    def to_json(self) -> dict[str, Any]:
        """As it is stored, and as programs get it."""
        return asdict(self)


Pauses = dict[Paused, Pause]
"""What of one dataset is paused."""


class PauseRecords:
    """Reads and writes pauses."""

    def __init__(self, dynamodb: Any, table: str, clock: Clock = system_clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def of(self, datasets: Iterable[str]) -> dict[str, Pauses]:
        """The pauses of those datasets that have any; one call for up to a hundred."""
        keys = [{"dataset": dataset, "item": LOCK} for dataset in sorted(set(datasets))]
        rows = get_many(self._dynamodb, self._table, keys)
        found = {row["dataset"]: _pauses(row) for row in rows}
        return {name: pauses for name, pauses in sorted(found.items()) if pauses}

    def put(self, dataset: str, what: Paused, by: str, why: str) -> bool:
        """Record a pause; False, and the recorded one stays, if there is one."""
        pause = Pause(by, why, iso(self._clock()))
        return self._update(dataset, f"attribute_not_exists(#{what})", {what.value: pause.to_json()})

    def remove(self, dataset: str, what: Paused) -> bool:
        """End a pause; False if there was none."""
        return self._update(dataset, f"attribute_exists(#{what})", {}, what.value)

    def _update(self, dataset: str, condition: str, values: dict[str, Any], *remove: str) -> bool:
        change = Change({"dataset": dataset, "item": LOCK}, values, condition, {}, remove=remove)
        return update_if(self._dynamodb, self._table, change) is None


def _pauses(row: dict[str, Any]) -> Pauses:
    return {what: Pause(**row[what]) for what in Paused if what in row}

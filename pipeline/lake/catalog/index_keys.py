"""Where a row stands in the indexes of the objects table: `open` what is not finished, `outcomes` what is. Pure.

A row that is flawed (`ObjectRow.is_flawed`) stands in `outcomes` under BAD_ROWS from the moment that this is known, and
not under its status, so that whoever has to look at it finds it among however many. `flawed` notes on the row that it
goes there: the write that finishes an object does not read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog.rows import FINISHED, OPEN, ObjectRow, Status

OPEN_INDEX, OUTCOMES_INDEX = "open", "outcomes"
NO_DATASET = "~"
"""Stands for the dataset of a row that has none. No team is named so."""
BAD_ROWS = "BAD_ROWS"
FLAWS = ("rows_bad", "rows_set_aside", "rows_repeated")


@dataclass(frozen=True, slots=True)
class Place:
    """What an index says of a row, which may lag. `dataset` is None for a row without one."""

    object: ObjectVersion
    dataset: str | None
    status: Status
    since: str

    @property
    def at(self) -> str:
        """Where it stands in its partition: among all places, those that changed last are the greatest."""
        return f"{self.since}#{self.object.digest}"


@dataclass(frozen=True, slots=True)
class Placing:
    """What a write does to the attributes by which the indexes hold a row; `rather` as of `dynamo.Change`."""

    set: Mapping[str, Any]
    remove: tuple[str, ...] = ()
    rather: Mapping[str, str] | None = None


def partition(dataset: str | None, status: Status) -> str:
    """Of either index."""
    return f"{dataset or NO_DATASET}#{status.value}"


def bad_rows_partition(dataset: str) -> str:
    """The partition of the index `outcomes` for objects of which rows were rejected or came twice."""
    return f"{dataset}#{BAD_ROWS}"


def placing(obj: ObjectVersion, to: Status, dataset: str | None, facts: Mapping[str, Any], now: str) -> Placing:
    """Of the write by which an object gets a status, and with it what is known of it now."""
    at = f"{now}#{obj.digest}"
    changes: dict[str, str] = {}
    remove: list[str] = []
    rather = None
    if to in OPEN:
        changes |= _in("open", partition(dataset, to), at)
    else:
        remove += ["open_pk", "open_sk"]
    if dataset and any(facts.get(name) for name in FLAWS):
        there = bad_rows_partition(dataset)
        changes |= {**_in("outcome", there, at), "flawed": there}
    elif to in FINISHED:
        changes |= _in("outcome", partition(dataset, to), at)
        rather = {"outcome_pk": "flawed"}
    elif to is Status.REGISTERED:
        remove += ["outcome_pk", "outcome_sk", "flawed"]
    return Placing(changes, tuple(remove), rather)


def dismissed(row: ObjectRow) -> dict[str, str]:
    """Of a row that nobody has to look at any more: it stands among those of its status."""
    if row.status in OPEN or not row.is_flawed:
        return {}
    return _in("outcome", partition(row.dataset, row.status), f"{row.since}#{row.object.digest}")


def _in(index: str, partition: str, at: str) -> dict[str, str]:
    return {f"{index}_pk": partition, f"{index}_sk": at}

"""Turns of upkeep: a dataset's lock held by no batch, while one run of the upkeep job rewrites and removes files.

The lock's row also says when upkeep is due: some time after the first batch since the last turn, or after so many
batches, so that a table that does not change costs nothing (PROTOCOL, Stage B 6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipeline.core.clock import Clock, iso, parse_iso, system_clock
from pipeline.core.dynamo import Change, encode, get, query, transact, update_if
from pipeline.core.errors import Refused
from pipeline.lake.batches.records import LOCK, Lock

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Upkeep

PREFIX = "upkeep-"
"""What an id of a turn begins with, and no batch's does."""

YIELDS_FOR = timedelta(days=1)
"""How long a due turn lets waiting objects go first: a dataset that always has some would never be kept up."""

AGAIN_AFTER = timedelta(hours=6)
"""When a turn that failed is tried again."""


class TurnStatus(StrEnum):
    """Where a turn stands; the last two are final."""

    OPEN = "OPEN"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as its row says. `run` is the job run that it is, once there is one; `did` counts what it did."""

    dataset: str
    id: str
    status: TurnStatus
    opened: str
    ended: str | None = None
    run: str | None = None
    did: dict[str, int] = field(default_factory=dict)
    error: str | None = None

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Turn:
        """The row as DynamoDB has it, as a value."""
        return cls(
            dataset=row["dataset"],
            id=row["item"].removeprefix("UPKEEP#"),
            status=TurnStatus(row["status"]),
            opened=row["opened"],
            ended=row.get("ended"),
            run=row.get("run"),
            did=dict(row.get("did", {})),
            error=row.get("error"),
        )


def is_turn(holder: str) -> bool:
    """Whether what holds a dataset's lock is a turn of upkeep, and no batch."""
    return holder.startswith(PREFIX)


def is_due(due: str | None, now: datetime, *, objects_wait: bool) -> bool:
    """Whether a turn opens now. `due` is what the lock's row says, None where no batch came since the last turn."""
    if due is None:
        return False
    return parse_iso(due) + (YIELDS_FOR if objects_wait else timedelta(0)) <= now


def counted(lock: Lock, settings: Upkeep, now: datetime) -> dict[str, Any]:
    """What a batch that opens now writes into the lock's row. The last of `after_batches` lets a turn go first."""
    batches = lock.batches + 1
    due = lock.upkeep_due or iso(now + settings.every)
    if batches >= settings.after_batches:
        due = min(due, iso(now - YIELDS_FOR))
    return {"upkeep_due": due, "batches": batches}


class Turns:
    """Reads and writes turns. Every write is conditional on the turn being OPEN, and on its holding the lock."""

    def __init__(self, dynamodb: Any, table: str, clock: Clock = system_clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def get(self, dataset: str, turn: str) -> Turn | None:
        """A turn, read consistently; None if there is none."""
        row = get(self._dynamodb, self._table, {"dataset": dataset, "item": _item(turn)})
        return Turn.from_row(row) if row else None

    def newest(self, dataset: str, limit: int) -> list[Turn]:
        """The dataset's last turns, newest first (ids sort by time)."""
        rows = query(
            self._dynamodb,
            limit,
            TableName=self._table,
            KeyConditionExpression="dataset = :d AND begins_with(#i, :u)",
            ExpressionAttributeNames={"#i": "item"},
            ExpressionAttributeValues={":d": {"S": dataset}, ":u": {"S": "UPKEEP#"}},
            ScanIndexForward=False,
        )
        return [Turn.from_row(row) for row in rows]

    def due(self, dataset: str) -> str | None:
        """When the next turn is due."""
        row = get(self._dynamodb, self._table, {"dataset": dataset, "item": LOCK})
        return row.get("upkeep_due") if row else None

    def ask(self, dataset: str) -> None:
        """Let the next poll that finds no batch open a turn, whatever waits."""
        since = iso(self._clock() - YIELDS_FOR)
        change = Change(
            key={"dataset": dataset, "item": LOCK}, set={"upkeep_due": since}, condition=_ANY_LOCK, values={}
        )
        update_if(self._dynamodb, self._table, change)

    def open(self, dataset: str, turn: str) -> bool:
        """Take the dataset's lock for a turn; False if a batch or another turn has it."""
        row = {
            "dataset": dataset,
            "item": _item(turn),
            "status": TurnStatus.OPEN.value,
            "opened": iso(self._clock()),
        }
        put = {
            "TableName": self._table,
            "Item": encode(row),
            "ConditionExpression": "attribute_not_exists(#item)",
            "ExpressionAttributeNames": {"#item": "item"},
        }
        lock = Change(
            key={"dataset": dataset, "item": LOCK},
            set={"active_batch": turn},
            condition="attribute_not_exists(#active_batch)",
            values={},
        )
        return not transact(self._dynamodb, [{"Put": put}, {"Update": lock.request(self._table)}])

    def claim(self, dataset: str, turn: str, run: str) -> None:
        """Make `run` the one run of an open turn. `Refused` if the turn has ended, or another run is it."""
        change = Change(
            key={"dataset": dataset, "item": _item(turn)},
            set={"run": run},
            condition="#status = :open AND (attribute_not_exists(#run) OR #run = :run)",
            values={"open": TurnStatus.OPEN.value, "run": run},
        )
        if rejected := update_if(self._dynamodb, self._table, change):
            status = rejected.old["status"] if rejected.old else "not there"
            raise Refused(f"{turn} of {dataset} is {status}, or another run has it: {run} may not begin")

    def end(self, dataset: str, turn: str, to: TurnStatus, **facts: Any) -> bool:
        """End the turn and free the lock; False if it had ended. After a failure the next is due soon."""
        now = self._clock()
        moving = Change(
            key={"dataset": dataset, "item": _item(turn)},
            set={"status": to.value, "ended": iso(now), **facts},
            condition="#status = :open",
            values={"open": TurnStatus.OPEN.value},
        )
        failed = to is TurnStatus.FAILED
        unlock = Change(
            key={"dataset": dataset, "item": LOCK},
            set={"upkeep_due": iso(now + AGAIN_AFTER)} if failed else {},
            remove=["active_batch", "batches", *([] if failed else ["upkeep_due"])],
            condition="#active_batch = :turn",
            values={"turn": turn},
        )
        actions = [{"Update": change.request(self._table)} for change in (moving, unlock)]
        return not transact(self._dynamodb, actions)


_ANY_LOCK = "attribute_exists(#item) OR attribute_not_exists(#item)"


def _item(turn: str) -> str:
    return f"UPKEEP#{turn}"

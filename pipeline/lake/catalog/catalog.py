"""Reads and writes of the catalog. Every status write is conditional on a legal predecessor, so doing one twice is
doing it once: a condition that fails because the row is there already, or later, is success."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.core.clock import Clock, iso, system_clock
from pipeline.core.dynamo import (
    TRANSACTION_ACTIONS,
    Change,
    Rejected,
    encode,
    get,
    get_many,
    put_if,
    query,
    scan,
    transact,
    update_if,
)
from pipeline.core.errors import Throttled, Transient
from pipeline.core.events.s3 import ObjectCreated, ObjectDeleted, SendAgain
from pipeline.core.objects import ObjectVersion, order_of
from pipeline.lake.catalog import contents
from pipeline.lake.catalog.index_keys import dismissed, placing
from pipeline.lake.catalog.indexes import Indexes
from pipeline.lake.catalog.rows import FROZEN, HISTORY_KEPT, PREDECESSORS, ObjectRow, Status, lifted, shorten
from pipeline.lake.catalog.staging import Staging
from pipeline.lake.datasets import DatasetName
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.routing import unrouted_partition

_OF_A_GENERATION = [
    *("reason", "hint", "batch", "execution", "duplicate_of", "staged", "staged_etag", "bad_rows_uri"),
    *("rows_in", "rows_out", "rows_bad", "rows_set_aside", "rows_repeated"),
]
"""What is said of one passage of an object through the lake, and no more of the next."""


def key_of(obj: ObjectVersion) -> dict[str, str]:
    return {"path": obj.path, "version_id": obj.version_id}


class Catalog(Indexes):
    """The objects table of one lake."""

    def __init__(self, dynamodb: Any, table: str, clock: Clock = system_clock) -> None:
        super().__init__(dynamodb, table)
        self._clock = clock

    # -- registration ----------------------------------------------------------------------------------------

    def register(self, event: ObjectCreated, dataset: DatasetName) -> StageAWork | None:
        """Record a version of a registered dataset; None when nothing is left to do for it."""
        item = self._new_row(event, Status.REGISTERED, str(dataset))
        rejected = self._put_new(item)
        row = ObjectRow.from_row(rejected.old if rejected and rejected.old else item)
        if event.sequencer:
            self._lift(event.object)
        if row.status is Status.UNROUTED:
            # Whoever left it so may have died, or failed, before it was sent on: this event may be the last word of it.
            return self.send_again(SendAgain(row.object, row.generation + 1), dataset)
        return self._to_transform(row)

    def leave_unrouted(self, event: ObjectCreated, reason: str, hint: str | None = None) -> ObjectRow:
        """Record a version that no dataset wants yet, with the reason; applying its dataset picks it up.

        Returns the row as it stands: UNROUTED, unless the version was recorded before and is further on.
        """
        item = self._new_row(event, Status.UNROUTED, None) | {
            "reason": shorten(reason),
            "open_pk": unrouted_partition(event.object.key, event.object.digest),
            **({"hint": hint} if hint else {}),
        }
        rejected = self._put_new(item)
        if event.sequencer:
            self._lift(event.object)
        return ObjectRow.from_row(rejected.old if rejected and rejected.old else item)

    def mark_deleted(self, event: ObjectDeleted) -> None:
        """Give a delete marker its row. Deleting a raw object removes no rows of a table."""
        created = ObjectCreated(event.object, 0, "", event.event_ms, event.sequencer)
        self._put_new(self._new_row(created, Status.DELETE_MARKER, None))

    def send_again(self, event: SendAgain, dataset: DatasetName | None) -> StageAWork | None:
        """Make the transition that a redrive, a replay, a released duplicate or an applied dataset asked for.

        `Transient` while the batch that the object failed in has not ended: it still gives up the object's content.
        """
        row = self.get(event.object)
        if row is None or dataset is None or row.generation >= event.generation:
            return self._to_transform(row) if row and row.generation == event.generation else None
        change = self._change(
            row.object,
            Status.REGISTERED,
            {"generation": event.generation, "dataset": str(dataset), "history": _kept(row, self._now())},
            partition=str(dataset),
            condition="#generation = :before",
            values={"before": event.generation - 1},
            remove=_OF_A_GENERATION,
            log=False,
        )
        actions = [{"Update": change.request(self.table)}]
        if row.batch and row.checksum and row.status is not Status.COMMITTED:
            # What is REGISTERED again and fails there gives up nothing: its duplicates would wait for ever.
            actions.append(contents.given_up(self.table, row.object, row.checksum))
        refused = transact(self._dynamodb, actions)
        if refused and not refused[0]:
            raise Transient(f"{row.object.uri}: batch {row.batch} has not ended yet")
        return None if refused else StageAWork(row.object, event.generation, row.event_ms, row.size)

    def _put_new(self, item: dict[str, Any]) -> Rejected | None:
        return put_if(self._dynamodb, self.table, item, "attribute_not_exists(#path)")

    def _new_row(self, event: ObjectCreated, status: Status, dataset: str | None) -> dict[str, Any]:
        now, obj = self._now(), event.object
        row = {
            **key_of(obj),
            "status": status.value,
            "generation": 1,
            "size": event.size,
            "etag": event.etag,
            "event_ms": event.event_ms,
            "order": order_of(event.event_ms, event.sequencer, obj),
            "since": now,
            "history": [[status.value, now]],
        }
        if event.sequencer:
            row["sequencer"] = event.sequencer
        if dataset:
            row["dataset"] = dataset
        return {**row, **placing(obj, status, dataset, {}, now).set}

    def _lift(self, obj: ObjectVersion) -> None:
        """Put the key's orders right after a version was added (PROTOCOL, Identity 2), and note that it has several."""
        versions = self.history(obj.path)
        self._note_shared(versions)
        frozen = sorted(FROZEN)
        for version, order in lifted(versions).items():
            change = Change(
                key=key_of(version),
                set={"order": order},
                condition="attribute_exists(#path) AND NOT (#status IN (:f0, :f1))",
                values={"f0": frozen[0].value, "f1": frozen[1].value},
            )
            update_if(self._dynamodb, self.table, change)

    def _note_shared(self, versions: list[ObjectRow]) -> None:
        """So that whoever loads one knows, without a question for each object, of which to ask for others."""
        files = [row for row in versions if row.status is not Status.DELETE_MARKER]
        for row in files if len(files) > 1 else ():
            if not row.shares_key:
                change = Change(key_of(row.object), {"shares_key": True}, "attribute_exists(#path)", {})
                update_if(self._dynamodb, self.table, change)

    @staticmethod
    def _to_transform(row: ObjectRow) -> StageAWork | None:
        if row.status is not Status.REGISTERED:
            return None
        return StageAWork(row.object, row.generation, row.event_ms, row.size)

    # -- transitions -----------------------------------------------------------------------------------------

    def move(
        self,
        obj: ObjectVersion,
        to: Status,
        dataset: str,
        *,
        generation: int | None = None,
        only_from: Status | None = None,
        **facts: Any,
    ) -> ObjectRow | None:
        """Move one object. None when moved; otherwise its row as it stands instead ("mine already, or later")."""
        condition, values = "", {}
        if generation is not None:
            condition, values = "#generation = :generation", {"generation": generation}
        change = self._change(
            obj, to, facts, partition=dataset, condition=condition, values=values, only_from=only_from
        )
        rejected = update_if(self._dynamodb, self.table, change)
        return ObjectRow.from_row(rejected.old) if rejected and rejected.old else None

    def stage_many(self, stagings: Sequence[Staging], dataset: str) -> list[ObjectRow | None]:
        """`stage` for each, in one transaction where that goes."""
        if len(stagings) > 1 and self._is_staged_at_once(stagings, dataset):
            return [None] * len(stagings)
        return [self.stage(each, dataset) for each in stagings]

    def _is_staged_at_once(self, stagings: Sequence[Staging], dataset: str) -> bool:
        # A transaction takes no item twice: the holder of two versions with one content.
        if len({each.work.object.path for each in stagings}) < len(stagings):
            return False
        actions = [action for each in stagings for action in self._staging(each, dataset)]
        if len(actions) > TRANSACTION_ACTIONS:
            return False
        try:
            return not transact(self._dynamodb, actions)
        except Throttled:
            # One by one there would be more writes, not fewer.
            raise
        except Transient:
            return False

    def stage(self, staging: Staging, dataset: str) -> ObjectRow | None:
        """Record that a REGISTERED object is staged. None when it was; otherwise its row as it stands instead.

        The version and its content's holder are written in one transaction, so that two at once do not both load.
        `Transient` if the holder gave the content up in this moment.
        """
        obj, checksum = staging.work.object, staging.checksum
        refused = transact(self._dynamodb, self._staging(staging, dataset))
        if staging.once and refused and refused[1] and not refused[0]:
            holder = refused[1].old["holder"] if refused[1].old else ""
            reason = f"the same content was dropped before under this key, as version {holder}"
            facts = {"checksum": checksum, "duplicate_of": holder, "reason": reason}
            repeated = self._leaving_registered(staging.work, Status.DUPLICATE, dataset, facts)
            refused = transact(self._dynamodb, [repeated, contents.held(self.table, obj, checksum, holder)])
            if not refused:
                return self.get(obj)
            if not refused[0]:
                raise Transient(f"{obj.uri}: version {holder} gave up the same content just now")
        return ObjectRow.from_row(refused[0].old) if refused and refused[0] and refused[0].old else None

    def _staging(self, staging: Staging, dataset: str) -> list[dict[str, Any]]:
        facts = {"checksum": staging.checksum, **staging.facts}
        moving = self._leaving_registered(staging.work, Status.STAGED, dataset, facts)
        taking = contents.taking(self.table, staging.work.object, staging.checksum)
        return [moving, taking] if staging.once else [moving]

    def _leaving_registered(self, work: StageAWork, to: Status, dataset: str, facts: dict[str, Any]) -> dict[str, Any]:
        return self.moving(
            work.object,
            to,
            dataset,
            facts=facts,
            only_from=Status.REGISTERED,
            condition="#generation = :generation",
            values={"generation": work.generation},
        )

    def moving(self, obj: ObjectVersion, to: Status, dataset: str, **more: Any) -> dict[str, Any]:
        """The Update of a transaction that moves one object."""
        request = self._change(obj, to, more.pop("facts", {}), partition=dataset, **more).request(self.table)
        return {"Update": {**request, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}

    def unclaiming(self, obj: ObjectVersion, dataset: str, batch: str) -> dict[str, Any]:
        """The Update of a transaction that lets an object wait again which `batch` claimed and does not load."""
        return self.moving(
            obj,
            Status.STAGED,
            dataset,
            only_from=Status.CLAIMED,
            condition="#batch = :batch",
            values={"batch": batch},
            remove=["batch"],
        )

    def _change(
        self,
        obj: ObjectVersion,
        to: Status,
        facts: Mapping[str, Any],
        *,
        partition: str,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
        remove: list[str] | None = None,
        log: bool = True,
        only_from: Status | None = None,
    ) -> Change:
        now = self._now()
        allowed = [only_from] if only_from else sorted(PREDECESSORS[to])
        place = placing(obj, to, partition, facts, now)
        legal = f"#status IN ({', '.join(f':from{i}' for i in range(len(allowed)))})"
        return Change(
            key=key_of(obj),
            set={"status": to.value, "since": now, **place.set, **facts},
            condition=f"{legal} AND {condition}" if condition else legal,
            values={**{f"from{i}": s.value for i, s in enumerate(allowed)}, **(values or {})},
            remove=[*(remove or []), *place.remove],
            append={"history": [[to.value, now]]} if log else None,
            rather=place.rather,
        )

    def restage(self, row: ObjectRow, dataset: str, *, once: bool) -> bool:
        """Let an object that failed or was quarantined in a batch wait for the next one. False if it may not:
        it is further on already, or another version has loaded its content meanwhile."""
        moving = self.moving(
            row.object,
            Status.STAGED,
            dataset,
            condition="#generation = :generation AND attribute_exists(#staged) AND NOT (#status IN (:here, :claimed))",
            values={
                "generation": row.generation,
                "here": Status.REGISTERED.value,
                "claimed": Status.CLAIMED.value,
            },
            remove=["batch", "reason", "hint"],
        )
        taking = [contents.taking(self.table, row.object, row.checksum)] if once and row.checksum else []
        return not transact(self._dynamodb, [moving, *taking])

    def dismiss(self, row: ObjectRow, by: str, why: str) -> bool:
        """Note that nothing more is to be done about an object as it stands; False if it went on meanwhile."""
        said = {"at": self._now(), "by": by, "why": why, "since": row.since}
        changes = {"dismissed": said, **dismissed(row)}
        change = Change(key_of(row.object), changes, "#since = :since", {"since": row.since})
        return update_if(self._dynamodb, self.table, change) is None

    def release_content(self, row: ObjectRow) -> list[ObjectRow]:
        """Give up the content that a version held and will not load now; returns its duplicates, to be sent again.

        Content that nobody holds is as good as given up: whoever did may have died before sending its duplicates.
        """
        if not row.checksum:
            return []
        # A redrive may have staged the version again since `row` was read: then it holds its content rightly.
        unchanged = {
            "TableName": self.table,
            "Key": encode(key_of(row.object)),
            "ConditionExpression": "#status = :status AND #generation = :generation",
            "ExpressionAttributeNames": {"#status": "status", "#generation": "generation"},
            "ExpressionAttributeValues": encode({":status": row.status.value, ":generation": row.generation}),
        }
        if transact(
            self._dynamodb,
            [contents.giving_up(self.table, row.object, row.checksum), {"ConditionCheck": unchanged}],
        ):
            return []
        same_key = self.history(row.object.path)
        return [r for r in same_key if r.status is Status.DUPLICATE and r.checksum == row.checksum]

    # -- questions -------------------------------------------------------------------------------------------

    def get(self, obj: ObjectVersion) -> ObjectRow | None:
        row = get(self._dynamodb, self.table, key_of(obj))
        return ObjectRow.from_row(row) if row else None

    def get_many(self, objects: list[ObjectVersion]) -> list[ObjectRow]:
        """Rows of `objects` that exist, read consistently, in the order of `objects`."""
        rows = [ObjectRow.from_row(r) for r in get_many(self._dynamodb, self.table, [key_of(o) for o in objects])]
        place = {obj: i for i, obj in enumerate(objects)}
        return sorted(rows, key=lambda row: place[row.object])

    def history(self, path: str) -> list[ObjectRow]:
        """All versions of one key, read consistently."""
        rows = query(
            self._dynamodb,
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="#p = :p",
            ExpressionAttributeNames={"#p": "path"},
            ExpressionAttributeValues={":p": {"S": path}},
        )
        return [ObjectRow.from_row(r) for r in rows if not r["version_id"].startswith(contents.PREFIX)]

    def all(self, dataset: str | None = None, status: Status | None = None) -> Iterator[ObjectRow]:
        """Every row, of one dataset or status where given. Reads the whole table: no command of the lake does."""
        rows = (ObjectRow.from_row(r) for r in scan(self._dynamodb, TableName=self.table) if "status" in r)
        return (r for r in rows if dataset in (None, r.dataset) and status in (None, r.status))

    def arrivals(self) -> Iterator[tuple[int, str]]:
        """When each object arrived (ms since 1970), and its status. Reads the whole table."""
        names = {"#at": "event_ms", "#status": "status"}
        rows = scan(
            self._dynamodb,
            TableName=self.table,
            ProjectionExpression="#at, #status",
            ExpressionAttributeNames=names,
        )
        return ((row["event_ms"], row["status"]) for row in rows if row)

    def _now(self) -> str:
        return iso(self._clock())


def _kept(row: ObjectRow, now: str) -> list[list[str]]:
    """The end of a row's history and its new start, so that redrives do not grow it without bound."""
    return [*(list(entry) for entry in row.history[-HISTORY_KEPT:]), [Status.REGISTERED.value, now]]

"""Moves of objects from one status to the next. Every write is conditional on a legal predecessor, so doing one twice
is doing it once: a condition that fails because the row is there already, or later, is success."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.clock import Clock, iso, system_clock
from pipeline.core.dynamo import TRANSACTION_ACTIONS, Change, encode, transact, update_if
from pipeline.core.errors import Throttled, Transient
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import contents
from pipeline.lake.catalog.index_keys import dismissed, placing
from pipeline.lake.catalog.reads import Reads, key_of
from pipeline.lake.catalog.rows import PREDECESSORS, ObjectRow, Status
from pipeline.lake.catalog.staged_writes import Staging
from pipeline.lake.messages.stage_a import StageAWork


class Transitions(Reads):
    """Moves the objects of one lake."""

    def __init__(self, dynamodb: Any, table: str, clock: Clock = system_clock) -> None:
        super().__init__(dynamodb, table)
        self._clock = clock

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

    def _now(self) -> str:
        return iso(self._clock())

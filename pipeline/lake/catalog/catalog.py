"""The objects table of one lake: registration of objects, on top of the moves between statuses and of the reads."""

from __future__ import annotations

from typing import Any

from pipeline.core.dynamo import Change, Rejected, put_if, transact, update_if
from pipeline.core.errors import Transient
from pipeline.core.events.s3 import ObjectCreated, ObjectDeleted, SendAgain
from pipeline.core.objects import ObjectVersion, order_of
from pipeline.lake.catalog import contents
from pipeline.lake.catalog.index_keys import placing
from pipeline.lake.catalog.parts import Parts
from pipeline.lake.catalog.reads import key_of
from pipeline.lake.catalog.rows import FROZEN, HISTORY_KEPT, ObjectRow, Status, lifted, shorten
from pipeline.lake.datasets import DatasetName
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.routing import unrouted_partition

_OF_A_GENERATION = [
    *("reason", "hint", "batch", "execution", "duplicate_of", "staged", "staged_etag", "bad_rows_uri"),
    *("rows_in", "rows_out", "rows_bad", "rows_set_aside", "rows_repeated", "nulled", "left_uri", "rows_left"),
    "control",
]
"""What is said of one passage of an object through the lake, and no more of the next."""


class Catalog(Parts):
    """The objects table of one lake. Recording a version twice is recording it once."""

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

    def leave_unrouted(
        self, event: ObjectCreated, reason: str, hint: str | None = None, kept_by: str | None = None
    ) -> ObjectRow:
        """Record a version that no dataset wants yet, with the reason; applying its dataset picks it up.

        What another flow keeps there is dismissed at once: nothing is to be done about it. Returns the row as it
        stands: UNROUTED, unless the version was recorded before and is further on.
        """
        item = self._new_row(event, Status.UNROUTED, None) | {
            "reason": shorten(reason),
            "open_pk": unrouted_partition(event.object.key, event.object.digest),
            **({"hint": hint} if hint else {}),
        }
        if kept_by:
            why = f"the flow {kept_by} keeps it"
            item["dismissed"] = {"at": item["since"], "by": kept_by, "why": why, "since": item["since"]}
        rejected = self._put_new(item)
        if event.sequencer:
            self._lift(event.object)
        return ObjectRow.from_row(rejected.old if rejected and rejected.old else item)

    def mark_deleted(self, event: ObjectDeleted) -> None:
        """Give a delete marker its row. Deleting a raw object removes no rows of a table."""
        created = ObjectCreated(event.object, 0, "", event.event_ms, event.sequencer)
        self._put_new(self._new_row(created, Status.DELETE_MARKER, None))

    def send_again(self, event: SendAgain, dataset: DatasetName | None) -> StageAWork | None:
        """Make the transition that a redrive, a released duplicate or an applied dataset asked for.

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
        if row.batch and row.checksum:
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
        files = [row for row in versions if row.status is not Status.DELETE_MARKER and not row.object.is_part]
        for row in files if len(files) > 1 else ():
            if not row.shares_key:
                change = Change(key_of(row.object), {"shares_key": True}, "attribute_exists(#path)", {})
                update_if(self._dynamodb, self.table, change)

    @staticmethod
    def _to_transform(row: ObjectRow) -> StageAWork | None:
        if row.status is not Status.REGISTERED:
            return None
        return StageAWork(row.object, row.generation, row.event_ms, row.size)


def _kept(row: ObjectRow, now: str) -> list[list[str]]:
    """The end of a row's history and its new start, so that redrives do not grow it without bound."""
    return [*(list(entry) for entry in row.history[-HISTORY_KEPT:]), [Status.REGISTERED.value, now]]

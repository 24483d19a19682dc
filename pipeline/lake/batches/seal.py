"""Makes a sealed batch of objects that wait: open it, claim its objects, seal it with its manifest.

Every step may be repeated by anybody at any time (PROTOCOL, Poller): each is conditional on the batch's status, and
a step that finds the batch further on does nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.clock import Clock, iso, system_clock
from pipeline.core.dynamo import TRANSACTION_ACTIONS, Change, encode, transact
from pipeline.core.errors import Inconsistent, Transient
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.deliveries import loaded_before
from pipeline.lake.batches.manifest import manifest, manifest_body, manifest_key
from pipeline.lake.batches.records import LOCK, Batch, BatchRecords, BatchStatus, batch_item, candidates_of
from pipeline.lake.batches.work import Work
from pipeline.lake.catalog import Catalog, ObjectRow, Status

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """Makes batches, as rows of `batches_table`, with manifests in `staging_bucket`."""

    catalog: Catalog
    records: BatchRecords
    dynamodb: Any
    s3: Any
    batches_table: str
    staging_bucket: str
    clock: Clock = system_clock

    def open(
        self,
        work: Work,
        batch: str,
        candidates: Sequence[ObjectVersion],
        release: dict[str, str] | None = None,
        counted: Mapping[str, Any] | None = None,
        delivery: Sequence[str] = (),
    ) -> bool:
        """Open a batch over `candidates`, and take the dataset's lock for it; False if somebody else has the lock, or
        opened a batch of a greater id meanwhile.

        `counted` is what the opening of a batch changes in the lock's row (`upkeep.counted`), `delivery` as of `Batch`.
        """
        now = iso(self.clock())
        row = {
            "dataset": work.name,
            "item": batch_item(batch),
            "status": BatchStatus.OPENING.value,
            "candidates": [[obj.path, obj.version_id] for obj in candidates],
            "opened": now,
            "history": [[BatchStatus.OPENING.value, now]],
            **({"release": release} if release else {}),
            **({"delivery": list(delivery)} if delivery else {}),
        }
        put = {
            "TableName": self.batches_table,
            "Item": encode(row),
            "ConditionExpression": "attribute_not_exists(#item)",
            "ExpressionAttributeNames": {"#item": "item"},
        }
        lock = Change(
            key={"dataset": work.name, "item": LOCK},
            set={"active_batch": batch, "last_batch": batch, **(counted or {})},
            condition=(
                "attribute_not_exists(#active_batch) AND (attribute_not_exists(#last_batch) OR #last_batch < :batch)"
            ),
            values={"batch": batch},
        )
        return not transact(self.dynamodb, [{"Put": put}, {"Update": lock.request(self.batches_table)}])

    def cancel_unless_whole(self, work: Work, batch: Batch) -> Batch:
        """End the batch of a delivery of which something cannot be claimed, before anything of it is; the batch then.

        While a batch holds the lock nothing else takes what is STAGED, so that what is whole stays so.
        """
        rows = self.catalog.get_many(candidates_of(batch))
        whole = [row for row in rows if row.status is Status.STAGED or row.batch == batch.id]
        if len(whole) == len(batch.candidates):
            return batch
        # Refused if another poller claims it in this moment: to that one it was whole.
        transact(self.dynamodb, self.records.cancelling(work.name, batch.id))
        return self.records.get(work.name, batch.id) or batch

    def claim(self, work: Work, batch: Batch) -> None:
        """Claim the candidates that are still STAGED, while the batch is OPENING."""
        opening = {"Update": self.records.claiming(work.name, batch.id).request(self.batches_table)}
        candidates = candidates_of(batch)
        step = TRANSACTION_ACTIONS - 1
        for start in range(0, len(candidates), step):
            chunk = candidates[start : start + step]
            while chunk:
                moves = [self._claiming(o, work, batch) for o in chunk]
                results = transact(self.dynamodb, [opening, *moves])
                if not results:
                    break
                if results[0] is not None:
                    return
                chunk = [o for o, refused in zip(chunk, results[1:], strict=True) if refused is None]

    def _claiming(self, obj: ObjectVersion, work: Work, batch: Batch) -> dict[str, Any]:
        """Whatever the batch's row names: what is not the dataset's own is not claimed."""
        facts, own = {"batch": batch.id}, {"dataset": work.name}
        return self.catalog.moving(
            obj, Status.CLAIMED, work.name, facts=facts, condition="#dataset = :dataset", values=own
        )

    def seal(self, work: Work, batch: Batch) -> Batch:
        """Fix what the batch loads: SEALED with the claimed objects, or CANCELLED without any; the batch as it is then.

        `Transient` if another poller claims objects for it in this moment.
        """
        rows = self.catalog.get_many(candidates_of(batch))
        mine = [row for row in rows if row.status is Status.CLAIMED and row.batch == batch.id]
        if batch.delivery and mine and len(mine) < len(batch.candidates):
            raise Inconsistent(f"batch {batch.id} of {work.name} has claimed a part of its delivery alone")
        if not mine:
            transact(self.dynamodb, self.records.cancelling(work.name, batch.id))
        elif self.records.move(work.name, batch.id, BatchStatus.SEALED, **self._facts(work, batch, mine)) is None:
            # What ties the ids of the objects to the id of the batch (`sluice logs --id`).
            objects = [row.object.digest for row in mine]
            log.info("batch sealed", extra={"correlation_id": batch.id, "dataset": work.name, "objects": objects})
        sealed = self.records.get(work.name, batch.id)
        if sealed is None:
            raise Inconsistent(f"batch {batch.id} of {work.name} vanished")
        if sealed.status is BatchStatus.OPENING:
            raise Transient(f"another poller claims objects for batch {batch.id} of {work.name} just now")
        return sealed

    def _facts(self, work: Work, batch: Batch, rows: Sequence[ObjectRow]) -> dict[str, Any]:
        """What the row of a sealed batch says of its objects; the manifest is stored before."""
        # Another poller may claim one of these until the batch is sealed: it is not in this manifest, and whoever
        # ends the batch has to know.
        claimed = {row.object for row in rows}
        data = [row for row in rows if row.control is None]
        return {
            "manifest": self._store_manifest(work, batch, data),
            # Whoever ends the batch finds its table by this, without the dataset's registration.
            **({"format": work.dataset.table.format} if work.dataset.table.format != "iceberg" else {}),
            "objects": len(data),
            "left_out": [place for place, obj in enumerate(candidates_of(batch)) if obj not in claimed],
            "oldest_ms": min(row.event_ms for row in rows),
            "staged_bad_rows": sum(row.rows_bad or 0 for row in data),
            **({"staged_nulled": nulled} if (nulled := sum(sum(row.nulled.values()) for row in data)) else {}),
        }

    def _store_manifest(self, work: Work, batch: Batch, rows: Sequence[ObjectRow]) -> str:
        """The s3:// URI of the manifest."""
        loaded = loaded_before(self.catalog, work.dataset, rows)
        body = manifest_body(manifest(batch.id, work, rows, loaded))
        key = manifest_key(work.name, batch.id, body)
        self.s3.put_object(Bucket=self.staging_bucket, Key=key, Body=body, ContentType="application/json")
        return f"s3://{self.staging_bucket}/{key}"

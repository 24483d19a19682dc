"""The batch's row in DynamoDB: its status, what its job wrote, and the verdict on it. No decisions here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal
from uuid import uuid4

from pipeline.core.clock import Clock, iso, system_clock
from pipeline.core.dynamo import Change, get, get_many, query, update_if
from pipeline.core.errors import NotThere, Refused
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.metrics import COUNTED, Measured, deciding, measured, remembering
from pipeline.lake.messages.written import Written
from pipeline.lake.quality.expressions import MOST

LOCK = "LOCK"
UPKEEP_PAUSED = "upkeep_paused"
"""The attribute of the lock's row that has the pause of upkeep, while it is paused (`pauses`)."""


class BatchStatus(StrEnum):
    """Where a batch stands (PROTOCOL, Catalog). The last four are final."""

    OPENING = "OPENING"
    SEALED = "SEALED"
    RUNNING = "RUNNING"
    COMMITTING = "COMMITTING"
    COMMITTED = "COMMITTED"
    QUARANTINED = "QUARANTINED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


FINAL = frozenset({BatchStatus.COMMITTED, BatchStatus.QUARANTINED, BatchStatus.FAILED, BatchStatus.CANCELLED})

PREDECESSORS: dict[BatchStatus, frozenset[BatchStatus]] = {
    BatchStatus.SEALED: frozenset({BatchStatus.OPENING}),
    # From OPENING only unclaimed; later by who proved that nothing of it is in the table, with its objects put back.
    BatchStatus.CANCELLED: frozenset({BatchStatus.OPENING, BatchStatus.RUNNING, BatchStatus.COMMITTING}),
    BatchStatus.RUNNING: frozenset({BatchStatus.SEALED, BatchStatus.COMMITTING}),
    # From COMMITTING too: a commit whose acknowledgement was lost is run again, and its marker decides.
    BatchStatus.COMMITTING: frozenset({BatchStatus.RUNNING, BatchStatus.COMMITTING}),
    BatchStatus.QUARANTINED: frozenset({BatchStatus.RUNNING}),
    BatchStatus.FAILED: frozenset({BatchStatus.SEALED, BatchStatus.RUNNING, BatchStatus.COMMITTING}),
    BatchStatus.COMMITTED: frozenset({BatchStatus.COMMITTING}),
}
"""Legal predecessors of each status. SEALED may fail when its execution ended before anything ran."""


def batch_item(batch: str) -> str:
    """The sort key of a batch's row."""
    return f"BATCH#{batch}"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule of the ruleset, as written, its outcome (`Passed` or `Failed`), why it failed, and what it was compared
    with where that was computed."""

    rule: str
    outcome: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a ruleset on a snapshot: PASSED, FAILED, or WARNED where failing does not block.

    `metrics` are the numbers that its rules are about, by their names (`quality.metrics.metric_of`); of the batch, or
    of the table as it would become (`scope`).
    """

    snapshot: int
    outcome: str
    rules: tuple[RuleResult, ...] = ()
    sample_uri: str | None = None
    released_by: str | None = None
    reason: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    scope: str = "batch"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as its row says."""

    dataset: str
    id: str
    status: BatchStatus
    candidates: tuple[tuple[str, str], ...]
    opened: str
    objects: int = 0
    left_out: tuple[int, ...] = ()
    """Places of the candidates that are not in the manifest."""
    manifest: str | None = None
    format: str = "iceberg"
    """What its table is made of."""
    staged_bad_rows: int = 0
    """Rows that Stage A had set aside from the objects of the manifest."""
    staged_nulled: int = 0
    """Values of those objects that are null because their column cannot hold them, as `ObjectRow.nulled` counts."""
    oldest_ms: int | None = None
    """When the oldest object of the manifest came into the raw bucket."""
    write: Written | None = None
    verdict: Verdict | None = None
    rebases: int = 0
    error: str | None = None
    ended: str | None = None
    release: dict[str, str] | None = None
    delivery: tuple[str, ...] = ()
    """The markers or manifests (`bucket/key#version`) whose delivery the batch is: it loads all of it, or nothing."""
    copying: frozenset[str] = frozenset()
    """Calls that copy its files to where readers are led, each as `<until when at most>#<which>`."""
    is_outline: bool = False
    """It was read without its candidates, and without `left_out`."""

    @property
    def bad_rows(self) -> int:
        """All rows of its objects that were set aside, by Stage A before it began or by its own job."""
        return self.staged_bad_rows + (self.write.bad_rows if self.write else 0)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Batch:
        """The row as DynamoDB has it, as a value."""
        write, verdict = row.get("write"), row.get("verdict")
        if write and (published := row.get("published")):
            write = {**write, "snapshot": published}
        return cls(
            dataset=row["dataset"],
            id=row["item"].removeprefix("BATCH#"),
            status=BatchStatus(row["status"]),
            candidates=tuple((path, version) for path, version in row.get("candidates", ())),
            opened=row["opened"],
            objects=row.get("objects", 0),
            left_out=tuple(row.get("left_out", ())),
            manifest=row.get("manifest"),
            format=row.get("format", "iceberg"),
            staged_bad_rows=row.get("staged_bad_rows", 0),
            staged_nulled=row.get("staged_nulled", 0),
            oldest_ms=row.get("oldest_ms"),
            write=Written.from_json(write) if write else None,
            verdict=_verdict(verdict) if verdict else None,
            rebases=row.get("rebases", 0),
            error=row.get("error"),
            ended=row.get("ended"),
            release=row.get("release"),
            delivery=tuple(row.get("delivery", ())),
            copying=frozenset(row.get("copying", ())),
            is_outline="candidates" not in row,
        )


_OUTLINE = (
    *("dataset", "item", "status", "opened", "objects", "manifest", "format", "staged_bad_rows", "staged_nulled"),
    *("oldest_ms", "write", "published", "verdict", "rebases", "error", "ended", "release", "delivery", "copying"),
)
"""Attributes of a batch's row but for the long ones: thousands of candidates are most of it."""


def candidates_of(batch: Batch) -> list[ObjectVersion]:
    """The object versions that a batch was opened with. `ValueError` for an outline, which does not know them."""
    if batch.is_outline:
        raise ValueError(f"batch {batch.id} was read without its candidates")
    found = ((*path.partition("/")[::2], version) for path, version in batch.candidates)
    return [ObjectVersion(bucket, key, version) for bucket, key, version in found]


def unknown(batch: str, dataset: str | None = None) -> NotThere:
    """The refusal of what is asked of a batch that has no row: rows of old ones are gone (PROTOCOL, Catalog)."""
    return NotThere(
        f"{dataset or 'no dataset'} has {'no' if dataset else 'a'} batch {batch}, or its history has ended",
        hint="`sluice status` lists batches. The setting batch-history-days says how long each is remembered.",
    )


def _known(kind: type[Verdict], row: dict[str, Any]) -> dict[str, Any]:
    """The facts that this version of the code knows: another may have written while one was rolled out."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in row.items() if name in names}


def _verdict(row: dict[str, Any]) -> Verdict:
    rules = tuple(RuleResult(**rule) for rule in row["rules"])
    numbers = {name: float(value) for name, value in row.get("metrics", {}).items()}
    return Verdict(**{**_known(Verdict, row), "snapshot": int(row["snapshot"]), "rules": rules, "metrics": numbers})


COPIES_FOR = timedelta(minutes=10)
"""The longest that a call which copies files goes on: the function's five minutes, and what S3 ends of them later."""


@dataclass(frozen=True, slots=True)
class Lock:
    """Who has a dataset to itself, if anybody, when its table's upkeep is due, and how many batches opened since the
    last."""

    active: str | None
    upkeep_due: str | None
    batches: int = 0
    strays_told: str | None = None
    """Until when the team was told of objects that no delivery names."""
    last_batch: str | None = None
    """The batch that was opened last, whose id is the greatest."""
    is_upkeep_paused: bool = False


def _lock(row: Mapping[str, Any]) -> Lock:
    return Lock(
        row.get("active_batch"),
        row.get("upkeep_due"),
        int(row.get("batches", 0)),
        row.get("strays_told"),
        row.get("last_batch"),
        UPKEEP_PAUSED in row,
    )


class BatchRecords:
    """Reads and writes batch rows. Every status write is conditional on a legal predecessor."""

    def __init__(self, dynamodb: Any, table: str, clock: Clock = system_clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def get(self, dataset: str, batch: str) -> Batch | None:
        """A batch, read consistently; None if there is none, or its history has ended."""
        row = get(self._dynamodb, self._table, {"dataset": dataset, "item": batch_item(batch)})
        return Batch.from_row(row) if row else None

    def find(self, datasets: Iterable[str], batch: str) -> Batch | None:
        """The batch of this id, whichever of the datasets it is of; one call for up to a hundred of them."""
        keys = [{"dataset": dataset, "item": batch_item(batch)} for dataset in datasets]
        return next((Batch.from_row(row) for row in get_many(self._dynamodb, self._table, keys)), None)

    def active(self, dataset: str) -> str | None:
        """The id of the batch, or of the turn of upkeep, that holds the dataset's lock."""
        return self.lock(dataset).active

    def lock(self, dataset: str) -> Lock:
        """The dataset's lock as it stands."""
        return _lock(get(self._dynamodb, self._table, {"dataset": dataset, "item": LOCK}) or {})

    def locks(self, datasets: Iterable[str]) -> dict[str, Lock]:
        """The locks of these datasets as they stand; one call for up to a hundred."""
        names = list(datasets)
        keys = [{"dataset": dataset, "item": LOCK} for dataset in names]
        found = {row["dataset"]: _lock(row) for row in get_many(self._dynamodb, self._table, keys)}
        return {name: found.get(name) or _lock({}) for name in names}

    def is_free(self, dataset: str) -> dict[str, Any]:
        """The check of a transaction that nobody has the dataset to himself."""
        check = Change(
            key={"dataset": dataset, "item": LOCK}, set={}, condition="attribute_not_exists(#active_batch)", values={}
        ).request(self._table)
        del check["UpdateExpression"]
        return {"ConditionCheck": check}

    def told_strays(self, dataset: str, until: str) -> None:
        """Note until when the team was told of objects that no delivery names."""
        change = Change(
            key={"dataset": dataset, "item": LOCK},
            set={"strays_told": until},
            condition="attribute_not_exists(#strays_told) OR #strays_told < :until",
            values={"until": until},
        )
        update_if(self._dynamodb, self._table, change)

    def newest(self, dataset: str, limit: int, *, outlined: bool = False) -> list[Batch]:
        """The dataset's last batches, newest first (ids sort by time); or only outlines of them, which are quick to
        read."""
        names = {f"#a{place}": name for place, name in enumerate(_OUTLINE)} if outlined else {}
        rows = query(
            self._dynamodb,
            limit,
            TableName=self._table,
            KeyConditionExpression="dataset = :d AND begins_with(#i, :b)",
            ExpressionAttributeNames={"#i": "item", **names},
            ExpressionAttributeValues={":d": {"S": dataset}, ":b": {"S": "BATCH#"}},
            ScanIndexForward=False,
            **({"ProjectionExpression": ", ".join(names)} if outlined else {}),
        )
        return [Batch.from_row(row) for row in rows]

    def statuses(self, dataset: str, limit: int) -> dict[str, BatchStatus]:
        """The statuses of the dataset's last batches, by their ids, newest first."""
        rows = query(
            self._dynamodb,
            limit,
            TableName=self._table,
            KeyConditionExpression="dataset = :d AND begins_with(#i, :b)",
            ProjectionExpression="#i, #s",
            ExpressionAttributeNames={"#i": "item", "#s": "status"},
            ExpressionAttributeValues={":d": {"S": dataset}, ":b": {"S": batch_item("")}},
            ScanIndexForward=False,
        )
        return {row["item"].removeprefix(batch_item("")): BatchStatus(row["status"]) for row in rows}

    def measured(self, dataset: str, *, before: str | None = None, most: int = MOST) -> list[Measured]:
        """What was measured on the dataset's last committed batches; see `metrics.measured`."""
        return measured(self._dynamodb, self._table, dataset, before=before, most=most)

    def remembering(self, batch: Batch) -> list[dict[str, Any]]:
        """Transaction actions, beside those that commit a batch, by which later ones are compared with it."""
        verdict = batch.verdict
        if verdict is None or verdict.outcome not in COUNTED or not verdict.metrics:
            return []
        found = Measured(batch.id, verdict.scope, verdict.metrics)
        return [{"Update": remembering(batch.dataset, found, self._clock()).request(self._table)}]

    def let_count(self, dataset: str, batch_id: str, *, counts: bool, by: str, reason: str) -> None:
        """A person's word on whether later batches are compared with a committed one; the last word holds.

        `Refused` if it is not committed, or nothing was measured on it.
        """
        said = {"by": by, "reason": reason, "at": iso(self._clock())}
        deciding_now = deciding(dataset, batch_id, counts=counts, said=said)
        if update_if(self._dynamodb, self._table, deciding_now) is None:
            return
        batch = self.get(dataset, batch_id)
        if batch is None:
            raise unknown(batch_id, dataset)
        verdict = batch.verdict
        if batch.status is not BatchStatus.COMMITTED or verdict is None or not verdict.metrics:
            raise Refused(
                f"batch {batch_id} of {dataset} is {batch.status}, with {'no' if not verdict else verdict.outcome} "
                "verdict: no later batch is compared with it",
                hint="Only what is committed and was measured may count. `sluice release` loads what was held back.",
            )
        found = Measured(batch_id, verdict.scope, verdict.metrics, said=said)
        if counts and update_if(self._dynamodb, self._table, remembering(dataset, found, self._clock())):
            update_if(self._dynamodb, self._table, deciding_now)

    def opened_by(self, dataset: str, last: str, limit: int) -> list[Batch]:
        """The batches whose ids are at most `last`, a ULID, the newest first."""
        rows = query(
            self._dynamodb,
            limit,
            TableName=self._table,
            KeyConditionExpression="dataset = :d AND #i BETWEEN :first AND :last",
            ExpressionAttributeNames={"#i": "item"},
            ExpressionAttributeValues={
                ":d": {"S": dataset},
                ":first": {"S": batch_item("")},
                ":last": {"S": batch_item(last)},
            },
            ScanIndexForward=False,
        )
        return [Batch.from_row(row) for row in rows]

    def wrote(self, dataset: str, batch: str, written: Written) -> None:
        """Record what a job run wrote; the batch is RUNNING from here. `Refused` if it has ended."""
        self._record(dataset, batch, {"write": written.to_json(), "status": BatchStatus.RUNNING.value})

    def judged(self, dataset: str, batch: str, verdict: Verdict) -> None:
        """Record the verdict on what was written. `Refused` if the batch has ended."""
        facts = {
            **asdict(verdict),
            "snapshot": str(verdict.snapshot),
            "rules": [asdict(r) for r in verdict.rules],
            # DynamoDB's numbers have another precision and range.
            "metrics": {name: repr(value) for name, value in verdict.metrics.items()},
        }
        self._record(dataset, batch, {"verdict": facts})

    def _record(self, dataset: str, batch: str, facts: dict[str, Any]) -> None:
        change = Change(
            key={"dataset": dataset, "item": batch_item(batch)},
            set=facts,
            condition="#status IN (:sealed, :running)",
            values={"sealed": BatchStatus.SEALED.value, "running": BatchStatus.RUNNING.value},
        )
        if rejected := update_if(self._dynamodb, self._table, change):
            status = rejected.old["status"] if rejected.old else "not there"
            raise Refused(f"batch {batch} of {dataset} is {status}: a job of it may not write any more")

    def move(
        self, dataset: str, batch: str, to: BatchStatus, *, only_from: BatchStatus | None = None, **facts: Any
    ) -> Batch | None:
        """Move the batch to a status. None when moved; otherwise the batch as it stands instead."""
        change = self.moving(dataset, batch, to, only_from=only_from, **facts)
        rejected = update_if(self._dynamodb, self._table, change)
        if rejected is None:
            return None
        if rejected.old is None:
            raise unknown(batch, dataset)
        return Batch.from_row(rejected.old)

    def moving(
        self, dataset: str, batch: str, to: BatchStatus, *, only_from: BatchStatus | None = None, **facts: Any
    ) -> Change:
        """The change that `move` makes, for a transaction."""
        now = iso(self._clock())
        allowed = [only_from] if only_from else sorted(PREDECESSORS[to])
        ended = {"ended": now} if to in FINAL else {}
        return Change(
            key={"dataset": dataset, "item": batch_item(batch)},
            set={"status": to.value, **ended, **facts},
            condition=f"#status IN ({', '.join(f':from{i}' for i in range(len(allowed)))})",
            values={f"from{i}": status.value for i, status in enumerate(allowed)},
            append={"history": [[to.value, now]]},
        )

    def claiming(self, dataset: str, batch: str) -> Change:
        """Of a transaction that claims objects: the batch must be OPENING, and cannot be cancelled from here."""
        return Change(
            key={"dataset": dataset, "item": batch_item(batch)},
            set={"claimed": True},
            condition="#status = :opening",
            values={"opening": BatchStatus.OPENING.value},
        )

    def cancelling(self, dataset: str, batch: str) -> list[dict[str, Any]]:
        """Transaction actions that end a batch of which nobody has claimed an object, and free the lock."""
        moving = self.moving(dataset, batch, BatchStatus.CANCELLED, only_from=BatchStatus.OPENING)
        unclaimed = replace(moving, condition=f"{moving.condition} AND attribute_not_exists(#claimed)")
        return [{"Update": unclaimed.request(self._table)}, self._unlocking(dataset, batch)]

    def committing(self, dataset: str, batch: str, copying: str | None = None) -> list[dict[str, Any]]:
        """Transaction actions that let this batch, and only the one that holds the lock, begin to commit.

        `copying` is the name of a call that is going to copy files (`new_copy`).
        """
        lock = Change(
            key={"dataset": dataset, "item": LOCK},
            set={},
            condition="#active_batch = :batch",
            values={"batch": batch},
        ).request(self._table)
        del lock["UpdateExpression"]
        moving = self.moving(dataset, batch, BatchStatus.COMMITTING).request(self._table)
        if copying:
            _with_set(moving, "ADD", copying)
        return [{"Update": moving}, {"ConditionCheck": lock}]

    def new_copy(self) -> str:
        """A name for a call that copies a batch's files, by which others know until when it may."""
        return f"{iso(self._clock() + COPIES_FOR)}#{uuid4().hex[:12]}"

    def copied(self, dataset: str, batch: str, copying: str) -> None:
        """A call that copied has ended."""
        key = {"dataset": dataset, "item": batch_item(batch)}
        request = Change(key=key, set={}, condition="attribute_exists(#status)", values={}).request(self._table)
        self._dynamodb.update_item(**_with_set(request, "DELETE", copying))

    def is_copied(self, batch: Batch) -> bool:
        """Whether a call may still copy the batch's files."""
        now = iso(self._clock())
        return any(each.partition("#")[0] > now for each in batch.copying)

    def ending(
        self, dataset: str, batch: str, to: BatchStatus, copying: frozenset[str] | None = None, **facts: Any
    ) -> list[dict[str, Any]]:
        """Transaction actions that end the batch and free the dataset's lock.

        A fact `published` is the snapshot by which readers have the rows, where it is not the one that was written.
        With `copying`, what was read of the batch, they are refused if a call that copies began or ended meanwhile.
        """
        moving = self.moving(dataset, batch, to, **facts)
        if copying is not None:
            same = "#copying = :copying" if copying else "attribute_not_exists(#copying)"
            values = {**moving.values, **({"copying": set(copying)} if copying else {})}
            moving = replace(moving, condition=f"{moving.condition} AND {same}", values=values)
        return [{"Update": moving.request(self._table)}, self._unlocking(dataset, batch)]

    def _unlocking(self, dataset: str, batch: str) -> dict[str, Any]:
        unlock = Change(
            key={"dataset": dataset, "item": LOCK},
            set={},
            remove=["active_batch"],
            condition="#active_batch = :batch",
            values={"batch": batch},
        )
        return {"Update": unlock.request(self._table)}


def _with_set(request: dict[str, Any], change: Literal["ADD", "DELETE"], copying: str) -> dict[str, Any]:
    """An update that also changes the set of calls that copy."""
    request["UpdateExpression"] = f"{request['UpdateExpression']} {change} #copying :this".strip()
    request["ExpressionAttributeNames"]["#copying"] = "copying"
    request.setdefault("ExpressionAttributeValues", {})[":this"] = {"SS": [copying]}
    return request

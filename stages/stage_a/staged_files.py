"""Staged files: each object of a bundle, streamed from raw to staging as Parquet, and the catalog told.

The function and the job that stand for Stage A's transform both call this, so that which of them does is no matter.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
import traceback
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipeline.core.aws_errors import is_transient
from pipeline.core.clients import client
from pipeline.core.errors import BadObject, Broken, Gone, Inconsistent, SluiceError
from pipeline.core.objects import ObjectVersion, named_in, staged_key
from pipeline.core.telemetry.logs import log_context
from pipeline.core.telemetry.metrics import emit
from pipeline.core.telemetry.names import Metric
from pipeline.lake.catalog import ObjectRow, Staging, Status
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.files.choice import Choice
from pipeline.lake.files.conversion import Conversion, convert
from pipeline.lake.files.limits import MIB
from pipeline.lake.files.read_ahead import ReadAhead
from pipeline.lake.files.source import Readable
from pipeline.lake.messages.stage_a import Bundle, StageAWork
from pipeline.lake.settings import Setting
from stages.stage_a.control_files import stage_control
from stages.stage_a.failure import fail_object
from stages.stage_a.parts import part_of
from stages.stage_a.staged_uploads import put, put_new
from stages.stage_a.staging_lake import StagingLake

if TYPE_CHECKING:
    from botocore.response import StreamingBody

log = logging.getLogger(__name__)

_COUNTS = ("rows_in", "rows_out", "rows_bad", "rows_left")
NULLED_COLUMNS = 100
"""Columns of which the catalog says how many values became null: a row of it holds 400 KB at most."""

_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405"})


@dataclass(frozen=True, slots=True)
class Task:
    """What the state machine hands to one transform, for one of its objects."""

    work: StageAWork
    dataset: str
    settings: StageA
    contract: Mapping[str, Column]
    once: bool
    execution: str

    @classmethod
    def of_bundle(cls, bundle: Bundle) -> list[Task]:
        """One task for each object of a bundle."""
        settings = StageA.model_validate(bundle.stage_a)
        contract = {name: Column.model_validate(column) for name, column in bundle.contract.items()}
        once = bundle.write == "append"
        return [cls(work, bundle.dataset, settings, contract, once, bundle.execution) for work in bundle.objects]

    def about(self) -> AbstractContextManager[None]:
        """Log lines within are about this object."""
        return log_context(correlation_id=self.work.object.digest, dataset=self.dataset, execution=self.execution)


@dataclass(frozen=True, slots=True)
class Staged:
    """Where the Parquet lies and what it counts."""

    key: str
    etag: str
    counts: Mapping[str, int]


def stage_objects(bundle: Bundle, lake: StagingLake) -> list[str]:
    """Stage the objects of a bundle; their statuses, in their order. Run twice it finds its own work and adopts it.

    A file that cannot be read as its dataset says is QUARANTINED, one that is not there any more GONE. These are
    answers and no errors: nobody has to mend the code. Any error is that of the whole bundle: the state machine
    tries its objects again, one by one.
    """
    tasks = Task.of_bundle(bundle)
    statuses: dict[ObjectVersion, str] = {}
    staged: dict[ObjectVersion, tuple[Task, Staging]] = {}
    unreadable: list[tuple[Task, Status, str, str | None]] = []
    for task in tasks:
        with task.about():
            try:
                staged[task.work.object] = task, _stage(task, lake)
            except (BadObject, Gone) as error:
                # Not the error itself: it would keep what was read of the file in memory.
                status = Status.GONE if isinstance(error, Gone) else Status.QUARANTINED
                unreadable.append((task, status, error.message, error.hint))
    found = lake.catalog.stage_many([staging for _, staging in staged.values()], bundle.dataset)
    for (task, staging), before in zip(staged.values(), found, strict=True):
        with task.about():
            statuses[task.work.object] = _told(task, staging, before)
    # Last: a bundle is tried again for any of its objects, in a burst dozens of times, and teams hear of it each time.
    for task, status, reason, hint in unreadable:
        with task.about():
            failed = fail_object(lake, task.work, task.dataset, status, reason, hint, execution=task.execution)
            statuses[task.work.object] = failed["status"]
    return [statuses[task.work.object] for task in tasks]


def _stage(task: Task, lake: StagingLake) -> Staging:
    """Write what is staged of an object; what its row is to say."""
    staging, quarantine = lake.settings[Setting.STAGING_BUCKET], lake.settings[Setting.QUARANTINE_BUCKET]
    if task.work.control:
        return _stage_control(task, lake, staging)
    key = staged_key(task.dataset, task.work.object, task.work.generation, task.work.event_ms)
    bad_rows_key = key.removesuffix(".parquet") + ".jsonl"
    with tempfile.TemporaryDirectory(prefix="transform-") as folder:
        parquet, bad_rows = Path(folder, "out.parquet"), Path(folder, "bad.jsonl")
        part = part_of(lake.catalog, task.work.object, Path(folder))
        conversion, checksum = _convert(task, parquet, bad_rows, part.choice if part else None)
        counts = part.settle(conversion, parquet, bad_rows) if part else _counts(conversion)
        if bad_rows.stat().st_size:
            put(quarantine, bad_rows_key, bad_rows, "application/x-ndjson", named_in(task.work.object))
        staged = _put_once(staging, key, parquet, task, counts)
    facts: dict[str, Any] = {
        **staged.counts,
        "staged": f"s3://{staging}/{key}",
        "staged_etag": staged.etag,
        "execution": task.execution,
    }
    if conversion.nulled:
        most = sorted(conversion.nulled.items(), key=lambda each: -each[1])[:NULLED_COLUMNS]
        facts["nulled"] = dict(most)
    if staged.counts["rows_bad"] or staged.counts.get("rows_left"):
        facts["left_uri" if part else "bad_rows_uri"] = f"s3://{quarantine}/{bad_rows_key}"
    return Staging(task.work, part.checksum if part else checksum, task.once and part is None, facts)


def _stage_control(task: Task, lake: StagingLake, staging: str) -> Staging:
    with tempfile.TemporaryDirectory(prefix="transform-") as folder, _body(task.work.object) as body:
        return stage_control(
            task.work,
            body,
            dataset=task.dataset,
            bucket=staging,
            folder=Path(folder),
            catalog=lake.catalog,
            execution=task.execution,
        )


def _told(task: Task, staging: Staging, before: ObjectRow | None) -> str:
    """Say what became of an object. `before` is its row where it was not staged now."""
    status = _status(task, before)
    counts = {name: staging.facts[name] for name in ("rows_in", "rows_out", "rows_bad")}
    nulled = sum(staging.facts.get("nulled", {}).values())
    told = {**counts, **({"values_nulled": nulled} if nulled else {})}
    log.info("object read", extra={"key": task.work.object.key, "status": status, **told})
    if status == Status.STAGED:
        _measure(task, counts, nulled)
    return status


def _measure(task: Task, counts: Mapping[str, int], nulled: int) -> None:
    rows, bad = counts["rows_out"], counts["rows_bad"]
    values = {
        Metric.OBJECTS_STAGED: 1,
        Metric.ROWS_STAGED: rows,
        Metric.ROWS_QUARANTINED: bad,
        Metric.VALUES_NULLED: nulled,
    }
    emit(task.dataset, values, task.work.object.digest)


class _Hashed:
    """Takes the SHA-256 of what is read of a stream."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._sum = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._sum.update(data)
        return data

    def hexdigest(self) -> str:
        """Of what was read so far."""
        return self._sum.hexdigest()


def _finish(source: Readable, hashed: _Hashed) -> str:
    """Read what nobody has read; the SHA-256 of all that the object has."""
    while source.read(MIB):
        pass
    return hashed.hexdigest()


def _body(obj: ObjectVersion) -> closing[StreamingBody]:
    """The object's bytes, from the first.

    A body's own `with` gives the stream within, whose errors the SDK has not named: a broken connection were a bug.
    """
    s3 = client("s3")
    try:
        return closing(s3.get_object(Bucket=obj.bucket, Key=obj.key, VersionId=obj.whole.version_id)["Body"])
    except s3.exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") in _GONE:
            raise Gone(f"{obj.uri} version {obj.version_id} was deleted before it was read") from error
        raise


def _convert(task: Task, parquet: Path, bad_rows: Path, choice: Choice | None) -> tuple[Conversion, str]:
    """Convert the object; with it the SHA-256 of its bytes, as hex."""
    obj = task.work.object
    with ExitStack() as bodies:
        hashed = _Hashed(bodies.enter_context(_body(obj)))
        source = bodies.enter_context(ReadAhead(hashed))
        try:
            conversion = convert(
                source,
                file_name=obj.file_name,
                settings=task.settings,
                contract=task.contract,
                parquet=parquet,
                bad_rows=bad_rows,
                metadata={"sluice.source": obj.uri, "sluice.version": obj.version_id, "sluice.file": obj.file_name},
                again=lambda: bodies.enter_context(ReadAhead(bodies.enter_context(_body(obj)))),
                choice=choice,
            )
        except (SluiceError, OSError):
            raise
        except Exception as error:
            if is_transient(error):
                raise
            raise Broken(_place_of(error)) from None
        return conversion, _finish(source, hashed)


def _place_of(error: Exception) -> str:
    """Where an error came from. What it says may quote the file, and Lambda would log it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {last.name}, {Path(last.filename).name}:{last.lineno}"


def _counts(conversion: Conversion) -> Mapping[str, int]:
    return {"rows_in": conversion.rows_in, "rows_out": conversion.rows_out, "rows_bad": conversion.rows_bad}


def _put_once(bucket: str, key: str, parquet: Path, task: Task, counts: Mapping[str, int]) -> Staged:
    """Write the staged file if nobody has; else verify that what is there is this object's, and adopt it."""
    # User metadata holds 2 KB of ASCII; the whole URI stands in the Parquet file's own metadata.
    metadata = {name.replace("_", "-"): str(n) for name, n in counts.items()}
    metadata["source"] = _fingerprint(task.work.object)
    etag = put_new(bucket, key, parquet, metadata)
    return _adopt(bucket, key, task.work.object) if etag is None else Staged(key, etag, counts)


def _adopt(bucket: str, key: str, obj: ObjectVersion) -> Staged:
    found = client("s3").head_object(Bucket=bucket, Key=key)
    metadata = found["Metadata"]
    if metadata.get("source") != _fingerprint(obj):
        raise Inconsistent(f"s3://{bucket}/{key} was not made from {obj.uri} version {obj.version_id}")
    names = [name for name in _COUNTS if name.replace("_", "-") in metadata]
    counts = {name: int(metadata[name.replace("_", "-")]) for name in names}
    return Staged(key, found["ETag"].strip('"'), counts)


def _fingerprint(obj: ObjectVersion) -> str:
    return f"{obj.digest} {quote(obj.version_id)}"


def _status(task: Task, before: ObjectRow | None) -> str:
    work = task.work
    if before is None:
        return Status.STAGED
    if before.generation > work.generation:
        return Status.SUPERSEDED
    if before.generation < work.generation or before.status is Status.REGISTERED:
        raise Inconsistent(f"{work.object.uri} is {before.status} in generation {before.generation}")
    return before.status

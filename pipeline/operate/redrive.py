"""Sending back what failed, as people ask for it. Doing it twice is harmless."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from shlex import quote

from pipeline.core.clients import client
from pipeline.core.errors import NotThere, Refused, WrongUsage
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.redrive import REDRIVABLE, Redriven, Redriver, redrive_invocations, redrive_queue
from pipeline.lake.batches.work import Work
from pipeline.lake.catalog import ObjectRow
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.operate.advice import advice
from pipeline.operate.arguments import dataset_name, object_of
from pipeline.operate.batches import find_batch
from pipeline.operate.executions import find, objects_of
from pipeline.operate.flows import STAGE_B, DeadLetters, flows_of
from pipeline.operate.missing_objects import diagnose
from pipeline.operate.missing_rows import needs_attention
from pipeline.operate.objects import chosen, table_of, versions
from pipeline.operate.open_issues import needing

MOST = 10_000
"""Objects of one status of a dataset that are sent back at once."""


def redrive_objects(lake: Lake, uris: Sequence[str], version: str | None = None) -> Redriven:
    """Send the quarantined and failed versions of objects through Stage A again, or only the `version` of one.

    They are named as `sluice why` takes them. `Refused` for an object that has none.
    """
    return _send_back(lake, [row for uri in uris for row in _redrivable(lake, uri, version)])


def redrive_version(lake: Lake, obj: ObjectVersion) -> Redriven:
    """Send one version of an object through Stage A again; `Refused` unless it is quarantined or failed."""
    row = row_of(lake, obj)
    if row.status not in REDRIVABLE:
        raise Refused(
            f"{obj.uri} version {obj.version_id} is {row.status}",
            hint="Only what is quarantined or failed is sent back.",
        )
    return _send_back(lake, [row])


def redrive_rows(lake: Lake, rows: Sequence[ObjectRow]) -> Redriven:
    """Send those of `rows` that are quarantined or failed through Stage A again. `Refused` if one is of a retired
    dataset."""
    return _send_back(lake, rows)


def row_of(lake: Lake, obj: ObjectVersion) -> ObjectRow:
    """What the catalog says of one version; `NotThere` if it does not know it."""
    row = lake.catalog.get(obj)
    if row is None:
        raise NotThere(f"{obj.uri} version {obj.version_id} is not in the catalog", hint="See `sluice why`.")
    return row


def redrive_dataset(lake: Lake, dataset: DatasetName) -> Redriven:
    """Send all quarantined and failed objects of a dataset through Stage A again."""
    waiting = [obj for s in sorted(REDRIVABLE) for obj, _ in lake.catalog.waiting(str(dataset), s, MOST)]
    return _send_back(lake, lake.catalog.get_many(waiting))


def redrive_batch(lake: Lake, batch: str) -> Redriven:
    """Load what a failed or quarantined batch carried in a new one, as it is staged. `Refused` for another.

    What is not staged any more goes through Stage A again.
    """
    return _redriver(lake).batch(_work_of(lake, batch), batch)


def release_batch(lake: Lake, batch: str, by: str, reason: str) -> Redriven:
    """Load a quarantined batch although it failed its rules; who and why is kept with the verdict.

    `WrongUsage` without a reason; `Refused` for a batch that no rule holds back, or while its dataset is busy.
    """
    if not reason.strip():
        raise WrongUsage("a release needs a reason")
    return _redriver(lake).batch(_work_of(lake, batch), batch, {"by": by, "reason": reason.strip(), "of": batch})


def dismiss_objects(lake: Lake, rows: Sequence[ObjectRow], by: str, why: str) -> int:
    """Note of objects that nothing more is to be done about them: they need no attention as they stand.

    Whatever becomes of one later, it is to be looked at again. `WrongUsage` without a reason; returns how many it were.
    """
    if not why.strip():
        raise WrongUsage("say why nothing is to be done", hint="Such as --reason 'its rows came in orders-2.csv'.")
    return sum(lake.catalog.dismiss(row, by, why.strip()) for row in rows)


def to_dismiss(lake: Lake, uris: Sequence[str], dataset: DatasetName | None) -> list[ObjectRow]:
    """What needs attention of objects, or of a whole dataset. `Refused` for an object of which nothing does."""
    if dataset:
        return needing(lake, dataset)
    found: list[ObjectRow] = []
    for uri in uris:
        obj = object_of(lake, uri)
        rows = [row for row in lake.catalog.history(obj.path) if needs_attention(row)]
        if not rows:
            raise Refused(f"nothing of {obj.uri} needs attention", hint=f"See `sluice why {quote(uri)}`.")
        found += rows
    return found


def redrive_execution(lake: Lake, name: str) -> Redriven:
    """Send back what an execution carried, its batch or its objects.

    Not the execution itself: its batch has ended, and its objects have been marked. They go on as new ones.
    """
    run, described = find(lake, name)
    if not run.is_of_lake:
        raise Refused(
            f"execution {name} is of {run.machine}, which is no machine of Stage A or B: it carries no objects",
            hint=f"Step Functions redrives it itself: `sluice executions redrive {quote(name)}`.",
        )
    if run.machine == STAGE_B:
        return redrive_batch(lake, run.name)
    return _send_back(lake, lake.catalog.get_many([each.object for each in objects_of(described)]))


def redrive_messages(lake: Lake, queue: str, only: Collection[str] | None = None) -> int:
    """Send the messages of a dead-letter queue back to where they came from, or `only` those of these ids; how many.

    `queue` is one that a flow publishes, such as `raw`, or a dataset. `NotThere` for another, `Refused` for a retired
    one.
    """
    dead = dead_letter_queue(lake, queue)
    if dead.queue is None:
        return redrive_invocations(client("sqs"), dead.url, client("lambda"), dead.invoked, only)
    return redrive_queue(client("sqs"), dead.url, dead.queue, only)


def dead_letter_queue(lake: Lake, queue: str) -> DeadLetters:
    """A dead-letter queue by its name, or by that of its dataset."""
    published = flows_of(lake).dead_letters
    if queue in published:
        return published[queue]
    try:
        registration = lake.registry.get(DatasetName.parse(queue))
    except ValueError:
        registration = None
    if registration is None:
        there = f"There are {', '.join(published)}, and one of each dataset: `sluice datasets list`."
        raise NotThere(f"there is no queue {queue}: no dataset is named so", hint=there)
    _check_open(registration)
    return DeadLetters(queue, registration.dead_letter_queue_url, "poll", registration.queue_url, "")


def _send_back(lake: Lake, rows: Sequence[ObjectRow]) -> Redriven:
    names = {dataset_name(row.dataset) for row in rows if row.dataset}
    for registration in lake.registry.get_many(names).values() if names else ():
        _check_open(registration)
    return _redriver(lake).objects(rows)


def _check_open(registration: Registration) -> None:
    if registration.is_closed:
        name = registration.name
        raise Refused(
            f"dataset {name} is retired since {registration.retired}, and has no queue and schedule any more",
            hint=f"Put definitions/datasets/{name}.yaml back and run `sluice datasets apply {name}` first.",
        )


def _redriver(lake: Lake) -> Redriver:
    return Redriver(lake.catalog, lake.batches, lake.poller, lake.send_again, _is_gone)


def _is_gone(row: ObjectRow) -> bool:
    """Staged files expire (PROTOCOL, Stage A 4)."""
    s3 = client("s3")
    bucket, _, key = (row.staged or "").removeprefix("s3://").partition("/")
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return True
        raise
    return False


def _work_of(lake: Lake, batch: str) -> Work:
    _, registration = find_batch(lake, batch)
    _check_open(registration)
    return Work.of(registration)


def _redrivable(lake: Lake, uri: str, version: str | None) -> list[ObjectRow]:
    """`Refused` where there is nothing to send back, with what `sluice why` says of the object."""
    obj = object_of(lake, uri)
    known = chosen(versions(lake, obj), version)
    if not known:
        found = diagnose(lake, obj)
        raise Refused(f"{obj.uri} is not in the catalog: {found.reason}", hint=found.todo)
    rows = [row for row in known if row.status in REDRIVABLE]
    if not rows:
        newest = known[0]
        raise Refused(
            f"{obj.uri} is {newest.status}: only what is quarantined or failed is sent back",
            hint=advice(newest, table_of(lake, newest)),
        )
    return rows

"""Commands that send things back: redrive, release."""

from __future__ import annotations

import getpass
import json
from typing import Annotated

import typer
from rich.markup import escape

from pipeline.batches.opening import Work
from pipeline.batches.redriving import REDRIVABLE, Redriven, Redriver, redrive_invocations, redrive_queue
from pipeline.catalog import ObjectRow, Registered
from pipeline.cli.app import app
from pipeline.cli.arguments import dataset_name
from pipeline.cli.connect import Connected
from pipeline.cli.machines import find
from pipeline.cli.output import Json, console, print_json
from pipeline.cli.summary import FAILURES, RAW
from pipeline.clients import client
from pipeline.errors import BadInput, Refused
from pipeline.settings import Setting
from pipeline.wiring import Lake


@app.command()
def redrive(
    context: typer.Context,
    objects: Annotated[list[str] | None, typer.Argument(help="Objects, as s3://bucket/key.")] = None,
    dataset: Annotated[str | None, typer.Option(help="All quarantined and failed objects of team/dataset.")] = None,
    batch: Annotated[str | None, typer.Option(help="A quarantined or failed batch, as it was staged.")] = None,
    queue: Annotated[
        str | None,
        typer.Option(help="A dead-letter queue: `raw`, team/dataset, `stage-a-failures`, `stage-b-failures`."),
    ] = None,
    execution: Annotated[
        str | None, typer.Option(help="What a failed execution carried: its batch or objects.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send objects, a batch, dead-lettered messages or what an execution carried back. Doing it twice is harmless.

    Objects go through Stage A again, from the raw file: mend the file's definition first. A batch is loaded again
    from what is staged.

    Example: sluice redrive --dataset shop/orders
    """
    if sum(1 for given in (objects, dataset, batch, queue, execution) if given) != 1:
        raise BadInput("say what to send back", hint="One of: objects, --dataset, --batch, --queue, --execution.")
    connected: Connected = context.obj.connect()
    lake = connected.lake
    if queue:
        moved = _redrive_queue(lake, queue)
        print_json({"messages": moved}) if as_json else console.print(f"sent back {moved} messages", highlight=False)
        return
    if execution:
        done = _redrive_execution(lake, execution)
    elif batch:
        done = redriver(lake).batch(find_batch(lake, batch), batch)
    elif dataset:
        name = str(dataset_name(dataset))
        waiting = [obj for s in sorted(REDRIVABLE) for obj, _ in lake.catalog.waiting(name, s, 10_000)]
        done = redriver(lake).objects(lake.catalog.get_many(waiting))
    else:
        done = redriver(lake).objects([row for uri in objects or [] for row in _versions(lake, uri)])
    _say(done, as_json)


@app.command()
def release(
    context: typer.Context,
    batch: Annotated[str, typer.Argument(help="The quarantined batch.")],
    reason: Annotated[str, typer.Option(help="Why its rows may be seen although they failed the rules.")],
    by: Annotated[str | None, typer.Option(help="Who decided; the user's name by default.")] = None,
    as_json: Json = False,
) -> None:
    """Load a quarantined batch although it failed its quality rules; who and why is kept with the verdict.

    Example: sluice release 01KF… --reason "the supplier confirmed the zero prices"
    """
    if not reason.strip():
        raise BadInput("a release needs a reason")
    lake = context.obj.connect().lake
    told = {"by": by or getpass.getuser(), "reason": reason.strip(), "of": batch}
    _say(redriver(lake).batch(find_batch(lake, batch), batch, told), as_json)


def redriver(lake: Lake) -> Redriver:
    return Redriver(lake.catalog, lake.batches, lake.poller, lake.send_again)


def find_batch(lake: Lake, batch: str) -> Work:
    """The dataset that a batch belongs to: ids are unique, and datasets are few."""
    for registration in lake.registry.all():
        if lake.batches.get(str(registration.dataset.name), batch):
            return Work(registration.dataset, registration.table)
    raise Refused(f"no dataset has a batch {batch}", hint="`sluice status` lists batches.")


def _versions(lake: Lake, uri: str) -> list[ObjectRow]:
    path = uri.removeprefix("s3://")
    rows = [row for row in lake.catalog.history(path) if row.status in REDRIVABLE]
    if not rows:
        raise Refused(f"{uri} has no quarantined or failed version", hint=f"See `sluice why {uri}`.")
    return rows


def _redrive_execution(lake: Lake, name: str) -> Redriven:
    """Not the execution itself: its batch has ended, and its objects have been marked. They go on as new ones."""
    run, described = find(lake, name)
    if run.machine == "b":
        return redriver(lake).batch(find_batch(lake, run.name), run.name)
    objects = [Registered.from_input(item).object for item in json.loads(described["input"])["objects"]]
    return redriver(lake).objects(lake.catalog.get_many(objects))


def _redrive_queue(lake: Lake, queue: str) -> int:
    if queue == RAW:
        dead, source = lake.settings[Setting.RAW_DEAD_LETTER_QUEUE_URL], lake.settings[Setting.RAW_QUEUE_URL]
        return redrive_queue(client("sqs"), dead, source)
    if queue in FAILURES:
        dead, function = (lake.settings[setting] for setting in FAILURES[queue])
        return redrive_invocations(client("sqs"), dead, client("lambda"), function)
    registration = lake.registry.get(dataset_name(queue))
    if registration is None:
        raise Refused(f"no dataset {queue} is registered", hint="`sluice datasets list` lists them.")
    return redrive_queue(client("sqs"), registration.dead_letter_queue_url, registration.queue_url)


def _say(done: Redriven, as_json: bool) -> None:
    if as_json:
        print_json({"sent": done.sent, "restaged": done.restaged, "batch": done.batch, "refused": done.refused})
        return
    if done.sent:
        console.print(f"sent {done.sent} objects through Stage A again", highlight=False)
    if done.restaged:
        where = f"in the new batch {done.batch}" if done.batch else "and wait for the next batch"
        console.print(f"{done.restaged} objects are staged again {where}", highlight=False)
    for name in done.refused:
        console.print(f"[yellow]left alone:[/] {escape(name)} is further on, or its content has been loaded since")
    if not (done.sent or done.restaged or done.refused):
        console.print("nothing to send back")

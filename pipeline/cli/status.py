"""`sluice status` and `sluice objects`: what is loaded, what waits, what needs attention."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import DatasetArgument, Limit, readable, time_option
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json, print_table, styled
from pipeline.core.errors import NotThere
from pipeline.lake.batches.completion import REBASES
from pipeline.lake.batches.records import Batch
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.services import Lake
from pipeline.operate.arguments import dataset_name, known
from pipeline.operate.catalog_state import counts, standing
from pipeline.operate.formatting import ago, between, counted, duration, moment, size
from pipeline.operate.object_filter import Flaw, ObjectFilter, status_or_flaw
from pipeline.operate.object_search import search, total
from pipeline.operate.objects import listed, row_json
from pipeline.operate.queues import Queue
from pipeline.operate.status import Summary, gather


@app.command()
def status(
    context: typer.Context,
    dataset: DatasetArgument = None,
    batches: Annotated[int, typer.Option(min=0, help="How many of the last batches of each dataset to show.")] = 3,
    as_json: Json = False,
) -> None:
    """Show at a glance what is loaded, what waits, what went wrong, and what to do about it.

    Example: sluice status legislators/memberships
    """
    lake = context.obj.connect().lake
    summary = _gather(lake, dataset_name(dataset) if dataset else None, batches)
    if as_json:
        print_json(summary.to_json())
    else:
        _print(summary, lake)


def print_summary(lake: Lake) -> None:
    """Print the summary as text, as `sluice status` does."""
    _print(_gather(lake, None, 3), lake)


def _gather(lake: Lake, dataset: DatasetName | None, batches: int) -> Summary:
    try:
        return gather(lake, dataset, batches)
    except NotThere as refused:
        raise NotThere(refused.message, hint=known(lake)) from None


def _print(summary: Summary, lake: Lake) -> None:
    _print_troubles(summary)
    _print_paused(summary)
    console.print()
    _print_objects(summary)
    _print_deliveries(summary)
    _print_batches(summary)
    if summary.running:
        now = lake.clock()
        rows = [
            (r.machine, moment(r.started), duration(r.seconds(now)), escape_untrusted(r.name)) for r in summary.running
        ]
        print_table("\nRunning executions", ("stage", "started", "for", "name"), rows)
    _print_queues(summary)
    if summary.progress.is_settled:
        console.print("\n[green]Settled:[/] nothing waits and nothing runs.")


def _print_paused(summary: Summary) -> None:
    for paused in summary.paused_json():
        what = "the upkeep of " if paused["what"] == "upkeep" else ""
        console.print(
            f"\n[yellow]Paused[/] {what}{paused['dataset']} [dim]since {moment(paused['since'])} by "
            f"{escape_untrusted(paused['by'])}[/]\n  {escape_untrusted(paused['why'])}",
            highlight=False,
            soft_wrap=True,
        )


def _print_deliveries(summary: Summary) -> None:
    for each in summary.deliveries:
        console.print(
            f"\n[bold]Waits[/] {escape_untrusted(each.uri)} [dim]since {moment(each.since)}, told at "
            f"{moment(each.until)}[/]\n  {escape_untrusted(each.summary)}",
            highlight=False,
            soft_wrap=True,
        )


def _print_objects(summary: Summary) -> None:
    used = [s.value for s in Status if any(counts[s.value] for counts in summary.objects.values())]
    rows = [
        (
            _dataset_name(name, summary),
            *(f"{counts[s]:,}" if counts[s] else "[dim]·[/]" for s in used),
            f"{counts.total():,}",
        )
        for name, counts in summary.objects.items()
    ]
    empty = "no dataset is registered and nothing was dropped"
    print_table("Objects", ("dataset", *(styled(s) for s in used), "total"), rows, empty=empty)


def _dataset_name(name: str | None, summary: Summary) -> str:
    if name is None:
        return "[dim](no dataset)[/]"
    return f"{escape_untrusted(name)} [dim]retired[/]" if name in summary.retired else escape_untrusted(name)


def _print_batches(summary: Summary) -> None:
    batches, rows = summary.batches, []
    for batch in batches:
        verdict = batch.verdict
        rows.append(
            (
                escape_untrusted(batch.dataset),
                batch.id,
                styled(batch.status),
                f"{batch.objects:,}",
                f"{batch.write.rows:,}" if batch.write else None,
                f"[yellow]{batch.bad_rows:,}[/]" if batch.bad_rows else "0",
                between(batch.opened, batch.ended) or "[cyan]runs[/]",
                styled(verdict.outcome) if verdict else "[dim]not checked[/]",
            )
        )
    columns = ("dataset", "batch", "status", "objects", "rows", "bad rows", "took", "verdict")
    console.print()
    print_table("Last batches", columns, rows)
    newest = {batch.dataset: batch.id for batch in reversed(batches)}
    ended = {batch.dataset: batch.id for batch in reversed(batches) if batch.ended}
    for batch in batches:
        # An error is shown until another batch has ended, not only until one has begun.
        is_newest = batch.id in (newest[batch.dataset], ended.get(batch.dataset))
        _print_verdict(batch, summary.since[batch.id].told, is_newest=is_newest)
    for batch in batches:
        if batch.staged_nulled:
            console.print(
                f"  [yellow]{escape_untrusted(batch.dataset)}[/] [dim]{batch.id}[/]: "
                f"{counted(batch.staged_nulled, 'value')} did not fit and became null, as the dataset says "
                "(`on_bad_value: null`); `sluice why OBJECT` says in which columns",
                highlight=False,
                soft_wrap=True,
            )


def _print_verdict(batch: Batch, since: str | None, *, is_newest: bool) -> None:
    """Print a batch's failed rules and what was done since; for a dataset's newest batch also its error and release;
    for a running one, that it is delayed by other writers of its table."""
    rules = [rule for rule in (batch.verdict.rules if batch.verdict else ()) if rule.outcome != "Passed"]
    meets_others = bool(batch.rebases and not batch.ended)
    if rules or since or meets_others or (is_newest and (batch.error or batch.release)):
        console.print(f"\n  [bold]{escape_untrusted(batch.dataset)}[/] [dim]{batch.id}[/]", highlight=False)
    for rule in rules:
        reason = f" [red]{escape_untrusted(rule.reason)}[/]" if rule.reason else ""
        console.print(f"    [red]✗[/] {escape_untrusted(rule.rule)}{reason}", highlight=False, soft_wrap=True)
    if batch.error and is_newest and not rules:
        console.print(f"    [red]{escape_untrusted(batch.error)}[/]", highlight=False, soft_wrap=True)
    if meets_others:
        delay = f"others write to its table: transform {batch.rebases + 1} of {REBASES + 1}"
        console.print(f"    [yellow]{delay}[/]", highlight=False)
    if since:
        console.print(f"    [cyan]since[/] {escape_untrusted(since)}", highlight=False, soft_wrap=True)
    if batch.release and is_newest:
        release = ", ".join(f"{name}: {value}" for name, value in batch.release.items())
        console.print(f"    [yellow]released[/] {escape_untrusted(release)}", highlight=False, soft_wrap=True)


def _print_troubles(summary: Summary) -> None:
    if not summary.troubles:
        console.print("[bold]Needs attention[/]: [green]nothing[/]")
        return
    console.print("[bold]Needs attention[/]")
    for t in summary.troubles:
        where = f" {escape_untrusted(t.dataset)}" if t.dataset else ""
        noun = "message" if t.status == "DEAD_LETTERS" else "object"
        example = (
            f", such as {escape_untrusted(t.example)}"
            if t.example and t.objects > 1
            else f", {escape_untrusted(t.example)}"
            if t.example
            else ""
        )
        console.print(
            f"  {styled(t.status)}{where}: {counted(t.objects, noun)}{example}", highlight=False, soft_wrap=True
        )
        console.print(f"    [dim]why[/] {escape_untrusted(t.reason)}", highlight=False, soft_wrap=True)
        console.print(f"    [dim]do [/] {escape_untrusted(t.todo)}", highlight=False, soft_wrap=True)


def _print_queues(summary: Summary) -> None:
    full = [queue for queue in summary.queues if (queue.waiting or queue.in_flight) and not _is_spent(queue, summary)]
    rows = [(_queue_name(q), f"{q.waiting:,}", f"{q.in_flight:,}") for q in full]
    console.print()
    empty = f"all {len(summary.queues)} are empty, dead-letter queues too"
    print_table("Queues", ("queue", "messages", "in flight"), rows, empty=empty)


def _is_spent(queue: Queue, summary: Summary) -> bool:
    """Whether a Stage B queue has only messages about loaded objects, which the next batch will delete."""
    return not queue.dead_letters and queue.name in summary.objects and not summary.objects[queue.name]["STAGED"]


def _queue_name(queue: Queue) -> str:
    return (
        f"[red]{escape_untrusted(queue.name)} dead letters[/]" if queue.dead_letters else escape_untrusted(queue.name)
    )


@app.command()
def objects(
    context: typer.Context,
    dataset: DatasetArgument = None,
    status: Annotated[
        str | None,
        typer.Option(
            help="Only objects of this status, such as FAILED; or BAD_ROWS, or REPEATED_ROWS.",
            callback=readable(status_or_flaw),
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Only objects with this in their key, in any case.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only objects with this in their reason, in any case.")] = None,
    attention: Annotated[bool, typer.Option("--attention", help="Only objects at which somebody has to look.")] = False,
    since: Annotated[str | None, time_option("Only objects that changed last from this time on.", "--from")] = None,
    until: Annotated[str | None, time_option("Only objects that changed last until this time.", "--to")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List objects (versions of raw keys), the last changed first.

    Example: sluice objects legislators/memberships --status FAILED --reason "no such column"
    """
    lake = context.obj.connect().lake
    given = {"dataset": dataset, "status": status, "name": name, "reason": reason, "from": since, "to": until}
    wanted = ObjectFilter.of({n: v for n, v in given.items() if v} | ({"attention": "yes"} if attention else {}))
    if isinstance(wanted.status, Flaw) or not wanted.is_plain:
        every = () if wanted.dataset else [registration.name for registration in lake.registry.all()]
        there = counts(lake, standing(lake, None, every)) if every else None
        rows, number = list(search(lake, wanted, limit, there=there).rows), total(lake, wanted, there).objects
    else:
        rows, number = listed(lake, wanted.dataset, wanted.status, limit)
    if as_json:
        print_json([row_json(row) for row in rows])
        return
    now = lake.clock()
    columns = ("status", "since", "dataset", "size", "rows", "bad", "object", "version")
    print_table("Objects", columns, [_object_cells(row, now) for row in rows])
    if number > len(rows):
        console.print(f"[dim]{len(rows):,} of {number:,}; --limit shows more.[/]")


def _object_cells(row: ObjectRow, now: Any) -> tuple[str | None, ...]:
    return (
        styled(row.status),
        ago(row.since, now),
        escape_untrusted(row.dataset or ""),
        size(row.size),
        None if row.good is None else f"{row.good:,}",
        None if not row.bad else f"[yellow]{row.bad:,}[/]",
        escape_untrusted(row.object.uri),
        f"[dim]{escape_untrusted(row.object.version_id)}[/]",
    )

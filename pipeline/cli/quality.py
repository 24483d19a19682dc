"""The command quality: what a dataset's rules measured on its batches."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import RequiredDataset, batch_option
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json, print_table
from pipeline.core.errors import NotThere, WrongUsage
from pipeline.operate.arguments import dataset_name
from pipeline.operate.datasets import registration_of
from pipeline.operate.metrics import SHOWN, Metric, figure, metrics_of

BARS = "▁▂▃▄▅▆▇█"
SPARK = 20
"""Batches that a line of bars shows."""


@app.command()
def quality(
    context: typer.Context,
    dataset: RequiredDataset,
    metric: Annotated[str | None, typer.Option(help="Show each batch's value of this metric, as it is listed.")] = None,
    leave_out: Annotated[
        str | None,
        batch_option("Compare no later batch with this one."),
    ] = None,
    count: Annotated[
        str | None,
        batch_option("Compare later batches with this one, which only warned."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for --leave-out and --count.")] = None,
    by: Annotated[str | None, typer.Option(help="Who says so; unsaid, the user's name.")] = None,
    as_json: Json = False,
) -> None:
    """Show what the rules of a dataset measured on its last batches, and what its next batch is compared with.

    Example: sluice quality shop/orders --leave-out 01KF… --reason "a load of ten years"
    """
    if leave_out or count:
        _check(leave_out, count, reason)
    lake, name = context.obj.connect().lake, dataset_name(dataset)
    registration = registration_of(lake, name.team, name.dataset)
    if leave_out or count:
        batch = leave_out or count or ""
        lake.batches.let_count(str(name), batch, counts=bool(count), by=by or getpass.getuser(), reason=reason or "")
    remembered, batches = lake.batches.measured(str(name), most=SHOWN), lake.batches.newest(str(name), SPARK)
    metrics = metrics_of(registration.dataset, remembered, batches)
    if metric is not None:
        metrics = [_named(metrics, metric)]
    if as_json:
        print_json([each.to_json() for each in metrics])
    elif metric is not None:
        _print_batches(metrics[0])
    else:
        _print_metrics(str(name), metrics)


def _check(leave_out: str | None, count: str | None, reason: str | None) -> None:
    if leave_out and count:
        raise WrongUsage("--leave-out and --count are two decisions", hint="Say one of them.")
    if not reason:
        raise WrongUsage("a decision needs a reason", hint='Add --reason "…": it stays with the batch.')


def _named(metrics: list[Metric], wanted: str) -> Metric:
    found = next((each for each in metrics if each.name == wanted), None)
    if found is None:
        known = ", ".join(each.name for each in metrics) or "none"
        raise NotThere(f"no rule of the dataset is about {wanted}", hint=f"There are: {known}")
    return found


def _print_metrics(name: str, metrics: list[Metric]) -> None:
    rows = [
        (
            escape_untrusted(each.name),
            figure(each.points[-1].value) if each.points else "",
            bars([point.value for point in each.points]),
            escape_untrusted("; ".join(rule.next or rule.rule for rule in each.rules)),
        )
        for each in metrics
    ]
    columns = ("metric", "newest", f"last {SPARK} batches", "the next batch")
    print_table(f"What rules measured on {name}", columns, rows, empty="no rule about a number")
    if metrics:
        console.print("[dim]--metric NAME shows each batch's value.[/]", highlight=False)


def _print_batches(metric: Metric) -> None:
    rows = [
        (point.batch, figure(point.value), point.verdict, "yes" if point.counts else "no")
        for point in reversed(metric.points)
    ]
    columns = ("batch", "value", "verdict", "counts for later ones")
    print_table(escape_untrusted(metric.name), columns, rows, empty="no batch yet")


def bars(values: list[float]) -> str:
    """The last values as a line of bars, from the least to the greatest of them."""
    shown = values[-SPARK:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    span = high / 2 - low / 2
    places = [(value / 2 - low / 2) / span if span else 0.5 for value in shown]
    return "".join(BARS[min(int(place * len(BARS)), len(BARS) - 1)] for place in places)

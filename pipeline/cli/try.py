"""`sluice try`: the edited definition over the last raw objects, with nothing published."""

from __future__ import annotations

from typing import Annotated

import typer
from ulid import ULID

from pipeline.cli.app import app
from pipeline.cli.arguments import dataset_argument
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json, print_table, styled
from pipeline.core.checkout import checkout
from pipeline.core.definitions.problems import Problem
from pipeline.core.errors import Refused
from pipeline.deploy.datasets.application import check
from pipeline.deploy.datasets.definitions import all_findings, by_name
from pipeline.deploy.rulesets import Rulesets
from pipeline.deploy.transform_tests import session
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.files import Definition, read_all
from pipeline.operate.arguments import dataset_name
from pipeline.operate.formatting import counted
from pipeline.operate.trial_reports import Trial
from pipeline.operate.trials import Trials, chosen_objects


@app.command("try")
def try_definition(
    context: typer.Context,
    dataset: Annotated[str, dataset_argument("Whose definition in the checkout to try.")],
    objects: Annotated[int, typer.Option(min=1, max=100, help="Over how many of its last raw objects.")] = 10,
    as_json: Json = False,
) -> None:
    """Try a definition of the checkout over the last raw objects of its dataset, and publish nothing.

    They are read as Stage A would, and loaded and checked by the same jobs, on a scratch table that is removed again.
    Exits with 1 if an object would be refused, a job fails or rules do not hold.

    Example: sluice try legislators/memberships --objects 5
    """
    lake = context.obj.connect().lake
    chosen = _definition(dataset)
    rows = chosen_objects(lake, chosen, objects)

    def say(text: str) -> None:
        if not as_json:
            console.print(f"[dim]{escape_untrusted(text)}[/]", highlight=False, soft_wrap=True)

    trials = Trials(lake=lake, say=say, new_id=lambda: str(ULID()), session=session)
    report = trials.run(chosen, rows)
    if as_json:
        print_json(report.to_json())
    else:
        _print(report)
    if not report.is_good:
        raise typer.Exit(1)


def _definition(name: str) -> Dataset:
    """The dataset's definition in the checkout, with a ruleset that can be evaluated and a transform that may read what
    it reads."""
    wanted, every = dataset_name(name), read_all(checkout()).or_raise()
    found, known = [each for each in every if each.dataset.name == wanted], by_name(every)
    if not found:
        raise Refused(f"no file defines {wanted}", hint=f"Write definitions/datasets/{wanted}.yaml first.")
    with Rulesets() as rulesets:

        def refused(definition: Definition) -> list[Problem]:
            return [each for each, severity in all_findings(definition, rulesets, known) if severity == "error"]

        check(found, refused)
    return found[0].dataset


def _print(report: Trial) -> None:
    rows = [
        (
            escape_untrusted(each.uri),
            _number(each.rows_in),
            _number(each.rows),
            _number(each.bad),
            _number(each.had),
            _number(each.had_bad),
            "[yellow]differs[/]" if each.differs else "",
        )
        for each in report.objects
    ]
    print_table(f"\nTried {report.dataset}", ("object", "rows", "good", "bad", "had good", "had bad", ""), rows)
    for each in report.objects:
        if each.refused:
            console.print(f"  [red]refused[/] {escape_untrusted(each.uri)}: {escape_untrusted(each.refused)}")
    if report.bad:
        print_table("\nBad rows", ("rows", "reason"), [(f"{n:,}", escape_untrusted(why)) for why, n in report.bad[:20]])
    if report.written:
        good, aside = report.written
        console.print(f"\nLoaded {counted(good, 'row')}" + (f", [yellow]{aside:,} set aside[/]" if aside else ""))
    for change in report.schema:
        console.print(f"  column {escape_untrusted(change)}", highlight=False)
    if report.rows:
        same, gone, new = report.rows.same, report.rows.only_there, report.rows.only_tried
        console.print(f"  {same:,} as in the table now, {new:,} other; of these objects {gone:,} are only in the table")
    if report.verdict:
        console.print(f"\nQuality {styled(report.verdict.outcome)}")
        for rule in report.verdict.rules:
            mark = "[green]✓[/]" if rule.outcome == "Passed" else "[red]✗[/]"
            why = f" [dim]{escape_untrusted(rule.reason)}[/]" if rule.reason else ""
            console.print(f"  {mark} {escape_untrusted(rule.rule)}{why}", highlight=False, soft_wrap=True)
    if report.failed:
        console.print(f"\n[red]{escape_untrusted(report.failed)}[/]", highlight=False, soft_wrap=True)
    console.print("\nNothing was published.")


def _number(value: int | None) -> str:
    return "[dim]·[/]" if value is None else f"{value:,}"

"""How plans and progress of deployments are printed, as text and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.cli.dataset_changes import planned_json, say_planned
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import console

if TYPE_CHECKING:
    from pipeline.cloudformation.changes import ResourceChange, StackPlan
    from pipeline.deploy.aws_stacks import ResourceProgress
    from pipeline.deploy.datasets.plans import Planned
    from pipeline.deploy.lake_formation import Finding

LONGEST = 60
"""Characters of a property's value that a line shows; --json has all of it."""

_MARKS = {
    "Add": "[green]+[/]",
    "Modify": "[yellow]~[/]",
    "Replace": "[magenta]±[/]",
    "Remove": "[red]-[/]",
    "Keep": "[dim].[/]",
}


def say_plans(
    plans: Sequence[StackPlan],
    *,
    command: str,
    without_file: Sequence[str] = (),
    prune: bool = False,
    datasets: Sequence[Planned] = (),
) -> None:
    """Print the plans of stacks and datasets.

    `without_file` are deployed stacks whose file is gone; `command` is the command that carries out the plans.
    """
    for plan in plans:
        if plan.unfinished:
            console.print(f"[bold]{plan.name}[/]: an earlier deployment was interrupted, and is rolled back first")
        if plan.changes:
            counted = Counter(str(change.action).lower() for change in plan.changes)
            what = ", ".join(f"{number} to {action}" for action, number in counted.items())
            console.print(f"[bold]{plan.name}[/]{' (new)' if plan.is_new else ''}: {what}", highlight=False)
        for change in plan.changes:
            _say_change(change)
    if same := [plan.name for plan in plans if not plan.changes and not plan.unfinished]:
        console.print(f"[dim]unchanged: {', '.join(same)}[/]", highlight=False, soft_wrap=True)
    for name in without_file:
        fate = "would be deleted" if prune else "is retained; --prune deletes it"
        console.print(f"[magenta]{name}[/]: has no file; it {fate}", highlight=False)
    if datasets:
        console.print("[bold]datasets[/]")
        say_planned(datasets)
    if losing := [(plan.name, change) for plan in plans for change in plan.changes if change.loses_state]:
        names = ", ".join(f"{change.logical_id} of {name}" for name, change in losing)
        console.print(
            f"[red]deletes the data of resources:[/] {names}; rejected without --replace-stateful",
            highlight=False,
            soft_wrap=True,
        )
        command += " with --replace-stateful"
    console.print(f"[dim]nothing was changed: {command} does it[/]", highlight=False)


def _say_change(change: ResourceChange) -> None:
    kept = " (the old one is kept)" if change.old_is_kept else ""
    only = f" [dim]only on AWS: {change.without_effect}[/]" if change.without_effect else ""
    mark = _MARKS[change.action]
    console.print(
        f"  {mark} {change.action} {change.logical_id} [dim]{change.type}[/]{kept}{only}",
        highlight=False,
        soft_wrap=True,
    )
    for each in change.properties:
        forces = " [magenta]replaces it[/]" if each.replaces else ""
        line = f"      {escape_untrusted(each.path)}: {_short(each.before)} → {_short(each.after)}{forces}"
        console.print(line, highlight=False, soft_wrap=True)


def _short(value: Any) -> str:
    if value is None:
        return "[dim]none[/]"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return escape_untrusted(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")


def plans_json(
    plans: Sequence[StackPlan],
    without_file: Sequence[str] = (),
    findings: Sequence[Finding] = (),
    datasets: Sequence[Planned] = (),
) -> dict[str, Any]:
    """The document of --plan --json."""
    return {
        "datasets": planned_json(datasets),
        "lake_formation": [asdict(each) for each in findings],
        "changes": sum(len(plan.changes) for plan in plans),
        "without_file": list(without_file),
        "stacks": [
            {
                "stack": plan.name,
                "new": plan.is_new,
                "unfinished": plan.unfinished,
                "changes": [asdict(change) for change in plan.changes],
            }
            for plan in plans
        ],
    }


def say_progress(progress: ResourceProgress) -> None:
    """Print the status of one resource during a deployment."""
    failed = progress.status.endswith("_FAILED")
    why = f": {escape_untrusted(progress.reason)}" if failed and progress.reason else ""
    colour = "red" if failed else "dim"
    line = f"    [{colour}]{progress.status}[/] {progress.logical_id} [dim]{progress.type}[/]{why}"
    console.print(line, highlight=False, soft_wrap=True)

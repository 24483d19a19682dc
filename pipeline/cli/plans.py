"""Plans and progress of deployments as a person reads them, and as --json prints them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.cli.dataset_changes import planned_json, say_planned
from pipeline.cli.markup import shown
from pipeline.cli.output import console

if TYPE_CHECKING:
    from pipeline.cloudformation.changes import Change, StackPlan
    from pipeline.deploy.aws_stacks import Progress
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
    """Print what would become of stacks and datasets. `without_file` stand and no file is theirs; `command` would do
    it."""
    for plan in plans:
        if plan.unfinished:
            console.print(f"[bold]{plan.name}[/]: an earlier deployment broke off, and is undone first")
        if plan.changes:
            counted = Counter(str(change.action).lower() for change in plan.changes)
            what = ", ".join(f"{number} to {action}" for action, number in counted.items())
            console.print(f"[bold]{plan.name}[/]{' (new)' if plan.is_new else ''}: {what}", highlight=False)
        for change in plan.changes:
            _say_change(change)
    if same := [plan.name for plan in plans if not plan.changes and not plan.unfinished]:
        console.print(f"[dim]unchanged: {', '.join(same)}[/]", highlight=False, soft_wrap=True)
    for name in without_file:
        fate = "would be deleted" if prune else "stays; --prune deletes it"
        console.print(f"[magenta]{name}[/]: stands without a file; it {fate}", highlight=False)
    if datasets:
        console.print("[bold]datasets[/]")
        say_planned(datasets)
    if losing := [(plan.name, change) for plan in plans for change in plan.changes if change.loses_state]:
        names = ", ".join(f"{change.logical_id} of {name}" for name, change in losing)
        console.print(
            f"[red]takes away what resources hold:[/] {names}; refused without --replace-stateful",
            highlight=False,
            soft_wrap=True,
        )
        command += " with --replace-stateful"
    console.print(f"[dim]nothing was changed: {command} does it[/]", highlight=False)


def _say_change(change: Change) -> None:
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
        line = f"      {shown(each.path)}: {_short(each.before)} → {_short(each.after)}{forces}"
        console.print(line, highlight=False, soft_wrap=True)


def _short(value: Any) -> str:
    if value is None:
        return "[dim]none[/]"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")


def plans_json(
    plans: Sequence[StackPlan],
    without_file: Sequence[str] = (),
    findings: Sequence[Finding] = (),
    datasets: Sequence[Planned] = (),
) -> dict[str, Any]:
    """What --plan --json prints."""
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


def say_progress(progress: Progress) -> None:
    """One resource that CloudFormation is done with."""
    failed = progress.status.endswith("_FAILED")
    why = f": {shown(progress.reason)}" if failed and progress.reason else ""
    colour = "red" if failed else "dim"
    line = f"    [{colour}]{progress.status}[/] {progress.logical_id} [dim]{progress.type}[/]{why}"
    console.print(line, highlight=False, soft_wrap=True)

"""The command deploy: bring the stacks to what definitions/stacks says, or show what that would do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli import starting
from pipeline.cli.app import app
from pipeline.cli.connect import Target, Where
from pipeline.cli.output import Json, console, print_json
from pipeline.cli.texts import shown
from pipeline.errors import Refused
from pipeline.local import state

if TYPE_CHECKING:
    from pipeline.cli.starting import LakePlan
    from pipeline.local.deployer import StackResult
    from pipeline.packaging.changes import Change

LONGEST = 60
"""Characters of a property's value that a line shows; --json has all of it."""

_MARKS = {
    "Add": "[green]+[/]",
    "Modify": "[yellow]~[/]",
    "Replace": "[magenta]±[/]",
    "Remove": "[red]-[/]",
    "Keep": "[dim].[/]",
}


@app.command()
def deploy(
    context: typer.Context,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would happen, and change nothing.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Also delete the stacks that no file of the checkout stands for.")
    ] = False,
    env: Annotated[str | None, typer.Option(help="A lake on AWS. Not there yet.")] = None,
    as_json: Json = False,
) -> None:
    """Bring the running embedded lake to what the checkout says: stacks, code, state machines, jobs, datasets.

    A stack that fails is rolled back, and those after it are left as they are. The plan names each resource that
    would be added, modified, replaced, removed or let go, with the properties that change; what stands in ⟨ ⟩ is
    known only once it is made.

    Example: sluice deploy --plan
    """
    lake = _embedded(context.obj, env)
    if plan:
        planned = starting.plan(state.checkout(), lake)
        print_json(plan_json(planned)) if as_json else _say_plan(planned, prune=prune)
        return
    results = _deploy(lake, quiet=as_json)
    deletions = []
    for deletion in starting.prune(lake, starting.plan(state.checkout(), lake).without_file) if prune else ():
        deletions.append(deletion)
        if not as_json:
            kept = "".join(f"; {name} is kept: {what}" for name, what in deletion.kept.items())
            text = f"{deletion.name}: deleted, {len(deletion.deleted)} resources{kept}"
            console.print(f"  {shown(text)}", highlight=False, soft_wrap=True)
    if as_json:
        stacks = [_result_json(result) for result in results]
        print_json({"stacks": stacks, "deleted": [asdict(deletion) for deletion in deletions]})


def _embedded(target: Target, env: str | None) -> Where:
    if target.profile or env:
        raise Refused(
            "deploying to AWS is not there yet; this deploys to the embedded lake",
            hint="For AWS: `sluice package`, then deploy build/templates with CloudFormation.",
        )
    return target.embedded()


def _deploy(lake: Where, *, quiet: bool) -> Sequence[StackResult]:
    from pipeline.cli.running import apply_datasets, fetch_jars

    def say(text: str) -> None:
        if not quiet:
            console.print(f"  {shown(text)}", highlight=False, soft_wrap=True)

    fetch_jars(quiet=quiet)
    results = starting.deploy(state.checkout(), lake, say)
    connected = Target(endpoint=lake.endpoint, region=lake.region, env=lake.env).connect()
    apply_datasets(state.checkout(), connected, say)
    return results


def _say_plan(planned: LakePlan, *, prune: bool) -> None:
    for plan in planned.stacks:
        if plan.unfinished:
            console.print(f"[bold]{plan.name}[/]: an earlier deployment broke off, and is undone first")
        if plan.changes:
            counted = Counter(str(change.action).lower() for change in plan.changes)
            what = ", ".join(f"{number} to {action}" for action, number in counted.items())
            console.print(f"[bold]{plan.name}[/]{' (new)' if plan.is_new else ''}: {what}", highlight=False)
        for change in plan.changes:
            _say_change(change)
    if same := [plan.name for plan in planned.stacks if not plan.changes and not plan.unfinished]:
        console.print(f"[dim]unchanged: {', '.join(same)}[/]", highlight=False, soft_wrap=True)
    for name in planned.without_file:
        fate = "would be deleted" if prune else "stays; --prune deletes it"
        console.print(f"[magenta]{name}[/]: stands without a file; it {fate}", highlight=False)
    command = "sluice deploy --prune" if prune else "sluice deploy"
    console.print(f"[dim]nothing was changed: `{command}` does it[/]", highlight=False)


def _say_change(change: Change) -> None:
    kept = " (the old one is kept)" if change.old_is_kept else ""
    mark = _MARKS[change.action]
    console.print(f"  {mark} {change.action} {change.logical_id} [dim]{change.type}[/]{kept}", highlight=False)
    for each in change.properties:
        forces = " [magenta]replaces it[/]" if each.replaces else ""
        line = f"      {shown(each.path)}: {_short(each.before)} → {_short(each.after)}{forces}"
        console.print(line, highlight=False, soft_wrap=True)


def _short(value: Any) -> str:
    if value is None:
        return "[dim]none[/]"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")


def plan_json(planned: LakePlan) -> dict[str, Any]:
    """What --plan --json prints."""
    return {
        "changes": sum(len(plan.changes) for plan in planned.stacks),
        "without_file": planned.without_file,
        "stacks": [
            {
                "stack": plan.name,
                "new": plan.is_new,
                "unfinished": plan.unfinished,
                "changes": [asdict(change) for change in plan.changes],
            }
            for plan in planned.stacks
        ],
    }


def _result_json(result: StackResult) -> dict[str, Any]:
    names = ("name", "changed", "removed", "kept", "left")
    return {"stack" if name == "name" else name: getattr(result, name) for name in names}

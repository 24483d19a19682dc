"""How applying datasets is told: what was done, or what would be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.cli.markup import shown
from pipeline.cli.output import console, print_json
from pipeline.deploy.datasets.application import Applied
from pipeline.deploy.datasets.plans import Action, Planned, is_refused
from pipeline.deploy.datasets.retirement import Retired
from pipeline.operate.formatting import counted

_STYLES = {
    Action.ADD: "green",
    Action.CHANGE: "yellow",
    Action.BRING_BACK: "green",
    Action.REOPEN: "yellow",
    Action.RETIRE: "magenta",
    Action.CLOSE: "magenta",
    Action.DRAIN: "dim",
    Action.CLOSED: "dim",
}


def describe(applied: Applied) -> str:
    """One line, as Rich markup."""
    sent = f"{counted(applied.sent_again, 'object')} that waited sent on" if applied.sent_again else ""
    what = ", ".join(filter(None, (*applied.changes, sent)))
    return f"[bold]{applied.name}[/]: {what or '[dim]unchanged[/]'}"


def describe_retired(retired: Retired) -> str:
    """One line, as Rich markup."""
    return f"[magenta]{retired.name}[/]: {shown(retired_line(retired).partition(': ')[2])}"


def retired_line(retired: Retired) -> str:
    """One line, as text."""
    what = ", ".join(retired.changes) or f"retired since {retired.since}"
    if retired.waits:
        what += f"; its stack stays for {', '.join(retired.waits)}, and goes when a later apply finds nothing"
    return f"{retired.name}: {what}"


def applied_json(applied: Applied) -> dict[str, Any]:
    return {
        "dataset": str(applied.name),
        "table": applied.table,
        "fingerprint": applied.fingerprint,
        "changes": list(applied.changes),
        "unchanged": applied.is_unchanged,
        "sent_again": applied.sent_again,
    }


def retired_json(retired: Retired) -> dict[str, Any]:
    return {
        "dataset": str(retired.name),
        "since": retired.since,
        "changes": list(retired.changes),
        "waits": list(retired.waits),
        "is_closed": retired.is_closed,
    }


def show_plan(planned: Sequence[Planned], *, as_json: bool, retire_all: bool) -> None:
    """Print what applying would do, with the command that does it."""
    refused = is_refused(planned) and not retire_all
    if as_json:
        changes = sum(each.changes_something for each in planned)
        print_json({"changes": changes, "refused": refused, "datasets": planned_json(planned)})
        return
    say_planned(planned)
    if refused:
        told = "more than half of the datasets in use would be retired: applying refuses that without --retire-all"
        console.print(f"[red]{told}[/]", highlight=False)
    command = f"sluice datasets apply{' --retire-all' if retire_all else ''}"
    console.print(f"[dim]nothing was changed: `{command}` does it[/]", highlight=False)


def planned_json(planned: Sequence[Planned]) -> list[dict[str, Any]]:
    """The rows of a plan."""
    return [{"dataset": str(p.name), "action": p.action.value, "details": list(p.details)} for p in planned]


def say_planned(planned: Sequence[Planned]) -> None:
    """Print each dataset with what would become of it."""
    for each in planned:
        if each.action is Action.NONE:
            continue
        console.print(f"[{_STYLES[each.action]}]{each.action}[/] [bold]{each.name}[/]", highlight=False)
        for detail in each.details:
            console.print(f"    {shown(detail)}", highlight=False, soft_wrap=True)
    if same := [str(each.name) for each in planned if each.action is Action.NONE]:
        console.print(f"[dim]unchanged: {', '.join(same)}[/]", highlight=False, soft_wrap=True)

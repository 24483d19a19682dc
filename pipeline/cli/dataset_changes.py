"""How `datasets apply` prints its changes, made or planned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import console, print_json
from pipeline.deploy.datasets.application import Applied
from pipeline.deploy.datasets.plans import Action, Planned, is_refused
from pipeline.deploy.datasets.retirement import Retired
from pipeline.lake.datasets.compatibility import Breach
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
    """A dataset that was applied: one line of Rich markup."""
    sent = f"{counted(applied.sent_again, 'waiting object')} sent on" if applied.sent_again else ""
    what = ", ".join(filter(None, (*applied.changes, sent)))
    return f"[bold]{applied.name}[/]: {what or '[dim]unchanged[/]'}"


def describe_retired(retired: Retired) -> str:
    """A dataset that was retired: one line of Rich markup."""
    return f"[magenta]{retired.name}[/]: {escape_untrusted(retired_line(retired).partition(': ')[2])}"


def retired_line(retired: Retired) -> str:
    """A dataset that was retired: one line of text."""
    what = ", ".join(retired.changes) or f"retired since {retired.since}"
    if retired.waits:
        what += f"; its stack is retained for {', '.join(retired.waits)}, and deleted by a later apply that finds none"
    return f"{retired.name}: {what}"


def applied_json(applied: Applied) -> dict[str, Any]:
    """A dataset that was applied, for --json."""
    return {
        "dataset": str(applied.name),
        "table": applied.table,
        "fingerprint": applied.fingerprint,
        "changes": list(applied.changes),
        "unchanged": applied.is_unchanged,
        "sent_again": applied.sent_again,
    }


def retired_json(retired: Retired) -> dict[str, Any]:
    """A dataset that was retired, for --json."""
    return {
        "dataset": str(retired.name),
        "since": retired.since,
        "changes": list(retired.changes),
        "waits": list(retired.waits),
        "is_closed": retired.is_closed,
    }


def show_plan(planned: Sequence[Planned], *, as_json: bool, retire_all: bool) -> None:
    """Print the plan of an apply, with the command that carries it out."""
    refused = is_refused(planned) and not retire_all
    if as_json:
        changes = sum(each.changes_something for each in planned)
        print_json({"changes": changes, "refused": refused, "datasets": planned_json(planned)})
        return
    say_planned(planned)
    if refused:
        warning = "more than half of the datasets in use would be retired: rejected without --retire-all"
        console.print(f"[red]{warning}[/]", highlight=False)
    command = f"sluice datasets apply{' --retire-all' if retire_all else ''}"
    console.print(f"[dim]nothing was changed: `{command}` does it[/]", highlight=False)


def planned_json(planned: Sequence[Planned]) -> list[dict[str, Any]]:
    """The plan of an apply, for --json."""
    return [
        {
            "dataset": str(each.name),
            "action": each.action.value,
            "details": list(each.details),
            "breaking": [breach.to_json() for breach in each.breaching],
        }
        for each in planned
    ]


def say_planned(planned: Sequence[Planned]) -> None:
    """Print each dataset with its planned change."""
    for each in planned:
        if each.action is Action.NONE:
            continue
        console.print(f"[{_STYLES[each.action]}]{each.action}[/] [bold]{each.name}[/]", highlight=False)
        for detail in each.details:
            console.print(f"    {escape_untrusted(detail)}", highlight=False, soft_wrap=True)
        say_breaches(each.breaching)
        if each.action is Action.CHANGE and not each.breaching:
            console.print("    [green]compatible[/]: files that were taken are taken, readers have what they had")
    if same := [str(each.name) for each in planned if each.action is Action.NONE]:
        console.print(f"[dim]unchanged: {', '.join(same)}[/]", highlight=False, soft_wrap=True)


def say_breaches(breaching: Iterable[Breach]) -> None:
    """Print what of a change is breaking."""
    for breach in breaching:
        console.print(f"    [red]breaking[/] {escape_untrusted(str(breach))}", highlight=False, soft_wrap=True)

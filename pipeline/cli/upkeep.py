"""The command upkeep: shows and requests the upkeep of tables."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import DatasetArgument
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json, print_table
from pipeline.core.errors import WrongUsage
from pipeline.lake.batches.upkeep import Turn, TurnStatus, is_turn
from pipeline.lake.services import Lake
from pipeline.operate.arguments import dataset_name

TURNS = 5
"""How many turns of one dataset are shown."""


@app.command()
def upkeep(
    context: typer.Context,
    dataset: DatasetArgument = None,
    now: Annotated[bool, typer.Option(help="Let the next poll of the dataset begin, whatever waits.")] = False,
    as_json: Json = False,
) -> None:
    """Show when the upkeep of tables last ran and when it is due; or request it now.

    Upkeep rewrites small files, and removes old snapshots and unreferenced files, while no batch runs.

    Example: sluice upkeep shop/orders --now
    """
    if now and not dataset:
        raise WrongUsage("--now needs a dataset", hint="sluice upkeep team/dataset --now")
    lake = context.obj.connect().lake
    names = [str(dataset_name(dataset))] if dataset else sorted(str(each.name) for each in lake.registry.all())
    if now:
        lake.turns.ask(names[0])
    lines = [each for name in names for each in _lines(lake, name, TURNS if dataset else 1)]
    if as_json:
        print_json(lines)
        return
    rows = [
        (
            escape_untrusted(each["dataset"]),
            each["status"],
            each["opened"],
            each["due"],
            escape_untrusted(each["did"] or each["error"] or ""),
        )
        for each in lines
    ]
    print_table("Upkeep", ("dataset", "status", "began", "next due", "what it did"), rows, empty="no dataset yet")
    if now:
        console.print("It begins with the dataset's next poll that finds no batch.", highlight=False)


def _lines(lake: Lake, name: str, limit: int) -> list[dict[str, Any]]:
    lock = lake.batches.lock(name)
    turns = lake.turns.newest(name, limit)
    due = "runs" if lock.active and is_turn(lock.active) else lock.upkeep_due or "after its next batch"
    return [_line(turn, due) for turn in turns] or [
        {"dataset": name, "status": "never", "opened": None, "ended": None, "due": due, "did": None, "error": None}
    ]


def _line(turn: Turn, due: str) -> dict[str, Any]:
    did = ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in turn.did.items() if number)
    return {
        "dataset": turn.dataset,
        "status": turn.status.value,
        "opened": turn.opened,
        "ended": turn.ended,
        "due": due,
        "did": did or ("nothing to do" if turn.status is TurnStatus.DONE else None),
        "error": turn.error,
    }

"""The commands of feeds: feed init, check, …"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipeline.cli.app import app
from pipeline.cli.feed_output import say_changes, say_proposal
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, errors, print_json
from pipeline.core.checkout import checkout
from pipeline.core.clients import client
from pipeline.core.definitions.problems import BadDefinitions, Problem
from pipeline.core.errors import BadInput
from pipeline.operate.formatting import counted

feed = typer.Typer(help="Bring a DynamoDB table to PostgreSQL, with nobody's identity.", no_args_is_help=True)
app.add_typer(feed, name="feed")

Name = Annotated[str, typer.Argument(help="The feed, as its file in definitions/feeds is called.")]


@feed.command("init")
def init(
    context: typer.Context,
    name: Name,
    table: Annotated[str, typer.Option("--table", help="The DynamoDB table.")],
    write: Annotated[bool, typer.Option("--write", help="Write the file instead of printing it.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing contract.")] = False,
    as_json: Json = False,
) -> None:
    """Propose a contract from items of a table: what looks personal is pseudonymised or left out, and why.

    Example: sluice feed init payments --table payments --write
    """
    from pipeline.operate.feeds import contracts

    context.obj.reach()
    proposal = contracts.proposal(client("dynamodb"), name, table)
    if write:
        contracts.write(checkout(), proposal, replace=force)
    if as_json:
        document = {"path": proposal.path.as_posix(), "written": write, "text": proposal.proposed.text}
        print_json(
            {**document, "items": proposal.items, "notes": proposal.proposed.notes, "warnings": proposal.warnings}
        )
        return
    if write:
        console.print(f"wrote {proposal.path.as_posix()}", highlight=False, soft_wrap=True)
    else:
        # The contract alone is on standard output.
        console.print(proposal.proposed.text, end="", markup=False, highlight=False, soft_wrap=True)
    say_proposal(proposal, console if write else errors)


@feed.command("check")
def check(
    name: Annotated[str | None, typer.Argument(help="Only this feed.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every contract in definitions/feeds.")] = False,
    against: Annotated[
        str | None,
        typer.Option(metavar="REVISION", help="Also say what changed since this revision of git."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check contracts. Needs no lake. Exits with 1 if there are problems.

    With --against it says what changed since a revision, and exits with 1 if a change takes something from readers, or
    cannot be made: in pull requests.

    Example: sluice feed check --all --against origin/main
    """
    from pipeline.operate.feeds import contracts

    if (name is None) is not every:
        raise BadInput("which feed?", hint="Name one, or say --all.")
    checked = contracts.check(checkout(), name, against=against)
    if as_json:
        changed = {each: [vars_of(change) for change in found] for each, found in checked.changed.items()}
        print_json(
            {
                "valid": [each.feed for each in checked.feeds],
                "problems": list(map(_problem, checked.problems)),
                **({} if against is None else {"changes": changed}),
            }
        )
        raise typer.Exit(1 if checked.problems or checked.breaks else 0)
    if checked.problems:
        raise BadDefinitions(checked.problems)
    console.print(f"{counted(len(checked.feeds), 'contract')}: all valid", highlight=False)
    for each, found in checked.changed.items():
        console.print(f"[bold]{each}[/] since {escape_untrusted(str(against))}", highlight=False)
        say_changes(found)
    if checked.breaks:
        raise typer.Exit(1)
    if against is not None:
        console.print(f"compatible with {escape_untrusted(against)}", highlight=False)


def vars_of(change: Any) -> dict[str, Any]:
    """A change, for --json."""
    return {"field": change.field, "kind": change.kind.value, "subject": change.subject, "meaning": change.meaning}


def _problem(problem: Problem) -> dict[str, Any]:
    where = {"path": problem.path, "line": problem.line, "column": problem.column, "field": problem.field}
    return {**where, "what": problem.what}

"""The commands of feeds: feed init, check, …"""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from getpass import getpass
from typing import Annotated, Any

import typer

from pipeline.cli.app import app
from pipeline.cli.feed_output import (
    say_changes,
    say_comparison,
    say_erasure,
    say_estimate,
    say_keys,
    say_privacy,
    say_proposal,
    say_states,
    say_step,
)
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, errors, print_json
from pipeline.core.checkout import checkout
from pipeline.core.clients import client
from pipeline.core.definitions.problems import BadDefinitions
from pipeline.core.errors import WrongUsage
from pipeline.lake.services import Lake
from pipeline.operate.formatting import counted

feed = typer.Typer(help="Bring a DynamoDB table to PostgreSQL, with nobody's identity.", no_args_is_help=True)
app.add_typer(feed, name="feed")


class ImportWay(StrEnum):
    """The ways of an import (`pipeline/feeds/imports/ways.py`)."""

    IN_PLACE = "in-place"
    COPY = "copy"
    EXPORT = "export"


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
        raise WrongUsage("which feed?", hint="Name one, or say --all.")
    checked = contracts.check(checkout(), name, against=against)
    if as_json:
        changed = {each: [vars_of(change) for change in found] for each, found in checked.changed.items()}
        print_json(
            {
                "valid": [each.feed for each in checked.feeds],
                "problems": [{**each.to_json(), "column": each.column} for each in checked.problems],
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


@feed.command("migrate")
def migrate(
    context: typer.Context,
    name: Name,
    plan: Annotated[bool, typer.Option("--plan", help="Show the SQL, and run nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Bring PostgreSQL to a contract, as each deployment does: forward only. What rows would not survive is refused.

    Example: sluice feed migrate payments --plan
    """
    from pipeline.operate.feeds import contracts, functions

    contract = contracts.contract(checkout(), name).in_environment(context.obj.reach().env)
    statements = functions.migrator(_lake(context))({"contract": contract.to_json(), "plan": plan})["statements"]
    if as_json:
        print_json({"feed": name, "plan": plan, "statements": statements})
    elif not statements:
        console.print(f"[bold]{name}[/]: the target is as the contract says", highlight=False)
    else:
        console.print(statements, end="", markup=False, highlight=False, soft_wrap=True)


@feed.command("status")
def status(context: typer.Context, as_json: Json = False) -> None:
    """Show the feeds of a lake: rows, how far behind, what was put aside and why, the last import.

    Example: sluice feed status
    """
    from pipeline.operate.feeds import functions, state

    found = state.states(functions.administrator(_lake(context)))
    if as_json:
        print_json({"feeds": list(map(state.state_json, found))})
        return
    say_states(found)


@feed.command("privacy")
def privacy(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Say what becomes of each attribute, and how well the rows hide people among each other.

    Example: sluice feed privacy payments
    """
    from pipeline.operate.feeds import functions, state

    found = state.privacy(functions.administrator(_lake(context)), name)
    if as_json:
        print_json({"feed": name, **asdict(found)})
        return
    say_privacy(name, found)


@feed.command("import")
def import_command(
    context: typer.Context,
    name: Name,
    units: Annotated[float, typer.Option(min=1, help="Read units a second, of 4 kB each, that it may use.")] = 100,
    way: Annotated[
        ImportWay | None,
        typer.Option(
            help="Scan the table in place, through a copy with a stream of its own, or by an export to S3.",
            show_default="the way that was begun, else in-place",
        ),
    ] = None,
    estimate_only: Annotated[bool, typer.Option("--estimate", help="Say how long it takes, and read nothing.")] = False,
    anew: Annotated[
        bool,
        typer.Option(
            "--anew", help="Begin again, also if it is done. In place, it repairs rows and fills new columns."
        ),
    ] = False,
    remove_surplus: Annotated[
        bool,
        typer.Option(
            "--remove-surplus",
            help="In place, remove all rows that have no item in the source. Without it, many of them are kept.",
        ),
    ] = False,
    comparing: Annotated[
        bool, typer.Option("--compare/--no-compare", help="Read the source once more at the end, and compare by day.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Import what the table held before its stream was read, beside the stream. Stopped, it goes on where it was.

    Exits with 1 if source and target differ at the end, and if rows without an item were kept.

    Example: sluice feed import payments --way export
    """
    from pipeline.operate.feeds import functions, imports

    if remove_surplus and way not in (None, ImportWay.IN_PLACE):
        raise WrongUsage(f"an import by {way} removes no rows", hint="--remove-surplus goes with --way in-place.")
    ask = functions.importer(_lake(context), name)
    about = imports.estimate(ask, units=units, way=way)
    if not as_json:
        say_estimate(about, units)
    if estimate_only:
        if as_json:
            print_json({"feed": name, "estimate": asdict(about), "within_retention": about.within_retention})
        return
    last = None
    for last in imports.run(ask, units=units, way=way, anew=anew, remove_surplus=remove_surplus):
        if not as_json:
            say_step(last, about)
    compared = imports.compare(ask, units=units, way=way) if comparing else None
    if as_json:
        print_json({"feed": name, "estimate": asdict(about), "import": asdict(last) if last else None} | _of(compared))
    elif compared:
        say_comparison(compared)
    imports.check_surplus(name, last)
    if compared and not compared["agrees"]:
        raise typer.Exit(1)


def _of(compared: dict[str, Any] | None) -> dict[str, Any]:
    return {} if compared is None else {"comparison": compared}


@feed.command("erase")
def erase(
    context: typer.Context,
    name: Name,
    namespace: Annotated[str, typer.Option("--namespace", help="The kind of identifier, as the contract says.")],
    for_good: Annotated[bool, typer.Option("--for-good", help="Erase. Without it, rows are only counted.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count, as it does without --for-good.")] = False,
    as_json: Json = False,
) -> None:
    """Erase a person from PostgreSQL, in all feeds that know them by this kind of identifier.

    The identifier is read from standard input, or asked for: it is no argument, which others on this machine could see.

    Example: sluice feed erase payments --namespace person --for-good < identifier.txt
    """
    from pipeline.operate.feeds import erasure, functions

    if for_good and dry_run:
        raise WrongUsage("--for-good and --dry-run contradict each other", hint="Say one of them.")
    ask = functions.administrator(_lake(context))
    prompt = "identifier (it is not shown): "
    text = getpass(prompt, stream=sys.stderr) if sys.stdin.isatty() else sys.stdin.read()
    found = erasure.erase(ask, name, namespace, erasure.identifier_of(text), datetime.now(UTC), dry_run=not for_good)
    if as_json:
        print_json(found.to_json())
    else:
        say_erasure(found)
    if for_good and found.left:
        raise typer.Exit(1)


@feed.command("rotate")
def rotate(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAMESPACE]...", help="Only these.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All namespaces.")] = False,
    new_key: Annotated[bool, typer.Option("--new-key", help="First add a key to the secret.")] = False,
    as_json: Json = False,
) -> None:
    """Bring pseudonyms to the newest key; without a namespace or --all, say which are behind. Rows go on joining.

    Nobody's identifier is needed. What was pseudonymised elsewhere as sha256(id + secret) gets a key of ours so.

    Example: sluice feed rotate --new-key --all
    """
    from pipeline.operate.feeds import functions, keys

    lake = _lake(context)
    ask = functions.administrator(lake)
    added = keys.add_key(client("secretsmanager"), functions.keyring_of(lake)) if new_key else None
    known = keys.keys(ask)
    chosen = [each.namespace for each in known.namespaces] if every else names or []
    reached = []
    for reached_one in keys.advance(ask, chosen):
        reached.append(reached_one)
        if not as_json:
            console.print(f"[bold]{reached_one[0]}[/]: version {reached_one[1]}", highlight=False)
    known = keys.keys(ask)
    if as_json:
        told = {"newest": known.newest, "added": added, "namespaces": [asdict(each) for each in known.namespaces]}
        print_json({**told, "advanced": [{"namespace": each, "version": version} for each, version in reached]})
        return
    say_keys(known, added)


def _lake(context: typer.Context) -> Lake:
    return context.obj.connect().lake  # type: ignore[no-any-return]


def vars_of(change: Any) -> dict[str, Any]:
    """A change, for --json."""
    return {"field": change.field, "kind": change.kind.value, "subject": change.subject, "meaning": change.meaning}

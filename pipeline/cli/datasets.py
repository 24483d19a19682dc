"""Commands that register datasets: datasets init, list, validate, apply."""

from __future__ import annotations

from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from pipeline.cli.app import app
from pipeline.cli.arguments import To, dataset_argument
from pipeline.cli.backends import backend_of
from pipeline.cli.dataset_changes import (
    applied_json,
    describe,
    describe_retired,
    retired_json,
    say_breaches,
    show_plan,
)
from pipeline.cli.dataset_proposals import proposal_json, show_proposal
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, errors, print_json, print_table
from pipeline.core.checkout import checkout
from pipeline.core.definitions.files import Found
from pipeline.core.definitions.problems import Problem
from pipeline.core.errors import Misconfigured, Refused, WrongUsage
from pipeline.deploy.datasets.definitions import all_findings, apply_definitions, by_name, plan_definitions
from pipeline.deploy.datasets.retirement import Retired
from pipeline.deploy.rulesets import Rulesets
from pipeline.lake.datasets.compatibility import Breach, breaches
from pipeline.lake.datasets.dataset_names import reserved_team
from pipeline.lake.datasets.drift import Drift, compare
from pipeline.lake.datasets.files import Definition, path_of, read_all
from pipeline.lake.datasets.revisions import definitions_at
from pipeline.operate.arguments import dataset_name
from pipeline.operate.connection import Connected
from pipeline.operate.formatting import counted

datasets = typer.Typer(help="Define and register datasets.", no_args_is_help=True)
app.add_typer(datasets, name="datasets")

_DRIFT_STYLES = {
    Drift.SAME: "green",
    Drift.DIFFERS: "yellow",
    Drift.NOT_APPLIED: "yellow",
    Drift.NO_FILE: "magenta",
    Drift.BRINGS_BACK: "yellow",
    Drift.RETIRING: "magenta",
    Drift.RETIRED: "dim",
    Drift.FILE_IS_WRONG: "red",
    Drift.UNKNOWN: "dim",
}


class Transforming(StrEnum):
    """The kinds of transform that `init` begins."""

    SQL = "sql"
    PYTHON = "python"
    SCRIPT = "script"


@datasets.command("init")
def init(
    file: Annotated[Path, typer.Argument(help="A sample, of any format and packing that is read.", exists=True)],
    to: To,
    write: Annotated[bool, typer.Option("--write", help="Write the file instead of printing it.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing definition.")] = False,
    transform: Annotated[
        Transforming | None, typer.Option("--transform", help="Add a transform of your own to begin with.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Propose a definition from a sample file: types, likely key, rules that hold.

    Example: sluice datasets init orders.csv --to shop/orders --write
    """
    # Loads Arrow and the readers, which no other command here needs.
    from pipeline.lake.proposals.proposal import propose
    from pipeline.lake.transforms.skeletons import skeleton

    name = dataset_name(to)
    if taken := reserved_team(name.team):
        raise WrongUsage(taken)
    proposal = propose(file, name)
    path = path_of(name)
    begun = skeleton(proposal.dataset, transform.value) if transform else None
    if begun:
        proposal = replace(proposal, text=proposal.text + begun.definition)
    if write:
        _write(checkout() / path, proposal.text, force)
        if begun:
            _write(checkout() / path.parent / begun.file, begun.text, force)
    if as_json:
        beside = {"transform": asdict(begun)} if begun else {}
        print_json({"path": path.as_posix(), "written": write, **proposal_json(proposal), **beside})
        return
    if not write:
        console.print(proposal.text, end="", markup=False, highlight=False, soft_wrap=True)
        if begun:
            errors.print(f"# {begun.file}\n{begun.text}", markup=False, highlight=False, soft_wrap=True)
        # The definition alone is on standard output.
        show_proposal(proposal, errors)
        return
    console.print(f"wrote {path.as_posix()}", highlight=False, soft_wrap=True)
    if begun:
        console.print(f"wrote {(path.parent / begun.file).as_posix()}", highlight=False, soft_wrap=True)
    show_proposal(proposal, console)
    console.print(
        f"  next: read it; `sluice datasets apply {name}`; `sluice drop {escape(str(file))} --to {name}`",
        highlight=False,
        soft_wrap=True,
    )


def _write(path: Path, text: str, force: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Refused(f"{path} already exists", hint="Add --force to replace it.") from None


@datasets.command("list")
def list_datasets(context: typer.Context, as_json: Json = False) -> None:
    """List the registered datasets, and how they differ from definitions/datasets."""
    connected: Connected = context.obj.connect()
    files = _read_files()
    compared = compare(connected.lake.registry.all(), files)
    rows = [
        {
            "dataset": str(dataset.name),
            "format": dataset.stage_a.format,
            "write": dataset.table.write,
            "schedule": dataset.stage_b.schedule,
            "table": registration.table if registration else None,
            "fingerprint": dataset.fingerprint,
            "retired": registration.retired if registration else None,
            "files": drift.value,
        }
        for dataset, registration, drift in compared
    ]
    if as_json:
        print_json({"datasets": rows, "problems": _problems_json(files)})
        return
    cells = [
        [*list(row.values())[:-2], f"[{_DRIFT_STYLES[drift]}]{drift}[/]"]
        for row, (_, _, drift) in zip(rows, compared, strict=True)
    ]
    titles = ("dataset", "format", "write", "schedule", "table", "fingerprint", "definitions/datasets")
    print_table("Datasets", titles, cells, empty="none is registered or defined: see `sluice datasets init`")
    for problem in files.problems if files else ():
        console.print(f"[red]{escape_untrusted(problem)}[/]", highlight=False, soft_wrap=True)


def _read_files() -> Found[Definition] | None:
    """The definitions in the checkout; None outside of a checkout."""
    try:
        return read_all(checkout())
    except Misconfigured:
        return None


def _problems_json(files: Found[Definition] | None) -> list[dict[str, Any]]:
    return [problem.to_json() for problem in (files.problems if files else ())]


@datasets.command("validate")
def validate(
    against: Annotated[
        str | None,
        typer.Option(metavar="REVISION", help="Also say what breaks files or readers since this revision of git."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every file in definitions/datasets with its ruleset. Needs no lake. Exits with 1 if there are problems.

    With --against it compares with a revision, and exits with 1 if a change is breaking: in pull requests.

    Example: sluice datasets validate --against origin/main
    """
    files = read_all(checkout())
    broken = {} if against is None else _breaches_since(files, against)
    problems, warnings = list(files.problems), list[Problem]()
    known = by_name(files.definitions)
    with Rulesets() as rulesets:
        for definition in files.definitions:
            if taken := reserved_team(definition.dataset.team):
                warnings.append(definition.problem(("team",), f"{taken}, unless it is registered already"))
            for problem, severity in all_findings(definition, rulesets, known):
                (problems if severity == "error" else warnings).append(problem)
    checked = replace(files, problems=tuple(sorted(problems)))
    if as_json:
        remarks = _problems_json(replace(files, problems=tuple(warnings)))
        valid = [str(definition.dataset.name) for definition in files.definitions if not _is_wrong(definition, checked)]
        document = {"valid": valid, "problems": _problems_json(checked), "warnings": remarks}
        breaking = {name: [breach.to_json() for breach in found] for name, found in broken.items()}
        print_json({**document, **({} if against is None else {"breaking": breaking})})
        raise typer.Exit(1 if problems or broken else 0)
    for remark in warnings:
        console.print(f"[yellow]warning:[/] {escape_untrusted(remark)}", highlight=False, soft_wrap=True)
    checked.or_raise()
    console.print(f"{counted(len(files.definitions), 'definition')}: all valid", highlight=False)
    for name, found in broken.items():
        console.print(f"[bold]{name}[/] since {escape_untrusted(str(against))}", highlight=False)
        say_breaches(found)
    if broken:
        raise typer.Exit(1)
    if against is not None:
        console.print(f"compatible with {escape_untrusted(against)}", highlight=False)


def _breaches_since(files: Found[Definition], revision: str) -> dict[str, list[Breach]]:
    found: dict[str, list[Breach]] = {}
    now = {each.dataset.name: each.dataset for each in files.definitions}
    for before in definitions_at(checkout(), revision):
        name = before.dataset.name
        if name in now:
            found[str(name)] = breaches(before.dataset, now[name])
        elif not any(problem.path == before.path for problem in files.problems):
            found[str(name)] = [
                Breach(before.path, "it is gone: applying retires the dataset, and takes no new objects")
            ]
    return {name: breaching for name, breaching in found.items() if breaching}


def _is_wrong(definition: Definition, files: Found[Definition]) -> bool:
    return any(problem.path == definition.path for problem in files.problems)


@datasets.command("apply")
def apply_command(
    context: typer.Context,
    names: Annotated[list[str] | None, dataset_argument("Only these.", "[TEAM/DATASET]...")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would happen, and change nothing.")] = False,
    retire_all: Annotated[
        bool, typer.Option("--retire-all", help="Retire also more than half of the datasets at once.")
    ] = False,
    alter_tables: Annotated[
        bool, typer.Option("--alter-tables", help="Consent to new columns and wider types: `evolution: consent`.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Apply definitions/datasets to the lake: tables, queues, schedules. Objects that waited for them are sent on.

    Everything is checked before anything is changed. A registered dataset whose file is gone is retired: it takes no
    new objects, waiting ones are still loaded, then its queue and schedule are deleted; its table is retained. If
    datasets are named, only these are applied, and none is retired.
    """
    connected: Connected = context.obj.connect()
    only = {dataset_name(name) for name in names or ()}
    backend = backend_of(connected.env, is_embedded=connected.is_embedded)
    if plan:
        planned = plan_definitions(checkout(), connected, backend, only=only)
        show_plan(planned, as_json=as_json, retire_all=retire_all)
        return

    def say(text: str) -> None:
        if not as_json:
            console.print(text, highlight=False, soft_wrap=True)

    retired: list[Retired] = []

    def report_retired(done: Retired) -> None:
        retired.append(done)
        say(describe_retired(done))

    applied = apply_definitions(
        checkout(),
        connected,
        backend,
        only=only,
        report=lambda done: say(describe(done)),
        alter_tables=alter_tables,
        retire_all=retire_all,
        report_retired=report_retired,
    )
    if as_json:
        print_json({"applied": list(map(applied_json, applied)), "retired": list(map(retired_json, retired))})

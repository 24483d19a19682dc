"""`sluice why`: the whole history of one object."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import ObjectArgument
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_facts, print_json, styled
from pipeline.lake.batches.records import Batch
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.datasets.model import Table
from pipeline.lake.services import Lake
from pipeline.operate.advice import advice
from pipeline.operate.arguments import object_of
from pipeline.operate.batches import in_and_out
from pipeline.operate.deliveries import beside, in_words
from pipeline.operate.files import DataFile, FileFacts, data_files, look_up
from pipeline.operate.formatting import counted, moment, size
from pipeline.operate.missing_objects import Diagnosis, diagnose
from pipeline.operate.objects import bad_rows, batch_of, chosen, story, tables_of, versions, waits_for
from pipeline.operate.set_aside import folder_of

VERSIONS_SHOWN = 5
_RAW_CHARACTERS = 160


@app.command()
def why(
    context: typer.Context,
    uri: ObjectArgument,
    version: Annotated[str | None, typer.Option(help="Only this version id.")] = None,
    files: Annotated[bool, typer.Option("--files", help="With the table's data files that its rows are in.")] = False,
    as_json: Json = False,
) -> None:
    """Show the whole history of one object: where it is, why, and what to do.

    Of any other file of the lake, staged, of a table or of the quarantine: what it is, and the batches and raw objects
    that it came from. Exits with 1 if it is not known, and shows the likely cause.

    Example: sluice why legislators/memberships/2026/members.json
    """
    lake = context.obj.connect().lake
    if uri.startswith("s3://") and (facts := look_up(lake, uri)):
        print_json({"uri": uri, "known": True, "versions": [], "file": facts.to_json()}) if as_json else _print_file(
            facts
        )
        return
    obj = object_of(lake, uri)
    known = versions(lake, obj)
    rows = chosen(known, version)
    if not rows:
        _print_unknown(obj.uri, diagnose(lake, obj), as_json)
        raise typer.Exit(1)
    by_dataset = tables_of(lake, rows)
    tables = {row.object: by_dataset.get(row.dataset or "", Table()) for row in rows}
    if as_json:
        stories = [
            {
                **story(lake, row, table),
                "rows_beside": beside(row, known, table),
                **({"data_files": [each.to_json() for each in data_files(lake, row)]} if files else {}),
            }
            for row in rows
            for table in [tables[row.object]]
        ]
        print_json({"uri": obj.uri, "known": True, "versions": stories})
        return
    console.print(
        f"[bold]{escape_untrusted(obj.uri)}[/]  [dim]{counted(len(rows), 'version')}[/]",
        highlight=False,
        soft_wrap=True,
    )
    for row in rows[:VERSIONS_SHOWN]:
        _print_version(lake, row, known, tables[row.object])
        if files:
            _print_data_files(data_files(lake, row))
    for row in rows[VERSIONS_SHOWN:]:
        version_id = escape_untrusted(row.object.version_id)
        console.print(f"\n{styled(row.status)} version {version_id} [dim]since {moment(row.since)}[/]")


def _print_file(facts: FileFacts) -> None:
    console.print(f"[bold]{escape_untrusted(facts.uri)}[/]", highlight=False, soft_wrap=True)
    seen = {True: "yes", False: "no", None: None}[facts.is_current]
    print_facts(
        facts.kind,
        {
            "dataset": facts.dataset,
            "batches": ", ".join(facts.batches) + ("" if facts.is_all else " [yellow]and older ones[/]")
            if facts.batches
            else None,
            "snapshot": None if facts.snapshot is None else str(facts.snapshot),
            "in use": seen,
            "note": escape_untrusted(facts.note) if facts.note else None,
        },
    )
    for obj in facts.objects:
        where = f"{escape_untrusted(obj.uri)} [dim]version {escape_untrusted(obj.version_id)}[/]"
        console.print(f"    from {where}", highlight=False, soft_wrap=True)
    if facts.number > len(facts.objects):
        console.print(f"    [dim]and {facts.number - len(facts.objects):,} more[/]")


def _print_data_files(found: list[DataFile]) -> None:
    for each in found:
        gone = "" if each.is_current else " [dim]written anew since[/]"
        where = escape_untrusted(each.uri)
        console.print(f"    data file {where} [dim]{each.rows:,} rows[/]{gone}", highlight=False, soft_wrap=True)
    if not found:
        console.print("    [dim]no data file of it is known: it is not loaded, or its snapshot has expired[/]")


def _print_unknown(uri: str, diagnosis: Diagnosis, as_json: bool) -> None:
    if as_json:
        document = {"uri": uri, "known": False, "versions": [], "reason": diagnosis.reason, "todo": diagnosis.todo}
        print_json({**document, "similar": list(diagnosis.similar)})
        return
    console.print(f"[bold]{escape_untrusted(uri)}[/]", highlight=False, soft_wrap=True)
    console.print(
        f"  [yellow]not in the catalog[/]: {escape_untrusted(diagnosis.reason)}", highlight=False, soft_wrap=True
    )
    console.print(f"  [dim]do[/] {escape_untrusted(diagnosis.todo)}", highlight=False, soft_wrap=True)
    for similar in diagnosis.similar:
        console.print(f"  [dim]similar:[/] {escape_untrusted(similar)}", highlight=False, soft_wrap=True)


def _print_version(lake: Lake, row: ObjectRow, known: list[ObjectRow], table: Table) -> None:
    batch = batch_of(lake, row)
    console.print()
    print_facts(
        f"{styled(row.status)} [dim]version[/] {escape_untrusted(row.object.version_id)}",
        {
            "part": _part(row),
            "id": f"{row.object.digest} [dim](sluice logs --id ID)[/]",
            "dataset": escape_untrusted(row.dataset) if row.dataset else "[dim]none[/]",
            "size": size(row.size) if row.status is not Status.DELETE_MARKER else None,
            "why": escape_untrusted(row.reason) if row.reason else None,
            "waits": _waits(lake, row),
            "duplicate of": f"version {escape_untrusted(row.duplicate_of)}" if row.duplicate_of else None,
            "dismissed": _dismissed(row),
            "rows": _rows(row),
            "nulled": _nulled(row),
            "twice" if row.rows_repeated else "beside": _beside(in_words(row, known, table)),
            "batch": _batch(batch, row),
            "transform": _transform(batch),
            "verdict": _verdict(batch) if batch else None,
            "execution": f"{escape_untrusted(row.execution)} [dim](sluice execution NAME)[/]"
            if row.execution
            else None,
            "sent" if row.generation > 1 else "": f"{row.generation} times through Stage A"
            if row.generation > 1
            else None,
            "do": escape_untrusted(advice(row, table)),
        },
    )
    for status, at in row.history:
        console.print(f"    [dim]{moment(at)}[/] {styled(status)}", highlight=False)
    _print_bad_rows(row, folder_of(lake, row, batch))


def _waits(lake: Lake, row: ObjectRow) -> str | None:
    words = waits_for(lake, row)
    return escape_untrusted(words) if words else None


def _part(row: ObjectRow) -> str | None:
    """What an object is that nobody dropped."""
    if not row.object.is_part:
        return None
    return f"rows of version {escape_untrusted(row.object.whole.version_id)} that were set aside, sent again"


def _dismissed(row: ObjectRow) -> str | None:
    if row.dismissed is None:
        return None
    at, by, why = row.dismissed
    return f"by {escape_untrusted(by)}, {moment(at)}: {escape_untrusted(why)}"


def _rows(row: ObjectRow) -> str | None:
    if row.rows_in is None:
        return None
    bad = f", [yellow]{row.bad:,} bad[/]" if row.bad else ""
    again = f", {row.rows_again:,} sent again" if row.rows_again else ""
    return f"{row.rows_in:,} in, {row.good or 0:,} out{again}{bad}"


def _nulled(row: ObjectRow) -> str | None:
    if not row.nulled:
        return None
    columns = ", ".join(f"{escape_untrusted(name)} {count:,}" for name, count in row.nulled.items())
    values = counted(sum(row.nulled.values()), "value")
    return f"[yellow]{values} that did not fit: {columns}[/] [dim](on_bad_value: null)[/]"


def _beside(sentence: str | None) -> str | None:
    return f"[yellow]{sentence}[/]" if sentence else None


def _batch(batch: Batch | None, row: ObjectRow) -> str | None:
    if batch is None:
        return f"{escape_untrusted(row.batch)} [dim](its history has ended)[/]" if row.batch else None
    is_shown = batch.error and batch.error in (row.reason or "")
    error = f": {escape_untrusted(batch.error)}" if batch.error and not is_shown else ""
    return f"{batch.id} {styled(batch.status)}{error}"


def _transform(batch: Batch | None) -> str | None:
    said = in_and_out(batch.write) if batch and batch.write else None
    return escape_untrusted(said) if said else None


def _verdict(batch: Batch) -> str | None:
    if batch.verdict is None:
        return None
    failed = [rule for rule in batch.verdict.rules if rule.outcome != "Passed"]
    lines = [
        f"    [red]✗[/] {escape_untrusted(rule.rule)} [dim]{escape_untrusted(rule.reason or '')}[/]" for rule in failed
    ]
    passed = len(batch.verdict.rules) - len(failed)
    head = f"{styled(batch.verdict.outcome)}, {passed} of {counted(len(batch.verdict.rules), 'rule')} passed"
    return "\n".join([head, *lines])


def _print_bad_rows(row: ObjectRow, folder: str | None) -> None:
    shown = bad_rows(row, folder)
    if not shown:
        return
    rest = row.bad - len(shown)
    places = " and ".join(
        escape_untrusted(place) for place in (f"{folder}/" if folder else None, row.bad_rows_uri) if place
    )
    console.print(f"    [dim]bad rows, all in {places}[/]", highlight=False, soft_wrap=True)
    for bad in shown:
        raw = bad.get("raw")
        text = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False)
        if len(text) > _RAW_CHARACTERS:
            text = text[:_RAW_CHARACTERS] + "…"
        where = f"line {escape_untrusted(bad.get('line'))}"
        console.print(f"    {where}: [yellow]{escape_untrusted(bad.get('reason'))}[/]", highlight=False, soft_wrap=True)
        console.print(f"      [dim]{escape_untrusted(text)}[/]", highlight=False, soft_wrap=True)
    if rest > 0:
        console.print(f"    [dim]and {rest:,} more[/]")

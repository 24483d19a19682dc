"""Every piece of advice that is printed about an object is followed here, and the table looked at.

A case without a follow-up fails the first test. What has a test of its own elsewhere is named with it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.clients import client
from pipeline.core.events.s3 import ObjectCreated
from pipeline.core.objects import ObjectVersion
from pipeline.deploy.datasets.definitions import apply_definitions
from pipeline.deploy.embedded import EmbeddedBackend
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.operate.advice import Case, advice, case_of
from pipeline.operate.objects import table_of

from .conftest import Datasetup, RunningLake, csv_text, values
from .test_bad_input import mapping_of

HEADER = "id,n,day"
STAGE_A = {"format": "csv", "columns": {"id": "string", "n": "int", "day": "string"}}
MODES: dict[str, dict[str, Any]] = {
    "append": {},
    "replace": {"write": "replace"},
    "upsert": {"write": "upsert", "key": ["id"]},
    "partitions": {"write": "overwrite", "partition_by": ["day"]},
}
WHOLE = {"write": "overwrite"}
RULES = {"ruleset": 'Rules = [ ColumnValues "n" > 0 ]'}
JUDGED: dict[str, dict[str, Any]] = {
    "rules": {},
    "rules of replace": MODES["replace"],
    "rules of overwrite": WHOLE,
}
WITH_BAD_ROW, ALONE = csv_text(HEADER, "a,1,x", "b,2,y", "c,oops,x"), csv_text(HEADER, "c,3,x")
MENDED = csv_text(HEADER, "a,1,x", "b,2,y", "c,3,x")
UNREADABLE, READABLE = csv_text("name", "d"), csv_text(HEADER, "d,4,z")
DELIVERED, REPEATED = csv_text(HEADER, "p,1,x", "q,2,x"), csv_text(HEADER, "p,1,x", "s,3,x")

FOLLOWED = {
    Case.OUTSIDE: ["append"],
    Case.BAD_ROWS_ALONE: ["append"],
    Case.BAD_ROWS_ANEW: ["replace", "whole"],
    Case.BAD_ROWS_BY_PART: ["upsert", "partitions"],
    Case.UNREADABLE: ["append", "upsert", "partitions"],
    Case.UNREADABLE_ANEW: ["replace"],
    Case.NOT_STAGED: ["append"],
    Case.RULES_BROKEN: ["rules"],
    Case.RULES_BROKEN_ANEW: ["rules of replace", "rules of overwrite"],
    Case.DUPLICATE: ["append"],
    Case.GONE: ["append"],
    Case.ROWS_REPEATED: ["append"],
}
"""The datasets whose tables show that the advice was right."""
ASKS = {Case.WITH_STAGE_A, Case.IS_LOADED, Case.LOADED, Case.WAITS}
"""Only to look, or to wait: the commands have to be ones that work."""
NOTHING = {Case.DISMISSED, Case.SUPERSEDED, Case.DELETED}
_BAD_INPUT, _ROLES = (f"tests/whole_lake/test_{name}.py" for name in ("bad_input", "roles"))
ELSEWHERE = {
    Case.UNROUTED: (
        _BAD_INPUT,
        "test_objects_of_an_unregistered_prefix_wait_and_are_loaded_when_their_dataset_is_applied",
    ),
    Case.BATCH_FAILED: (_ROLES, "test_a_batch_whose_quality_job_is_stopped_fails_and_can_be_redriven"),
}
PATIENCE_S = 240
"""Six batches at once, whose jobs stand in line for this machine's capacity."""


def test_there_is_a_follow_up_for_every_case():
    assert {*FOLLOWED, *ASKS, *NOTHING, *ELSEWHERE} == set(Case)
    for file, test in ELSEWHERE.values():
        assert f"def {test}(" in (Path(__file__).parents[2] / file).read_text()


def told(lake: RunningLake, row: ObjectRow) -> str:
    return advice(row, table_of(lake.lake, row))


def commands(text: str) -> list[list[str]]:
    """The commands of a piece of advice, with a reason for those that ask for one."""
    return [shlex.split(each.replace("…", "mended"))[1:] for each in re.findall(r"`(sluice [^`]+)`", text)]


def run(lake: RunningLake, text: str, *, only: str) -> None:
    [found] = [command for command in commands(text) if command[0] == only]
    done = lake.sluice(*found)
    assert done.returncode == 0, (found, done.stderr)


@contextmanager
def events_held_back(lake: RunningLake) -> Iterator[None]:
    mapping = mapping_of(lake)
    client("lambda").update_event_source_mapping(UUID=mapping, Enabled=False)
    try:
        yield
    finally:
        client("lambda").update_event_source_mapping(UUID=mapping, Enabled=True)


def fail_in_stage_a(lake: RunningLake, dataset: Datasetup, file: str, content: str) -> None:
    """As a worker does that is killed each time."""
    obj = ObjectVersion(lake.raw, dataset.key(file), dataset.drop(file, content))
    lake.lake.catalog.register(ObjectCreated(obj, len(content), "", 1, None), dataset.name)
    lake.lake.catalog.move(obj, Status.FAILED, str(dataset.name), reason="killed")


def drop_what_needs_advice(lake: RunningLake, made: dict[str, Datasetup]) -> None:
    append = made["append"]
    with events_held_back(lake):
        for mode in MODES:
            made[mode].drop("bad-row.csv", WITH_BAD_ROW)
            made[mode].drop("unreadable.csv", UNREADABLE)
        made["whole"].drop("bad-row.csv", WITH_BAD_ROW)
        for name in JUDGED:
            made[name].drop("r.csv", csv_text(HEADER, "r,-1,x"))
        append.drop("again.csv", DELIVERED)
        lake.put("advice-outside.csv", csv_text(HEADER, "o,1,x"))
        fail_in_stage_a(lake, append, "killed.csv", csv_text(HEADER, "k,1,x"))
        version = append.drop("gone.csv", csv_text(HEADER, "g,1,x"))
        client("s3").delete_object(Bucket=lake.raw, Key=append.key("gone.csv"), VersionId=version)
    lake.settle(PATIENCE_S)


def advised(lake: RunningLake, made: dict[str, Datasetup]) -> dict[tuple[str, Case], str]:
    """What is said of each object now, by its dataset and case."""
    rows = [(name, row) for name, dataset in made.items() for row in lake.lake.catalog.all(str(dataset.name))]
    rows += [("append", row) for row in lake.versions("advice-outside.csv")]
    return {(name, case_of(row, table_of(lake.lake, row))): told(lake, row) for name, row in rows}


def follow(lake: RunningLake, made: dict[str, Datasetup], said: dict[tuple[str, Case], str]) -> None:
    append = made["append"]
    for mode in MODES:
        alone = (mode, Case.BAD_ROWS_ALONE) in said
        made[mode].drop("mended-rows.csv" if alone else "bad-row.csv", ALONE if alone else MENDED)
        made[mode].drop("unreadable.csv", READABLE)
    made["whole"].drop("bad-row.csv", MENDED)
    for name in JUDGED:
        if name != "rules":
            made[name].drop("r.csv", csv_text(HEADER, "r,1,x"))
    append.drop("again.csv", REPEATED)
    append.drop("unreadable.csv", READABLE)
    append.drop("once-more.csv", READABLE)
    append.drop("outside.csv", csv_text(HEADER, "o,1,x"))
    append.drop("gone.csv", csv_text(HEADER, "g,1,x"))
    run(lake, said["append", Case.NOT_STAGED], only="redrive")
    definition = lake.root / "definitions" / "datasets" / f"{made['rules'].name}.yaml"
    definition.write_text(definition.read_text().replace("> 0", "> -2"))
    lake.apply(made["rules"])
    run(lake, said["rules", Case.RULES_BROKEN], only="redrive")
    lake.settle(PATIENCE_S)
    for (name, _), text in said.items():
        # What the redrive of its batch has loaded is no more to be dismissed.
        if name != "rules" and any(command[0] == "dismiss" for command in commands(text)):
            run(lake, text, only="dismiss")


IN_TABLE = {
    "append": ["a", "b", "c", "d", "d", "g", "k", "o", "p", "p", "q", "s"],
    "replace": ["a", "b", "c", "d"],
    "upsert": ["a", "b", "c", "d"],
    "partitions": ["a", "b", "c", "d"],
    "whole": ["a", "b", "c"],
    **{name: ["r"] for name in JUDGED},
}
"""Every row once; `d` twice where it was asked for by another name, `p` where two versions brought it."""


@pytest.mark.timeout(1200)
def test_who_follows_the_advice_has_every_row_as_often_as_it_was_meant(lake: RunningLake):
    definitions = {name: {"stage_a": STAGE_A, "table": table} for name, table in {**MODES, "whole": WHOLE}.items()}
    definitions |= {name: {"stage_a": STAGE_A, "table": table, "quality": RULES} for name, table in JUDGED.items()}
    made = {name: lake.define(definition, apply=False) for name, definition in definitions.items()}
    apply_definitions(
        lake.root, lake.connected, EmbeddedBackend(lake.connected.env), only=[dataset.name for dataset in made.values()]
    )
    drop_what_needs_advice(lake, made)
    said = advised(lake, made)
    expected = {(name, case) for case, names in FOLLOWED.items() for name in names}
    late = {("append", Case.DUPLICATE), ("append", Case.ROWS_REPEATED)}
    assert expected - said.keys() == late

    follow(lake, made, said)
    assert {name: values(dataset.rows(), "id") for name, dataset in made.items()} == IN_TABLE
    after = advised(lake, made)
    assert late <= after.keys()
    run(lake, after["append", Case.ROWS_REPEATED], only="dismiss")
    attention = {each["dataset"] for each in lake_status(lake)}
    assert not attention & {str(dataset.name) for dataset in made.values()}
    look_where_it_is_said(lake, after["append", Case.LOADED], made["append"].row("killed.csv"))


def lake_status(lake: RunningLake) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(lake.sluice("status", "--json").stdout)["attention"]
    assert not [each for each in found if "advice-outside" in (each["example"] or "")]
    return found


def look_where_it_is_said(lake: RunningLake, loaded: str, row: ObjectRow) -> None:
    texts = [loaded]
    texts += [told(lake, replace(row, status=status)) for status in (Status.REGISTERED, Status.STAGED, Status.CLAIMED)]
    for command in (command for text in texts for command in commands(text)):
        done = lake.sluice(*command)
        # `wait` tells by its exit that something of another test needs attention.
        assert done.returncode == 0 or command[0] == "wait", (command, done.stderr)

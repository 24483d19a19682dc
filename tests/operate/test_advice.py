"""Which advice an object gets. That it is right, `tests/whole_lake/test_advice.py` sees by following it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.operate.advice import Case, advice, case_of
from tests.operate.test_missing_rows import TABLES

URI = "s3://raw/shop/orders/a.csv"


def row(status: Status, **facts: Any) -> ObjectRow:
    obj = ObjectVersion("raw", facts.pop("key", "shop/orders/a.csv"), "v1")
    return ObjectRow(obj, status, "shop/orders", 1, 1, "", 0, None, "0|0|a|v1", "2026-01-01T00:00:00Z", **facts)


def test_every_case_is_met():
    batches, bad, keys = (None, "01KF"), (None, 3), ("shop/orders/a.csv", "alone.csv")
    rows = [
        row(status, batch=batch, rows_bad=rows_bad, rows_repeated=rows_repeated, key=key, dismissed=said)
        for status, batch, rows_bad, rows_repeated, key, said in itertools.product(
            Status, batches, bad, bad, keys, (None, ("at", "b", "w"))
        )
    ]
    assert {case_of(each, table) for each in rows for table in TABLES.values()} == set(Case)
    assert all(advice(each, table).endswith(".") for each in rows for table in TABLES.values())


@pytest.mark.parametrize("status", [Status.QUARANTINED, Status.FAILED])
@pytest.mark.parametrize("mode", TABLES)
def test_what_a_reader_hints_at_stands_before_what_is_always_to_be_done(mode: str, status: Status):
    told = advice(row(status, reason="one cell", hint="Is the delimiter ','?"), TABLES[mode])
    assert told.startswith("Is the delimiter ','? ")
    assert f"sluice redrive {URI}" in told


@pytest.mark.parametrize("mode", TABLES)
def test_a_version_is_to_be_dismissed_only_where_a_newer_one_does_not_stand_for_it(mode: str):
    needed = mode not in ("replace", "overwrite")
    for found in (row(Status.QUARANTINED), row(Status.QUARANTINED, batch="01KF"), row(Status.COMMITTED, rows_bad=1)):
        assert (f"sluice dismiss {URI}" in advice(found, TABLES[mode])) == needed


def test_each_step_names_what_it_is_about():
    told = advice(row(Status.QUARANTINED, batch="01KF"), TABLES["append"])
    assert all(f"sluice {step}" in told for step in ("redrive --batch 01KF", "release 01KF", f"dismiss {URI}"))
    assert "sluice redrive --batch 01KF" in advice(row(Status.FAILED, batch="01KF"), TABLES["append"])


def test_rows_that_a_batch_set_aside_are_as_bad_as_others_and_hide_none_that_came_twice():
    both = row(Status.COMMITTED, rows_set_aside=1, rows_repeated=2)
    assert case_of(both, TABLES["append"]) is Case.BAD_ROWS_ALONE
    assert "drop them alone" in advice(both, TABLES["append"])
    assert "twice" in advice(both, TABLES["append"])
    assert "twice" in advice(row(Status.COMMITTED, rows_repeated=2), TABLES["append"])
    assert "twice" not in advice(row(Status.COMMITTED, rows_repeated=0), TABLES["append"])


FILE = ObjectVersion("raw", "team/dataset/FILE", "v1")


@pytest.mark.parametrize("mode", TABLES)
def test_the_page_of_datasets_says_what_is_advised_on_rows_that_were_set_aside(mode: str):
    found = replace(row(Status.COMMITTED, rows_bad=1), object=FILE)
    shown = "`overwrite` of partitions" if mode == "partitions" else f"`{mode}`"
    assert f"\n| {shown} | {advice(found, TABLES[mode])} |\n" in page("datasets")


def test_the_runbook_says_what_is_advised_on_what_failed():
    found = [
        row(Status.FAILED, batch="BATCH"),
        row(Status.QUARANTINED, batch="BATCH"),
        replace(row(Status.FAILED), object=FILE),
    ]
    for each in found:
        assert advice(each, TABLES["replace"]).removesuffix(".") in page("runbook")


def page(name: str) -> str:
    return (Path(__file__).parents[2] / "docs" / f"{name}.md").read_text()


@pytest.mark.parametrize("case", [Case.DISMISSED, Case.SUPERSEDED, Case.DELETED])
def test_where_nothing_is_to_be_done_no_command_is_named(case: Case):
    facts: dict[Case, tuple[Status, dict[str, Any]]] = {
        Case.DISMISSED: (Status.FAILED, {"dismissed": ("at", "by", "why"), "hint": "Give it memory."}),
        Case.SUPERSEDED: (Status.SUPERSEDED, {}),
        Case.DELETED: (Status.DELETE_MARKER, {}),
    }
    status, more = facts[case]
    told = advice(row(status, **more), TABLES["append"])
    assert told.startswith("Nothing to do.")
    assert "`" not in told

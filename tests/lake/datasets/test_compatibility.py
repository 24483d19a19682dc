"""What of a changed definition breaks files or readers."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import BadInput
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.compatibility import breaches, refusals
from pipeline.lake.datasets.raw_files import Column, StageA
from pipeline.lake.datasets.revisions import definitions_at

COLUMNS: dict[str, Any] = {
    "id": "int",
    "price": "decimal(9,2)",
    "paid": {"type": "boolean", "true_values": ["J"], "false_values": ["N"]},
    "day": {"type": "date", "format": "d.M.yyyy", "optional": True},
    "inner": "struct<x:array<int>>",
}
STAGE_A: dict[str, Any] = {"format": "csv", "columns": COLUMNS, "null_values": ["NA"], "max_bad_rows": 10}


def dataset(columns: dict[str, Any] | None = None, table: dict[str, Any] | None = None, **stage_a: Any) -> Dataset:
    merged = {name: kind for name, kind in {**COLUMNS, **(columns or {})}.items() if kind is not None}
    described = {"team": "shop", "dataset": "sales", "stage_a": {**STAGE_A, "columns": merged, **stage_a}}
    return Dataset.model_validate({**described, "table": table or {}})


BEFORE = dataset()


@pytest.mark.parametrize(
    "after",
    [
        dataset(),
        dataset({"id": "bigint"}),
        dataset({"price": "decimal(20,2)"}),
        dataset({"inner": "struct<x:array<bigint>,y:string>"}),
        dataset({"more": {"type": "string", "optional": True}}),
        dataset({"id": {"type": "int", "optional": True}}),
        dataset({"paid": {"type": "boolean", "true_values": ["J", "Y"], "false_values": ["N"]}}),
        dataset(percent=True, trim=True, negative_brackets=True, currency=["$"]),
        dataset(max_bad_rows=None),
        dataset(max_bad_rows=11),
        dataset(on_bad_value="rescue"),
    ],
)
def test_a_change_that_asks_nothing_of_anybody_is_compatible(after: Dataset) -> None:
    assert breaches(BEFORE, after) == []


@pytest.mark.parametrize(
    ("after", "field"),
    [
        (dataset({"id": "string"}), "stage_a.columns.id"),
        (dataset({"price": "decimal(5,2)"}), "stage_a.columns.price"),
        (dataset({"inner": "struct<y:string>"}), "stage_a.columns.inner"),
        (dataset({"more": "string"}), "stage_a.columns.more"),
        (dataset({"id": None}), "stage_a.columns.id"),
        (dataset({"id": {"type": "int", "required": True}}), "stage_a.columns.id"),
        (dataset({"id": {"type": "int", "from": "ID"}}), "stage_a.columns.id"),
        (dataset({"day": {"type": "date", "format": "M/d/yyyy", "optional": True}}), "stage_a.columns.day"),
        (dataset({"day": {"type": "date", "format": "d.M.yyyy"}}), "stage_a.columns.day"),
        (dataset({"paid": {"type": "boolean", "true_values": ["Y"], "false_values": ["N"]}}), "stage_a.columns.paid"),
        (dataset(delimiter=";"), "stage_a.delimiter"),
        (dataset(encoding="cp1252"), "stage_a.encoding"),
        (dataset(decimal=","), "stage_a.decimal"),
        (dataset(header=3), "stage_a.header"),
        (dataset(format="tsv"), "stage_a.format"),
        (dataset(null_values=["NA", "-"]), "stage_a.null_values"),
        (dataset(null_values=[]), "stage_a.null_values"),
        (dataset(max_bad_rows=9), "stage_a.max_bad_rows"),
        (dataset(max_bad_rows="1%"), "stage_a.max_bad_rows"),
        (dataset(on_bad_row="reject_file"), "stage_a.on_bad_row"),
        (dataset(on_new_column="reject"), "stage_a.on_new_column"),
        (dataset(on_new_column="rescue"), "stage_a.on_new_column"),
        (dataset(table={"write": "replace"}), "table.write"),
        (dataset(table={"write": "upsert", "key": ["id"]}), "table.key"),
        (dataset(table={"partition_by": ["id"]}), "table.partition_by"),
        (dataset(table={"format": "parquet"}), "table.format"),
    ],
)
def test_a_change_that_breaks_files_or_readers_is_named(after: Dataset, field: str) -> None:
    assert field in [breach.field for breach in breaches(BEFORE, after)]


@pytest.mark.parametrize(("strict", "mild"), [("reject", "rescue"), ("reject", "add"), ("rescue", "add")])
def test_new_columns_may_be_taken_that_were_not(strict: str, mild: str) -> None:
    assert breaches(dataset(on_new_column=strict), dataset(on_new_column=mild)) == []


ALLOWING: dict[str, Any] = {
    "max_bad_rows": 20,
    "on_bad_row": "quarantine",
    "on_new_column": "add",
    "null_values": ["NA", "-"],
    "currency": ["$"],
    "percent": True,
    "negative_brackets": True,
    "trim": True,
}
"""Options of which one value takes more files than another: taking that back breaks what was sent."""
STRICT: dict[str, Any] = {"on_bad_row": "reject_file", "on_new_column": "reject"}
NEVER_BREAKING = {"on_bad_value"}


@pytest.mark.parametrize("option", sorted(StageA.model_fields.keys() - ALLOWING.keys() - NEVER_BREAKING - {"columns"}))
def test_any_change_of_how_files_are_written_is_breaking_also_of_an_option_that_is_new(option: str) -> None:
    changed = BEFORE.stage_a.model_copy(update={option: "another"})
    found = breaches(BEFORE, BEFORE.model_copy(update={"stage_a": changed}))
    assert [breach.field for breach in found] == [f"stage_a.{option}"]


@pytest.mark.parametrize("option", ALLOWING)
def test_taking_back_what_let_more_files_in_is_breaking(option: str) -> None:
    allowing, strict = (
        dataset(**{option: ALLOWING[option]}),
        dataset(**{option: STRICT[option]} if option in STRICT else {}),
    )
    assert [breach.field for breach in breaches(allowing, strict)] == [f"stage_a.{option}"]
    if option != "null_values":
        assert breaches(strict, allowing) == []


def test_every_option_of_a_column_is_judged() -> None:
    """What a new option of a column breaks, somebody has to say in `compatibility`."""
    assert Column.model_fields.keys() == {
        *(
            "type",
            "optional",
            "required",
            "source",
            "format",
            "timezone",
            "true_values",
            "false_values",
            "leading_zeros",
        )
    }


@pytest.mark.parametrize(
    ("columns", "field", "says"),
    [
        ({"price": "decimal(5,2)"}, "price", "decimal(9,2) → decimal(5,2): values of the table do not all fit"),
        ({"inner": "struct<y:string>"}, "inner", "or a field within is gone"),
        ({"id": None}, "id", "If files may lack it, keep `id` and say `optional: true`"),
        ({"id": None, "number": "int"}, "id", "it is gone, and number is new"),
        ({"id": None, "number": {"type": "int", "optional": True}}, "id", "keep `id` and say `from: number`"),
        ({"id": None, "number": "string"}, "id", "a column of a table is not dropped"),
    ],
)
def test_what_applying_refuses_says_what_to_do(columns: dict[str, Any], field: str, says: str) -> None:
    (found,) = refusals(BEFORE, dataset(columns))
    assert found.field == f"stage_a.columns.{field}"
    assert says in found.why
    assert field in [breach.field.rpartition(".")[2] for breach in breaches(BEFORE, dataset(columns))]


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"day": None},
        {"id": "bigint"},
        {"id": {"type": "int", "from": "number"}},
        {"more": "string"},
        {"inner": "struct<x:array<int>,y:string>"},
    ],
)
def test_columns_may_come_widen_be_renamed_in_files_and_optional_ones_be_left_out(columns: dict[str, Any]) -> None:
    assert refusals(BEFORE, dataset(columns)) == []


def test_a_key_that_is_declared_no_more_is_still_a_column() -> None:
    table = {"write": "upsert", "key": ["code"]}
    assert refusals(dataset({"code": "string"}, table), dataset(table=table)) == []


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_definitions_are_read_as_a_revision_had_them(tmp_path: Path) -> None:
    folder = tmp_path / "definitions/datasets/shop"
    folder.mkdir(parents=True)
    git(tmp_path, "init", "-q", "-b", "main")
    (folder / "sales.yaml").write_text("team: shop\ndataset: sales\nstage_a: {format: csv}\n")
    (folder / "wrong.yaml").write_text("team: shop\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    (folder / "sales.yaml").write_text("team: shop\ndataset: sales\nstage_a: {format: json}\n")
    (found,) = definitions_at(tmp_path, "main")
    assert found.dataset.stage_a.format == "csv"
    for revision in ("nothing", "--output=x", ""):
        with pytest.raises(BadInput):
            definitions_at(tmp_path, revision)

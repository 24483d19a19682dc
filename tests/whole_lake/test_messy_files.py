"""Files as people have them, from `datasets init` to a queried table without an edit. EVERY_CASE=1 sends all cases."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from pipeline.lake.catalog import ObjectRow, Status
from tests.lake.files.test_cases import FOLDER, OUTCOMES, text, wanted

from .conftest import RunningLake, run_sluice

EVERY_CASE = bool(os.environ.get("EVERY_CASE"))
SECONDS = 3600 if EVERY_CASE else 1200
pytestmark = pytest.mark.timeout(SECONDS * 3 // 2)
A_DOZEN = (
    *("de_excel.csv", "utf16_excel.csv", "preamble.csv", "tz.csv", "nulls.csv", "bools.csv", "money.csv"),
    *("headers.csv", "wrap.json", "mixed.json", "a.zip", "quote_mid.csv"),
)
REFUSED = [name for name, outcome in OUTCOMES.items() if "refused" in outcome]
SENT = [name for name in OUTCOMES if name not in REFUSED and (EVERY_CASE or name in A_DOZEN)]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d.*")


def dataset_of(name: str) -> str:
    return f"messy/{re.sub('[^a-z0-9]', '_', name.lower())}"


def sluice(lake: RunningLake, *arguments: str | Path) -> str:
    done = lake.sluice(*map(str, arguments))
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def cell(value: Any) -> str | None:
    """A cell of a query's answer as the outcomes write it."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return text(datetime.fromisoformat(value))
    return text(value)


def rows_of(lake: RunningLake, dataset: str) -> list[list[str | None]]:
    found = lake.query(f"select * from {dataset.replace('/', '.')}")
    return sorted(([cell(value) for value in row.values()] for row in found), key=repr)


def row_of(lake: RunningLake, dataset: str, name: str) -> ObjectRow:
    [row] = lake.versions(f"{dataset}/{name}")
    return row


@pytest.fixture(scope="module")
def sent(running_lake: RunningLake) -> RunningLake:
    """The lake, to which each case was sent by the commands that a person would give."""
    for name in SENT:
        sluice(running_lake, "datasets", "init", FOLDER / name, "--to", dataset_of(name), "--write")
    sluice(running_lake, "datasets", "apply", *map(dataset_of, SENT))
    for name in SENT:
        sluice(running_lake, "drop", FOLDER / name, "--to", dataset_of(name))
    # Its exit code says that something needs attention: bad rows do.
    done = run_sluice(running_lake.root, "wait", "--timeout", str(SECONDS), timeout=SECONDS + 60)
    assert "time is up" not in done.stdout
    return running_lake


@pytest.mark.parametrize("name", SENT)
def test_a_case_is_in_its_table_as_it_should_be(sent: RunningLake, lake: RunningLake, name: str) -> None:
    row, bad = row_of(lake, dataset_of(name), name), OUTCOMES[name].get("bad", 0)
    assert (row.status, row.rows_bad) == (Status.COMMITTED, bad), row.reason
    assert rows_of(lake, dataset_of(name)) == sorted(wanted(name), key=repr)


@pytest.mark.parametrize("name", REFUSED)
def test_init_says_why_it_cannot_read_a_case(lake: RunningLake, name: str) -> None:
    done = lake.sluice("datasets", "init", str(FOLDER / name), "--to", dataset_of(name), "--write")
    assert done.returncode == 1
    assert name in done.stderr


def test_a_case_that_cannot_be_read_is_quarantined_or_its_rows_are(lake: RunningLake) -> None:
    dataset = lake.define({"stage_a": {"format": "csv", "columns": {"id": "string", "name": "string"}}})
    for name in ("misnamed.csv.gz", "unbalanced.csv", "pipe.csv"):
        dataset.drop(name, (FOLDER / name).read_bytes())
    dataset.drop("good.csv", "id,name\n1,a\n")
    lake.settle()
    for name in ("misnamed.csv.gz", "unbalanced.csv", "pipe.csv"):
        assert dataset.row(name).status is Status.QUARANTINED, name
        why = lake.sluice("why", dataset.key(name)).stdout
        assert dataset.row(name).reason
        assert "QUARANTINED" in why
    assert dataset.rows() == [{"id": "1", "name": "a"}]


def test_what_does_not_fit_reaches_the_table_as_rescued_or_is_counted(lake: RunningLake) -> None:
    columns = {"id": "int", "n": "int"}
    said = {"format": "csv", "columns": columns, "on_bad_value": "rescue", "on_new_column": "rescue"}
    rescuing = lake.define({"stage_a": said})
    nulling = lake.define({"stage_a": {"format": "csv", "columns": columns, "on_bad_value": "null"}})
    rescuing.drop("plain.csv", "id,n\n1,1\n")
    rescuing.drop("bad.csv", 'id,n\n2,"12 apples"\n')
    rescuing.drop("new.csv", "id,n,Preis (€)\n3,3,1.50\n")
    nulling.drop("bad.csv", "id,n\n1,x\n2,2\n3,y\n")
    lake.settle()
    found = {row["id"]: row for row in rescuing.rows()}
    assert {number: row["n"] for number, row in found.items()} == {1: 1, 2: None, 3: 3}
    rescued = {number: json.loads(row["_rescued"] or "{}") for number, row in found.items()}
    place = {name: f"s3://{rescuing.row(name).object.bucket}/{rescuing.key(name)}" for name in ("bad.csv", "new.csv")}
    assert rescued == {
        1: {},
        2: {"n": "12 apples", "_sluice_file": place["bad.csv"], "_sluice_row": 2},
        3: {"Preis (€)": "1.50", "_sluice_file": place["new.csv"], "_sluice_row": 2},
    }
    assert [row["n"] for row in sorted(nulling.rows(), key=lambda row: row["id"])] == [None, 2, None]
    assert nulling.row("bad.csv").nulled == {"n": 2}
    assert "2 values that did not fit: n 2" in lake.sluice("why", nulling.key("bad.csv")).stdout
    assert "2 values did not fit and became null" in lake.sluice("status", str(nulling.name)).stdout
    batches = json.loads(lake.sluice("status", "--json").stdout)["batches"]
    told = {batch["dataset"]: batch["values_nulled"] for batch in batches}
    assert (told[str(nulling.name)], told[str(rescuing.name)]) == (2, 0)


GERMAN = [["Müller", "1234.56", "2025-12-31"], ["Schäfer", "12.00", "2026-02-01"], ["Özdemir", "-7.50", "2026-02-28"]]


def german_csv(path: Path) -> Path:
    """As Excel saves it in Germany: cp1252, semicolons, decimal comma, points between thousands, d.m.y."""
    lines = ["Kunde;Betrag;Datum", "Müller;1.234,56;31.12.2025", "Schäfer;12,00;01.02.2026", "Özdemir;-7,50;28.02.2026"]
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode("cp1252"))
    return path


def german_xlsx(path: Path) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Umsatz")
        money, day = book.add_format({"num_format": "#,##0.00"}), book.add_format({"num_format": "dd.mm.yyyy"})
        sheet.write_row(0, 0, ["Kunde", "Betrag", "Datum"])
        for number, (customer, amount, when) in enumerate(GERMAN, 1):
            sheet.write_string(number, 0, customer)
            sheet.write_number(number, 1, float(amount), money)
            sheet.write_datetime(number, 2, datetime.combine(date.fromisoformat(when), datetime.min.time()), day)
    return path


def numbers_apart(rows: Sequence[Sequence[str | None]]) -> list[tuple[str | None, float, str]]:
    """A workbook keeps numbers as doubles: 12.00 is 12 there."""
    return sorted((row[0], float(str(row[1])), str(row[2])[:10]) for row in rows)


@pytest.mark.parametrize(("write", "name"), [(german_csv, "umsatz.csv"), (german_xlsx, "umsatz.xlsx")])
def test_a_german_excel_export_is_a_table_after_three_commands(
    lake: RunningLake, tmp_path: Path, write: Any, name: str
) -> None:
    file, dataset = write(tmp_path / name), f"verkauf/{name.replace('.', '_')}"
    sluice(lake, "datasets", "init", file, "--to", dataset, "--write")
    sluice(lake, "datasets", "apply", dataset)
    sluice(lake, "drop", file, "--to", dataset)
    sluice(lake, "wait", dataset, "--timeout", "240")
    found = rows_of(lake, dataset)
    assert numbers_apart(found) == numbers_apart(GERMAN)
    if name.endswith(".csv"):
        assert found == sorted(GERMAN, key=repr)

"""A file as people have it becomes a table by what `sluice datasets init` proposes, with no edit."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from .conftest import RunningLake

ROWS = [
    ("Groß & Söhne", "-3417.80", "2026-01-15"),
    ("Müller", "1234.56", "2025-12-31"),
    ("Schäfer", "12.00", "2026-02-01"),
]


def as_csv(path: Path) -> None:
    """As a German Excel writes it."""
    lines = (
        "Kunde;Betrag;Datum;Bezahlt",
        "Müller;1.234,56;31.12.2025;ja",
        "Schäfer;12,00;01.02.2026;nein",
        "Groß & Söhne;-3.417,80;15.01.2026;ja",
    )
    path.write_bytes("\r\n".join((*lines, "")).encode("cp1252"))


def as_workbook(path: Path) -> None:
    """The same with a title, typed cells and text as people type it, and a sum below."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["Umsätze 2026"],
        [],
        ["Kunde", "Betrag", "Datum", "Bezahlt"],
        ["Müller", "1.234,56", "31.12.2025", "ja"],
        ["Schäfer", "12,00", "01.02.2026", "nein"],
        ["Groß & Söhne", "-3.417,80", "15.01.2026", "ja"],
        ["Summe", "-2.171,24"],
    ):
        sheet.append(row)
    book.save(path)


@pytest.mark.parametrize(("write", "suffix"), [(as_csv, "csv"), (as_workbook, "xlsx")])
def test_a_german_export_goes_from_a_sample_to_a_table_with_no_edit(
    lake: RunningLake, tmp_path: Path, write, suffix: str
):
    sample, name = tmp_path / f"umsatz.{suffix}", f"vertrieb/umsatz_{suffix}"
    write(sample)
    for command in (
        ("datasets", "init", str(sample), "--to", name, "--write"),
        ("datasets", "apply", name),
        ("drop", str(sample), "--to", name),
        ("wait", name),
    ):
        done = lake.sluice(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    table = name.replace("/", ".")
    found = lake.query(
        f"select kunde, betrag::varchar betrag, datum::varchar datum, bezahlt from {table} order by kunde"
    )
    assert [(row["kunde"], row["betrag"], row["datum"]) for row in found] == ROWS
    assert [row["bezahlt"] for row in found] == [True, True, False]

"""Workbooks as Excel and others write them: exact cells, dates, formulas, merged cells, sheets, and what is refused."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import random
import zipfile
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
import python_calamine
import xlsxwriter
from openpyxl.styles import numbers

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.xlsx_formats import Shown, moment_text, shown_as
from tests.lake.files.conftest import Reading, damaged

UTC = dt.UTC


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def sheet(*rows: list[Any], title: str = "Data") -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    return book


def edited(data: bytes, part: str, old: str, new: str) -> bytes:
    """The workbook with a text of a part replaced."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            content = before.read(name)
            if name == part:
                assert old.encode() in content
                content = content.replace(old.encode(), new.encode())
            after.writestr(name, content)
    return file.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def test_a_german_export_is_read_cell_by_cell(reading: Reading) -> None:
    book = sheet(
        ["Kunde", "Betrag", "Datum", "Bezahlt", "Text-Betrag"],
        ["Müller", 1234.56, dt.date(2025, 12, 31), True, "1.234,56 €"],
        ["Schäfer", 12, dt.datetime(2026, 2, 1, 8, 30), False, "(3,00)"],
    )
    contract = {
        "kunde": "string",
        "betrag": "decimal(12,2)",
        "datum": "timestamp",
        "bezahlt": "boolean",
        "text_betrag": "decimal(12,2)",
    }
    options = {"decimal": ",", "thousands": ".", "currency": "€", "negative_brackets": True}
    found = reading(saved(book), "xlsx", contract, **options)
    assert found.bad == []
    assert found.positions == [2, 3]
    assert [row["betrag"] for row in found.rows] == [Decimal("1234.56"), Decimal("12.00")]
    assert [row["text_betrag"] for row in found.rows] == [Decimal("1234.56"), Decimal("-3.00")]
    assert found.rows[0]["datum"] == dt.datetime(2025, 12, 31, tzinfo=UTC)
    assert found.rows[1]["datum"] == dt.datetime(2026, 2, 1, 8, 30, tzinfo=UTC)
    assert [row["bezahlt"] for row in found.rows] == [True, False]


NUMBERS: list[tuple[str, str, Any]] = [
    ("42", "string", "42"),
    ("12345678901234567890", "string", "12345678901234567890"),
    ("9007199254740993", "bigint", 9007199254740993),
    ("9007199254740993", "double", "bad"),
    ("1.2345678901234568E+19", "string", "bad"),
    ("1.2345678901234568E+19", "double", 1.2345678901234568e19),
    ("0.1", "string", "0.1"),
    ("0.10000000000000001", "decimal(5,2)", Decimal("0.10")),
    ("0.30000000000000004", "decimal(5,2)", Decimal("0.30")),
    ("0.30000000000000004", "double", 0.30000000000000004),
    ("59.969999999999999", "string", "59.97"),
    ("0.1234567890123456", "string", "0.1234567890123456"),
    ("0.1234567890123456", "decimal(5,2)", "bad"),
    ("1E-3", "decimal(5,3)", Decimal("0.001")),
    ("-5", "int", -5),
    ("2147483648", "int", "bad"),
    ("1.5", "int", "bad"),
    ("1E+2", "int", 100),
]


@pytest.mark.parametrize(("stored", "kind", "value"), NUMBERS)
def test_numbers_are_exact_or_bad(stored: str, kind: str, value: Any, reading: Reading) -> None:
    data = edited(saved(sheet(["n"], [77777], [1])), SHEET, "<v>77777</v>", f"<v>{stored}</v>")
    found = reading(data, "xlsx", {"n": kind}, decimal=",")
    if value == "bad":
        assert found.bad[0]["line"] == 2
        assert found.bad[0]["reason"].startswith("column n: ")
    else:
        assert found.rows[0]["n"] == value


def test_columns_that_the_contract_lacks_are_text(reading: Reading) -> None:
    book = sheet(
        ["a", "b", "c", "d"], [1.5, dt.date(2026, 1, 2), True, "NA"], [2, dt.datetime(2026, 1, 2, 3), None, "x"]
    )
    found = reading(saved(book), "xlsx", null_values="NA")
    assert found.rows == [
        {"a": "1.5", "b": "2026-01-02", "c": "true", "d": None},
        {"a": "2", "b": "2026-01-02T03:00:00", "c": None, "d": "x"},
    ]


def test_a_number_without_a_dates_format_is_no_date_unless_the_dataset_says_so(reading: Reading) -> None:
    found = reading(saved(sheet(["d"], [45992], [dt.date(2026, 1, 2)])), "xlsx", {"d": "date"})
    assert found.rows == [{"d": dt.date(2026, 1, 2)}]
    assert "a number without a date's format" in found.bad[0]["reason"]
    epochs = {"d": Column(type="timestamp", format="epoch_seconds")}
    assert reading(saved(sheet(["d"], [86400])), "xlsx", epochs).rows == [{"d": dt.datetime(1970, 1, 2, tzinfo=UTC)}]


def test_a_time_of_day_behind_a_date_is_not_dropped(reading: Reading) -> None:
    book = sheet(["d"], [dt.datetime(2026, 1, 2, 3)])
    book.active["A2"].number_format = numbers.FORMAT_DATE_YYYYMMDD2
    assert len(reading(saved(book), "xlsx", {"d": "date"}).bad) == 1


@pytest.mark.parametrize(
    ("serial", "shown", "since_1904", "text"),
    [
        (1.0, Shown.DATE, False, "1900-01-01"),
        (59.0, Shown.DATE, False, "1900-02-28"),
        (61.0, Shown.DATE, False, "1900-03-01"),
        (45992.0, Shown.DATE, False, "2025-12-01"),
        (45992.5, Shown.DATE, False, "2025-12-01T12:00:00"),
        (45992.0, Shown.MOMENT, False, "2025-12-01T00:00:00"),
        (0.999999999999, Shown.TIME, False, "24:00:00"),
        (1.5, Shown.TIME, False, "36:00:00"),
        (0.0, Shown.DATE, True, "1904-01-01"),
        (2958465.0, Shown.DATE, False, "9999-12-31"),
    ],
)
def test_the_number_behind_a_date(serial: float, shown: Shown, since_1904: bool, text: str) -> None:
    assert moment_text(serial, shown, since_1904) == text


@pytest.mark.parametrize("serial", [60.0, 0.0, -1.0, 2958466.0])
def test_days_that_are_in_no_calendar_are_none(serial: float) -> None:
    with pytest.raises(ValueError, match="day"):
        moment_text(serial, Shown.DATE, False)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("dd.mm.yyyy", Shown.DATE),
        ("[$-407]d. mmmm yyyy;@", Shown.DATE),
        ("yyyy-mm-dd hh:mm:ss", Shown.MOMENT),
        ("h:mm AM/PM", Shown.TIME),
        ("[h]:mm:ss", Shown.TIME),
        ("mmm", Shown.DATE),
        ('#,##0.00 "Stück"', Shown.NUMBER),
        ("0.00E+00", Shown.NUMBER),
        ("General", Shown.NUMBER),
        ("#,##0.00\\ [$€-407]", Shown.NUMBER),
        ('0" days"', Shown.NUMBER),
        ('"days; y"0', Shown.NUMBER),
        ("[Red]0.00", Shown.NUMBER),
        ("_-* #,##0.00_-;-* #,##0.00_-", Shown.NUMBER),
    ],
)
def test_formats_that_are_dates(code: str, shown: Shown) -> None:
    assert shown_as(200, code) is shown


def test_workbooks_of_the_mac_count_from_1904(reading: Reading) -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"date_1904": True})
    page = book.add_worksheet()
    page.write("A1", "d")
    page.write_datetime("A2", dt.datetime(2026, 1, 2), book.add_format({"num_format": "yyyy-mm-dd"}))
    book.close()
    assert reading(file.getvalue(), "xlsx", {"d": "date"}).rows == [{"d": dt.date(2026, 1, 2)}]


def test_formulas_are_their_stored_results(reading: Reading) -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    page = book.add_worksheet()
    page.write_row(0, 0, ["id", "sum", "text", "error"])
    for place, value in enumerate([1, 42.5, "done"]):
        page.write_formula(1, place, "=1+1", None, value)
    book.close()
    found = reading(file.getvalue(), "xlsx", {"id": "int", "sum": "double"})
    assert found.rows == [{"id": 1, "sum": 42.5, "text": "done", "error": None}]


def test_a_formula_without_a_result_and_an_error_cost_their_row_only(reading: Reading) -> None:
    book = sheet(["id", "x"], [1, "=1+1"], [2, 5], [3, "#DIV/0!"])
    book.active["B4"].data_type = "e"
    found = reading(saved(book), "xlsx", {"x": "int"})
    assert found.rows == [{"id": "2", "x": 5}]
    assert [bad["reason"] for bad in found.bad] == [
        "column x: a cell is a formula whose result is not stored",
        "column x: a cell is an error of the sheet",
    ]
    assert found.bad[1]["raw"] == '["3", "#DIV/0!"]'


def test_a_text_that_looks_like_an_error_is_a_text(reading: Reading) -> None:
    book = sheet(["x"], ["#N/A"])
    book.active["A2"].data_type = "s"
    assert reading(saved(book), "xlsx").rows == [{"x": "#N/A"}]


def test_rows_with_merged_cells_are_put_aside(reading: Reading) -> None:
    book = sheet(["Report", None], ["id", "customer"], [1, "a"], [2, "b"], [3, None], [4, "d"])
    book.active.merge_cells("A1:B1")
    book.active.merge_cells("B4:B5")
    found = reading(saved(book), "xlsx", header=2)
    assert [row["id"] for row in found.rows] == ["1", "4"]
    assert [bad["line"] for bad in found.bad] == [4, 5]
    assert "merged" in found.bad[0]["reason"]


def test_sheets_are_told_by_their_names(reading: Reading) -> None:
    book = sheet(["a"], [1], title="First")
    other = book.create_sheet("Zweites")
    other.append(["b"])
    other.append([2])
    assert reading(saved(book), "xlsx", sheet="Zweites").rows == [{"b": "2"}]
    with pytest.raises(BadObject, match="has 2 sheets: First, Zweites"):
        reading(saved(book), "xlsx")
    with pytest.raises(BadObject, match="no sheet 'Third'"):
        reading(saved(book), "xlsx", sheet="Third")
    other.sheet_state = "hidden"
    assert reading(saved(book), "xlsx").rows == [{"a": "1"}]


def test_titles_blank_rows_and_footers(reading: Reading) -> None:
    book = sheet(["Report of 2026"], [], ["id", "x"], [1, "a"], [], [2, "b"], ["Total", 3])
    found = reading(saved(book), "xlsx", header=3, skip_footer=1)
    assert found.rows == [{"id": "1", "x": "a"}, {"id": "2", "x": "b"}]
    assert found.positions == [4, 6]
    assert reading(saved(book), "xlsx", skip_rows=1, skip_footer=1).rows == found.rows
    with pytest.raises(BadObject, match="row 2 of the sheet is empty"):
        reading(saved(book), "xlsx", header=2)


def test_a_sheet_without_a_header(reading: Reading) -> None:
    found = reading(saved(sheet([1, "a"], [2, "b"])), "xlsx", {"id": "int", "x": "string"}, header=False)
    assert found.rows == [{"id": 1, "x": "a"}, {"id": 2, "x": "b"}]


def test_a_value_without_a_column_and_a_second_header_cost_their_row_only(reading: Reading) -> None:
    book = sheet(["id", "x", None], [1, "a"], [2, "b", "c"], ["id", "x"], [3, "d", None, "e"])
    found = reading(saved(book), "xlsx")
    assert found.rows == [{"id": "1", "x": "a"}]
    assert [bad["reason"] for bad in found.bad] == [
        "a value in column 3 of the sheet, which has no name",
        "the row repeats the header",
        "a value in column 4 of the sheet, which has no name",
    ]


def test_columns_by_place_and_name(reading: Reading) -> None:
    contract = {
        "order_id": Column.model_validate({"type": "int", "from": "Order ID"}),
        "second": Column.model_validate({"type": "string", "from": 3}),
    }
    found = reading(saved(sheet(["Order ID", "Name", "Name"], [1, "a", "b"])), "xlsx", contract)
    assert found.rows == [{"order_id": 1, "name": "a", "second": "b"}]


def test_an_empty_sheet_and_one_of_a_header(reading: Reading) -> None:
    with pytest.raises(BadObject, match="no header"):
        reading(saved(sheet()), "xlsx")
    assert reading(saved(sheet(["a"])), "xlsx", {"a": "int"}).conversion.columns == {"a": "int"}


def test_rich_texts_and_texts_within_cells_are_whole(reading: Reading) -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    page = book.add_worksheet()
    page.write("A1", "x")
    page.write_rich_string("A2", "a ", book.add_format({"bold": True}), "b", " c")
    page.write("A3", "line\nbreak & <tag> Ünï")
    book.close()
    assert [row["x"] for row in reading(file.getvalue(), "xlsx").rows] == ["a b c", "line\nbreak & <tag> Ünï"]


def test_calamine_reads_the_same(reading: Reading) -> None:
    chance = random.Random(7)
    rows: list[list[Any]] = [["a", "b", "c"]]
    for _ in range(200):
        rows.append([chance.choice([chance.random(), chance.randrange(10**6)]), chance.choice(["x", "ü", "1"]), True])
    data = saved(sheet(*rows))
    found = reading(data, "xlsx", {"a": "double", "c": "boolean"}, limits=Limits(block=5000))
    theirs = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    assert [[row["a"], row["b"], row["c"]] for row in found.rows] == [[float(row[0]), *row[1:]] for row in theirs[1:]]


def test_a_workbook_in_an_archive_or_packed_is_read(reading: Reading) -> None:
    import gzip

    data = saved(sheet(["a"], [1]))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("report.xlsx", data)
    assert reading(file.getvalue(), "xlsx", name="report.zip").rows == [{"a": "1"}]
    assert reading(gzip.compress(data), "xlsx", name="report.xlsx.gz").rows == [{"a": "1"}]
    with pytest.raises(BadObject, match=r"the name ends in \.zip"):
        reading(data, "xlsx", name="report.zip")


def test_what_is_no_workbook_is_named(reading: Reading) -> None:
    for data, words in [
        (b"a,b\n1,2\n", "no Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Excel workbook"),
        (b"", "empty"),
    ]:
        with pytest.raises(BadObject, match=words):
            reading(data, "xlsx")


def test_a_workbook_that_grows_beyond_reason_is_refused(reading: Reading) -> None:
    data = edited(saved(sheet(["a"], ["b"])), SHEET, "<sheetData>", f"<sheetData>{' ' * 3_000_000}")
    with pytest.raises(BadObject, match="grows to more than 20 times"):
        reading(data, "xlsx", limits=Limits(expansion=20, expansion_floor=1 << 16))


def test_entities_in_a_part_are_refused(reading: Reading) -> None:
    data = saved(sheet(["a"], [1]))
    start = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>' + start
    with pytest.raises(BadObject, match="document type"):
        reading(edited(data, SHEET, start, bomb), "xlsx")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_workbook_that_was_cut_is_refused(share: float, reading: Reading) -> None:
    data = saved(sheet(["a"], [1]))
    with pytest.raises(BadObject, match="damaged or cut"):
        reading(data[: int(len(data) * share)], "xlsx")


@pytest.mark.thorough
def test_damage_is_never_an_error_of_the_function(reading: Reading) -> None:
    for data in damaged(saved(sheet(["a"], [1], ["x"])), 3):
        with contextlib.suppress(BadObject):
            reading(data, "xlsx")


@pytest.mark.parametrize("text", ["a\r\nb", "_x000D_", "_x005F_", "x_x0041_y", "tab\tand\x01"])
def test_characters_that_xml_cannot_hold_are_what_was_written(text: str, reading: Reading) -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    data = book.add_worksheet()
    data.write_string(0, 0, "t")
    data.write_string(1, 0, text)
    book.close()
    assert reading(file.getvalue(), "xlsx").rows == [{"t": text}]


@pytest.mark.parametrize(
    ("old", "new"), [("<v>2</v>", "<v>99</v>"), ("<v>2</v>", "<v>-1</v>"), ("<v>2</v>", "<v>q</v>"), ('r="2"', 'r="q"')]
)
def test_references_to_nothing_are_damage(old: str, new: str, reading: Reading) -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    book.add_worksheet().write_column(0, 0, ["t", "u", "x", "y"])
    book.close()
    with pytest.raises(BadObject, match="damaged"):
        reading(edited(file.getvalue(), "xl/worksheets/sheet1.xml", old, new), "xlsx")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (' t="b"><v>true</v>', "true"),
        (' t="b"><v>0</v>', "false"),
        ("><v>1_0</v>", None),
        ("><v>inf</v>", None),
        ("><v>1E999</v>", None),
    ],
)
def test_booleans_and_numbers_are_those_of_xml(cell: str, value: str | None, reading: Reading) -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    book.add_worksheet().write_column(0, 0, ["t", 1.5])
    book.close()
    found = reading(edited(file.getvalue(), "xl/worksheets/sheet1.xml", "><v>1.5</v>", cell), "xlsx")
    assert [row["t"] for row in found.rows] == ([] if value is None else [value])
    assert len(found.bad) == (value is None)


def test_zeros_that_a_format_shows_are_in_text_and_not_in_numbers(reading: Reading) -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet, zeros = book.add_worksheet(), book.add_format({"num_format": "00000"})
        sheet.write_row(0, 0, ["zip", "n"])
        for number, value in enumerate((1234, 90210, 123456), 1):
            sheet.write_number(number, 0, value, zeros)
            sheet.write_number(number, 1, value, zeros)
    found = reading(file.getvalue(), "xlsx", {"n": "bigint"})
    assert [row["zip"] for row in found.rows] == ["01234", "90210", "123456"]
    assert [row["n"] for row in found.rows] == [1234, 90210, 123456]

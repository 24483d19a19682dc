"""Lines of a table that are no data: put aside with the reason, or the file is refused with the option that helps."""

from __future__ import annotations

import codecs
import io
from typing import Any

import pytest
import xlsxwriter

from pipeline.core.errors import BadObject
from tests.lake.files.conftest import Reading

BOM = codecs.BOM_UTF8.decode()


@pytest.mark.parametrize("again", ["id,name", "ID,Name", '"id","name"', BOM + "id,name", f'{BOM}"id","name"'])
def test_a_header_in_the_middle_is_put_aside(reading: Reading, again: str) -> None:
    found = reading(f"id,name\n1,a\n{again}\n2,b\n", "csv")
    assert found.rows == [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]
    assert found.positions == [2, 4]
    assert [(bad["line"], bad["reason"]) for bad in found.bad] == [(3, "the header once more")]


def test_a_header_where_the_dataset_says_there_is_none_is_put_aside(reading: Reading) -> None:
    found = reading("id,name\n1,a\n", "csv", {"id": "string", "name": "string"}, header=False)
    assert found.rows == [{"id": "1", "name": "a"}]
    assert [bad["line"] for bad in found.bad] == [1]


def test_a_header_in_another_order_refuses_the_file_since_what_follows_is_misplaced(reading: Reading) -> None:
    with pytest.raises(BadObject, match="line 3 is the header once more, with the columns in another order"):
        reading("id,name\n1,a\nname,id\nb,2\n", "csv")


def test_a_header_with_letters_beyond_ascii_is_found_in_other_case(reading: Reading) -> None:
    found = reading("Größe;ИМЯ\n1;a\nGRÖßE;имя\n2;b\n", "csv", delimiter=";")
    assert [bad["line"] for bad in found.bad] == [3]


@pytest.mark.parametrize(
    "again",
    [" id , ship to", "id,ship_to", "ID\t,Ship-To ", "\u200bid,\u00a0ship to", '" id","Ship To"', f"{BOM} id,ship to"],
)
def test_a_header_is_found_however_files_write_the_same_names(reading: Reading, again: str) -> None:
    found = reading(f"id,Ship to\n1,a\n{again}\n2,b\n", "csv")
    assert [row["id"] for row in found.rows] == ["1", "2"]
    assert [(bad["line"], bad["reason"]) for bad in found.bad] == [(3, "the header once more")]


@pytest.mark.parametrize("again", ["id,name,cost", "name,id,cost", "cost,name,price", " ID, Name,cost"])
def test_a_header_with_another_name_refuses_the_file(reading: Reading, again: str) -> None:
    with pytest.raises(BadObject, match="line 4 looks like another header"):
        reading(f"id,name,price\n1,a,2\n3,,4\n{again}\n2,b,3\n", "csv")


@pytest.mark.parametrize("row", ["id,name,5", "id,x,y", "name,name,x", "id,name,", "id,name,-"])
def test_a_row_with_names_of_columns_among_its_values_is_data(reading: Reading, row: str) -> None:
    assert len(reading(f"id,name,price\n1,a,2\n{row}\n", "csv").rows) == 2


def test_a_cell_that_is_called_like_a_column_is_data(reading: Reading) -> None:
    found = reading("id,name\nid,a\n1,name\nid,id\n", "csv")
    assert len(found.rows) == 3


def test_a_mark_in_the_middle_is_no_part_of_a_value(reading: Reading) -> None:
    found = reading(f'id,name\n1,a\n{BOM}2,b\n{BOM}"3\n",c\n4,x{BOM}y\n', "csv")
    assert [(row["id"], row["name"]) for row in found.rows] == [("1", "a"), ("2", "b"), ("3\n", "c"), ("4", f"x{BOM}y")]
    assert found.positions == [2, 3, 4, 6]


def test_two_files_put_together_in_utf16(reading: Reading) -> None:
    file = codecs.BOM_UTF16_LE + "id,name\n1,Å\n".encode("utf-16-le")
    found = reading(file + file, "csv", encoding="utf-16")
    assert [row["name"] for row in found.rows] == ["Å", "Å"]
    assert [bad["line"] for bad in found.bad] == [3]


def test_two_files_put_together_without_a_line_end_between_cost_that_line(reading: Reading) -> None:
    found = reading(f"id,name\n1,a\n2,b{BOM}id,name\n3,c\n", "csv")
    assert [row["id"] for row in found.rows] == ["1", "3"]
    assert found.bad[0]["reason"].endswith("two files were put together within the line")


@pytest.mark.parametrize("row", [",,", " ,, ", ",,\n,,"])
def test_a_row_of_nothing_but_delimiters_is_put_aside(reading: Reading, row: str) -> None:
    found = reading(f"a,b,c\n1,2,3\n{row}\n4,5,6\n", "csv", trim=" " in row)
    assert [row["a"] for row in found.rows] == ["1", "4"]
    assert {bad["reason"] for bad in found.bad} == {"no cell of the row has a value"}


@pytest.mark.parametrize("rule", ["---,-----", "===,===", "______,___"])
def test_a_drawn_line_is_put_aside_wherever_it_stands(reading: Reading, rule: str) -> None:
    found = reading(f"name,city\n{rule}\nx,y\nz,w\n{rule}\nq,---\n", "csv")
    assert found.rows == [{"name": "x", "city": "y"}, {"name": "z", "city": "w"}, {"name": "q", "city": "---"}]
    assert [bad["line"] for bad in found.bad] == [2, 5]
    assert {bad["reason"] for bad in found.bad} == {"a line that is drawn, and no data"}


def test_dashes_that_stand_for_nothing_are_data(reading: Reading) -> None:
    assert len(reading("a,b\n--,--\n---,x\n", "csv").rows) == 2
    assert len(reading("a\n---\n", "csv").rows) == 1


@pytest.mark.parametrize(
    "row",
    [
        *("Total,,30", "TOTAL:,,30", "Summe,,30", '"Grand Total",,"1,030.00"', "Gesamtergebnis,,30"),
        *("North Total,,30", "Nord Ergebnis,,30", "Total Nord,,30", "Subtotal North,,30"),
        *(",Total,30", ",Grand Total:,30"),
    ],
)
def test_a_total_is_put_aside(reading: Reading, row: str) -> None:
    found = reading(f"id,name,amount\n1,a,10\n2,,20\n{row}\n", "csv")
    assert [row["id"] for row in found.rows] == ["1", "2"]
    assert "skip_footer" in found.bad[0]["reason"]


@pytest.mark.parametrize(
    "row",
    [
        *("Total,a,30", "Total,,x", "Totals of x,,3", "1,,30", "North total eclipse,,3", "Subtotally,,3"),
        *(",total war,30", ",Total,x", ",,Total", "1,Total,"),
    ],
)
def test_a_row_that_only_resembles_a_total_is_data(reading: Reading, row: str) -> None:
    assert len(reading(f"id,name,amount\n1,a,10\n{row}\n", "csv").rows) == 2


@pytest.mark.parametrize("between", ["", ",,", ",,|,,", "|,,||", "Total,,6", "Total,,6|,,", "Prices"])
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 9])
def test_a_second_table_refuses_the_file(reading: Reading, rows: int, between: str) -> None:
    lines = ["id,n,v", *["1,,2"] * rows, *between.split("|"), "code,price,size", "9,10,11"]
    with pytest.raises(BadObject, match=f"line {len(lines) - 1} looks like the header of a second table"):
        reading("\n".join(lines), "csv")


def test_a_second_table_with_its_figures_in_another_column_refuses_the_file(reading: Reading) -> None:
    with pytest.raises(BadObject, match="line 5 looks like the header of a second table"):
        reading("id,name\n1,a\n2,b\n\nproduct,price\nx,5\ny,6\n", "csv")
    # A code among words, where figures were.
    assert len(reading("id,name\n1,a\n2,b\n\nA77,Bar\nc,5\n", "csv").rows) == 4


def test_a_second_table_of_other_width_is_put_aside(reading: Reading) -> None:
    found = reading("id,n\n1,2\n\nx,y,z\n1,2,3\n", "csv")
    assert found.rows == [{"id": "1", "n": "2"}]
    assert [bad["line"] for bad in found.bad] == [4, 5]


def test_words_behind_a_blank_line_are_data_where_words_were_before(reading: Reading) -> None:
    assert len(reading("a,b\nx,y\n\nv,w\nu,t\n", "csv").rows) == 3


CONTRACT = {"id": "int", "name": "string", "amount": "int"}
TABLE = "id,name,amount\n1,a,10\n2,b,20\n"


@pytest.mark.parametrize(
    ("before", "hint"),
    [
        ("Report: Sales\nGenerated: 2026-01-01\n\n", "`header: 4`"),
        ("Report,Sales,2026\n", "`header: 2`"),
        ("# source: sensor\n", "`comment: '#'`"),
    ],
)
def test_a_preamble_is_refused_with_the_option_that_skips_it(reading: Reading, before: str, hint: str) -> None:
    with pytest.raises(BadObject) as refused:
        reading(before + TABLE, "csv", CONTRACT)
    assert hint in str(refused.value.hint)


def test_a_preamble_without_contract_is_refused_since_no_row_is_like_it(reading: Reading) -> None:
    with pytest.raises(BadObject, match="none of the 3 rows has the 1 cells") as refused:
        reading("Report: Sales\n" + TABLE, "csv")
    assert "`header: 4`" in str(refused.value.hint)


@pytest.mark.parametrize(
    "text", ["1,alice,10\n2,bob,20\n", "a,2026-01-01\nb,2026-01-02\n", "x,1.5\ny,2.5\n", "ü,7\né,8\n", "5,6\n"]
)
def test_a_first_line_that_is_a_row_is_no_header(reading: Reading, text: str) -> None:
    with pytest.raises(BadObject, match="looks like a row") as refused:
        reading(text, "csv")
    assert "`header: false`" in str(refused.value.hint)


@pytest.mark.parametrize("text", ["country,2019,2020\nDE,5,6\n", "name,2026-01-01\nx,5\n", "1st,b\nx,y\n"])
def test_names_that_resemble_figures_are_names(reading: Reading, text: str) -> None:
    assert len(reading(text, "csv").rows) == 1


def test_a_row_of_words_for_null_is_data(reading: Reading) -> None:
    found = reading("a,b\nNA,NA\n1,NA\n,\n", "csv", null_values=["NA"])
    assert found.rows == [{"a": None, "b": None}, {"a": "1", "b": None}]
    assert [bad["line"] for bad in found.bad] == [4]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_row_behind_a_text_of_several_lines_is_no_second_header(line_end: str, reading: Reading) -> None:
    rows = ["sku,name,note", '1001,Foo,"two', 'lines"', "A77,Bar,ok", "1002,Baz,ok", ""]
    found = reading(line_end.join(rows), "csv")
    assert [row["sku"] for row in found.rows] == ["1001", "A77", "1002"]


def workbook(*rows: list[Any]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return file.getvalue()


DATA = [["id", "name", "amount"], [1, "a", 10.5], [2, "b\nc", 20]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (["Total", None, 30.5], "looks like a total"),
        (["North Total", None, 30.5], "looks like a total"),
        (["ID", "Name", "AMOUNT"], "the header once more"),
    ],
)
def test_a_row_of_a_sheet_that_is_no_data_is_put_aside(reading: Reading, row: list[Any], reason: str) -> None:
    found = reading(workbook(*DATA, row, [3, "d", 1]), "xlsx")
    assert [each["id"] for each in found.rows] == ["1", "2", "3"]
    assert [(bad["line"], reason in bad["reason"]) for bad in found.bad] == [(4, True)]


def test_a_sheet_with_a_second_table_or_its_header_in_another_order_is_refused(reading: Reading) -> None:
    with pytest.raises(BadObject, match="line 4 is the header once more, with the columns in another order"):
        reading(workbook(*DATA, ["name", "id", "amount"], ["d", 3, 1]), "xlsx")
    for rows in (1, 2, 3, 7):
        file = workbook(DATA[0], *[DATA[1]] * rows, [], [], ["code", "region", "price"], ["X", "EU", 4])
        with pytest.raises(BadObject, match=f"line {rows + 4} looks like the header of a second table"):
            reading(file, "xlsx")
    assert len(reading(workbook(*DATA, [3, "d", 1]), "xlsx").rows) == 3

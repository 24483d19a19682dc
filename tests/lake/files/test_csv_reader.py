"""CSV values and faults; Python's csv module is the oracle for where rows and cells end."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import BadObject
from pipeline.lake.files.limits import Limits
from tests.lake.files.conftest import Read, Reading, read


def test_what_the_contract_does_not_name_is_text_as_it_stands(reading: Reading) -> None:
    found = reading('a,b,c\n01234, x ,NULL\n1e5,true,"2020-01-01"\n', "csv")
    assert found.rows == [{"a": "01234", "b": " x ", "c": "NULL"}, {"a": "1e5", "b": "true", "c": "2020-01-01"}]


def test_nothing_is_null_and_a_quoted_nothing_is_an_empty_string(reading: Reading) -> None:
    assert reading('a,b\n,""\n', "csv").rows == [{"a": None, "b": ""}]


@pytest.mark.parametrize("tail", ['"3",', '"3",\n4,5,6\n', '"3",\n\xff,5\n'])
def test_nothing_is_null_also_at_the_end_of_the_file_and_beside_a_bad_row(reading: Reading, tail: str) -> None:
    found = reading(f'a,b\n"1",2\n{tail}'.encode("latin-1"), "csv")
    assert found.rows == [{"a": "1", "b": "2"}, {"a": "3", "b": None}]


def test_a_quoted_nothing_is_null_in_a_column_of_numbers(reading: Reading) -> None:
    found = reading('a,b\n"",""\n"1","x"\n', "csv", {"a": "int", "b": "string"})
    assert found.rows == [{"a": None, "b": ""}, {"a": 1, "b": "x"}]


def test_a_row_is_where_it_starts_also_behind_quoted_line_ends_and_blank_lines(reading: Reading) -> None:
    found = reading('a,b\n1,"x\r\ny\nz"\n\n2,"\n"\r\n3,\n', "csv")
    assert found.rows == [{"a": "1", "b": "x\r\ny\nz"}, {"a": "2", "b": "\n"}, {"a": "3", "b": None}]
    assert found.positions == [2, 6, 8]


def test_rows_with_too_few_or_too_many_cells_are_bad(reading: Reading) -> None:
    found = reading('a,b\n1,2\n3\n4,5,6\n7,"8\n9",\n10,11\n', "csv")
    assert found.positions == [2, 7]
    assert [(bad["line"], bad["reason"], bad["raw"]) for bad in found.bad] == [
        (3, "1 cell where the header has 2", "3"),
        (4, "3 cells where the header has 2", "4,5,6"),
        (5, "3 cells where the header has 2", '7,"8\n9",'),
    ]


def test_text_behind_a_closing_quote_is_bad(reading: Reading) -> None:
    found = reading('a,b\n"x"y,1\n2,3\n', "csv")
    assert found.rows == [{"a": "2", "b": "3"}]
    assert found.bad[0]["reason"] == "cell 1 goes on after its closing quote"


def test_a_quote_inside_a_bare_cell_is_a_character(reading: Reading) -> None:
    found = reading('a,b\n5" pipe,"6"" pipe"\nx"y",z\n', "csv")
    assert found.rows == [{"a": '5" pipe', "b": '6" pipe'}, {"a": 'x"y"', "b": "z"}]
    assert not found.bad


def test_a_quote_that_is_never_closed_refuses_the_file_and_names_the_line(reading: Reading) -> None:
    with pytest.raises(BadObject, match="line 3 is never closed"):
        reading('a,b\n1,2\n3,"4\n5,6\n', "csv")


def test_a_nul_byte_costs_its_row_only(reading: Reading) -> None:
    found = reading(b"a,b\n1,\x00\n2,3\n", "csv")
    assert found.rows == [{"a": "2", "b": "3"}]
    assert found.bad[0]["reason"] == "a NUL byte"


def test_old_mac_line_ends_are_line_ends(reading: Reading) -> None:
    found = reading('a,b\r1,2\r"3\r",4\r', "csv")
    assert found.rows == [{"a": "1", "b": "2"}, {"a": "3\r", "b": "4"}]
    assert found.positions == [2, 3]


def test_a_header_alone_is_a_file_without_rows(reading: Reading) -> None:
    found = reading("a,b", "csv", {"b": "decimal(5,2)"})
    assert found.rows == []
    assert found.conversion.columns == {"a": "string", "b": "decimal(5,2)"}


@pytest.mark.parametrize("text", ["a;b\n1;2\n", "a\tb\n1\t2\n", "a|b\n1|2\n"])
def test_a_wrong_delimiter_is_refused_with_the_likely_one(reading: Reading, text: str) -> None:
    with pytest.raises(BadObject) as caught:
        reading(text, "csv")
    assert caught.value.hint
    assert repr(text[1]) in caught.value.hint


def test_the_dataset_says_the_delimiter(reading: Reading) -> None:
    assert reading('a;b\n1,5;"x;y"\n', "csv", delimiter=";").rows == [{"a": "1,5", "b": "x;y"}]


@pytest.mark.parametrize("header", ["a,a", "a,b,A", "Straße,stra\u00dfe", "a b,a_b"])
def test_header_names_that_collide_are_refused(reading: Reading, header: str) -> None:
    with pytest.raises(BadObject):
        reading(f"{header}\n", "csv")


def test_a_column_without_name_holds_nothing_or_its_row_is_bad(reading: Reading) -> None:
    found = reading('a,,b\n1,,2\n3,x,4\n5,"",6\n', "csv")
    assert found.rows == [{"a": "1", "b": "2"}, {"a": "5", "b": "6"}]
    assert [(bad["line"], bad["raw"]) for bad in found.bad] == [(3, "3,x,4")]
    assert "cell 2 has a value" in found.bad[0]["reason"]


def test_blank_lines_alone_are_no_header(reading: Reading) -> None:
    with pytest.raises(BadObject, match="no header"):
        reading("\n\r\n\n", "csv")


def test_blank_lines_before_the_header_count_as_lines(reading: Reading) -> None:
    assert reading("\n\na\n1\n", "csv").positions == [4]


def test_quoted_names_are_read_as_cells(reading: Reading) -> None:
    assert reading('"First, Name",b\nx,y\n', "csv", {"first__name": "string"}).rows == [{"first__name": "x", "b": "y"}]


def test_a_nested_type_is_read_from_json_in_the_cell(reading: Reading) -> None:
    text = 'a,b\n"[1,2]","{""x"": 1.10}"\n"[1.5]",\n'
    found = reading(text, "csv", {"a": "array<int>", "b": "struct<x:decimal(5,2),y:string>"})
    assert [(row["a"], str(row["b"]["x"]), row["b"]["y"]) for row in found.rows] == [([1, 2], "1.10", None)]
    assert found.bad[0]["line"] == 3


# Cells that a csv.writer can produce, with what is special to CSV much likelier than chance would have it.
cells = st.text(
    st.sampled_from("ab\"01,;\n\r\t \\'#§é😀\x1f")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"),
    max_size=8,
)
dialects = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|^ §¦x\x1f"),
        "quote": st.sampled_from(['"', "'", "`", "»"]),
        "escape": st.sampled_from(["double", "backslash"]),
    }
)


def _oracle(text: str, header: list[str], **dialect: Any) -> tuple[list[int], list[list[str]], list[int]]:
    """What Python's csv module makes of it: lines of good rows, the rows, and lines of bad ones."""
    reader = csv.reader(io.StringIO(text, newline=""), **dialect)
    next(reader)
    lines, rows, bad = [], [], []
    before = reader.line_num
    for row in reader:
        # A lone carriage return, which the writer does not quote, ends a row.
        if row:
            nothing = not any(row) and len(row) > 1 and _bare(text, before)
            good = len(row) == len(header) and not nothing and row != header
            (lines if good else bad).append(before + 1)
            if good:
                rows.append(row)
        before = reader.line_num
    return lines, rows, bad


def _bare(text: str, line: int) -> bool:
    quotes = set("\"'`»")
    return not quotes & set(io.StringIO(text, newline="").readlines()[line])


def _converted(folder: str, text: str, block: int, **settings: Any) -> Read | None:
    """None where no row has as many cells as the header, which is refused."""
    try:
        return read(Path(folder), text, "csv", limits=Limits(block=block, row_group=50), **settings)
    except BadObject as error:
        assert "cells that the header has" in error.message  # noqa: PT017
        return None


@given(
    st.lists(st.tuples(cells, cells, cells), max_size=12),
    dialects,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.integers(1, 40),
)
def test_rows_equal_those_of_the_csv_module(
    rows: list[tuple[str, str, str]], dialect: dict[str, str], line_end: str, quoting: int, block: int
) -> None:
    options: dict[str, Any] = {"delimiter": dialect["delimiter"], "quotechar": dialect["quote"]}
    if dialect["escape"] == "backslash":
        options |= {"escapechar": "\\", "doublequote": False}
    written = io.StringIO()
    writer = csv.writer(written, lineterminator=line_end, quoting=quoting, **options)
    writer.writerow(["aa", "b", "c"])
    writer.writerows(rows)
    text = written.getvalue()
    with TemporaryDirectory() as folder:
        found = _converted(folder, text, block, **dialect)
    positions, expected, bad = _oracle(text, ["aa", "b", "c"], **{**options, "doublequote": True})
    if found is None:
        assert not expected
        return
    assert [[cell or "" for cell in row.values()] for row in found.rows] == expected
    if quoting == csv.QUOTE_ALL:
        assert all(cell is not None for row in found.rows for cell in row.values())
    assert found.positions == positions
    assert [row["line"] for row in found.bad] == bad


@given(
    st.lists(st.tuples(cells, cells), max_size=12),
    st.sampled_from(",;§"),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 40),
)
def test_without_quotes_rows_equal_those_of_the_csv_module(
    rows: list[tuple[str, str]], delimiter: str, line_end: str, block: int
) -> None:
    options: dict[str, Any] = {"delimiter": delimiter, "quoting": csv.QUOTE_NONE, "escapechar": "\\"}
    written = io.StringIO()
    writer = csv.writer(written, lineterminator=line_end, **options)
    writer.writerow(["aa", "b"])
    writer.writerows((one, other or "x") for one, other in rows)
    text = written.getvalue()
    with TemporaryDirectory() as folder:
        found = _converted(folder, text, block, delimiter=delimiter, quote="none", escape="backslash")
    positions, expected, bad = _oracle(text, ["aa", "b"], **options)
    if found is None:
        assert not expected
        return
    assert [[cell or "" for cell in row.values()] for row in found.rows] == expected
    assert found.positions == positions
    assert [row["line"] for row in found.bad] == bad


@given(
    st.text(st.sampled_from('ab",\n\r\\#'), max_size=60),
    st.integers(1, 30),
    st.sampled_from(["double", "backslash"]),
    st.sampled_from([None, "#", "ab"]),
)
def test_any_text_gives_the_same_rows_wherever_it_is_cut(
    tail: str, block: int, escape: str, comment: str | None
) -> None:
    text = "x,y\n" + tail
    settings = {"escape": escape, "comment": comment}
    with TemporaryDirectory() as folder:
        answers = []
        for limits in (Limits(), Limits(block=block, row_group=1)):
            try:
                found = read(Path(folder), text, "csv", limits=limits, **settings)
                answers.append((found.rows, found.positions, found.bad))
            except BadObject as error:
                answers.append(error.message)
    assert answers[0] == answers[1]
    if isinstance(answers[0], str):
        assert "never closed" in answers[0] or "cells that the header has" in answers[0]
        return
    if comment is None and escape == "double":
        oracle = [row for row in csv.reader(io.StringIO(text, newline="")) if row][1:]
        rows, _, bad = answers[0]
        assert len(rows) + len(bad) == len(oracle)
        good = [[cell or "" for cell in row.values()] for row in rows]
        assert all(row in oracle for row in good)

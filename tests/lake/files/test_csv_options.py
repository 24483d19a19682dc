"""How a CSV file is written, as the dataset says it."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.files.limits import Limits
from tests.lake.files.conftest import Reading, read

AB = [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_skipped_lines_are_counted_and_need_not_be_csv(reading: Reading) -> None:
    found = reading('He said "so\r\rfar\r\na,b\n1,2\n3,4\n', "csv", skip_rows=3)
    assert (found.rows, found.positions) == (AB, [5, 6])


def test_a_header_on_a_line_of_the_file(reading: Reading) -> None:
    found = reading('"Report\n\na,b\n1,2\n3,4\n', "csv", header=3)
    assert (found.rows, found.positions) == (AB, [4, 5])


@pytest.mark.parametrize(("text", "line"), [("\n\na,b\n1,2\n", 2), ("x\n# c\na,b\n", 2)])
def test_a_header_that_is_not_where_it_is_said_to_be_is_refused(reading: Reading, text: str, line: int) -> None:
    with pytest.raises(BadObject, match=f"line {line}, where the dataset says that the header stands, is blank"):
        reading(text, "csv", header=line, comment="#")


def test_fewer_lines_than_are_skipped_make_a_file_without_header(reading: Reading) -> None:
    with pytest.raises(BadObject, match="empty"):
        reading("a,b\n1,2", "csv", skip_rows=5)


def test_without_header_the_contract_names_cells_in_order_or_by_place(reading: Reading) -> None:
    contract = {"b": Column.model_validate({"type": "int", "from": 2}), "a": Column(type="int")}
    found = reading("1,2\n3,4\n5\n", "csv", contract, header=False)
    assert found.rows == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert (found.positions, [bad["line"] for bad in found.bad]) == ([1, 2], [3])


def test_without_header_the_file_may_lack_optional_columns_at_its_end(reading: Reading) -> None:
    contract = {"a": Column(type="int"), "b": Column(type="int"), "c": Column(type="int", optional=True)}
    assert reading("1,2\n", "csv", contract, header=False).rows == [{"a": 1, "b": 2, "c": None}]
    assert reading("1,2,3\n", "csv", contract, header=False).rows == [{"a": 1, "b": 2, "c": 3}]


@pytest.mark.parametrize("tail", ["Total,,", 'Total "x\r\n', "Total\n\n\n", "Total\r"])
def test_the_footer_is_the_last_lines_that_are_not_blank(reading: Reading, tail: str) -> None:
    found = reading("a,b\n1,2\n3,4\n--\n" + tail, "csv", skip_footer=2)
    assert (found.rows, found.bad) == (AB, [])


@pytest.mark.parametrize("last", ['3,"4\n\n5"', '"3\n","4\n"'])
@pytest.mark.parametrize("footer", ['Total,"7\n8"', "Note", '"Note, never\nclosed'])
def test_the_footer_is_made_of_records(reading: Reading, last: str, footer: str) -> None:
    count = 3 if "closed" in footer else 2
    found = reading(f"a,b\n1,2\n{last}\n--\n{footer}\n\n", "csv", skip_footer=count)
    assert ([row["a"].strip() for row in found.rows], found.bad) == (["1", "3"], [])


def test_a_quote_that_is_never_closed_before_the_footer_refuses_the_file(reading: Reading) -> None:
    with pytest.raises(BadObject, match="line 3 is never closed"):
        reading('a,b\n1,2\n3,"4\nTotal\n', "csv", skip_footer=1)


@pytest.mark.parametrize("count", [3, 4, 1000])
def test_a_footer_that_is_all_of_the_file_leaves_it_empty(reading: Reading, count: int) -> None:
    with pytest.raises(BadObject, match="the file is empty"):
        reading("a,b\n1,2\n3,4\n", "csv", skip_footer=count)


def test_a_file_of_one_line_with_a_footer_takes_no_more_memory_than_a_row_may(tmp_path: Path) -> None:
    data = b"x" * 40_000_000
    tracemalloc.start()
    with pytest.raises(BadObject, match="longer than 1000000 bytes"):
        read(tmp_path, data, "csv", limits=Limits(record=1_000_000), skip_footer=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_comments_are_no_rows_wherever_a_record_may_begin(reading: Reading) -> None:
    text = "# it's \"so\na,b\n1,2\n#\n\n# x\r\n3,4\n" + '5,"\n# value\n"\n#end'
    found = reading(text, "csv", comment="#")
    assert found.rows == [*AB, {"a": "5", "b": "\n# value\n"}]
    assert found.positions == [3, 7, 8]


def test_comments_of_several_characters(reading: Reading) -> None:
    assert reading("-- x\na,b\n-1,2\n-- y\n", "csv", comment="--").rows == [{"a": "-1", "b": "2"}]


@pytest.mark.parametrize("quote", ["'", "»", "`"])
def test_another_quote(reading: Reading, quote: str) -> None:
    found = reading(f'a,b\n1,{quote}O{quote}{quote}Brien, "P"\n{quote}\n', "csv", quote=quote)
    assert found.rows == [{"a": "1", "b": f'O{quote}Brien, "P"\n'}]


def test_no_quote_at_all(reading: Reading) -> None:
    found = reading('a,b\n"1,5" x\n3,"\n', "csv", quote="none")
    assert found.rows == [{"a": '"1', "b": '5" x'}, {"a": "3", "b": '"'}]


def test_a_backslash_escapes_what_has_a_meaning_and_is_a_character_before_all_else(reading: Reading) -> None:
    text = 'a,b\n"x \\" y, ",\\N\n1\\,5,C:\\temp\n"\\\\","d\\\ne"\n'
    found = reading(text, "csv", escape="backslash")
    assert found.rows == [{"a": 'x " y, ', "b": "\\N"}, {"a": "1,5", "b": "C:\\temp"}, {"a": "\\", "b": "d\ne"}]
    assert found.positions == [2, 3, 4]


@pytest.mark.parametrize("quote", ['"', ""])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("header", [["a,b"], []])
def test_a_backslash_escapes_a_whole_line_end(reading: Reading, line_end: str, quote: str, header: list[str]) -> None:
    """As MySQL's OUTFILE writes a line break within a value, with whatever ends a line."""
    lines = [*header, f"1,{quote}x\\{line_end}y{quote}", f"\\{line_end},z", f"{quote}\\\\{quote},\\\\", "2,c"]
    options = {"escape": "backslash", "quote": '"' if quote else "none", "header": bool(header)}
    found = reading(line_end.join(lines) + line_end, "csv", {"a": "string", "b": "string"}, **options)
    wanted = [("1", f"x{line_end}y"), (line_end, "z"), ("\\", "\\"), ("2", "c")]
    assert [(row["a"], row["b"]) for row in found.rows] == wanted
    assert (found.positions, found.bad) == ([number + len(header) for number in (1, 3, 5, 6)], [])


def test_a_backslash_escapes_a_return_alone_where_lines_do_not_end_with_it(reading: Reading) -> None:
    """As Redshift's UNLOAD and Python's csv write it."""
    found = reading("a,b\n1,x\\\r\n2,x\\\r\\\ny\n", "csv", escape="backslash")
    assert [row["b"] for row in found.rows] == ["x\r", "x\r\ny"]
    assert (found.positions, found.bad) == ([2, 3], [])


@pytest.mark.parametrize("delimiter", ["§", "→", "\x1f", "\t", " ", "|", "a", "^", "-", "]"])
def test_any_character_may_delimit(reading: Reading, delimiter: str) -> None:
    text = "x,y\n1,2\x1f\x1e\n3,§\n5\n".replace(",", delimiter)
    if delimiter in "§\x1f":
        text = text.replace(f"3{delimiter}§", f"3{delimiter}").replace("2\x1f\x1e", "2")
    found = reading(text, "csv", delimiter=delimiter)
    assert found.rows[0]["x"] == "1"
    assert found.rows[0]["y"] == ("2" if delimiter in "§\x1f" else "2\x1f\x1e")
    assert found.rows[1]["y"] in ("§", None)
    assert found.bad[0]["raw"] == "5"


def test_a_stand_in_of_the_delimiter_may_itself_stand_in_the_file(reading: Reading) -> None:
    found = reading('x§y\n"1§\x1f"§\x1f2\n3\x1f\n', "csv", delimiter="§")
    assert found.rows == [{"x": "1§\x1f", "y": "\x1f2"}]
    assert found.bad[0]["raw"] == "3\x1f"


@pytest.mark.parametrize("quote", ['"', "'"])
def test_null_words_are_null_where_they_stand_without_quotes_in_text_too(reading: Reading, quote: str) -> None:
    text = f"NA,b\nNA,1\n{quote}NA{quote},2\n\\N,3\nx,-\n"
    contract = {"b": Column(type="int")}
    found = reading(text, "csv", contract, quote=quote, null_values=["NA", "\\N", "-"])
    assert found.rows == [{"na": None, "b": 1}, {"na": "NA", "b": 2}, {"na": None, "b": 3}, {"na": "x", "b": None}]
    found = reading("a,b\n\\N,1\nx,2\n", "csv", contract, escape="backslash", null_values=["\\N"])
    assert found.rows == [{"a": None, "b": 1}, {"a": "x", "b": 2}]


def test_ten_thousand_columns_are_refused_at_once(reading: Reading) -> None:
    started = time.process_time()
    with pytest.raises(BadObject, match="names 10000 columns; 2000 are the limit"):
        reading(",".join(f"c{number}" for number in range(10_000)) + "\n", "csv", limits=Limits())
    assert time.process_time() - started < 2


@pytest.mark.thorough
@pytest.mark.parametrize("bad", ["x", "1,2,3", '"x"y,1', "\x00,2", "\udcff,2"])
def test_bad_rows_in_bulk_cost_little(reading: Reading, bad: str) -> None:
    """Half the rows: time grows with the rows and not with their square."""
    rows = [f"{number},some text" if number % 2 else bad for number in range(1, 60_001)]
    text = ("a,b\n" + "\n".join(rows) + "\n").encode(errors="surrogateescape")
    started = time.process_time()
    found = reading(text, "csv", limits=Limits())
    assert time.process_time() - started < 5
    assert (found.conversion.rows_out, found.conversion.rows_bad) == (30_000, 30_000)
    assert found.positions[:2] == [2, 4]


def test_a_backslash_cannot_both_delimit_and_escape() -> None:
    with pytest.raises(ValueError, match="cannot delimit cells"):
        StageA(format="csv", delimiter="\\", escape="backslash")


@pytest.mark.parametrize("first", [b"1,\xff", b'1,"x"y', b"1,\0", b"1"])
def test_a_bad_first_row_of_a_file_without_header_costs_itself_only(reading: Reading, first: bytes) -> None:
    found = reading(first + b"\n2,b\n", "csv", {"id": "int", "name": "string"}, header=False)
    assert found.rows == [{"id": 2, "name": "b"}]
    assert [bad["line"] for bad in found.bad] == [1]

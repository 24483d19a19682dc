"""What a proposal says of values that are not what they look like, and leaves as they are."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.core.errors import BadInput
from pipeline.lake.datasets import DatasetName
from pipeline.lake.proposals.proposal import propose

NAME = DatasetName("shop", "orders")


@pytest.mark.parametrize(
    ("values", "type", "told"),
    [
        ("1.00235E+15 1.00236E+15 1.00237E+15", "double", "'1.00235E+15' is how spreadsheets write long whole numbers"),
        ("1.5E+3 2.5E+3 3.25E+4", "double", ""),
        ("1.00235E-15 2.5E-12 1.5E-13", "double", ""),
        ("1.5K 2M 300", "string", "numbers with letters behind them, such as '1.5K'"),
        ("12kg 13 14 15 16", "string", "4 of 5 different values are numbers, but not '12kg'"),
        ("−5 –6 7", "string", "'−5' has a minus sign that is no hyphen"),
        ("١٢٣ ٤٥٦ ٧٨٩", "string", "'١٢٣' has digits of another script"),
        ("１２３ ４５６ 7", "string", "'１２３' has digits of another script"),
        ("MÃ¼ller SchÃ¤fer Bob", "string", "'MÃ¼ller' may be 'Müller'"),
        ("Ãlvares Âme Bob", "string", ""),
        ("n=1 n=2 n=7", "string", "each value begins with 'n='"),
        ("a=1 b=2 c=7", "string", ""),
        ("20260131 20260201", "bigint", "looks like days: for dates say type: date, format: yyyyMMdd"),
        ("20260131 20260231", "bigint", ""),
        ("S N S", "boolean", "'S' is taken for true and 'N' for false"),
    ],
)
def test_a_column_that_is_not_what_it_looks_like(tmp_path: Path, values: str, type: str, told: str) -> None:
    path = tmp_path / "s.csv"
    rows = "".join(f"row {number},{value}\n" for number, value in enumerate(values.split()))
    path.write_text(f"label,value\n{rows}", encoding="utf-8")
    column = propose(path, NAME).columns[1]
    assert column.type == type
    assert told in column.doubt if told else not column.doubt


def test_days_as_spreadsheets_count_them_are_told(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("id,order_date,amount\n1,45292,45292\n2,45293,45293\n")
    _, day, amount = propose(path, NAME).columns
    assert (day.type, amount.doubt) == ("bigint", "")
    assert "the day numbers of a spreadsheet, 45292 for 2024-01-01" in day.doubt


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO orders VALUES (1, 'a');\n",
        "-- MySQL dump 10\n/*!40101 SET x */;\nDROP TABLE IF EXISTS `t`;\nCREATE TABLE `t` (\n  `id` int\n);\n",
        "SET client_encoding = 'UTF8';\n\ninsert into t (a, b) values (1, 2);\n",
    ],
)
def test_sql_is_no_table(tmp_path: Path, text: str) -> None:
    path = tmp_path / "dump.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match="holds SQL statements"):
        propose(path, NAME)


@pytest.mark.parametrize("start", ["set,n\na,1\nb,2\n", "insert into,n\nx,1\ny,2\n", "create,n\nx,1\ny,2\n"])
def test_words_of_sql_are_no_sql(tmp_path: Path, start: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(start)
    assert propose(path, NAME).rows_read == 2


def test_many_blank_lines_before_no_sql_take_no_time(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("\n" * 15_000 + "a,b\n1,2\n")
    began = time.process_time()
    assert propose(path, NAME).rows_read == 1
    assert time.process_time() - began < 10


def test_rows_in_brackets_are_told(tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    path.write_text("(1,'a',10),\n(2,'b',20),\n(3,'c',30);\n")
    assert any("each line is in brackets" in doubt for doubt in propose(path, NAME).doubts)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "area,n,v\nTotal,3,30\nA,1,10\nB,2,20\n",
            "line 2 with 'Total' is read as a row, though the figures are the sums",
        ),
        (
            "area,shop,n\nA,x,1\nA,y,2\nA,Total,3\nB,x,5\nB,y,6\nB,Total,11\nC,x,1\n",
            "lines 4, 7 with 'Total' are read as rows, though the figures are the sums of others",
        ),
        ("area,shop,n\nA,x,1\nA,Total,5\nB,x,5\nB,y,6\n", "line 3 with 'Total' is read as a row"),
        ("kind,n\nTotal,1\nTotal,2\nTotal,3\nPart,4\n", ""),
        ("shop,n\nTotal Wine,1\nTotal Foods,2\nBest,3\n", ""),
    ],
)
def test_a_total_among_the_rows_is_data_and_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text)
    found = propose(path, NAME)
    assert found.rows_read == len(text.splitlines()) - 1
    doubts = [doubt for doubt in found.doubts if "Total" in doubt]
    assert any(told in doubt for doubt in doubts) if told else not doubts
    assert any("sums" in doubt for doubt in doubts) == ("though" in told)

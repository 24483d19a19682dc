"""`skip_footer` loses nothing: what a file has in the place of a footer and looks like data is a bad row."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.remarks import is_remark
from tests.examples import examples
from tests.lake.files.conftest import TINY, Reading, read

TYPED = {"id": Column(type="bigint", required=True), "name": Column(type="string"), "n": Column(type="bigint")}
STRINGS = {name: "string" for name in TYPED}


@pytest.mark.parametrize("contract", [TYPED, STRINGS])
def test_the_last_rows_of_a_file_without_its_footer_are_put_aside(reading: Reading, contract: Any) -> None:
    found = reading("id,name,n\n1,a,10\n2,b,20\n3,,30\n", "csv", contract, skip_footer=2)
    assert found.positions == [2]
    assert [(bad["line"], bad["raw"]) for bad in found.bad] == [(3, "2,b,20"), (4, "3,,30")]
    assert all("`skip_footer`" in bad["reason"] and "like a row of data" in bad["reason"] for bad in found.bad)


@pytest.mark.parametrize("contract", [TYPED, STRINGS])
def test_so_are_those_of_a_file_of_fixed_width(reading: Reading, contract: Any) -> None:
    text = "id  name  n  \n   1Ada     5\n   2Bob     6\n"
    found = reading(text, "fixed", contract, widths=[4, 6, 3], skip_footer=1)
    assert (found.positions, [(bad["line"], bad["raw"]) for bad in found.bad]) == ([2], [(3, "   2Bob     6")])


@pytest.mark.parametrize(
    "footer", ["Total,,30", "Total:,2,30", "(2 rows)", ",,", ",,30", "---,---,---", "2,b", "1,b,x,4"]
)
@pytest.mark.parametrize("contract", [TYPED, STRINGS])
def test_what_is_clearly_a_footer_is_skipped(reading: Reading, footer: str, contract: Any) -> None:
    found = reading(f"id,name,n\n1,a,10\n{footer}\n", "csv", contract, skip_footer=1)
    assert (found.positions, found.bad) == ([2], [])


@pytest.mark.parametrize("footer", [",b,30", "x,b,30", "3,b,x"])
def test_what_the_contract_does_not_take_is_skipped(reading: Reading, footer: str) -> None:
    """Also where bad values are null: a footer is no row of nulls."""
    text = f"id,name,n\n1,a,10\n{footer}\n"
    found = reading(text, "csv", TYPED, skip_footer=1, on_bad_value="null")
    assert (found.positions, found.bad) == ([2], [])


@pytest.mark.parametrize("header", [["a,b"], []])
def test_a_footer_that_is_in_part_data_and_without_header(reading: Reading, header: list[str]) -> None:
    text = "\n".join([*header, "1,2", "", "# c", '3,"4', '5"', "Total,7"])
    contract = {"a": "string", "b": "string"}
    found = reading(text, "csv", contract, skip_footer=3, header=bool(header), comment="#")
    assert (len(found.rows), [(bad["line"], bad["raw"]) for bad in found.bad]) == (1, [(4 + len(header), '3,"4\n5"')])


def test_rows_behind_a_quote_that_is_never_closed_refuse_the_file(reading: Reading) -> None:
    with pytest.raises(BadObject, match="line 3 is never closed"):
        reading('a,b\n1,2\n3,"x\n4,5\n', "csv", skip_footer=2)


def test_the_first_rows_are_told_apart_from_a_header_without_the_footer(reading: Reading) -> None:
    found = reading("id,name,n\n3,c,5\n", "csv", TYPED, skip_footer=1)
    assert (found.rows, [bad["line"] for bad in found.bad]) == ([], [2])


def test_a_sheet_without_its_footer_too(reading: Reading) -> None:
    rows: list[list[Any]] = [["id", "name", "n"], [1, "a", 10], [2, "b", 20], ["x", "b", 20], ["Total", None, 30]]
    found = reading(workbook(rows), "xlsx", TYPED, skip_footer=3)
    assert (found.positions, [bad["line"] for bad in found.bad]) == ([2], [3])
    assert "like a row of data" in found.bad[0]["reason"]
    assert reading(workbook(rows[:3]), "xlsx", STRINGS, skip_footer=2).positions == []


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


CELLS = st.sampled_from(["", "1", "22", "x", "Total", "Note 9", '"q\n,"', "-", "total wine", "3 rows", "---", "n: 1"])
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=8)


@given(ROWS, st.integers(0, 9), st.sampled_from([TINY, Limits()]), st.booleans(), st.sampled_from(["\n", "\r\n", "\r"]))
@settings(max_examples=examples(300), deadline=None)
@example([["1", "x", "2"], ["22", "x", ""]], 2, TINY, True, "\n")
def test_no_record_that_fits_the_contract_disappears(
    rows: list[list[str]], count: int, limits: Limits, typed: bool, line_end: str
) -> None:
    data = line_end.join(["id,name,n", "1,x,2", *(",".join(row) for row in rows)]) + line_end
    contract: Any = TYPED if typed else STRINGS
    written = [row for row in rows if row != [""]]
    if count > len(written):
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            plain = read(Path(folder), data, "csv", contract, limits=limits)
        except BadObject:
            return
        found = read(Path(folder), data, "csv", contract, limits=limits, skip_footer=count)
    told = {*found.positions, *(bad["line"] for bad in found.bad)}
    gone = [row for row, line in zip(plain.rows, plain.positions, strict=True) if line not in told]
    assert all(is_remark([None if cell is None else str(cell) for cell in row.values()]) for row in gone)
    assert set(found.positions) <= set(plain.positions)

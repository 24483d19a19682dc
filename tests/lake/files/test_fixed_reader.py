"""Files of fixed width."""

from __future__ import annotations

import pytest

from pipeline.core.errors import BadObject
from tests.lake.files.conftest import Reading

WIDTHS = [4, 6, 3]


def test_cells_are_characters_and_spaces_around_them_are_not_theirs(reading: Reading) -> None:
    found = reading("id  name  n  \n   1Zoë     5\n   2 Ada  10\n", "fixed", widths=WIDTHS)
    assert found.rows == [{"id": "1", "name": "Zoë", "n": "5"}, {"id": "2", "name": "Ada", "n": "10"}]
    assert found.positions == [2, 3]


def test_the_contract_types_cells_and_names_those_of_a_file_without_header(reading: Reading) -> None:
    contract = {"id": "int", "name": "string", "n": "int"}
    found = reading("   1Ada     5\n   xBob     6\n", "fixed", contract, widths=WIDTHS, header=False)
    assert found.rows == [{"id": 1, "name": "Ada", "n": 5}]
    assert [bad["line"] for bad in found.bad] == [2]


def test_a_short_line_ends_in_nulls_and_one_that_goes_on_is_bad(reading: Reading) -> None:
    found = reading("id  name  n  \n   1Ada\n   2Bob     6   \n   3Eve     7 8\n", "fixed", widths=WIDTHS)
    assert found.rows == [{"id": "1", "name": "Ada", "n": None}, {"id": "2", "name": "Bob", "n": "6"}]
    (bad,) = found.bad
    assert (bad["line"], bad["raw"]) == (4, "   3Eve     7 8")
    assert "13 characters that the option `widths` makes" in bad["reason"]


def test_comments_skipped_lines_and_footers_are_no_rows(reading: Reading) -> None:
    text = "Report\n\nid  name  n  \n# no row\n   1Ada     5\nend\n\n"
    found = reading(text, "fixed", widths=WIDTHS, header=3, comment="#", skip_footer=1)
    assert found.rows == [{"id": "1", "name": "Ada", "n": "5"}]
    assert found.positions == [5]


def test_a_header_in_the_middle_is_put_aside(reading: Reading) -> None:
    found = reading("id  name  n  \n   1Ada     5\nid  name  n  \n   2Bob     6\n", "fixed", widths=WIDTHS)
    assert found.positions == [2, 4]
    assert [(bad["line"], bad["reason"]) for bad in found.bad] == [(3, "the header once more")]


def test_another_encoding_counts_its_characters(reading: Reading) -> None:
    text = "id  name  n  \n   1Müller  5\n".encode("cp1252") + b"   2\x81\n"
    found = reading(text, "fixed", widths=WIDTHS, encoding="cp1252")
    assert found.rows == [{"id": "1", "name": "Müller", "n": "5"}]
    assert found.bad[0]["raw"] == "   2\\x81"


def test_a_header_without_the_columns_of_the_contract_is_refused(reading: Reading) -> None:
    with pytest.raises(BadObject, match="lacks n"):
        reading("id  name  \n", "fixed", {"n": "int"}, widths=[4, 6])

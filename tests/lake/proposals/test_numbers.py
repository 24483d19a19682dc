"""How a file writes numbers, from what only one reading allows."""

from __future__ import annotations

import pytest

from pipeline.lake.proposals.numbers import evidence_of, form_of_file


@pytest.mark.parametrize(
    ("values", "delimiter", "decimal", "thousands", "plain"),
    [
        (["1.234,56", "12,00"], ";", ",", ".", ["1234.56", "12.00"]),
        (["$1,234.50", "$5.00"], ",", ".", ",", ["1234.50", "5.00"]),
        (["\u00a012", "1\u202f000"], ",", ".", "\u202f", ["12", "1000"]),
        (["1'234.50", "5.25"], ",", ".", "'", ["1234.50", "5.25"]),
        (["1,5", "2,25"], ";", ",", "", ["1.5", "2.25"]),
        (["1,234", "999"], ",", ".", ",", ["1234", "999"]),
        (["1.234.567"], ";", ",", ".", ["1234567"]),
        (["(12.50)", "3.00"], ",", ".", "", ["-12.50", "3.00"]),
        (["12,5 %", "7 %"], ";", ",", "", ["12.5", "7"]),
        ([".5", "+5"], ",", ".", "", [".5", "+5"]),
    ],
)
def test_the_marks_between_digits_are_told_by_what_only_one_reading_allows(
    values: list[str], delimiter: str, decimal: str, thousands: str, plain: list[str]
):
    form = form_of_file([evidence_of(values)], delimiter)
    assert (form.decimal, form.thousands) == (decimal, thousands)
    assert [form.plain(value) for value in values] == plain


def test_one_column_tells_the_marks_of_another():
    form = form_of_file([evidence_of(["12,50"]), evidence_of(["1.234", "12.500"])], ";")
    assert form.is_sure
    assert form.plain("1.234") == "1234"


def test_nothing_tells_a_thousand_from_a_fraction():
    assert not form_of_file([evidence_of(["1.234", "12.500"])], ";").is_sure
    assert not form_of_file([evidence_of(["1,234", "12,500"])], ";").is_sure


@pytest.mark.parametrize(
    "text", ["1.2.3", "1,23,4", "12.50-", "10.0.0.1", "1-2", "--5", "$5€", "(5", "−5", "", "1.234,5.6"]
)
def test_what_is_no_number_is_none(text: str):
    assert evidence_of([text]).unlike == 1

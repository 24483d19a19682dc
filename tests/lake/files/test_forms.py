"""Values as people write them, and that whole columns say the same as single values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal as Number
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.arrow import arrow_type
from pipeline.lake.datasets.types import parse_type
from pipeline.lake.files.casts import cast_text
from pipeline.lake.files.forms import Form, form_of
from pipeline.lake.files.values import read_text

GERMAN: dict[str, Any] = {"decimal": ",", "thousands": "."}
SWISS: dict[str, Any] = {"thousands": "'"}
FRENCH: dict[str, Any] = {"decimal": ",", "thousands": " "}
MONEY: dict[str, Any] = {"thousands": ",", "currency": ["$", "USD", "Fr."], "percent": True, "negative_brackets": True}


def form(settings: dict[str, Any] | None = None, kind: str = "string", **column: Any) -> Form:
    return form_of(
        StageA.model_validate({"format": "csv", **(settings or {})}), Column.model_validate({"type": kind, **column})
    )


def both(text: str, kind: str, how: Form) -> object:
    """The value of one text, which a column of it and of others has as well; ValueError if it has none."""
    to = parse_type(kind)
    for column in ([text], [text, None, text]):
        values, bad = cast_text(pa.array(column, pa.string()), to, how)
        if bad:
            with pytest.raises(ValueError, match=r".") as refused:
                read_text(text, to, how)
            assert list(bad) == [place for place, each in enumerate(column) if each is not None]
            assert bad[0].why == f"is not {to}: {refused.value}"
            why: ValueError = refused.value
            assert text.strip() not in str(why) or len(text) < 5
        else:
            assert values[0].as_py() == read_text(text, to, how)
            why = ValueError()
    if bad:
        raise why
    return values[0].as_py()


@pytest.mark.parametrize(
    ("settings", "text", "value"),
    [
        (GERMAN, "1.234,56", "1234.56"),
        (GERMAN, "12,00", "12.00"),
        (GERMAN, "-1.234.567,8", "-1234567.80"),
        (GERMAN, "1234", "1234.00"),
        (GERMAN, ",5", "0.50"),
        (GERMAN, "+5,", "5.00"),
        (SWISS, "1'234.50", "1234.50"),
        (SWISS, "1\u2019234.50", "1234.50"),
        (FRENCH, "1 234,5", "1234.50"),
        (FRENCH, "1\u202f234,5", "1234.50"),
        (FRENCH, "1\u00a0234\u202f000,5", "1234000.50"),
        (FRENCH, " \u00a012 ", "12.00"),
        (MONEY, "$1,234.50", "1234.50"),
        (MONEY, "USD 5", "5.00"),
        (MONEY, "5 $", "5.00"),
        (MONEY, "Fr. 5.50", "5.50"),
        (MONEY, "Fr.5.50", "5.50"),
        (MONEY, "-$5", "-5.00"),
        (MONEY, "$-5", "-5.00"),
        (MONEY, "12%", "12.00"),
        (MONEY, "12.5 %", "12.50"),
        (MONEY, "(12.50)", "-12.50"),
        (MONEY, "($1,000.50)", "-1000.50"),
        (MONEY, "$(5)", "-5.00"),
        (MONEY, "(12%)", "-12.00"),
        ({"decimal": ","}, "1,5", "1.50"),
        ({"decimal": ","}, "15e-1", "1.50"),
    ],
)
def test_a_number_has_the_value_that_it_says(settings: dict[str, Any], text: str, value: str) -> None:
    how = form(settings)
    assert both(text, "decimal(12,2)", how) == Number(value)
    assert both(text, "double", how) == float(value)
    if value.endswith(".00") and settings["decimal" if "decimal" in settings else "thousands"] not in text:
        assert both(text, "bigint", how) == int(value[:-3])


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (GERMAN, "12.34,5"),
        (GERMAN, "1.2345"),
        (GERMAN, "1.234.56"),
        (GERMAN, "0.123"),
        (GERMAN, "1,234.56"),
        (GERMAN, "1.23"),
        (GERMAN, "1.234e3"),
        (GERMAN, ".123,5"),
        (GERMAN, "1,2,3"),
        ({"decimal": ","}, "1.5"),
        (SWISS, "1''234"),
        (FRENCH, "1  234"),
        (FRENCH, "1 23"),
        (MONEY, "$$5"),
        (MONEY, "$5$"),
        (MONEY, "--5"),
        (MONEY, "(-5)"),
        (MONEY, "(5"),
        (MONEY, "5)"),
        (MONEY, "()"),
        (MONEY, "$"),
        (MONEY, "%"),
        (MONEY, "12%%"),
        (MONEY, "€5"),
        (MONEY, "$.5"),
        ({}, "12%"),
        ({}, "(5)"),
        ({}, "$5"),
        ({}, "1,5"),
        ({}, "1 000"),
    ],
)
@pytest.mark.parametrize("kind", ["decimal(12,2)", "double", "bigint"])
def test_a_number_that_is_written_otherwise_is_bad(settings: dict[str, Any], text: str, kind: str) -> None:
    with pytest.raises(ValueError, match="it is not a"):
        both(text, kind, form(settings))


@pytest.mark.parametrize(
    ("pattern", "text", "day"),
    [
        ("dd.MM.yyyy", "31.12.2025", date(2025, 12, 31)),
        ("MM/dd/yyyy", "12/31/2025", date(2025, 12, 31)),
        ("d.M.yyyy", "1.2.2026", date(2026, 2, 1)),
        ("d.M.yyyy", "01.12.2026", date(2026, 12, 1)),
        ("dd-MMM-yyyy", "31-OCT-2023", date(2023, 10, 31)),
        ("d-MMM-yy", "1-mar-69", date(1969, 3, 1)),
        ("d-MMM-yy", "29-Feb-68", date(2068, 2, 29)),
        ("MMMM d, yyyy", "September 1, 2026", date(2026, 9, 1)),
        ("yyyyMMdd", " 20260228 ", date(2026, 2, 28)),
        ("yyyy'W'MM''dd", "2026W01'05", date(2026, 1, 5)),
        ("dd.MM.yyyy", "01.01.0001", date(1, 1, 1)),
        ("d MMMM yyyy", "31\u00a0DECEMBER\u00a09999", date(9999, 12, 31)),
    ],
)
def test_a_date_by_pattern(pattern: str, text: str, day: date) -> None:
    assert both(text, "date", form(kind="date", format=pattern)) == day
    assert both(text, "date", form({"timezone": "Asia/Tokyo"}, kind="date", format=pattern)) == day


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("dd.MM.yyyy", "1.12.2025"),
        ("dd.MM.yyyy", "31.12.25"),
        ("dd.MM.yyyy", "31/12/2025"),
        ("dd.MM.yyyy", "2025-12-31"),
        ("dd.MM.yyyy", "12.31.2025"),
        ("dd.MM.yyyy", "29.02.2025"),
        ("dd.MM.yyyy", "00.01.2025"),
        ("dd.MM.yyyy", "01.01.0000"),
        ("dd.MM.yyyy", "31.12.2025 00:00"),
        ("d.M.yyyy", "001.2.2026"),
        ("dd-MMM-yyyy", "31-OKT-2023"),
        ("dd-MMM-yyyy", "31-10-2023"),
        ("dd-MMM-yyyy", "30-FEB-2023"),
        ("MMMM d, yyyy", "Sep 1, 2026"),
        ("dd.MM.yyyy", "٣١.12.2025"),
    ],
)
def test_a_date_that_is_written_otherwise_is_bad(pattern: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"no such time|is not of the form"):
        both(text, "date", form(kind="date", format=pattern))


@pytest.mark.parametrize(
    ("pattern", "text", "time"),
    [
        ("dd/MM/yyyy HH:mm", "31/12/2025 23:59", datetime(2025, 12, 31, 23, 59, tzinfo=UTC)),
        ("M/d/yyyy h:mm a", "1/2/2026 12:05 AM", datetime(2026, 1, 2, 0, 5, tzinfo=UTC)),
        ("M/d/yyyy h:mm a", "1/2/2026 1:05\u202fpm", datetime(2026, 1, 2, 13, 5, tzinfo=UTC)),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2026-01-01T00:00:00.25+01:00", None),
        (
            "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
            "2026-01-01T00:00:00.250+01:00",
            datetime(2025, 12, 31, 23, 0, 0, 250000, UTC),
        ),
        ("yyyy-MM-dd HH:mmX", "2026-01-01 00:00-0130", datetime(2026, 1, 1, 1, 30, tzinfo=UTC)),
        ("yyyy-MM-dd HH:mmX", "2026-01-01 00:00+02", datetime(2025, 12, 31, 22, tzinfo=UTC)),
        ("yyyy-MM-dd HH:mmX", "2026-01-01 00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
        ("yyyy-MM-dd HH:mmXXX", "2026-01-01 00:00+24:00", None),
        ("yyyy-MM-dd HH:mmXXX", "0001-01-01 00:00+01:00", None),
        ("yyyy-MM-dd hh:mm a", "2026-01-01 13:00 PM", None),
        ("yyyy-MM-dd hh:mm a", "2026-01-01 00:00 PM", None),
        ("dd.MM.yyyy HH:mm:ss", "01.01.2026 24:00:00", None),
        ("dd.MM.yyyy HH:mm:ss", "01.01.2026 23:59:60", None),
        ("epoch_seconds", "1767225600", datetime(2026, 1, 1, tzinfo=UTC)),
        ("epoch_seconds", "-1.5", datetime(1969, 12, 31, 23, 59, 58, 500000, UTC)),
        ("epoch_milliseconds", "1767225600000", datetime(2026, 1, 1, tzinfo=UTC)),
        ("epoch_microseconds", "1767225600000001", datetime(2026, 1, 1, 0, 0, 0, 1, UTC)),
        ("epoch_microseconds", "0.5", None),
        ("epoch_milliseconds", "1" + "0" * 17, None),
        ("epoch_milliseconds", "9" * 300, None),
        ("epoch_seconds", "2026-01-01", None),
    ],
)
def test_a_timestamp_by_pattern(pattern: str, text: str, time: datetime | None) -> None:
    how = form(kind="timestamp", format=pattern)
    if time is None:
        with pytest.raises(ValueError, match=r"."):
            both(text, "timestamp", how)
    else:
        assert both(text, "timestamp", how) == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-01 12:00:00", datetime(2026, 1, 1, 11, tzinfo=UTC)),
        ("2026-07-01T12:00:00", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("2026-07-01T12:00:00Z", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("2026-03-29 01:59:59", datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)),
        ("2026-03-29 03:00:00", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("2026-03-29 02:30:00", "skip"),
        ("2026-10-25 02:30:00", "twice"),
        ("2026-10-25 02:30:00+02:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_time_without_zone_is_in_that_of_its_column(text: str, time: datetime | str) -> None:
    how = form({"timezone": "America/Chicago"}, "timestamp", timezone="Europe/Berlin")
    if isinstance(time, str):
        with pytest.raises(ValueError, match=f"{time}.*offset from UTC"):
            both(text, "timestamp", how)
    else:
        assert both(text, "timestamp", how) == time


def test_times_with_and_without_zone_may_stand_in_one_column() -> None:
    texts = ["2026-03-29T01:30:00+01:00", "2026-03-29T01:30:00Z", "2026-03-29 01:30:00"]
    values, bad = cast_text(pa.array(texts), parse_type("timestamp"))
    assert not bad
    assert [value.hour for value in values.to_pylist()] == [0, 1, 1]


def test_words_of_truth_are_the_columns_own_in_any_case() -> None:
    how = form(None, "boolean", true_values=["Y", "Да"], false_values=["N", "Нет"])
    assert [both(text, "boolean", how) for text in ("Y", "n", "ДА", " нет ")] == [True, False, True, False]
    with pytest.raises(ValueError, match="true_values"):
        both("true", "boolean", how)


def test_null_words_are_null_in_any_column_but_a_quoted_one_of_text() -> None:
    how = form({"null_values": ["NA", "-", "\\N"]})
    for kind in ("int", "date", "boolean", "double", "decimal(5,2)", "timestamp", "array<int>"):
        assert both("NA", kind, how) is None
        assert both(" - ", kind, how) is None
    # What a parser of quotes hands on as text was quoted.
    assert both("NA", "string", how) == "NA"
    assert both("NA", "string", form({"format": "xlsx", "null_values": ["NA"]})) is None


def test_spaces_are_trimmed_where_the_dataset_says_so() -> None:
    assert both(" a b ", "string", form()) == " a b "
    trimmed = form({"trim": True, "null_values": ["NA"]})
    assert both(" a b\u00a0", "string", trimmed) == "a b"
    assert both(" NA", "string", trimmed) is None
    assert both("  ", "string", trimmed) is None
    assert both("", "string", trimmed) == ""


def test_leading_zeros_are_bad_unless_they_mean_nothing() -> None:
    with pytest.raises(ValueError, match="type: string"):
        both("0042", "bigint", form())
    assert both("0042", "bigint", form(None, "bigint", leading_zeros=True)) == 42
    fixed = form_of(StageA.model_validate({"format": "fixed", "widths": [4]}), Column(type="bigint"))
    assert both("0042", "bigint", fixed) == 42


SETTINGS: list[dict[str, Any]] = [
    *({}, GERMAN, SWISS, FRENCH, MONEY, {"decimal": ","}, {"decimal": ",", "thousands": ".", "currency": ["€", "kr."]}),
    *({"timezone": "Europe/Berlin"}, {"null_values": ["NA", "1", "-"], "trim": True, "format": "xlsx"}),
]
COLUMNS: list[dict[str, Any]] = [
    *({"type": kind} for kind in ("int", "bigint", "double", "float", "decimal(5,2)", "decimal(20,0)", "boolean")),
    *({"type": kind} for kind in ("date", "timestamp", "string")),
    {"type": "bigint", "leading_zeros": True},
    {"type": "boolean", "true_values": ["Y", "1"], "false_values": ["N", "0"]},
    *({"type": "date", "format": form} for form in ("dd.MM.yyyy", "d.M.yy", "d-MMM-yyyy", "MMMM d, yyyy", "dMyyyy")),
    *(
        {"type": "timestamp", "format": form}
        for form in ("dd.MM.yyyy HH:mm", "M/d/yyyy h:mm a", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "yyyyMMddHHmmssX")
    ),
    *({"type": "timestamp", "format": form} for form in ("epoch_seconds", "epoch_milliseconds", "epoch_microseconds")),
]
numbers = st.from_regex(
    r"[ ]?[(]?[$€]?[-+]?(kr\.)?[0-9]{0,3}([., '\u00a0][0-9]{2,3}){0,3}([.,][0-9]{0,3})?(e[0-9])?[ ]?[%€$]?[)]?",
    fullmatch=True,
)
times = st.from_regex(
    r"([0-3]?[0-9][.-](0?[0-9]|1[0-2]|Jan|MAY|october)[.-]([0-9]{2}|[0-9]{4})"
    r"|[0-9]{4}-[01][0-9]-[0-3][0-9]|(May|March) [0-9]{1,2}, [0-9]{4}|[0-9]{6,14})"
    r"([ T][0-2]?[0-9](:[0-5][0-9](:[0-6][0-9](\.[0-9]{3,6})?)?)?( ?[aApP][mM])?(Z|[+-][0-2][0-9]:?[0-9]{2})?)?",
    fullmatch=True,
)
words = st.sampled_from(["true", "Y", "n", "NA", "-", "", " ", "0042", "nan", "1", "0x1F", "ſ", "\u00a0"])
moments = st.datetimes(datetime(2026, 3, 28), datetime(2026, 3, 30)) | st.datetimes()
printed = st.builds(
    lambda moment, how: moment.strftime(how),
    moments.filter(lambda moment: moment.year > 999),
    st.sampled_from(["%d.%m.%Y", "%d.%m.%Y %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.250+01:00", "%d-%b-%Y"]),
)
texts = numbers | times | words | printed | st.integers().map(str) | st.text(max_size=4)


@given(st.sampled_from(SETTINGS), st.sampled_from(COLUMNS), st.lists(texts | st.none(), min_size=1, max_size=6))
def test_a_column_is_converted_as_its_values_are(
    settings: dict[str, Any], column: dict[str, Any], values: list[str | None]
) -> None:
    to = parse_type(column["type"])
    how = form_of(StageA.model_validate({"format": "csv", **settings}), Column.model_validate(column))
    found, bad = cast_text(pa.array(values, pa.string()), to, how)
    expected: list[object] = []
    why: dict[int, str] = {}
    for row, text in enumerate(values):
        expected.append(None)
        try:
            expected[-1] = None if text is None else read_text(text, to, how)
        except ValueError as error:
            why[row] = f"is not {to}: {error}"
    assert {row: value.why for row, value in bad.items()} == why
    assert found.equals(pa.array(expected, arrow_type(to)))

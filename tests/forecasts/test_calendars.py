"""Times of CF, held to cftime."""

from __future__ import annotations

import cftime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import BadObject
from pipeline.core.netcdf.calendars import parse_units, period_text, text_of

CALENDARS = ("standard", "gregorian", "proleptic_gregorian", "noleap", "365_day", "all_leap", "366_day", "360_day",
             "julian")  # fmt: skip


@given(
    st.sampled_from(CALENDARS),
    st.sampled_from(["seconds", "minutes", "hours", "days"]),
    st.sampled_from(
        ["1970-01-01", "1970-1-1 0:0:0", "2000-02-28T12:30:00Z", "1900-01-01 00:00:00.0", "1999-12-30 06:00 +01:30"]
    ),
    st.integers(0, 60_000),
)
def test_a_time_is_the_one_that_cftime_reads(calendar: str, unit: str, since: str, value: int):
    units = f"{unit} since {since}"
    expected = cftime.num2date(value, units, calendar)
    moment = parse_units(units, calendar, "time")
    assert text_of(moment.moment(value), moment.calendar) == expected.strftime("%Y-%m-%dT%H:%M:%SZ")


@given(st.sampled_from(CALENDARS), st.integers(0, 24 * 3600))
def test_a_time_in_fractions_of_a_day_is_the_nearest_second(calendar: str, second: int):
    units = "days since 1970-01-01"
    value = 20_000 + second / 86400
    moment = parse_units(units, calendar, "time")
    whole = parse_units("seconds since 1970-01-01", calendar, "time").moment(20_000 * 86400 + second)
    assert moment.moment(value) == whole


@pytest.mark.parametrize(
    ("units", "calendar", "said"),
    [
        ("hours", "standard", "not like 'hours since"),
        ("months since 1970-01-01", "standard", "no unit of a fixed length"),
        ("hours since 1970-13-01", "standard", "a time that the calendar standard has not"),
        ("hours since 1970-02-30", "365_day", "a time that the calendar 365_day has not"),
        ("hours since 1970-01-01", "mayan", "the calendar 'mayan', which is unknown"),
        ("hours since #set($x)", "standard", "not like"),
    ],
)
def test_units_that_say_no_time_are_refused_with_the_reason(units: str, calendar: str, said: str):
    with pytest.raises(BadObject, match=said):
        parse_units(units, calendar, "time")


def test_a_time_between_seconds_and_one_before_the_reform_are_refused():
    units = parse_units("hours since 1970-01-01", "standard", "time")
    with pytest.raises(BadObject, match="not a whole second"):
        units.moment(0.0001)
    with pytest.raises(BadObject, match="1582"):
        text_of(units.moment(-4_000_000), "standard")
    with pytest.raises(BadObject, match="9999"):
        text_of(units.moment(80_000_000), "standard")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(277_200, "PT77H"), (0, "PT0S"), (-3600, "-PT1H"), (5400, "PT1H30M"), (61, "PT1M1S"), (86400, "PT24H")],
)
def test_a_period_is_hours_minutes_and_seconds(seconds: int, text: str):
    assert period_text(seconds) == text

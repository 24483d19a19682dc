"""The short way to a column's value is the long one, but for its time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.feeds.cells import Cell, Value, cell_of, short_way
from pipeline.feeds.definition import Column, Namespace
from pipeline.feeds.pseudonyms import Pseudonyms
from pipeline.feeds.values import Unfit
from tests.examples import examples
from tests.feeds.contracts import KEYRING

COLUMNS: tuple[dict[str, Any], ...] = (
    {},
    {"required": True},
    {"pseudonymise": "person"},
    {"pseudonymise": "person", "required": True},
    {"generalise": {"prefix": 2}},
    {"generalise": {"bands": [0, 100, 1000]}},
    {"type": "decimal(12,2)"},
    {"type": "decimal(4,4)"},
    {"type": "decimal(4,0)"},
    {"type": "bigint"},
    {"type": "double"},
    {"type": "boolean"},
    {"type": "date"},
    {"type": "date", "generalise": "month"},
    {"type": "date", "generalise": "week", "written_as": "epoch_seconds"},
    {"type": "timestamp"},
    {"type": "timestamp", "generalise": "hour"},
    {"type": "timestamp", "written_as": "epoch_milliseconds"},
)

TEXTS = (
    *("", " ", "\x00", "a\x00b", "\ud83d", "\ufeff", "NE1 4ST", "Ada@Example.org", "0", "12", "12.50"),
    *("2026-03-31", "2026-W14-1", "2026-03-31T23:30:00Z", "2026-03-31T23:30:00+00:00", "2026-03-31T23:30:00-02:00"),
    *("2026-03-31T23:30:00", "0001-01-01T00:00:00+02:00", "9999-12-31T23:00:00-02:00", "20260331T2330Z", "2026-02-30"),
    *("9999-12-31T23:59:59.9999999Z", "1970-01-01T00:00:00+00:00:01"),
)
NUMBERS = (
    *(
        "0",
        "-0",
        "12.5",
        "12.50",
        "12.505",
        "99.99",
        "100",
        "1E+2",
        "1E-2",
        "1E+125",
        "-1E-130",
        "1.0",
        "+5",
        ".5",
        "5.",
    ),
    *("1234567890.12", "12345678901.12", "9007199254740993", "NaN", "sNaN", "Infinity", "", "x", "1_000", ".5", "5."),
)
OTHERS: tuple[dict[str, Any], ...] = (
    *({}, {"NULL": True}, {"BOOL": True}, {"L": []}, {"M": {}}, {"SS": ["a"]}, {"B": "YQ=="}, {"Z": 1}),
)
ATTRIBUTES = [*({"S": text} for text in TEXTS), *({"N": text} for text in NUMBERS), *OTHERS]
ITEMS: dict[str, list[dict[str, Any]]] = {
    "here": [{}, *({"here": each} for each in ATTRIBUTES)],
    "there.within": [
        *({}, {"there": {"S": "x"}}, {"there": {"NULL": True}}, {"there": {"M": {}}}),
        *({"there": {"M": {"within": each}}} for each in ATTRIBUTES),
    ],
    "there.deep.within": [
        *({}, {"there": {"M": {}}}, {"there": {"M": {"deep": {"N": "1"}}}}, {"there": {"M": {"deep": {"NULL": True}}}}),
        *({"there": {"M": {"deep": {"M": {"within": each}}}}} for each in ATTRIBUTES),
    ],
}


@pytest.mark.parametrize("said", COLUMNS, ids=str)
@pytest.mark.parametrize("place", ITEMS)
def test_the_short_way_is_the_long_one(place: str, said: dict[str, Any]):
    value, cell = ways({**said, "from": place})

    # Twice: what was remembered of one item is nothing to another.
    for item in ITEMS[place] * 2:
        assert outcome(value, item) == outcome(cell.checked, item), item


@settings(max_examples=examples(50))
@given(
    st.one_of(
        st.text(max_size=8).map(lambda text: {"S": text}),
        st.datetimes(timezones=st.timezones()).map(lambda moment: {"S": moment.isoformat()}),
        st.decimals(allow_nan=False, allow_infinity=False, places=2).map(lambda number: {"N": str(number)}),
        st.decimals().map(lambda number: {"N": str(number)}),
    )
)
def test_so_it_is_for_any_text_and_number(attribute: dict[str, Any]):
    for said in COLUMNS:
        value, cell = ways({**said, "from": "here"})
        assert outcome(value, {"here": attribute}) == outcome(cell.checked, {"here": attribute}), said


def ways(said: dict[str, Any]) -> tuple[Value, Cell]:
    column = Column.model_validate(said)
    cell = cell_of("column", column, Pseudonyms("person", Namespace(), KEYRING, 1) if column.pseudonymise else None)
    return short_way(cell, column), cell


def outcome(of: Value, item: dict[str, Any]) -> tuple[type, Any]:
    """A value and its type, or why there is none."""
    try:
        found = of(item)
    except Unfit as error:
        return Unfit, str(error)
    return type(found), found


def test_a_value_is_remembered_with_its_text_alone():
    read: list[str] = []
    column = Column.model_validate({"generalise": {"prefix": 1}})
    cell = Cell("area", ("area",), lambda attribute: (read.append(attribute["S"]), attribute["S"][:1])[1])
    value = short_way(cell, column)

    assert [value({"area": {"S": text}}) for text in ("NE1", "SW2", "NE1")] == ["N", "S", "N"]
    assert read == ["NE1", "SW2"]

"""The index holds what the newest files say, whoever comes first, twice or late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from typing import Any

import pytest

from pipeline.core.objects import ObjectVersion
from pipeline.forecasts.index import PARTITION, SORT, IndexedFile, Item, item_of
from pipeline.forecasts.store import Index
from pipeline.forecasts.times import Forecast

RUN = "2026-11-30T00:00:00Z"


def item(key: str = "a.nc", order: str = "1", period: int = 6, variable: str = "rain", **changes: str) -> Item:
    forecast = Forecast(variable, f"2026-11-30T{period:02d}:00:00Z", RUN, f"PT{period}H", "", "", **changes)
    return item_of(forecast, IndexedFile(ObjectVersion("raw", key, "v"), "demo", "free", "uk", order))


def keys(items: Any) -> list[str]:
    return [each["key"] for each in items]


def times(index: Index, model: str = "*", variable: str = "*", **how: Any) -> list[str]:
    return [each["forecast_time"][11:13] for each in index.times(model, variable, **{"limit": 100, **how})]


def test_two_files_that_share_period_and_time_are_both_found(index: Index):
    assert index.add([item("a.nc", variable="rain")]) == 1
    assert index.add([item("b.nc", variable="wind")]) == 1
    assert keys(index.at("2026-11-30T06:00:00Z")) == ["b.nc", "a.nc"]
    assert keys(index.partition("PT6H")) == ["a.nc", "b.nc"]


def test_whichever_order_announcements_come_in_and_how_often_the_newest_file_stays(index: Index):
    files = [item("a.nc", "1"), item("b.nc", "2"), item("b.nc", "2"), item("c.nc", "3")]
    for number, ordered in enumerate(permutations(files)):
        moved = [{**each, SORT: f"{number}{each[SORT]}"} for each in ordered]
        for each in moved:
            index.add([each])
        assert keys(each for each in index.partition("PT6H") if each[SORT] == moved[0][SORT]) == ["c.nc"]


def test_a_duplicate_writes_nothing(index: Index):
    items = [item(period=period) for period in range(1, 5)]
    assert index.add(items) == 4
    assert index.add(items) == 0


def test_of_a_late_file_only_the_times_come_in_that_no_newer_file_has(index: Index):
    index.add([item("new.nc", "2", 6)])
    assert index.add([item("late.nc", "1", period) for period in (5, 6, 7)]) == 2
    assert keys(index.partition("PT6H")) == ["new.nc"]
    assert keys(index.partition("PT7H")) == ["late.nc"]


def test_more_times_than_a_transaction_takes_all_come_in(index: Index):
    items = [{**item(), SORT: f"{n:04d}"} for n in range(230)]
    assert index.add(items) == 230
    assert len(list(index.partition("PT6H"))) == 230


def test_a_time_is_listed_once_for_its_model_and_variable_and_for_all(index: Index):
    index.add([item("a.nc", variable="rain", period=period) for period in (12, 6)])
    index.add([item("b.nc", variable="wind", period=6)])
    assert times(index) == times(index, "uk") == times(index, variable="rain") == ["06", "12"]
    assert times(index, "uk", "wind") == ["06"]
    assert times(index, "uk", "snow") == times(index, "us") == []
    assert times(index, limit=1) == ["06"]
    assert times(index, after="2026-11-30T06:00:00Z") == ["12"]
    assert times(index, after="2026-11-30T11:59:59Z", newest_first=True, limit=1) == ["06"]


def test_a_listed_time_has_the_newest_run_whichever_came_first(index: Index):
    old = {**item("a.nc"), "forecast_reference_time": "2026-11-29T00:00:00Z", PARTITION: "PT30H"}
    for first, second in ((item("b.nc"), old), (old, item("b.nc"))):
        index.add([first])
        index.add([second])
        (listed,) = index.times("*", "*", limit=5)
        assert listed["forecast_reference_time"] == RUN


def hour(n: int) -> str:
    return f"{datetime(2026, 11, 30, tzinfo=UTC) + timedelta(hours=n):%Y-%m-%dT%H:%M:%SZ}"


def test_many_times_are_listed_as_few_are_and_never_an_older_run(index: Index, monkeypatch: pytest.MonkeyPatch):
    items = [{**item(), "forecast_time": hour(n), SORT: f"{n:04d}"} for n in range(150)]
    newer = {**items[7], "forecast_reference_time": "2026-12-01T00:00:00Z", SORT: "newer"}
    index.add([newer])
    # As if that one had come between what is read and what is written.
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.core.dynamo.get_many", lambda *_: [])
        assert index.add(items) == 150
    for model, variable in product(("*", "uk"), ("*", "rain")):
        listed = list(index.times(model, variable, limit=1000))
        assert [each["forecast_time"] for each in listed] == [hour(n) for n in range(150)]
        runs = {n: each["forecast_reference_time"] for n, each in enumerate(listed)}
        assert runs == {n: RUN for n in range(150)} | {7: "2026-12-01T00:00:00Z"}
    few = item(variable="wind")
    index.add([few])
    named = {name for each in index.times("*", "wind", limit=1) for name in each}
    assert named == set(listed[0])


def test_a_name_with_the_sign_that_parts_keys_stays_apart_from_others(index: Index):
    index.add([item("a.nc", variable="a#b"), item("b.nc", variable="a%23b")])
    assert len(list(index.partition("PT6H"))) == 2
    assert times(index, "uk", "a#b") == times(index, "uk", "a%23b") == ["06"]

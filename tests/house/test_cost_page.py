"""docs/reference/cost.md is what the counts and the prices make of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.benchmarks import cost


def test_the_page_is_in_step_with_counts_prices_and_templates() -> None:
    assert cost.PAGE.read_text() == cost.page(), "run python -m tests.benchmarks.cost"


def test_every_price_has_its_date_and_source_and_a_line_of_the_bill() -> None:
    for what, price in cost.MODEL["prices"].items():
        assert price["seen"], what
        assert "https://" in price["source"], what
    assert cost.MODEL["prices"].keys() == cost.LINES.keys()


def test_a_month_of_one_object_a_day_is_added_up_by_hand() -> None:
    """30 objects, each alone: 6 + 9 transitions, Route, Transform, Complete and Commit, two jobs of 2 DPU."""
    alone = cost.Scenario("", 1, 1, 1440, 1, 1, 1440, 5, 100)
    charged = cost.of_a_month(alone)
    assert charged["transition"] == 30 * 15
    assert charged["invocation"] == 30 * 5  # with the poll
    assert charged["dpu_hour"] == pytest.approx(30 * 2.005 / 60 * 2)
    bill = cost.dollars(charged)
    assert bill["Step Functions"] == pytest.approx(450 * 0.025 / 1000)
    assert bill["Glue jobs"] == pytest.approx(30 * 2.005 / 60 * 2 * 0.44)


def test_what_is_changed_is_cheaper_or_fits_where_what_is_delivered_does_not() -> None:
    for delivered, changed in zip(cost.SCENARIOS[::2], cost.SCENARIOS[1::2], strict=True):
        assert changed.most >= changed.objects == delivered.objects
        bills = [cost.dollars(cost.of_a_month(each)).total() for each in (delivered, changed)]
        assert bills[1] < bills[0] or delivered.most < delivered.objects


def test_a_batch_never_holds_more_than_it_may_and_waits_no_longer() -> None:
    busy = replace(cost.SCENARIOS[0], objects=10_000_000)
    assert busy.per_batch == busy.max_objects
    waiting = replace(cost.SCENARIOS[0], objects=1440, datasets=1, min_objects=100, max_wait=30)
    assert waiting.per_batch == pytest.approx(30)

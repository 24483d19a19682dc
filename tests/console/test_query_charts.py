"""A query's answer as a chart: which kind its types ask for, what is said where there is none, and what is in frame."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from pipeline.console import axes, plots
from pipeline.console.query_charts import BARS, POINTS, chart_of
from tests.console.conftest import TOKEN, let_in
from tests.console.test_query import ended, started
from tests.patience import until


def of(types: str, rows: list, total: int | None = None) -> dict:
    columns = [{"name": f"c{n}", "type": kind} for n, kind in enumerate(types.split())]
    return chart_of(columns, lambda most, width: [row[:width] for row in rows[:most]], total or len(rows))


@pytest.mark.parametrize(
    ("types", "rows", "kind"),
    [
        ("VARCHAR BIGINT", [["a", "1"], ["b", "-2"]], "bars"),
        ("BOOLEAN DECIMAL(10,2) DOUBLE", [["true", "0.10", None]], "bars"),
        ("DATE BIGINT", [["2026-01-02", "1"], ["2026-01-01", "2"]], "line"),
        ("TIMESTAMP_NS DOUBLE", [["2026-01-02T03:04:05.678901", "nan"]], "line"),
        ("BIGINT HUGEINT", [["1", "170141183460469231731"], ["3", None]], "line"),
    ],
)
def test_types_choose_the_chart(types, rows, kind):
    chart = of(types, rows)
    assert (chart["kind"], chart["why_not"]) == (kind, None)
    json.dumps(chart, allow_nan=False)


@pytest.mark.parametrize(
    ("types", "rows", "said"),
    [
        ("BIGINT", [["1"]], "this answer has one column"),
        ("VARCHAR VARCHAR BIGINT", [["a", "b", "1"]], "c1 is no number"),
        ("VARCHAR VARCHAR DATE", [["a", "b", "1"]], "c1, c2 are no numbers"),
        ("INTEGER[] BIGINT", [["[1]", "1"]], "c0 is INTEGER[]"),
        ("DATE BIGINT", [["2026-01-02", "1"], ["2026-01-02", "2"]], "group by c0"),
        ("DATE BIGINT", [[None, "1"], ["20000-01-01", "1"]], "no value that an axis can have"),
        ("VARCHAR BIGINT", [], "no rows"),
    ],
)
def test_what_cannot_be_told_is_not_drawn_and_says_what_it_needs(types, rows, said):
    chart = of(types, rows)
    assert (chart["kind"], chart["drawing"]) == (None, None)
    assert said in chart["why_not"]


def test_a_day_that_is_missing_or_null_is_a_gap_and_many_rows_are_bounded_and_said():
    days = [[f"2026-01-{day:02}", None if day == 20 else str(day)] for day in range(1, 31) if day != 10]
    courses = of("DATE BIGINT", days)["drawing"]["courses"]
    assert [len(each["points"]) for each in courses] == [9, 9, 10]
    months = [[f"2026-{month:02}-01", "1"] for month in range(1, 13)]
    assert len(of("DATE BIGINT", months)["drawing"]["courses"]) == 1
    many = of("VARCHAR BIGINT", [[f"label {n}", str(n)] for n in range(100)], 10_000)
    assert len(many["drawing"]["bars"]) == BARS
    assert len(many["drawing"]["x_ticks"]) <= plots.LABELS + 1
    assert many["notes"] == ["The first 40 of 10,000 rows are drawn."]
    line = of("BIGINT " + "DOUBLE " * 9, [[str(n)] * 10 for n in range(5000)])
    assert len(line["drawing"]["courses"][0]["points"]) == POINTS
    assert line["notes"] == ["3 more columns of numbers are not drawn.", "The first 1,000 of 5,000 rows are drawn."]


@pytest.mark.parametrize(
    "values",
    [
        [0.0],
        [5.0, 5.0],
        [-1e308, 1e308],
        [-1.7e308, 1.7e308],
        [1.7e308],
        [1e-320, 0.0],
        [1e300, 1e300 * (1 + 1e-15)],
        [-3.0, -1.0],
        [0.1, 0.2, 0.7],
        [1_234_567.0, 12.0],
        [9.007199254740993e15, 9.007199254740995e15],
    ],
)
def test_whatever_the_values_they_stay_in_the_frame_between_round_ticks(values):
    labels = [str(value) for value in values]
    line = plots.lines(range(len(values)), axes.numbers([0, len(values)]), [plots.Series("v", values, "0")], "told")
    bar = plots.bars(labels, [plots.Series("v", values, "0")], "told")
    for drawing in (line, bar):
        json.dumps(drawing, allow_nan=False)
        assert 1 <= len(drawing["y_ticks"]) <= 12
        for tick in drawing["y_ticks"]:
            assert plots.WIDE.top <= tick["y"] <= plots.WIDE.height - plots.WIDE.bottom
    for dot in line["dots"]:
        assert plots.WIDE.top <= dot["y"] <= plots.WIDE.height - plots.WIDE.bottom
    for each in bar["bars"]:
        assert each["y"] >= plots.WIDE.top - 1
        assert each["y"] + each["height"] <= plots.WIDE.height - plots.WIDE.bottom + 1.1


def test_ticks_are_round_numbers_durations_and_dates():
    assert axes.numbers([3, 97]).ticks == (0, 20, 40, 60, 80, 100)
    assert [axes.durations([200]).label(each) for each in axes.durations([200]).ticks] == [
        "0",
        "1 min",
        "2 min",
        "3 min",
        "4 min",
    ]
    day = 86_400
    days = axes.times(20_000.5 * day, 20_014 * day)
    assert [days.label(each) for each in days.ticks] == ["2024-10-07", "2024-10-14"]
    hours = axes.times(20_000 * day, 20_000 * day + 7000)
    assert [hours.label(each) for each in hours.ticks] == ["00:00", "00:30", "01:00", "01:30"]
    year = axes.times(20_100 * day, 20_400 * day)
    assert [year.label(each) for each in year.ticks] == ["2025-03", "2025-05", "2025-07", "2025-09", "2025-11"]
    long = axes.times(-day * 365 * 1000, day * 365 * 100)
    assert 2 <= len(long.ticks) <= 7
    assert axes.times(5.0, 5.0).share(5.0) == 0.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_answer_is_drawn_told_and_on_a_phone_too(chromium, url, visitor, scheme):
    path = started(visitor, "select '<b>' || range as label, range * 10 as \"n<u>\" from range(3)")
    document = ended(visitor, path)
    assert document["chart"]["kind"] == "bars"
    context = chromium.new_context(base_url=url, color_scheme=scheme, viewport={"width": 360, "height": 740})
    let_in(context, url, TOKEN)
    tab = context.new_page()
    tab.goto(path)
    chart = tab.get_by_role("img", name="The answer as bars by label, 3 rows. n<u>: 0 to 20")
    chart.wait_for()
    expect(chart.locator("rect title")).to_have_text(["<b>0, n<u>: 0", "<b>1, n<u>: 10", "<b>2, n<u>: 20"])
    until(lambda: tab.evaluate("document.documentElement.scrollWidth") <= 360)
    until(lambda: chart.locator(".tick").first.evaluate("e => e.getBoundingClientRect().height") > 8)
    path = started(visitor, "select 'a' as one, 'b' as two, 1 as three")
    ended(visitor, path)
    tab.goto(path)
    tab.get_by_text("two is no number").wait_for()
    context.close()

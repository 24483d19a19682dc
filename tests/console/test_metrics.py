"""What rules measured, batch after batch: as charts on the dataset's page, as numbers behind them, and printed."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pytest
from playwright.sync_api import expect

from pipeline.console.charts import drawn
from pipeline.console.plots import SMALL
from pipeline.lake.batches.metrics import history_of
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.registry import Registration
from pipeline.operate.metrics import ComparedRule, Metric, Point
from tests.cli.conftest import ORDERS, Actor
from tests.console.conftest import TOKEN, let_in, new_context
from tests.patience import until

HOSTILE = "<script>alert(1)</script>"
SHARE = f"CustomSql \"select avg(if(id = '{HOSTILE}', 1, 0)) from primary\""
RULESET = f"""Rules = [
    RowCount > avg(last(3)) * 0.5, RowCount < 100,
    (Completeness "id" >= 0.9) or ({SHARE} between 0 and 0.25), ColumnExists "id"
]"""


@pytest.fixture(scope="module")
def sales(lake) -> Actor:
    """Four batches that passed, one that was held back, and another that passed."""
    made = Actor(lake, {**ORDERS, "dataset": "sales", "quality": {"ruleset": RULESET}})
    for number, (rows, outcome) in enumerate(
        [(10, "PASSED"), (20, "PASSED"), (30, "PASSED"), (2, "FAILED"), (40, "PASSED")]
    ):
        batch = made.open(made.stage(f"{number}.csv"))
        metrics = {"RowCount": float(rows), SHARE: 0.1 * number, 'Mean "price"': 1 / 3}
        content = pa.table({"id": [1], "price": [None], "at": pa.array([None], pa.timestamp("us", "UTC"))})
        made.write(batch, content, outcome, metrics=metrics, reason="last() = 0: no earlier batch")
        if outcome == "FAILED":
            lake.finisher.quarantine(made.name, batch, made.work.table)
        else:
            made.commit(batch)
    return made


def test_each_number_has_its_values_its_rules_and_what_the_next_batch_is_held_against(visitor, sales):
    document = visitor.document(f"/datasets/{sales.name}")
    by_name = {each["name"]: each for each in document["metrics"]}
    assert list(by_name) == ["RowCount", 'Completeness "id"', SHARE, 'Mean "price"']
    rows = by_name["RowCount"]
    assert [(point["value"], point["counts"]) for point in rows["points"]] == [
        (10, True),
        (20, True),
        (30, True),
        (2, False),
        (40, True),
    ]
    assert rows["rules"] == [
        {"rule": "RowCount > avg(last(3)) * 0.5", "next": "RowCount > 15", "constants": []},
        {"rule": "RowCount < 100", "next": None, "constants": [100.0]},
    ]
    assert by_name[SHARE]["rules"][0]["constants"] == [0.0, 0.25]
    assert by_name['Completeness "id"']["points"] == []
    assert by_name['Mean "price"']["rules"] == []
    assert "<script>alert" not in visitor.get(f"/datasets/{sales.name}").text
    assert (document["kind"], document["starts"], document["transform"]) == ("Iceberg; append", None, None)


def test_a_batch_tells_what_a_rule_that_held_was_compared_with(visitor, sales):
    newest = sales.lake.batches.newest(sales.name, 1)[0]
    assert '<span class="quiet">last() = 0: no earlier batch</span>' in visitor.get(f"/batches/{newest.id}").text


def test_one_call_of_aws_draws_them_all(visitor, sales):
    kept, asked = sales.registration, []

    def note(params, **_):
        asked.append(params["ExpressionAttributeValues"].get(":d", {}).get("S"))

    events = sales.lake.batches._dynamodb.meta.events
    events.register("before-parameter-build.dynamodb.Query", note, unique_id="note")
    visitor.get(f"/datasets/{sales.name}.json")
    assert asked.count(f"{sales.name}#METRICS") == 1
    without = {name: value for name, value in sales.definition.items() if name != "quality"}
    sales.lake.registry.put(
        Registration.of(Dataset.from_stored(without), kept.queue_url, kept.dead_letter_queue_url, kept.table)
    )
    try:
        assert visitor.document(f"/datasets/{sales.name}")["metrics"] == []
        assert asked.count(f"{sales.name}#METRICS") == 1
    finally:
        events.unregister("before-parameter-build.dynamodb.Query", note, unique_id="note")
        sales.lake.registry.put(kept)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chart_is_seen_heard_and_has_its_numbers_on_a_phone_too(chromium, url, sales, scheme):
    context = new_context(chromium, base_url=url, color_scheme=scheme, viewport={"width": 360, "height": 740})
    let_in(context, url, TOKEN)
    page = context.new_page()
    page.goto(f"/datasets/{sales.name}")
    chart = page.get_by_role("img", name="RowCount of 5 batches: 40 at last, 2 at least, 40 at most; 1 of them")
    chart.wait_for()
    expect(chart.locator("circle")).to_have_count(4)
    expect(chart.locator("path title").first).to_have_text(re.compile(": 2, failed$"))
    expect(chart.locator("line title")).to_have_text(["a rule has 100"])
    # Measured where it is found: the page draws itself again whenever the lake has changed.
    until(lambda: 200 < chart.evaluate("e => e.getBoundingClientRect().width") <= 360)
    until(lambda: page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
    parts = [chart.locator(each).first for each in ("line", "path", "polyline")]
    until(lambda: len({part.evaluate("e => getComputedStyle(e).stroke") for part in parts}) == 3)
    figure = page.locator("figure.metric", has=chart)
    figure.get_by_text("Numbers").click()
    cells = figure.locator("tbody tr").first.locator("td")
    for cell, text in enumerate(("40", "yes")):
        expect(cells.nth(cell)).to_have_text(text)
    expect(figure.locator("tbody")).to_contain_text("no, FAILED", use_inner_text=True)
    context.close()


def test_the_command_prints_them_and_each_batch_of_one(sluice, sales):
    listed = sluice("quality", sales.name)
    assert listed.exit_code == 0, listed.output
    assert "RowCount > 15" in listed.output
    assert "▂▄▆▁█" in listed.output.replace("▃", "▂").replace("▅", "▄")
    one = json.loads(sluice("quality", sales.name, "--metric", "RowCount", "--json").stdout)
    assert [(point["value"], point["verdict"]) for point in one[0]["points"]][-2:] == [
        (2.0, "FAILED"),
        (40.0, "PASSED"),
    ]
    assert "yes" in sluice("quality", sales.name, "--metric", "RowCount").output
    missing = sluice("quality", sales.name, "--metric", "Rows")
    assert missing.exit_code != 0
    assert sluice("quality", "shop/nowhere").exit_code != 0


def test_a_person_leaves_a_batch_out_or_lets_one_count_that_only_warned(sluice, lake, orders):
    batches = {}
    for outcome, rows in (("PASSED", 5.0), ("WARNED", 7.0)):
        batches[outcome] = orders.open(orders.stage(f"{outcome}.csv"))
        content = pa.table({"id": [1], "price": [None], "at": pa.array([None], pa.timestamp("us", "UTC"))})
        orders.write(batches[outcome], content, outcome, metrics={"RowCount": rows})
        orders.commit(batches[outcome])

    def counted() -> list[float]:
        return [past.value for past in history_of(lake.batches.measured(orders.name), "batch").get("RowCount", [])]

    assert counted() == [5.0]
    assert sluice("quality", orders.name, "--count", batches["WARNED"]).exit_code != 0
    for _ in range(2):
        done = sluice(
            "quality", orders.name, "--count", batches["WARNED"], "--reason", "as it should be", "--by", "ann"
        )
        assert done.exit_code == 0, done.output
    assert counted() == [7.0, 5.0]
    assert sluice("quality", orders.name, "--leave-out", batches["PASSED"], "--reason", "too much").exit_code == 0
    assert counted() == [7.0]
    assert "LEFT OUT" in sluice("quality", orders.name, "--metric", "RowCount").output
    assert sluice("quality", orders.name, "--count", batches["PASSED"], "--reason", "after all").exit_code == 0
    assert counted() == [7.0, 5.0]
    assert lake.batches.measured(orders.name)[0].said["by"] == "ann"
    held = orders.open(orders.stage("held.csv"))
    refused = sluice("quality", orders.name, "--count", held, "--reason", "now")
    assert "RUNNING, with no verdict" in str(refused.exception)
    lake.finisher.fail(orders.name, held, orders.work.table, "over")


def metric(values, constants=()):
    points = tuple(Point(f"B{n}", value, "PASSED", True) for n, value in enumerate(values))
    return Metric("RowCount", (ComparedRule("r", None, tuple(constants)),), points)


@pytest.mark.parametrize(
    "values", [[], [5.0], [5.0, 5.0], [-1e308, 1e308], [1e-320, 0.0], [float(n) for n in range(50)]]
)
def test_whatever_the_values_a_chart_stays_in_its_frame(values):
    chart = drawn(metric(values, [3.0, 1e9]))
    assert len(chart["dots"]) == len(values)
    line = [list(point) for course in chart["courses"] for point in course["points"]]
    assert line == ([[dot["x"], dot["y"]] for dot in chart["dots"]] if len(values) > 1 else [])
    assert (chart["width"], chart["bottom"]) == (SMALL.width, SMALL.height - SMALL.bottom)
    for dot in chart["dots"]:
        assert SMALL.left <= dot["x"] <= SMALL.width - SMALL.right
        assert SMALL.top <= dot["y"] <= SMALL.height - SMALL.bottom
    assert all(SMALL.top <= line["y"] <= SMALL.height - SMALL.bottom for line in chart["limits"])


def test_a_number_in_a_rule_that_would_flatten_the_line_is_not_drawn():
    assert [line["told"] for line in drawn(metric([5.0, 6.0], [4.0, 1_000_000.0]))["limits"]] == ["a rule has 4"]
    assert [line["y"] for line in drawn(metric([1.0, 2.0], [3.0]))["limits"]] == [SMALL.top]

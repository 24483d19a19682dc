"""Tables and times of every page: numbers at the right, heads that stay, one line a row, cells that open, any zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from pipeline.lake.catalog import Status
from tests.console.conftest import TOKEN, let_in, new_context, visiting
from tests.console.test_query import ended, started
from tests.patience import until

WIDE = (
    "select "
    + ", ".join(f"range * 1000 as number_{n}, 'text {n}' as text_{n}" for n in range(31))
    + ", repeat('long ', 500) || chr(10) || '<script>alert(1)</script> the end' as long from range(80)"
)


@pytest.fixture(scope="module")
def wide(url) -> str:
    """The page of an answer of 63 columns."""
    with visiting(url) as visitor:
        path = started(visitor, WIDE)
        assert ended(visitor, path)["run"]["status"] == "SUCCEEDED"
    return path


@pytest.mark.parametrize("width", [1280, 390])
def test_a_wide_answer_has_one_line_a_row_its_head_in_sight_and_cells_that_open(chromium, url, wide, width):
    context = new_context(chromium, base_url=url, viewport={"width": width, "height": 800})
    let_in(context, url, TOKEN)
    tab = context.new_page()
    tab.goto(wide)
    region = tab.get_by_role("region", name="Rows of the answer")
    heights = "e => [...e.querySelectorAll('tbody tr')].map((each) => each.offsetHeight)"
    until(lambda: len(found := region.evaluate(heights)) > 10 and max(found) < 45)
    region.evaluate("e => { e.scrollTop = 300 }")
    until(lambda: abs(region.locator("th").first.bounding_box()["y"] - region.bounding_box()["y"]) < 3)
    until(lambda: tab.evaluate("document.documentElement.scrollWidth") <= width)
    cell = region.locator("details.cell").first
    tab.route(re.compile(r"\.json\?"), lambda route: route.abort())
    cell.locator("summary").focus()
    tab.keyboard.press("Enter")
    # What did not come is said, and asked for again when it is opened the next time.
    expect(cell.locator(".full")).to_have_attribute("data-failed", re.compile("could not be read"))
    tab.unroute_all()
    tab.keyboard.press("Enter")
    tab.keyboard.press("Enter")
    cell.get_by_text("the end").wait_for()
    until(lambda: cell.locator(".full").inner_text().count("long") == 500)
    context.close()


def test_without_scripts_a_cut_value_is_one_link_away_and_is_whole_there(visitor, chromium, url, wide):
    context = new_context(chromium, base_url=url, java_script_enabled=False)
    let_in(context, url, TOKEN)
    tab = context.new_page()
    tab.goto(wide)
    expect(tab.locator("section[aria-labelledby=last] time").first).to_have_text(re.compile(r"^20[\d: -]+Z$"))
    expect(tab.get_by_role("button", name="UTC")).to_be_hidden()
    cell = tab.locator("details.cell").first
    cell.locator("summary").click()
    cell.get_by_role("link", name="the whole value").click()
    expect(tab.locator("pre")).to_have_text(re.compile(r"<script>alert\(1\)</script> the end$"))
    context.close()
    document = visitor.document(f"{wide}/value", row=3, column=1)
    assert (document["text"], document["column"]["name"], document["row"]) == ("2000", "number_0", 3)
    assert visitor.document(f"{wide}/value", row=999, column=999)["row"] == 80


def test_times_are_shown_in_the_reader_s_zone_on_demand_and_it_is_remembered(chromium, url, wide, orders):
    context = new_context(chromium, base_url=url, timezone_id="Asia/Kolkata")
    let_in(context, url, TOKEN)
    tab = context.new_page()
    tab.goto(wide)
    shown = tab.locator("section[aria-labelledby=last] time").first
    expect(shown.locator(".at")).to_have_text(re.compile(r"^20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ$"))
    expect(shown.locator(".ago")).to_have_text(re.compile(r"^(now|\d+ \w+ ago)$"))
    utc = shown.locator(".at").inner_text()
    tab.get_by_role("button", name="Times are UTC").click()
    expect(shown.locator(".at")).to_have_text(re.compile(r" GMT\+5:30$"))
    there = shown.locator(".at").inner_text()
    moved = datetime.strptime(there[:19], "%Y-%m-%d %H:%M:%S") - datetime.strptime(utc[:19], "%Y-%m-%d %H:%M:%S")
    assert moved.total_seconds() == 5.5 * 3600
    tab.goto(f"/datasets/{orders.name}")
    tab.get_by_role("button", name="Times are of Asia/").wait_for()
    expect(tab.locator("footer time .at")).to_have_text(re.compile(r"GMT\+5:30$"))
    tab.get_by_role("button", name="Times are of Asia/").click()
    expect(tab.locator("footer time .at")).to_have_text(re.compile("Z$"))
    context.close()


def test_where_the_browser_knows_no_zone_times_are_utc_and_no_other_is_offered(chromium, url, wide):
    context = new_context(chromium, base_url=url)
    let_in(context, url, TOKEN)
    context.add_init_script("""
        const options = Intl.DateTimeFormat.prototype.resolvedOptions;
        Intl.DateTimeFormat.prototype.resolvedOptions = function () {
            return { ...options.call(this), timeZone: "Etc/Unknown" };
        };
        localStorage.setItem("sluice-zone", "local");
    """)
    tab = context.new_page()
    errors = []
    tab.on("pageerror", lambda error: errors.append(error))
    tab.goto(wide)
    shown = tab.locator("section[aria-labelledby=last] time").first
    expect(shown.locator(".at")).to_have_text(re.compile(r"^20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ$"))
    expect(shown.locator(".ago")).to_have_text(re.compile(r"^(now|\d+ \w+ ago)$"))
    expect(tab.locator("[data-zone]")).to_be_hidden()
    assert errors == []
    context.close()


def test_a_live_page_s_times_stay_as_they_were_asked_for(tab, orders):
    tab.goto("/")
    tab.locator("footer time .ago").wait_for()
    obj = orders.register(orders.drop(f"later-{datetime.now(UTC):%H%M%S}.csv"))
    tab.locator(".flow li.busy", has_text="arrived").wait_for()
    moments = tab.locator("#live time[data-form=moment]")
    until(lambda: tab.locator("#live time .ago").count() == moments.count())
    orders.lake.catalog.move(obj, Status.FAILED, orders.name, reason="over")

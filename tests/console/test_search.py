"""Search from every page, by the keyboard alone, over all that the lake has."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from pipeline.lake.catalog import Status
from tests.console.conftest import TOKEN, LooksEachTime, let_in, new_context
from tests.console.large_lake import Calls
from tests.patience import until


@pytest.fixture(scope="module")
def found(lake, orders):
    """An object, and a batch with its execution."""
    obj = orders.register(orders.drop("2026/March <b>Report</b>.csv"))
    orders.lake.catalog.move(obj, Status.FAILED, orders.name, reason="broken")
    batch = orders.open(orders.stage("other.csv"))
    return obj, batch


def hits(visitor, text):
    return [(hit["kind"], hit["name"]) for hit in visitor.document("/search", q=text)["hits"]]


@pytest.fixture(autouse=True)
def counted(console, monkeypatch):
    monkeypatch.setattr(console, "counts", LooksEachTime(lambda lake: None))


def test_each_kind_is_found_and_its_page_opens(visitor, found, orders):
    obj, batch = found
    expected = {
        "orders": ("dataset", orders.name),
        "shop.ord": ("dataset", orders.name),
        "PRICE": ("column", "price"),
        "march": ("object", obj.uri),
        obj.uri: ("object", obj.uri),
        f"{orders.name}/2026/March <b>Report</b>.csv": ("object", obj.uri),
        obj.digest: ("object", obj.uri),
        batch.lower(): ("batch", batch),
        batch[:20]: ("execution", batch),
    }
    for text, hit in expected.items():
        assert hit in hits(visitor, text), text
    document = visitor.document("/search", q=batch)
    assert [hit["kind"] for hit in document["hits"]] == ["batch", "execution"]
    for hit in document["hits"]:
        assert visitor.get(hit["to"]).status_code == 200
    assert f"text={batch}" in document["logs"]
    assert "<b>Report" not in visitor.get("/search", params={"q": "march"}).text
    assert hits(visitor, "no such thing anywhere") == []
    assert visitor.document("/search", q="x")["is_short"]


def test_a_search_costs_a_bounded_number_of_calls(visitor, found):
    calls = Calls("dynamodb", "stepfunctions", "glue")
    visitor.get("/search.json", params={"q": "march"})
    made = calls.take()
    assert len(made) <= 60, made
    assert made.count("ListExecutions") <= 8


def test_the_keyboard_alone_finds_and_opens(tab, found, orders):
    tab.goto("/queues")
    tab.keyboard.press("/")
    expect(tab.locator("input[name=q]")).to_be_focused()
    tab.keyboard.type("order")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search?q=order")
    first, second = (tab.locator("[data-hits] a").nth(n) for n in (0, 1))
    expect(first).to_be_focused()
    tab.keyboard.press("ArrowDown")
    expect(second).to_be_focused()
    for _ in range(2):
        tab.keyboard.press("ArrowUp")
    expect(tab.locator("input[name=q]")).to_be_focused()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"**/datasets/{orders.name}")
    tab.goto("/query")
    tab.locator("textarea").click()
    tab.keyboard.type("select 1/2")
    expect(tab.locator("textarea")).to_have_value(re.compile("select 1/2$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_what_was_found_without_moving_sideways(chromium, url, found, scheme):
    context = new_context(chromium, base_url=url, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    let_in(context, url, TOKEN)
    page = context.new_page()
    page.goto("/search?q=or")
    until(lambda: page.evaluate("document.documentElement.scrollWidth") <= 390)
    context.close()

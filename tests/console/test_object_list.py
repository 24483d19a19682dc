"""The list of objects: found among 5,000, counted, paged, sent back and downloaded."""

from __future__ import annotations

import json
from functools import partial

import pytest
from playwright.sync_api import expect

from pipeline.console.counts import Cached, count
from pipeline.core.clients import client
from pipeline.lake.settings import Setting
from pipeline.operate.kept_objects import KeptObjects
from pipeline.operate.object_filter import ObjectFilter
from pipeline.operate.object_search import search
from tests.console.conftest import TOKEN, let_in, new_context
from tests.console.large_lake import BROKEN, OBJECTS, ONE, Calls, fill_dataset
from tests.patience import until


@pytest.fixture(scope="module")
def large(lake, orders, front, console) -> str:
    fill_dataset(lake, orders.name, front.endpoint)
    console.counts = Cached(partial(count, kept=console.objects), 3600)
    until(lambda: console.counts.newest(lake))
    return orders.name


def listed(visitor, **filters):
    """All pages of a list, and the first page's document."""
    document = first = visitor.document("/objects", **filters)
    rows = document["objects"]
    while document["next"]:
        document = visitor.get(document["next"].replace("/objects?", "/objects.json?")).json()
        assert document["number"] == first["number"]
        rows += document["objects"]
    return rows, first


def test_what_needs_attention_leads_to_exactly_those_objects(visitor, large):
    troubles = visitor.document("/")["summary"]["attention"]
    assert sorted(t["objects"] for t in troubles) == [1, 7, 10, 52]
    for trouble in troubles:
        rows, first = listed(visitor, **trouble["filters"])
        assert len({row["uri"] for row in rows}) == len(rows) == first["number"] == trouble["objects"], trouble
        assert trouble["example"] in {row["uri"] for row in rows}
        if trouble["status"] == "FAILED":
            assert {row["reason"] for row in rows} == {trouble["reason"]}


def test_pages_follow_each_other_without_gap_or_repetition_and_cost_a_bounded_number_of_calls(visitor, large):
    calls = Calls("dynamodb")
    first = visitor.document("/objects", dataset=large)
    assert (first["number"], len(first["objects"])) == (OBJECTS, 50)
    assert {each["status"]: each["objects"] for each in first["counts"]} == {
        "COMMITTED": OBJECTS - 63,
        "FAILED": 53,
        "QUARANTINED": 10,
    }
    made = calls.take()
    # Of ten partitions for unrouted objects and one for each status, twice: the page and its twin.
    assert made.count("Query") <= 2 * 32
    assert made.count("BatchGetItem") <= 2 * 2
    rows, first = listed(visitor, dataset=large, status="FAILED")
    assert len(rows) == len({row["uri"] for row in rows}) == first["number"] == 53
    assert [row["since"] for row in rows] == sorted((row["since"] for row in rows), reverse=True)


@pytest.mark.parametrize(
    ("filters", "number"),
    [
        ({"name": "export-03"}, 100),
        ({"name": "EXPORT-0333"}, 1),
        ({"reason": "no such"}, 52),
        ({"reason": "utf-8", "status": "failed"}, 1),
        ({"reason": f'"{BROKEN[:-1]}"'}, 0),
        ({"status": "BAD_ROWS"}, 7),
        ({"status": "BAD_ROWS", "stage": "b"}, 0),
        ({"attention": "yes"}, 70),
        ({"from": "2999-01-01"}, 0),
        ({"to": "2020-01-01"}, 0),
        ({"from": "2020-01-01", "to": "2999-01-01", "status": "QUARANTINED"}, 10),
        ({"status": "UNROUTED"}, 0),
        ({"status": "DELETE_MARKER"}, 0),
    ],
)
@pytest.mark.parametrize("of", ["one", "all"])
def test_objects_are_found_by_each_filter(lake, large, filters, number, of):
    wanted = ObjectFilter.of({**filters, "dataset": large if of == "one" else ""})
    calls = Calls("dynamodb")
    found = search(lake, wanted, 200)
    assert (len(found.rows), found.after) == (number, None)
    assert len(calls.take()) <= 100


def test_a_long_search_says_how_far_it_came_and_goes_on(visitor, console, large, monkeypatch):
    # As of a lake that has too many objects for any to be kept.
    monkeypatch.setattr(console, "objects", KeptObjects())
    monkeypatch.setattr("pipeline.operate.object_search.PLACES", 800)
    document = visitor.document("/objects", dataset=large, name="0333.csv")
    pages = 1
    while document["is_cut"] and not document["objects"]:
        assert "Searched back to" in visitor.get("/objects", params={"dataset": large, "name": "0333.csv"}).text
        document = visitor.get(document["next"].replace("/objects?", "/objects.json?")).json()
        pages += 1
    assert pages > 1
    assert [row["name"].rpartition("/")[2] for row in document["objects"]] == ["Export-0333.csv"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"status": "BROKEN"}, "is not a status"),
        ({"from": "noon"}, "is not a time"),
        ({"stage": "c"}, "is not a stage"),
    ],
)
def test_a_filter_that_makes_no_sense_is_told(visitor, lake, query, told):
    answer = visitor.get("/objects.json", params=query)
    assert (answer.status_code, told in answer.json()["error"]) == (400, True)


def test_bad_rows_of_many_objects_are_one_file(visitor, orders, large):
    orders.stage("odd.csv", bad=[{"line": 3, "reason": "column price: 'x' is not decimal(10,2)", "raw": "1,x"}])
    answer = visitor.get(visitor.document("/objects", dataset=large, status="BAD_ROWS")["bad_rows"])
    (line,) = map(json.loads, answer.text.splitlines())
    assert (line["line"], line["raw"], line["object"].endswith("/odd.csv")) == (3, "1,x", True)
    assert "bad-rows-shop-orders.jsonl" in answer.headers["content-disposition"]


def messages(lake) -> int:
    name = "ApproximateNumberOfMessages"
    url = lake.settings[Setting.RAW_QUEUE_URL]
    return int(client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def test_the_failed_files_of_a_night_are_found_and_sent_back_with_the_mouse(tab, visitor, lake, large):
    before = messages(lake)
    tab.goto("/")
    tab.get_by_role("link", name="52 objects").click()
    tab.get_by_role("heading", name="52 objects").wait_for()
    expect(tab.get_by_text(BROKEN)).to_have_count(50)
    tab.get_by_role("link", name="older").click()
    tab.locator("tbody tr").nth(1).wait_for()
    expect(tab.locator("tbody tr")).to_have_count(2)
    tab.get_by_role("checkbox").nth(1).check()
    tab.get_by_role("button", name="Redrive those ticked").click()
    tab.get_by_text("1 object sent through Stage A again.").wait_for()
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.get_by_role("button", name="Redrive all that match").click()
    tab.get_by_text("52 objects sent through Stage A again.").wait_for()
    assert messages(lake) - before == 53
    tab.get_by_label("Name", exact=True).fill("0333")
    tab.get_by_label("Reason", exact=True).fill("")
    tab.get_by_role("button", name="Show").click()
    tab.get_by_text(ONE).wait_for()


def test_a_console_that_only_shows_offers_no_redrive(visitor, lake, large, console, monkeypatch):
    monkeypatch.setattr(type(console), "can_change", lambda self: False)
    assert "Redrive" not in visitor.get(f"/objects?dataset={large}&status=FAILED").text
    assert visitor.post("/objects/redrive", dataset=large, all="yes").status_code == 409


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_list_without_moving_sideways(chromium, url, large, scheme, tmp_path):
    context = new_context(chromium, base_url=url, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    let_in(context, url, TOKEN)
    page = context.new_page()
    page.goto(f"/objects?dataset={large}&status=FAILED")
    until(lambda: page.evaluate("document.documentElement.scrollWidth") <= 390)
    page.screenshot(path=tmp_path / f"objects-{scheme}.png")
    context.close()

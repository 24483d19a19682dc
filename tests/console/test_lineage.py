"""Lineage as a picture: from raw objects to tables and back, many as one box, by click, by keyboard and in words."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import expect

from pipeline.console import flow_layout
from pipeline.console.flow_layout import Node, laid_out, shortened
from pipeline.console.graph import Box, Layout, Way
from pipeline.core.clients import client
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.settings import Setting
from tests.cli.conftest import ORDERS, Actor
from tests.console.geometry import faults
from tests.console.test_objects import committed

BAD = [{"line": 3, "reason": "no number", "raw": "<script>alert(1)</script>"}]


def lines(picture: dict) -> set[tuple[str, str]]:
    return {(each["from"]["what"], each["to"]["what"]) for each in picture["told"]}


def named(picture: dict, what: str) -> list[dict]:
    return [box for box in picture["boxes"] if box["what"] == what]


@pytest.fixture(scope="module")
def loaded(orders) -> dict:
    """One batch of two objects, of which one has bad rows, and one of nine."""
    few = [orders.stage("few-1.csv", bad=BAD), orders.stage("few-2.csv")]
    first = committed(orders, *few)
    many = [orders.stage(f"many-{number}.csv") for number in range(9)]
    return {"few": few, "first": first, "second": committed(orders, *many)}


def test_an_object_is_drawn_on_its_way_and_bad_rows_lead_away_from_it(visitor, loaded):
    picture = visitor.document("/object", uri=loaded["few"][0].uri)["picture"]
    assert {("raw", "staged"), ("staged", "batch"), ("batch", "snapshot"), ("snapshot", "table")} < lines(picture)
    assert ("raw", "bad rows") in lines(picture)
    with_files = visitor.document("/object", uri=loaded["few"][0].uri, files="yes")["picture"]
    assert {("snapshot", "file of the table"), ("file of the table", "table")} < lines(with_files)


def test_a_batch_has_its_objects_and_many_are_one_box_that_leads_to_their_list(visitor, loaded):
    picture = visitor.document(f"/batches/{loaded['first']}")["picture"]
    assert {box["name"] for box in named(picture, "raw")} == {"few-1.csv", "few-2.csv"}
    assert len(named(picture, "staged")) == 2
    assert [box["is_shown"] for box in named(picture, "batch")] == [True]
    many = visitor.document(f"/batches/{loaded['second']}")["picture"]
    assert [box["name"] for box in named(many, "raw")] == ["9 objects"]
    assert named(many, "raw")[0]["to"].endswith("#objects")
    assert 'id="objects"' in visitor.get(f"/batches/{loaded['second']}").text
    assert len(many["boxes"]) == 6


def test_a_file_of_a_table_leads_back_to_its_objects(visitor, loaded):
    found = visitor.document("/object", uri=loaded["few"][0].uri, files="yes")["data_files"]
    picture = visitor.document("/object", uri=found[0]["uri"])["picture"]
    assert {("raw", "batch"), ("data file", "table")} < lines(picture)
    assert named(picture, "data file")[0]["is_shown"]
    assert {box["name"] for box in named(picture, "raw")} == {"few-1.csv", "few-2.csv"}


def test_a_dataset_has_its_last_batches_what_it_reads_and_who_reads_it(visitor, orders, loaded, lake):
    kept = Actor(lake, {**ORDERS, "dataset": "reader"}).registration
    transform = {"sql": "a.sql", "reads": [orders.name], "columns": {"id": "bigint"}, "text": "select * from staged"}
    dataset = Dataset.from_stored({**ORDERS, "dataset": "reader", "transform": transform})
    lake.registry.put(Registration.of(dataset, kept.queue_url, kept.dead_letter_queue_url, kept.table))
    try:
        read = visitor.document(f"/datasets/{orders.name}")["picture"]
        assert [box["to"] for box in named(read, "dataset that reads it")] == ["/datasets/shop/reader"]
        assert {box["name"] for box in named(read, "batch")} == {loaded["first"], loaded["second"]}
        reader = visitor.document("/datasets/shop/reader")["picture"]
        assert [box["to"] for box in named(reader, "table that is read")] == [f"/datasets/{orders.name}"]
    finally:
        lake.registry.put(kept)


def test_what_is_no_part_of_any_lineage_has_no_picture(visitor, lake):
    bucket = lake.settings[Setting.CURATED_BUCKET]
    client("s3").put_object(Bucket=bucket, Key="nobody/knows/it", Body=b"x")
    assert visitor.document("/object", uri=f"s3://{bucket}/nobody/knows/it")["picture"] is None


def test_boxes_are_opened_by_click_and_by_keyboard_and_are_told(tab, loaded):
    tab.goto(f"/batches/{loaded['first']}")
    picture = tab.get_by_role("region", name="Lineage")
    picture.get_by_role("link", name="raw few-2.csv, COMMITTED").focus()
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name="few-2.csv").wait_for()
    tab.get_by_role("region", name="The way of its rows").get_by_role("link", name=f"batch {loaded['first']}").click()
    tab.wait_for_url("**/batches/*")
    tab.get_by_text("In words").click()
    expect(tab.locator("#lineage-words")).to_contain_text("few-1.csv", use_inner_text=True)


@st.composite
def flows(draw: Any) -> list[tuple[Node, Node]]:
    """Things, each joined with some that come after it."""
    nodes = [Node("raw", f"thing {n}", "/", "thing") for n in range(draw(st.integers(1, 15)))]
    pairs = list(combinations(nodes, 2))
    return draw(st.lists(st.sampled_from(pairs), max_size=20, unique=True)) if pairs else []


@settings(deadline=None)
@given(flows())
def test_boxes_lie_beside_each_other_and_no_line_runs_through_one_or_over_another_things_line(edges):
    if not edges:
        assert laid_out(edges) is None
        return
    picture = laid_out(edges)
    boxes = tuple(
        Box(each["name"], "", each["x"], each["y"], flow_layout.WIDTH, flow_layout.HEIGHT) for each in picture["boxes"]
    )
    ways = tuple(
        Way(one.name, other.name, "next", "", tuple(line))
        for (one, other), line in zip(edges, picture["lines"], strict=True)
    )
    assert faults(Layout(picture["width"], picture["height"], boxes, ways)) == []
    for line in picture["lines"]:
        assert all(x <= to_x for (x, _), (to_x, _) in pairwise(line))


def test_names_that_are_too_long_keep_both_ends():
    assert shortened("01M8QCH9374K7N5APERB5KHJPE-x") == "01M8QCH9…B5KHJPE-x"
    assert shortened("a.csv") == "a.csv"

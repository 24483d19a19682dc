from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.executions import NAME_LENGTH, name_for
from pipeline.core.objects import ObjectVersion, order_of, staged_key
from pipeline.forecasts import copies
from pipeline.forecasts.announcements import Announcement
from pipeline.lake.datasets import Dataset, DatasetName
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.routing import (
    ALONE_OBJECTS,
    BIG_OBJECTS,
    GROUP_OBJECTS,
    SMALL_BYTES,
    TOGETHER,
    Route,
    dataset_in,
    groups,
    is_folder,
    route,
    stage_a_input,
    unrouted_partition,
    unrouted_partitions,
)

ORDERS = DatasetName("shop", "orders")


def test_a_key_goes_to_the_dataset_of_its_first_two_segments():
    assert route("shop/orders/2026/01/a.csv", {ORDERS: None}).dataset == ORDERS


def test_a_key_of_an_unregistered_dataset_is_routed_nowhere_with_its_reason():
    assert route("shop/orders/a.csv", {}).reason == "no dataset shop/orders is registered"


def test_what_another_flow_keeps_in_the_raw_bucket_is_known_unless_it_is_a_datasets():
    announcement = Announcement("there", "uk/air temperature.nc", "v1", 1, "1")
    key = copies.key_of("met_office", announcement, "v1")
    name = DatasetName("forecasts", "met_office")
    assert route(key, {}) == Route(None, f"no dataset {name} is registered", kept_by="forecasts")
    assert route(key, {name: None}) == Route(name)
    for other in ("forecasts/met_office/a.csv", "forecasts/met_office/2026/a.csv", key.replace("forecasts", "weather")):
        assert route(other, {}).kept_by is None


def test_a_key_of_a_retired_dataset_is_routed_nowhere_and_told_what_brings_it_back():
    found = route("shop/orders/a.csv", {ORDERS: "2026-01-31T12:00:00Z"})
    assert found.dataset is None
    assert found.reason == "dataset shop/orders is retired since 2026-01-31T12:00:00Z: its file is gone"
    assert "definitions/datasets/shop/orders.yaml" in (found.hint or "")


@pytest.mark.parametrize(
    "key", ["a.csv", "shop/a.csv", "/shop/orders/a.csv", "shop//a.csv", "Shop/orders/a.csv", "x y/z/a"]
)
def test_a_key_outside_team_and_dataset_says_so(key: str):
    assert "does not lie in <team>/<dataset>/" in route(key, {ORDERS: None}).reason


def test_a_folder_marker_is_no_object():
    assert is_folder("shop/orders/2026/")
    assert dataset_in("shop/orders/") is None


def test_objects_of_the_same_file_name_do_not_collide_in_staging():
    names = {
        staged_key("shop/orders", ObjectVersion("raw", key, version), generation, 0)
        for key in ("shop/orders/1/a.csv", "shop/orders/2/a.csv")
        for version in ("v1", "v2")
        for generation in (1, 2)
    }
    assert len(names) == 8
    assert all(name.startswith("shop/orders/1970/01/01/") and name.endswith(".parquet") for name in names)


def test_sequencers_of_different_lengths_are_compared_as_if_padded():
    obj = ObjectVersion("raw", "k", "v")
    assert order_of(1, "0055AED6DCD90281E5", obj) < order_of(1, "0055AED6DCD90281E6", obj)
    assert order_of(1, "0055AED6", obj) < order_of(1, "0055AED601", obj)


@given(st.lists(st.tuples(st.text(max_size=200), st.integers(0, 2 * SMALL_BYTES)), max_size=60), st.integers(250, 3000))
def test_groups_lose_and_split_nothing_and_stay_under_the_limit(keys: list[tuple[str, int]], limit: int):
    objects = [StageAWork(ObjectVersion("raw", key, "v"), 1, 1, size) for key, size in keys]
    found = list(groups(objects, limit))
    small = [work for work in objects if work.size <= SMALL_BYTES]
    assert [o for group in found if group.together == TOGETHER for o in group.objects] == small
    large = [work for work in objects if work.size > SMALL_BYTES]
    assert [o for group in found if group.together == 1 for o in group.objects] == large
    assert {group.together for group in found} <= {1, TOGETHER}
    for group in found:
        assert len(group.objects) <= (ALONE_OBJECTS if group.together == 1 else GROUP_OBJECTS)
        body = json.dumps([work.to_json() for work in group.objects])
        assert len(group.objects) == 1 or len(body.encode()) <= limit + 2


def test_objects_that_are_too_big_for_a_function_are_for_a_job_and_few_to_a_group():
    sizes = [100, SMALL_BYTES + 1, 5_000_001, 5_000_000, 9_000_000, *[6_000_000] * 5]
    objects = [StageAWork(ObjectVersion("raw", f"{n}", "v"), 1, 1, size) for n, size in enumerate(sizes)]
    found = list(groups(objects, big_bytes=5_000_000))
    assert [[work.object.key for work in group.objects] for group in found] == [
        ["0"],
        ["1", "3"],
        ["2", "4", "5", "6", "7"],
        ["8", "9"],
    ]
    assert [group.by_job for group in found] == [False, False, True, True]
    assert BIG_OBJECTS == 5
    assert not any(group.by_job for group in groups(objects))


@pytest.mark.parametrize(
    ("start", "kinds"),
    [
        ({"objects": 2}, [None, None, None]),
        ({"marker": "_SUCCESS"}, ["marker", None, None]),
        ({"manifest": "*.manifest"}, [None, "manifest", None]),
    ],
)
def test_what_completes_a_delivery_is_told_to_stage_a(start: dict[str, object], kinds: list[str | None]):
    definition = {"team": "shop", "dataset": "orders", "stage_a": {"format": "csv"}, "stage_b": {"start_when": start}}
    names = ("in/_SUCCESS", "in/1.manifest", "in/a_SUCCESS.csv")
    works = [StageAWork(ObjectVersion("raw", f"shop/orders/{name}", "v"), 1, 1, 1) for name in names]
    [group] = groups(works)
    said = stage_a_input(Dataset.model_validate(definition), "queue", group).to_json()
    assert [work.get("control") for work in said["objects"]] == kinds


@given(st.text(max_size=300), st.text(max_size=300))
def test_execution_names_are_legal_and_differ_with_their_document(prefix: str, document: str):
    name = name_for("shop/orders", document)
    assert len(name_for(prefix, document)) <= NAME_LENGTH
    assert name == name_for("shop/orders", document)
    assert name != name_for("shop/orders", document + "x")


def test_an_unrouted_object_stands_where_its_dataset_will_look():
    obj = ObjectVersion("raw", "shop/orders/a.csv", "v1")
    assert unrouted_partition(obj.key, obj.digest) in unrouted_partitions(ORDERS)

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import Catalog, ObjectRow, Status
from pipeline.catalog.rows import lifted
from pipeline.clients import client
from pipeline.datasets import DatasetName
from pipeline.events.s3 import ObjectCreated, ObjectDeleted, SendAgain
from pipeline.objects import ObjectVersion, event_ms_of, order_of

ORDERS = DatasetName("shop", "orders")


@pytest.fixture
def catalog(catalog_tables: dict[str, str]) -> Catalog:
    return Catalog(client("dynamodb"), "ObjectsTable")


def created(version: str = "v1", *, key: str = "shop/orders/a.csv", ms: int = 100, seq: str | None = "0A", etag="e1"):
    return ObjectCreated(ObjectVersion("raw", key, version), 10, etag, ms, seq)


def test_a_new_object_is_registered_and_is_to_be_transformed(catalog):
    work = catalog.register(created(), ORDERS, once=False)
    row = catalog.get(created().object)
    assert work.to_input() == {
        "bucket": "raw",
        "key": "shop/orders/a.csv",
        "version_id": "v1",
        "generation": 1,
        "event_ms": 100,
    }
    assert (row.status, row.dataset, row.order) == (
        Status.REGISTERED,
        "shop/orders",
        order_of(100, "0A", created().object),
    )
    assert [o for o, _ in catalog.waiting("shop/orders", Status.REGISTERED, 10)] == [created().object]


def test_the_same_event_again_asks_for_the_same_work_until_the_object_is_staged(catalog):
    first = catalog.register(created(), ORDERS, once=True)
    assert catalog.register(created(), ORDERS, once=True) == first
    assert catalog.move(created().object, Status.STAGED, "shop/orders", generation=1) is None
    assert catalog.register(created(), ORDERS, once=True) is None


def test_the_same_content_under_the_same_key_is_a_duplicate_that_names_its_original(catalog):
    catalog.register(created("v1"), ORDERS, once=True)
    assert catalog.register(created("v2", seq="0B"), ORDERS, once=True) is None
    row = catalog.get(created("v2").object)
    assert (row.status, row.duplicate_of) == (Status.DUPLICATE, "v1")
    assert catalog.waiting("shop/orders", Status.DUPLICATE, 10) == []


def test_new_content_under_the_same_key_is_a_new_delivery(catalog):
    catalog.register(created("v1"), ORDERS, once=True)
    assert catalog.register(created("v2", etag="e2", seq="0B"), ORDERS, once=True)


def test_an_upserted_dataset_loads_every_version_even_of_the_same_content(catalog):
    catalog.register(created("v1"), ORDERS, once=False)
    assert catalog.register(created("v2", seq="0B"), ORDERS, once=False)


def test_a_duplicate_takes_over_when_the_original_does_not_load(catalog):
    catalog.register(created("v1"), ORDERS, once=True)
    catalog.register(created("v2", seq="0B"), ORDERS, once=True)
    catalog.move(created("v1").object, Status.QUARANTINED, "shop/orders", generation=1)
    released = catalog.release_content(catalog.get(created("v1").object))
    assert [r.object.version_id for r in released] == ["v2"]
    work = catalog.send_again(SendAgain(created("v2").object, 2), ORDERS, once=True)
    assert (work.generation, catalog.get(created("v2").object).status) == (2, Status.REGISTERED)
    assert catalog.send_again(SendAgain(created("v1").object, 2), ORDERS, once=True) is None, "v2 holds the content now"


def test_duplicates_are_found_again_when_whoever_released_them_died_before_sending_them(catalog):
    for n, version in enumerate(("v1", "v2", "v3")):
        catalog.register(created(version, seq=f"0{n}"), ORDERS, once=True)
    catalog.move(created("v1").object, Status.QUARANTINED, "shop/orders", generation=1)
    first = catalog.release_content(catalog.get(created("v1").object))
    again = catalog.release_content(catalog.get(created("v1").object))
    assert [r.object.version_id for r in again] == [r.object.version_id for r in first] == ["v2", "v3"]


def test_a_duplicate_that_did_not_take_over_waits_for_the_one_that_did(catalog):
    for n, version in enumerate(("v1", "v2", "v3")):
        catalog.register(created(version, seq=f"0{n}"), ORDERS, once=True)
    catalog.move(created("v1").object, Status.QUARANTINED, "shop/orders", generation=1)
    catalog.release_content(catalog.get(created("v1").object))
    for version in ("v2", "v3"):
        catalog.send_again(SendAgain(created(version).object, 2), ORDERS, once=True)
    assert catalog.get(created("v3").object).duplicate_of == "v2"
    catalog.move(created("v2").object, Status.FAILED, "shop/orders", generation=2)
    released = catalog.release_content(catalog.get(created("v2").object))
    assert [r.object.version_id for r in released] == ["v3"]


def test_a_version_that_was_sent_on_keeps_its_content(catalog):
    catalog.register(created("v1"), ORDERS, once=True)
    catalog.move(created("v1").object, Status.FAILED, "shop/orders", generation=1)
    failed = catalog.get(created("v1").object)
    assert catalog.send_again(SendAgain(created("v1").object, 2), ORDERS, once=True)
    assert catalog.release_content(failed) == []
    assert catalog.register(created("v2", seq="0B"), ORDERS, once=True) is None


def test_of_two_unrouted_versions_of_one_content_the_second_becomes_a_duplicate(catalog):
    for version, seq in (("v1", "0A"), ("v2", "0B")):
        catalog.leave_unrouted(created(version, seq=seq), "no dataset shop/orders is registered")
        catalog.send_again(SendAgain(created(version).object, 2), ORDERS, once=True)
    assert [r.status for r in catalog.history("raw/shop/orders/a.csv")] == [Status.REGISTERED, Status.DUPLICATE]
    assert list(catalog.unrouted(ORDERS)) == []


def test_a_redrive_twice_is_one_new_generation(catalog):
    catalog.register(created(), ORDERS, once=False)
    catalog.move(created().object, Status.FAILED, "shop/orders", generation=1, reason="x", hint="y")
    again = SendAgain(created().object, 2)
    first = catalog.send_again(again, ORDERS, once=False)
    assert catalog.send_again(again, ORDERS, once=False) == first
    row = catalog.get(created().object)
    assert (row.generation, row.reason, [s for s, _ in row.history]) == (
        2,
        None,
        ["REGISTERED", "FAILED", "REGISTERED"],
    )


def test_an_object_of_no_dataset_waits_and_is_found_by_its_dataset(catalog):
    catalog.leave_unrouted(created(), "no dataset shop/orders is registered")
    assert list(catalog.unrouted(ORDERS)) == [created().object]
    assert catalog.send_again(SendAgain(created().object, 2), ORDERS, once=True).generation == 2
    assert list(catalog.unrouted(ORDERS)) == []


def test_a_late_write_of_an_older_generation_changes_nothing(catalog):
    catalog.register(created(), ORDERS, once=False)
    catalog.move(created().object, Status.FAILED, "shop/orders", generation=1)
    catalog.send_again(SendAgain(created().object, 2), ORDERS, once=False)
    assert catalog.move(created().object, Status.STAGED, "shop/orders", generation=1).generation == 2
    assert catalog.get(created().object).status is Status.REGISTERED


def test_a_delete_marker_gets_a_row_of_its_own(catalog):
    catalog.register(created("v1"), ORDERS, once=True)
    catalog.mark_deleted(ObjectDeleted(ObjectVersion("raw", "shop/orders/a.csv", "d1"), 200, "0C"))
    assert [r.status for r in catalog.history("raw/shop/orders/a.csv")] == [Status.DELETE_MARKER, Status.REGISTERED]


def test_every_order_of_events_of_one_key_ends_in_the_same_state(catalog):
    events = [
        created(f"v{i}", ms=ms, seq=seq, etag=f"e{i}")
        for i, (ms, seq) in enumerate([(300, "0A"), (100, "0B"), (200, "0C")])
    ]
    expected = None
    for turn, permutation in enumerate(itertools.permutations(events)):
        bucket = f"raw{turn}"
        for event in [*permutation, permutation[0]]:
            moved = ObjectVersion(bucket, event.object.key, event.object.version_id)
            catalog.register(ObjectCreated(moved, 10, event.etag, event.event_ms, event.sequencer), ORDERS, once=True)
        state = [(r.object.version_id, r.status, r.order) for r in catalog.history(f"{bucket}/shop/orders/a.csv")]
        expected = expected or state
        assert state == expected
    assert [event_ms_of(order) for _, _, order in expected] == [300, 300, 300]
    assert sorted(order for _, _, order in expected) == [order for _, _, order in expected]


versions = st.lists(
    st.tuples(st.integers(1, 50), st.sampled_from([Status.REGISTERED, Status.STAGED])), min_size=1, max_size=6
)


def row(i: int, ms: int, status: Status, order: str | None = None) -> ObjectRow:
    obj, seq = ObjectVersion("raw", "k", f"v{i}"), f"{i:02X}"
    return ObjectRow(obj, status, "a/b", 1, 1, "", ms, seq, order or order_of(ms, seq, obj), "")


@given(versions)
def test_lifted_orders_agree_with_the_sequencers(found):
    rows = [row(i, ms, status) for i, (ms, status) in enumerate(found)]
    changes = lifted(rows)
    orders = [changes.get(r.object, r.order) for r in rows]
    assert orders == sorted(orders)
    assert all(event_ms_of(o) >= r.event_ms for o, r in zip(orders, rows, strict=True))


def test_an_order_is_never_lifted_above_a_frozen_successors():
    rows = [row(1, 500, Status.REGISTERED), row(2, 100, Status.COMMITTED)]
    changes = lifted(rows)
    assert event_ms_of(changes[rows[0].object]) == 100
    assert changes[rows[0].object] < rows[1].order
    assert rows[1].object not in changes

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.clients import client
from pipeline.core.errors import Transient
from pipeline.core.events.s3 import ObjectCreated, ObjectDeleted, SendAgain
from pipeline.core.objects import ObjectVersion, event_ms_of, order_of
from pipeline.lake.catalog import Catalog, ObjectRow, Staging, Status, contents
from pipeline.lake.catalog.indexes import SHORT
from pipeline.lake.catalog.rows import lifted
from pipeline.lake.datasets import DatasetName
from pipeline.lake.messages.stage_a import StageAWork
from tests.conftest import allowed, table_calls

ORDERS = DatasetName("shop", "orders")


@pytest.fixture
def catalog(catalog_tables: dict[str, str]) -> Catalog:
    return Catalog(client("dynamodb"), "ObjectsTable")


def created(version: str = "v1", *, key: str = "shop/orders/a.csv", ms: int = 100, seq: str | None = "0A", etag="e1"):
    return ObjectCreated(ObjectVersion("raw", key, version), 10, etag, ms, seq)


def deliver(catalog, version, *, checksum="c1", once=True, **event):
    """Register and stage a version; its row after that."""
    work = catalog.register(created(version, **event), ORDERS)
    catalog.stage(Staging(work, checksum, once, {}), "shop/orders")
    return catalog.get(work.object)


def test_a_new_object_is_registered_and_is_to_be_transformed(catalog):
    work = catalog.register(created(), ORDERS)
    row = catalog.get(created().object)
    assert work.to_json() == {
        "bucket": "raw",
        "key": "shop/orders/a.csv",
        "version_id": "v1",
        "generation": 1,
        "event_ms": 100,
        "size": row.size,
    }
    assert (row.status, row.dataset, row.order) == (
        Status.REGISTERED,
        "shop/orders",
        order_of(100, "0A", created().object),
    )
    assert [o for o, _ in catalog.waiting("shop/orders", Status.REGISTERED, 10)] == [created().object]


def test_the_same_event_again_asks_for_the_same_work_until_the_object_is_staged(catalog):
    first = catalog.register(created(), ORDERS)
    assert catalog.register(created(), ORDERS) == first
    assert catalog.move(created().object, Status.STAGED, "shop/orders", generation=1) is None
    assert catalog.register(created(), ORDERS) is None


def test_the_same_content_under_the_same_key_is_a_duplicate_that_names_its_original(catalog):
    deliver(catalog, "v1")
    row = deliver(catalog, "v2", seq="0B")
    assert (row.status, row.duplicate_of, row.checksum) == (Status.DUPLICATE, "v1", "c1")
    assert catalog.waiting("shop/orders", Status.DUPLICATE, 10) == []


def test_s3s_etag_does_not_tell_whether_content_is_the_same(catalog):
    deliver(catalog, "v1", etag="encrypted-1")
    assert deliver(catalog, "v2", seq="0B", etag="encrypted-2").status is Status.DUPLICATE
    assert deliver(catalog, "v3", seq="0C", etag="encrypted-1", checksum="c2").status is Status.STAGED


def test_staging_or_repeating_an_object_twice_is_doing_it_once(catalog):
    for version, seq in (("v1", "0A"), ("v2", "0B")):
        first = deliver(catalog, version, seq=seq)
        again = catalog.stage(Staging(StageAWork(created(version).object, 1, 100), "c1", True, {}), "shop/orders")
        assert (again.status, again.history) == (first.status, first.history)


def test_the_same_content_under_another_key_is_a_delivery_of_its_own(catalog):
    deliver(catalog, "v1")
    assert deliver(catalog, "v2", key="shop/orders/b.csv").status is Status.STAGED


def test_an_upserted_dataset_loads_every_version_even_of_the_same_content(catalog):
    deliver(catalog, "v1", once=False)
    assert deliver(catalog, "v2", seq="0B", once=False).status is Status.STAGED


def give_up(catalog, version, status=Status.QUARANTINED, generation=1):
    """The batch of a staged version ends without loading it."""
    obj = created(version).object
    catalog.move(obj, Status.CLAIMED, "shop/orders")
    catalog.move(obj, status, "shop/orders", generation=generation)
    return [r.object.version_id for r in catalog.release_content(catalog.get(obj))]


def send_on(catalog, version, generation=2):
    work = catalog.send_again(SendAgain(created(version).object, generation), ORDERS)
    catalog.stage(Staging(work, "c1", True, {}), "shop/orders")
    return catalog.get(work.object)


def test_a_duplicate_takes_over_when_the_original_does_not_load(catalog):
    deliver(catalog, "v1")
    deliver(catalog, "v2", seq="0B")
    assert give_up(catalog, "v1") == ["v2"]
    assert (send_on(catalog, "v2").status, send_on(catalog, "v1").duplicate_of) == (Status.STAGED, "v2")


def test_duplicates_are_found_again_when_whoever_released_them_died_before_sending_them(catalog):
    for n, version in enumerate(("v1", "v2", "v3")):
        deliver(catalog, version, seq=f"0{n}")
    first = give_up(catalog, "v1")
    again = catalog.release_content(catalog.get(created("v1").object))
    assert [r.object.version_id for r in again] == first == ["v2", "v3"]


def test_a_duplicate_that_did_not_take_over_waits_for_the_one_that_did(catalog):
    for n, version in enumerate(("v1", "v2", "v3")):
        deliver(catalog, version, seq=f"0{n}")
    give_up(catalog, "v1")
    assert [send_on(catalog, version).duplicate_of for version in ("v2", "v3")] == [None, "v2"]
    assert give_up(catalog, "v2", Status.FAILED, generation=2) == ["v3"]


def test_a_version_that_was_staged_again_keeps_its_content(catalog):
    deliver(catalog, "v1")
    catalog.move(created("v1").object, Status.CLAIMED, "shop/orders")
    catalog.move(created("v1").object, Status.FAILED, "shop/orders", generation=1, staged="s3://staging/x")
    failed = catalog.get(created("v1").object)
    assert catalog.restage(failed, "shop/orders", once=True)
    assert catalog.release_content(failed) == []
    assert deliver(catalog, "v2", seq="0B").duplicate_of == "v1"


def test_content_that_is_given_up_while_a_duplicate_is_recorded_is_asked_for_again(catalog, monkeypatch):
    """Else the duplicate would wait for a version that does not load."""
    deliver(catalog, "v1")
    held = contents.held

    def too_late(*arguments):
        give_up(catalog, "v1")
        return held(*arguments)

    monkeypatch.setattr(contents, "held", too_late)
    with pytest.raises(Transient, match="version v1 gave up the same content just now"):
        deliver(catalog, "v2", seq="0B")
    assert catalog.get(created("v2").object).status is Status.REGISTERED


def test_a_redrive_twice_is_one_new_generation(catalog):
    catalog.register(created(), ORDERS)
    catalog.move(created().object, Status.FAILED, "shop/orders", generation=1, reason="x", hint="y")
    again = SendAgain(created().object, 2)
    first = catalog.send_again(again, ORDERS)
    assert catalog.send_again(again, ORDERS) == first
    row = catalog.get(created().object)
    assert (row.generation, row.reason, [s for s, _ in row.history]) == (
        2,
        None,
        ["REGISTERED", "FAILED", "REGISTERED"],
    )


def test_a_redrive_that_comes_once_the_object_is_loaded_loads_nothing_twice(catalog):
    """Its message waited, or was put aside, while somebody sent back the whole batch."""
    deliver(catalog, "v1")
    obj = created("v1").object
    catalog.move(obj, Status.CLAIMED, "shop/orders", batch="b1")
    catalog.move(obj, Status.FAILED, "shop/orders", staged="s3://staging/x")
    catalog.release_content(catalog.get(obj))
    assert catalog.restage(catalog.get(obj), "shop/orders", once=True)
    catalog.move(obj, Status.CLAIMED, "shop/orders", batch="b2")
    catalog.move(obj, Status.COMMITTED, "shop/orders")
    assert catalog.send_again(SendAgain(obj, 2), ORDERS) is None
    assert (catalog.get(obj).status, catalog.get(obj).generation) == (Status.COMMITTED, 1)


def test_the_routing_function_may_do_what_it_does_and_no_more(catalog):
    deliver(catalog, "v1")
    catalog.move(created("v1").object, Status.CLAIMED, "shop/orders", batch="b1")
    catalog.move(created("v1").object, Status.FAILED, "shop/orders")
    catalog.release_content(catalog.get(created("v1").object))
    with table_calls() as calls:
        catalog.register(created("v2", seq="0B"), ORDERS)
        assert catalog.send_again(SendAgain(created("v1").object, 2), ORDERS)
    assert calls == {"ObjectsTable": allowed("stage_a.yaml", "RouteFunction", "objects-table-arn")}


def test_the_transform_may_do_what_it_does_and_no_more(catalog):
    works = [catalog.register(created(version), ORDERS) for version in ("v1", "v2")]
    with table_calls() as calls:
        for work in works:
            catalog.stage(Staging(work, "c1", True, {}), "shop/orders")
    assert calls == {"ObjectsTable": allowed("stage_a.yaml", "TransformFunction", "objects-table-arn")}


def test_an_object_of_no_dataset_waits_and_is_found_by_its_dataset(catalog):
    catalog.leave_unrouted(created(), "no dataset shop/orders is registered")
    assert list(catalog.unrouted(ORDERS)) == [created().object]
    assert catalog.send_again(SendAgain(created().object, 2), ORDERS).generation == 2
    assert list(catalog.unrouted(ORDERS)) == []


def test_what_another_flow_keeps_is_dismissed_until_its_dataset_is_applied(catalog):
    row = catalog.leave_unrouted(created(), "no dataset shop/orders is registered", None, "forecasts")
    assert (row.status, row.dismissed[1:]) == (Status.UNROUTED, ("forecasts", "the flow forecasts keeps it"))
    assert list(catalog.unrouted(ORDERS)) == [created().object]
    assert catalog.send_again(SendAgain(created().object, 2), ORDERS).generation == 2
    assert catalog.get(created().object).dismissed is None


@pytest.mark.parametrize(("others", "reads"), [(0, 1), (1, 1), (SHORT, 11)])
def test_what_waits_is_found_among_any_number_with_one_read_among_few(catalog, others: int, reads: int):
    for number in range(others):
        catalog.leave_unrouted(created(key=f"shop/other/{number}.csv"), "no dataset shop/other is registered")
    catalog.leave_unrouted(created(), "no dataset shop/orders is registered")
    asked = []
    events = client("dynamodb").meta.events
    events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name), unique_id="asked")
    try:
        assert list(catalog.unrouted(ORDERS)) == [created().object]
    finally:
        events.unregister("before-call.dynamodb", unique_id="asked")
    assert len(asked) == reads


def test_a_late_write_of_an_older_generation_changes_nothing(catalog):
    catalog.register(created(), ORDERS)
    catalog.move(created().object, Status.FAILED, "shop/orders", generation=1)
    catalog.send_again(SendAgain(created().object, 2), ORDERS)
    assert catalog.move(created().object, Status.STAGED, "shop/orders", generation=1).generation == 2
    assert catalog.get(created().object).status is Status.REGISTERED


def test_a_delete_marker_gets_a_row_of_its_own(catalog):
    catalog.register(created("v1"), ORDERS)
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
            catalog.register(ObjectCreated(moved, 10, event.etag, event.event_ms, event.sequencer), ORDERS)
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


def test_what_one_dataset_has_open_is_counted_as_among_all(catalog):
    for n, (team, to) in enumerate([("shop", None), ("shop", Status.FAILED), ("shop", None), ("other", None)]):
        event = ObjectCreated(ObjectVersion("raw", f"{team}/orders/{n}.csv", "v"), 1, "e", 1, f"{n:02X}")
        catalog.register(event, DatasetName(team, "orders"))
        if to:
            catalog.move(event.object, to, f"{team}/orders")
    catalog.leave_unrouted(ObjectCreated(ObjectVersion("raw", "shop/orders/u.csv", "v"), 1, "e", 1, "0A"), "no dataset")
    counted = catalog.count_open(DatasetName("shop", "orders"))
    assert counted == {("shop/orders", Status.REGISTERED): 2, ("shop/orders", Status.FAILED): 1}
    everything = catalog.count_open()
    assert {key: n for key, n in everything.items() if key[0] == "shop/orders"} == counted
    assert everything.total() == 5

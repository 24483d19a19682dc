"""Batches of whole deliveries: the real poller over moto's tables, with what Stage A makes of markers and manifests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.core.clients import client
from pipeline.core.events.s3 import ObjectCreated
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.poller import PollOutcome
from pipeline.lake.batches.records import BatchStatus
from pipeline.lake.batches.seal import Sealer
from pipeline.lake.catalog import Staging, Status
from pipeline.lake.messages.delivery import Delivery, Member
from pipeline.lake.messages.stage_a import StageAWork

from .conftest import DATASET, Crash, Shop
from .test_poller import finish

MANIFEST = {"start_when": {"manifest": "*.manifest", "within": "2 hours"}}


def stage_manifest(shop: Shop, name: str, *members: str | Member) -> ObjectVersion:
    """A manifest as Stage A stages it."""
    obj = ObjectVersion("raw", f"shop/orders/{name}", f"v{next(shop.versions)}")
    shop.catalog.register(ObjectCreated(obj, 1, "", 1000, f"{obj.version_id[1:]:0>8}"), DATASET.name)
    named = tuple(m if isinstance(m, Member) else Member(f"shop/orders/{m}") for m in members)
    body = json.dumps(Delivery("manifest", named).to_json())
    client("s3").put_object(Bucket="staging", Key=f"shop/orders/{obj.digest}.json", Body=body)
    facts = {"staged": f"s3://staging/shop/orders/{obj.digest}.json", "staged_etag": "e", "rows_out": 0}
    staging = Staging(StageAWork(obj, 1, 1000), obj.digest, False, {**facts, "control": "manifest"})
    assert shop.catalog.stage(staging, "shop/orders") is None
    shop.send(obj)
    return obj


def poll(shop: Shop) -> tuple[PollOutcome, str | None]:
    return shop.poller.poll(shop.order(**MANIFEST))


def status(shop: Shop, obj: ObjectVersion) -> tuple[Status, str | None]:
    row = shop.catalog.get(obj)
    assert row
    return row.status, row.reason


def test_a_delivery_is_one_batch_of_exactly_what_its_manifest_names(shop: Shop):
    a, other = shop.stage("a.csv"), shop.stage("other.csv")
    manifest = stage_manifest(shop, "1.manifest", "a.csv", "b.csv")
    assert poll(shop) == (PollOutcome.BELOW_MINIMUM, None)
    b = shop.stage("b.csv")
    outcome, batch = poll(shop)
    assert outcome is PollOutcome.STARTED
    assert batch
    assert shop.manifest(batch) == ["a.csv", "b.csv"]
    assert {shop.catalog.get(o).batch for o in (a, b, manifest)} == {batch}
    made = shop.records.get("shop/orders", batch)
    assert (made.objects, made.delivery) == (2, (manifest.versioned_path,))
    assert status(shop, other) == (Status.STAGED, None)
    assert shop.messages() == 0, "what waits for another delivery is found without its message"


def test_two_deliveries_at_once_are_two_batches_the_oldest_whole_one_first(shop: Shop):
    stage_manifest(shop, "1.manifest", "a.csv", "late.csv")
    stage_manifest(shop, "2.manifest", "b.csv")
    for name in ("a.csv", "b.csv"):
        shop.stage(name)
    _, first = poll(shop)
    assert shop.manifest(first) == ["b.csv"]
    finish(shop, first)
    shop.stage("late.csv")
    _, second = poll(shop)
    assert shop.manifest(second) == ["a.csv", "late.csv"]


def test_a_delivery_that_is_not_whole_in_time_fails_its_team_is_told_and_nothing_is_lost(shop: Shop):
    a = shop.stage("a.csv")
    manifest = stage_manifest(shop, "1.manifest", "a.csv", "b.csv")
    shop.later(hours=2)
    assert poll(shop) == (PollOutcome.BELOW_MINIMUM, None)
    found, reason = status(shop, manifest)
    assert found is Status.FAILED
    assert reason == "the delivery was not whole within 2:00:00: 1 of 2 files are there; b.csv: it has not come"
    assert "sluice redrive s3://raw/shop/orders/1.manifest" in shop.catalog.get(manifest).hint
    assert status(shop, a) == (Status.STAGED, None)
    assert [(event, facts["uri"]) for event, _, facts in shop.told] == [
        ("delivery incomplete", "s3://raw/shop/orders/1.manifest"),
        ("files without a delivery", "s3://raw/shop/orders/a.csv"),
    ]
    poll(shop)
    assert len(shop.told) == 2, "once"


def test_a_corrected_manifest_takes_the_place_of_the_one_before(shop: Shop):
    shop.stage("a.csv")
    wrong = stage_manifest(shop, "1.manifest", Member("shop/orders/a.csv", sha256="0" * 64))
    assert poll(shop)[0] is PollOutcome.BELOW_MINIMUM
    right = stage_manifest(shop, "1.manifest", "a.csv")
    _, batch = poll(shop)
    assert shop.manifest(batch) == ["a.csv"]
    found, reason = status(shop, wrong)
    assert found is Status.SUPERSEDED
    assert reason == f"version {right.version_id} of it came before its delivery was whole"


def test_a_manifest_that_names_what_was_loaded_ends_without_a_batch(shop: Shop):
    a = shop.stage("a.csv")
    stage_manifest(shop, "1.manifest", "a.csv")
    _, batch = poll(shop)
    shop.catalog.move(a, Status.COMMITTED, "shop/orders")
    finish(shop, batch)
    again = stage_manifest(shop, "1.manifest", Member("shop/orders/a.csv", sha256=a.digest))
    assert poll(shop)[1] is None
    assert status(shop, again) == (Status.SUPERSEDED, "all that it names was loaded before")
    assert shop.told == []


def test_versions_that_were_replaced_before_the_delivery_was_whole_are_not_left_to_wait(shop: Shop):
    old = shop.stage("a.csv")
    new = shop.stage("a.csv")
    stage_manifest(shop, "1.manifest", "a.csv")
    _, batch = poll(shop)
    assert [o["version_id"] for o in shop.document(batch)["objects"]] == [new.version_id]
    assert status(shop, old)[0] is Status.SUPERSEDED


def test_a_delivery_of_which_something_went_meanwhile_is_not_begun(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    a, b = shop.stage("a.csv"), shop.stage("b.csv")
    manifest = stage_manifest(shop, "1.manifest", "a.csv", "b.csv")
    opened = Sealer.open

    def late(sealer: Sealer, *given: Any, **more: Any) -> bool:
        shop.catalog.move(a, Status.SUPERSEDED, "shop/orders")
        return opened(sealer, *given, **more)

    monkeypatch.setattr(Sealer, "open", late)
    outcome, batch = poll(shop)
    assert outcome is PollOutcome.CANCELLED
    assert shop.records.get("shop/orders", batch).status is BatchStatus.CANCELLED
    assert {status(shop, obj)[0] for obj in (b, manifest)} == {Status.STAGED}
    assert shop.records.active("shop/orders") is None


def test_a_manifest_of_which_what_was_read_has_expired_fails_with_what_to_do(shop: Shop):
    manifest = stage_manifest(shop, "1.manifest", "a.csv")
    client("s3").delete_object(Bucket="staging", Key=f"shop/orders/{manifest.digest}.json")
    shop.stage("a.csv")
    assert poll(shop)[1] is None
    assert status(shop, manifest) == (Status.FAILED, "what was read of it has expired before its delivery was whole")
    assert shop.catalog.get(manifest).hint


def test_a_manifest_that_was_read_as_data_is_sent_to_be_read_as_what_it_is(shop: Shop):
    """It came before the definition said `start_when`, and the poller found nothing that it names."""
    manifest, data = shop.stage("1.manifest"), shop.stage("a.csv")
    same = ObjectVersion("raw", manifest.key, "later")
    shop.catalog.register(ObjectCreated(same, 1, "", 2000, "0B"), DATASET.name)
    staging = Staging(StageAWork(same, 1, 2000), manifest.digest, True, {"staged": "s3://staging/x", "rows_out": 1})
    assert shop.catalog.stage(staging, "shop/orders").status is Status.DUPLICATE
    assert poll(shop)[1] is None
    assert status(shop, manifest) == (
        Status.FAILED,
        "it was read as data, and is a manifest since start_when says so",
    )
    assert [(each.object, each.generation) for each in shop.sent_again] == [(manifest, 2), (same, 2)]
    assert poll(shop)[1] is None
    assert len(shop.sent_again) == 2, "once"
    assert status(shop, data) == (Status.STAGED, None)
    assert shop.catalog.send_again(shop.sent_again[0], DATASET.name).generation == 2


def test_a_manifest_that_a_batch_loads_as_data_is_left_to_it(shop: Shop):
    manifest = shop.stage("1.manifest")
    assert shop.poller.poll(shop.order())[0] is PollOutcome.STARTED
    start = shop.order(**MANIFEST).settings.start_when
    assert shop.poller.deliveries.next("shop/orders", start, [(manifest, "2026-01-01T00:00:00Z")]) is None
    assert status(shop, manifest)[0] is Status.CLAIMED
    assert shop.sent_again == []


def test_no_delivery_ends_while_a_batch_is_open(shop: Shop):
    """A poller that looked before another opened the batch may not take the manifest out of it."""
    shop.stage("a.csv")
    manifest = stage_manifest(shop, "1.manifest", "a.csv")
    waiting = shop.catalog.waiting("shop/orders", Status.STAGED, None)
    start = shop.order(**MANIFEST).settings.start_when
    stage_manifest(shop, "2.manifest", "never.csv")
    shop.later(hours=3)
    _, batch = poll(shop)
    late = shop.catalog.waiting("shop/orders", Status.STAGED, None)
    assert shop.poller.deliveries.next("shop/orders", start, [*waiting, *late]) is None
    assert shop.catalog.get(manifest).batch == batch


@pytest.mark.parametrize("acknowledged", [True, False], ids=["before the call", "after the call"])
def test_a_poller_that_dies_at_any_call_loads_a_delivery_whole_and_once(shop: Shop, acknowledged: bool):
    state = {"left": 0}

    def crash(**_: object) -> None:
        state["left"] -= 1
        if state["left"] == 0:
            raise Crash

    for service in ("dynamodb", "sqs", "s3", "stepfunctions"):
        event = "before-send" if acknowledged else "after-call"
        client(service).meta.events.register_first(f"{event}.*", crash)
    for n in range(1, 60):
        shop.stage(f"{n}-0.csv")
        objects = [shop.stage(f"{n}-{i}.csv") for i in range(2)]
        objects.append(stage_manifest(shop, f"{n}.manifest", f"{n}-0.csv", f"{n}-1.csv"))
        state["left"] = n
        crashed = False
        try:
            poll(shop)
        except Crash:
            crashed = True
        state["left"] = 0
        outcome, _ = poll(shop)
        active = shop.records.active("shop/orders")
        assert outcome in (PollOutcome.STARTED, PollOutcome.BUSY)
        assert shop.manifest(active) == [f"{n}-0.csv", f"{n}-1.csv"]
        assert shop.executions().count(active) == 1
        assert {shop.catalog.get(o).batch for o in objects} == {active}
        finish(shop, active)
        if not crashed:
            break
    else:
        pytest.fail("the poller never finished within 60 calls")
    assert n > 14

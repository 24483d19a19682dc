from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.core.clients import client
from pipeline.core.dynamo import transact
from pipeline.core.errors import Transient
from pipeline.core.events.s3 import ObjectCreated
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.deliveries import VERSIONS
from pipeline.lake.batches.poller import PollOutcome
from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.batches.seal import Sealer
from pipeline.lake.batches.work import Work
from pipeline.lake.catalog import Staging, Status
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.operate.batches import batch_json

from .conftest import DATASET, TABLE, Crash, Shop


def count_calls(*services: str) -> list[str]:
    calls: list[str] = []
    for service in services:
        client(service).meta.events.register(
            "before-send.*", lambda request, event_name, **_: calls.append(event_name.split(".", 1)[1])
        )
    return calls


def test_an_idle_poll_makes_two_calls(shop: Shop):
    calls = count_calls("dynamodb", "sqs", "s3", "stepfunctions")
    assert shop.poller.poll(shop.order()) == (PollOutcome.IDLE, None)
    assert calls == ["dynamodb.GetItem", "dynamodb.Query"]


def test_what_waits_becomes_one_batch_with_its_manifest_and_execution(shop: Shop):
    objects = [shop.stage(name) for name in ("a.csv", "b.csv")]
    outcome, batch = shop.poller.poll(shop.order())
    assert outcome is PollOutcome.STARTED
    assert shop.executions() == [batch]
    assert shop.manifest(batch) == ["a.csv", "b.csv"]
    assert {shop.catalog.get(o).status for o in objects} == {Status.CLAIMED}
    assert shop.messages() == 0
    assert shop.records.get("shop/orders", batch).status is BatchStatus.RUNNING


def test_a_batch_says_how_many_values_of_its_objects_became_null(shop: Shop):
    shop.stage("a.csv", nulled={"id": 2, "price": 3})
    shop.stage("b.csv", nulled={"id": 1})
    shop.stage("c.csv")
    _, batch = shop.poller.poll(shop.order())
    found = shop.records.get("shop/orders", batch)
    assert found.staged_nulled == 6
    assert batch_json(found)["values_nulled"] == 6


@pytest.mark.parametrize(
    ("stage_b", "sizes"),
    [
        ({}, {}),
        ({"workers": 4, "worker_type": "G.2X"}, {"workers": "4", "worker_type": "G.2X"}),
        (
            {"execution_class": "FLEX", "worker_type": "G.1X"},
            {"worker_type": "G.1X", "execution_class": "FLEX", "queuing": False},
        ),
    ],
)
def test_the_executions_input_has_the_sizes_that_the_dataset_says_and_no_others(
    shop: Shop, stage_b: dict[str, Any], sizes: dict[str, Any]
):
    sized = DATASET.model_copy(update={"stage_b": type(DATASET.stage_b).model_validate(stage_b)})
    shop.stage("a.csv")
    _, batch = replace(shop.poller, load=lambda name: Work(sized, TABLE)).poll(shop.order())
    assert batch
    arn = shop.machine.replace(":stateMachine:", ":execution:")
    said = json.loads(client("stepfunctions").describe_execution(executionArn=f"{arn}:{batch}")["input"])
    assert said["batch"] == batch
    names = ("workers", "worker_type", "execution_class", "queuing")
    assert {name: said[name] for name in names if name in said} == sizes


def test_the_manifest_names_what_earlier_versions_of_its_keys_have_brought(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    history = shop.catalog.history
    monkeypatch.setattr(shop.catalog, "history", lambda path: (asked.append(path), history(path))[1])

    def batch(*names: str) -> dict[str, list[str]]:
        """The versions of each name that the manifest of the next batch says are loaded; the batch is loaded, too."""
        for name in names:
            shop.stage(name)
        asked.clear()
        _, batch = shop.poller.poll(shop.order(min_objects=1))
        assert batch
        document = shop.document(batch)
        for entry in document["objects"]:
            obj = ObjectVersion(entry["bucket"], entry["key"], entry["version_id"])
            shop.catalog.move(obj, Status.COMMITTED, "shop/orders")
        transact(client("dynamodb"), [shop.records._unlocking("shop/orders", batch)])
        loaded: dict[str, list[str]] = {}
        for entry in document["loaded"]:
            loaded.setdefault(entry["key"].rpartition("/")[2], []).append(entry["version_id"])
        return loaded

    assert batch("a", "b") == {}
    assert asked == []
    assert batch("a", "a", "c") == {"a": ["v0"]}
    assert asked == ["raw/shop/orders/a"]
    assert batch("c", "b", "a") == {"a": ["v0", "v2", "v3"], "b": ["v1"], "c": ["v4"]}
    for _ in range(VERSIONS):
        batch("a")
    assert len(batch("a")["a"]) == VERSIONS


def test_a_dataset_has_one_batch_at_a_time(shop: Shop):
    shop.stage("a.csv")
    _, batch = shop.poller.poll(shop.order())
    shop.stage("b.csv")
    assert shop.poller.poll(shop.order()) == (PollOutcome.BUSY, batch)
    assert shop.messages() == 1


def test_a_batch_opens_at_as_many_objects_as_start_when_says(shop: Shop):
    order = shop.order(start_when={"objects": 2})
    shop.stage("a.csv")
    assert shop.poller.poll(order) == (PollOutcome.BELOW_MINIMUM, None)
    shop.stage("b.csv")
    assert shop.poller.poll(order)[0] is PollOutcome.STARTED


def test_fewer_than_the_minimum_wait_and_their_messages_are_not_touched(shop: Shop):
    shop.stage("a.csv")
    order = shop.order(min_objects=2, max_wait="30 minutes")
    assert shop.poller.poll(order) == (PollOutcome.BELOW_MINIMUM, None)
    received = client("sqs").receive_message(QueueUrl=shop.queue_url, AttributeNames=["All"])["Messages"]
    assert received[0]["Attributes"]["ApproximateReceiveCount"] == "1"
    shop.later(minutes=31)
    assert shop.poller.poll(order)[0] is PollOutcome.STARTED


def test_an_object_whose_message_was_lost_is_batched_all_the_same(shop: Shop):
    shop.stage("a.csv", message=False)
    _, batch = shop.poller.poll(shop.order())
    assert shop.manifest(batch) == ["a.csv"]


def test_more_than_the_maximum_wait_for_the_next_batch(shop: Shop):
    for n in range(5):
        shop.stage(f"{n}.csv")
    _, batch = shop.poller.poll(shop.order(max_objects=3))
    assert len(shop.manifest(batch)) == 3
    assert shop.messages() == 2


def test_a_batch_of_three_hundred_objects_is_claimed_whole(shop: Shop):
    objects = [shop.stage(f"{n}.csv", message=False) for n in range(300)]
    _, batch = shop.poller.poll(shop.order(max_objects=300))
    assert len(shop.manifest(batch)) == len(objects)


def test_candidates_that_are_gone_leave_an_empty_batch_cancelled_and_the_lock_free(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    obj = shop.stage("a.csv")
    claim = Sealer.claim

    def late(sealer: Sealer, work: Work, batch: Batch) -> None:
        shop.catalog.move(obj, Status.SUPERSEDED, "shop/orders")
        claim(sealer, work, batch)

    monkeypatch.setattr(Sealer, "claim", late)
    outcome, batch = shop.poller.poll(shop.order())
    assert outcome is PollOutcome.CANCELLED
    assert shop.records.get("shop/orders", batch).status is BatchStatus.CANCELLED
    assert shop.records.active("shop/orders") is None


def test_a_batch_is_not_cancelled_under_a_poller_that_claims_for_it(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    """Its objects would be claimed for ever: nobody ends a batch that has ended."""
    shop.stage("a.csv")
    cancelling = shop.records.cancelling

    def late(dataset: str, batch: str) -> Any:
        claim(shop.poller.sealer, Work(DATASET, TABLE), shop.records.get(dataset, batch))
        return cancelling(dataset, batch)

    claim = Sealer.claim
    with monkeypatch.context() as both:
        both.setattr(Sealer, "claim", lambda *_: None)
        both.setattr(shop.records, "cancelling", late)
        with pytest.raises(Transient, match="another poller claims objects"):
            shop.poller.poll(shop.order())
    outcome, batch = shop.poller.poll(shop.order())
    assert outcome is PollOutcome.STARTED
    assert shop.manifest(batch) == ["a.csv"]


def test_a_message_of_another_form_harms_nobody_and_stays(shop: Shop):
    client("sqs").send_message(QueueUrl=shop.queue_url, MessageBody="hello")
    shop.stage("a.csv")
    _, batch = shop.poller.poll(shop.order())
    assert shop.manifest(batch) == ["a.csv"]
    assert shop.messages() == 1


def test_a_message_of_an_object_that_is_not_staged_yet_stays(shop: Shop):
    obj = shop.stage("a.csv")
    shop.catalog.move(obj, Status.CLAIMED, "shop/orders", batch="other")
    shop.catalog.move(obj, Status.FAILED, "shop/orders")
    shop.stage("b.csv")
    _, batch = shop.poller.poll(shop.order())
    assert shop.manifest(batch) == ["b.csv"]
    assert shop.messages() == 0, "a finished object's message is deleted"


def test_an_execution_that_ended_without_ending_its_batch_is_abandoned(shop: Shop):
    shop.stage("a.csv")
    _, batch = shop.poller.poll(shop.order())
    arn = client("stepfunctions").list_executions(stateMachineArn=shop.machine)["executions"][0]["executionArn"]
    client("stepfunctions").stop_execution(executionArn=arn)
    assert shop.poller.poll(shop.order()) == (PollOutcome.ENDED, batch)
    assert shop.abandoned == [("shop/orders", batch, "its execution is ABORTED")]


@pytest.mark.parametrize("acknowledged", [True, False], ids=["before the call", "after the call"])
def test_a_poller_that_dies_at_any_call_loses_and_doubles_nothing(shop: Shop, acknowledged: bool):
    """Crash points are enumerated: at the n-th AWS call, before it is sent or when its answer is lost."""
    services = ("dynamodb", "sqs", "s3", "stepfunctions")
    state = {"left": 0}

    def crash(**_: object) -> None:
        state["left"] -= 1
        if state["left"] == 0:
            raise Crash

    for service in services:
        event = "before-send" if acknowledged else "after-call"
        client(service).meta.events.register_first(f"{event}.*", crash)
    for n in range(1, 40):
        objects = [shop.stage(f"{n}-{i}.csv") for i in range(2)]
        state["left"] = n
        crashed = False
        try:
            shop.poller.poll(shop.order())
        except Crash:
            crashed = True
        state["left"] = 0
        outcome, _ = shop.poller.poll(shop.order())
        active = shop.records.active("shop/orders")
        assert outcome in (PollOutcome.STARTED, PollOutcome.BUSY)
        assert sorted(shop.manifest(active)) == sorted(o.file_name for o in objects)
        assert shop.executions().count(active) == 1
        assert {shop.catalog.get(o).batch for o in objects} == {active}
        finish(shop, active)
        if not crashed:
            break
    else:
        pytest.fail("the poller never finished within 40 calls")
    assert n > 10


def test_a_transform_that_comes_late_takes_nothing_out_of_a_batch(shop: Shop):
    obj = shop.stage("a.csv")
    _, batch = shop.poller.poll(shop.order())
    for late in (Status.STAGED, Status.FAILED):
        found = shop.catalog.move(obj, late, "shop/orders", generation=1, only_from=Status.REGISTERED)
        assert (found.status, found.batch) == (Status.CLAIMED, batch)


def finish(shop: Shop, batch: str) -> None:
    """End the batch as its execution would, and let the queue's leftovers be received once more."""
    from pipeline.core.dynamo import transact

    shop.records.move("shop/orders", batch, BatchStatus.COMMITTING)
    assert not transact(client("dynamodb"), shop.records.ending("shop/orders", batch, BatchStatus.COMMITTED))


def test_candidates_of_another_dataset_are_not_claimed(shop: Shop):
    """A batch's row may be forged: the job of a team's transform writes it."""
    theirs = ObjectVersion("raw", "hr/pay/a.csv", "v1")
    shop.catalog.register(ObjectCreated(theirs, 1, "", 1000, "0A"), "hr/pay")
    facts = {"staged": "s3://staging/hr", "staged_etag": "e", "rows_out": 1}
    assert shop.catalog.stage(Staging(StageAWork(theirs, 1, 1000), theirs.digest, True, facts), "hr/pay") is None
    mine, work = shop.stage("a.csv"), Work(DATASET, TABLE)
    sealer = shop.poller.sealer
    assert sealer.open(work, "01FORGED", [theirs, mine])
    batch = shop.records.get("shop/orders", "01FORGED")
    assert batch
    sealer.claim(work, batch)
    assert [row.status for row in shop.catalog.get_many([theirs, mine])] == [Status.STAGED, Status.CLAIMED]


def test_batches_are_in_the_order_in_which_they_opened_whatever_the_clocks_say(shop: Shop):
    clocks = iter(("01KB0000000000000000000000", "01KA0000000000000000000000", "01KA0000000000000000000000"))
    behind = replace(shop.poller, new_id=lambda: next(clocks))
    opened = []
    for name in ("a.csv", "b.csv"):
        shop.stage(name)
        _, batch = behind.poll(shop.order())
        opened.append(batch)
        finish(shop, batch)
    redriven = behind.reopen(Work(DATASET, TABLE), [shop.stage("c.csv")], None)
    opened.append(redriven)
    assert opened == [f"01KB000000000000000000000{n}" for n in range(3)]
    assert [batch.id for batch in shop.records.newest("shop/orders", 9)] == opened[::-1]


def test_a_poller_that_read_the_lock_before_another_batch_came_and_went_opens_none_before_it(shop: Shop):
    shop.stage("a.csv")
    _, batch = shop.poller.poll(shop.order())
    finish(shop, batch)
    assert not shop.poller.sealer.open(Work(DATASET, TABLE), batch[:-1] + "!", [shop.stage("b.csv")])
    assert shop.records.active("shop/orders") is None

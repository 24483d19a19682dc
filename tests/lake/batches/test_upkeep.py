"""A table's upkeep takes its dataset's lock, in turn with batches, and gives it back whatever dies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from moto.moto_api import state_manager

from pipeline.core.clients import client
from pipeline.core.clock import iso, parse_iso
from pipeline.core.errors import Refused
from pipeline.lake.batches.poller import PollOutcome
from pipeline.lake.batches.records import LOCK, BatchStatus
from pipeline.lake.batches.upkeep import AGAIN_AFTER, YIELDS_FOR, TurnStatus

from .conftest import DATASET, Crash, Shop
from .test_poller import finish

NAME = "shop/orders"


@pytest.fixture(autouse=True)
def runs() -> Iterator[None]:
    """Glue job runs go on until a test says otherwise."""
    state_manager.set_transition("glue::job_run", {"progression": "manual", "times": 1000})
    yield
    state_manager.unset_transition("glue::job_run")


def runs_end() -> None:
    state_manager.set_transition("glue::job_run", {"progression": "immediate"})


def load(shop: Shop, name: str = "a.csv") -> None:
    """A batch from its opening to its end."""
    shop.stage(name)
    outcome, batch = shop.poller.poll(shop.order())
    assert outcome is PollOutcome.STARTED
    assert batch
    finish(shop, batch)


def begin(shop: Shop) -> str:
    load(shop)
    shop.later(days=1)
    outcome, turn = shop.poller.poll(shop.order())
    assert outcome is PollOutcome.UPKEEP
    assert turn
    return turn


def opened(shop: Shop, batches: int) -> None:
    """So many batches since the last turn."""
    client("dynamodb").update_item(
        TableName="BatchesTable",
        Key={"dataset": {"S": NAME}, "item": {"S": LOCK}},
        UpdateExpression="SET batches = :batches",
        ExpressionAttributeValues={":batches": {"N": str(batches)}},
    )


def glue_runs() -> list[dict[str, object]]:
    return client("glue").get_job_runs(JobName="upkeep")["JobRuns"]  # type: ignore[no-any-return]


def test_a_table_is_kept_up_a_day_after_its_first_batch_when_nothing_waits(shop: Shop):
    assert shop.poller.poll(shop.order())[0] is PollOutcome.IDLE
    load(shop)
    shop.later(hours=23)
    load(shop, "b.csv")
    assert shop.poller.poll(shop.order())[0] is PollOutcome.IDLE
    shop.later(hours=1)
    outcome, turn = shop.poller.poll(shop.order())
    assert outcome is PollOutcome.UPKEEP
    found = shop.turns.get(NAME, turn)
    assert (found.status, shop.records.active(NAME)) == (TurnStatus.OPEN, turn)
    [run] = glue_runs()
    assert run["Id"] == found.run
    assert run["Arguments"] == {
        "--dataset": NAME,
        "--turn": turn,
        "--table": "sluice_test_shop.orders",
        "--settings": DATASET.table.upkeep.model_dump_json(),
        "--batches_table": "BatchesTable",
    }


def test_while_a_table_is_kept_up_objects_wait_and_afterwards_they_are_batched(shop: Shop):
    turn = begin(shop)
    obj = shop.stage("b.csv")
    assert shop.poller.poll(shop.order()) == (PollOutcome.BUSY, turn)
    assert shop.catalog.get(obj).batch is None
    assert shop.turns.end(NAME, turn, TurnStatus.DONE, did={"snapshots": 3})
    assert shop.turns.due(NAME) is None
    outcome, batch = shop.poller.poll(shop.order())
    assert outcome is PollOutcome.STARTED
    assert shop.manifest(batch) == ["b.csv"]
    assert shop.turns.newest(NAME, 1)[0].did == {"snapshots": 3}


def test_objects_that_wait_go_first_but_not_for_ever(shop: Shop):
    load(shop)
    shop.later(days=1)
    load(shop, "b.csv")
    shop.later(seconds=YIELDS_FOR.total_seconds())
    shop.stage("c.csv")
    assert shop.poller.poll(shop.order())[0] is PollOutcome.UPKEEP


def test_after_so_many_batches_a_turn_goes_before_what_waits(shop: Shop):
    load(shop)
    opened(shop, DATASET.table.upkeep.after_batches - 1)
    load(shop, "last.csv")
    shop.stage("next.csv")
    outcome, turn = shop.poller.poll(shop.order())
    assert outcome is PollOutcome.UPKEEP
    assert shop.turns.end(NAME, turn, TurnStatus.DONE)
    load(shop, "after.csv")
    assert shop.records.lock(NAME).batches == 1
    assert parse_iso(shop.turns.due(NAME)) > shop.now[0]


def test_a_turn_that_failed_is_not_tried_with_every_batch(shop: Shop):
    load(shop)
    opened(shop, DATASET.table.upkeep.after_batches - 1)
    load(shop, "last.csv")
    _, turn = shop.poller.poll(shop.order())
    assert shop.turns.end(NAME, turn, TurnStatus.FAILED)
    load(shop, "after.csv")
    shop.stage("next.csv")
    assert shop.poller.poll(shop.order())[0] is PollOutcome.STARTED


def test_a_turn_that_was_asked_for_comes_at_the_next_poll(shop: Shop):
    shop.turns.ask(NAME)
    shop.stage("a.csv")
    assert shop.poller.poll(shop.order())[0] is PollOutcome.UPKEEP


def test_a_turn_whose_run_ended_without_ending_it_fails_and_is_tried_again_later(shop: Shop):
    turn = begin(shop)
    runs_end()
    # moto moves a run on when it is looked at.
    for _ in range(3):
        outcome, _ = shop.poller.poll(shop.order())
        if outcome is PollOutcome.ENDED:
            break
    assert outcome is PollOutcome.ENDED
    assert shop.records.active(NAME) is None
    assert shop.turns.get(NAME, turn).status is TurnStatus.FAILED
    assert shop.turns.due(NAME) == iso(shop.now[0] + AGAIN_AFTER)
    assert [told[:2] for told in shop.told] == [("upkeep failed", NAME)]
    assert shop.poller.poll(shop.order())[0] is PollOutcome.IDLE
    shop.later(seconds=AGAIN_AFTER.total_seconds())
    assert shop.poller.poll(shop.order())[0] is PollOutcome.UPKEEP


def test_a_job_that_cannot_start_does_not_keep_the_lock(shop: Shop):
    load(shop)
    client("glue").delete_job(JobName="upkeep")
    shop.later(days=1)
    shop.poller.poll(shop.order())
    assert shop.records.active(NAME) is None
    [turn] = shop.turns.newest(NAME, 5)
    assert turn.status is TurnStatus.FAILED
    assert "did not start" in turn.error
    load(shop, "b.csv")


def test_of_two_runs_of_a_turn_one_goes_on_and_none_after_its_end(shop: Shop):
    turn = begin(shop)
    run = shop.turns.get(NAME, turn).run
    shop.turns.claim(NAME, turn, run)
    with pytest.raises(Refused):
        shop.turns.claim(NAME, turn, "jr_other")
    assert shop.turns.end(NAME, turn, TurnStatus.DONE)
    with pytest.raises(Refused):
        shop.turns.claim(NAME, turn, run)


def test_a_turn_ends_once_and_frees_no_lock_but_its_own(shop: Shop):
    turn = begin(shop)
    assert shop.turns.end(NAME, turn, TurnStatus.FAILED, error="x")
    shop.stage("b.csv")
    _, batch = shop.poller.poll(shop.order())
    assert not shop.turns.end(NAME, turn, TurnStatus.DONE)
    assert shop.records.active(NAME) == batch
    assert shop.records.get(NAME, batch).status is BatchStatus.RUNNING


@pytest.mark.parametrize("acknowledged", [True, False], ids=["before the call", "after the call"])
def test_a_poller_that_dies_at_any_call_of_a_turn_blocks_nothing(shop: Shop, acknowledged: bool):
    """Crash points are enumerated: at the n-th AWS call, before it is sent or when its answer is lost."""
    state = {"left": 0}

    def crash(**_: object) -> None:
        state["left"] -= 1
        if state["left"] == 0:
            raise Crash

    for service in ("dynamodb", "glue"):
        event = "before-send" if acknowledged else "after-call"
        client(service).meta.events.register_first(f"{event}.*", crash)
    for n in range(1, 20):
        shop.turns.ask(NAME)
        state["left"] = n
        crashed = False
        try:
            shop.poller.poll(shop.order())
        except Crash:
            crashed = True
        state["left"] = 0
        shop.poller.poll(shop.order())
        turn = shop.records.active(NAME)
        assert turn
        run = shop.turns.get(NAME, turn).run
        assert run in [each["Id"] for each in glue_runs()]
        shop.turns.claim(NAME, turn, run)
        assert shop.turns.end(NAME, turn, TurnStatus.DONE)
        load(shop, f"{n}.csv")
        if not crashed:
            break
    else:
        pytest.fail("the poller never finished within 20 calls")
    assert n > 5


def test_when_it_is_due_is_written_once_and_gone_with_the_turn(shop: Shop):
    load(shop)
    due = shop.turns.due(NAME)
    assert parse_iso(due) == shop.now[0] + timedelta(days=1)
    shop.later(hours=1)
    load(shop, "b.csv")
    assert shop.turns.due(NAME) == due

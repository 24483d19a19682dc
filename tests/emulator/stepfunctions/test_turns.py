"""Branches and iterations take turns: a machine without waits has the same history each time, breadth first."""

from __future__ import annotations

import itertools
import threading

import pytest

from pipeline.emulator.stepfunctions.interpreter import turns as stepfunctions_turns
from pipeline.emulator.stepfunctions.interpreter.turns import Seat, Turns
from tests.emulator.stepfunctions.running_machines import PASS, Machines, task
from tests.patience import PATIENCE_S


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


def told(found):
    """Each event as its type's first letters, the name or index that it tells, and what it follows."""
    lines = []
    for event in found["events"]:
        details = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
        lines.append(f"{event['type']} {details.get('name', '')}{details.get('index', '')}<{event['previousEventId']}")
    return lines


def chain(*names):
    states = {name: {"Type": "Pass", "Next": following} for name, following in itertools.pairwise(names)}
    return {"StartAt": names[0], "States": {**states, names[-1]: PASS}}


def each(concurrency):
    handle = {"StartAt": "Handle", "States": {"Handle": PASS}}
    return {"Each": {"Type": "Map", "MaxConcurrency": concurrency, "ItemProcessor": handle, "End": True}}


def test_branches_tell_their_first_events_before_any_tells_its_second(machines):
    branches = [chain("A1", "A2"), chain("B1"), chain("C1", "C2")]
    found = machines.run({"All": {"Type": "Parallel", "Branches": branches, "End": True}})
    assert told(found)[3:-3] == [
        "PassStateEntered A1<3",
        "PassStateEntered B1<3",
        "PassStateEntered C1<3",
        "PassStateExited A1<4",
        "PassStateExited B1<5",
        "PassStateExited C1<6",
        "PassStateEntered A2<7",
        "PassStateEntered C2<9",
        "PassStateExited A2<10",
        "PassStateExited C2<11",
    ]


@pytest.mark.parametrize("concurrency", [0, 2, 3])
def test_a_map_has_the_same_history_each_time(machines, concurrency):
    arn = machines.create(each(concurrency))

    def run():
        started = machines.client.start_execution(stateMachineArn=arn, input="[1, 2, 3, 4, 5]")
        return told(machines.ended(started["executionArn"]))

    first = run()
    assert [line for line in first if "IterationStarted" in line][0:2] == [
        "MapIterationStarted Each0<3",
        "MapIterationStarted Each1<3",
    ]
    assert all(run() == first for _ in range(15))


def test_nested_maps_and_parallels_have_the_same_history_each_time(machines):
    branches = [{"StartAt": "Each", "States": each(0)}, chain("B1", "B2", "B3")]
    arn = machines.create({"All": {"Type": "Parallel", "Branches": branches, "Next": "Last"}, "Last": PASS})

    def run():
        started = machines.client.start_execution(stateMachineArn=arn, input="[1, 2, 3]")
        return told(machines.ended(started["executionArn"]))

    first = run()
    assert all(run() == first for _ in range(15))


@pytest.mark.parametrize("more", [{}, {"TimeoutSeconds": 600}])
def test_iterations_start_then_schedule_their_tasks_and_then_these_start(machines, aws, more):
    url = aws("sqs").create_queue(QueueName="turns")["QueueUrl"]
    send = task("sqs:sendMessage", {"QueueUrl": url, "MessageBody": "a"}, **more)
    all_at_once = {**each(0)["Each"], "ItemProcessor": {"StartAt": "Send", "States": {"Send": send}}}
    found = machines.run({"Each": all_at_once}, [1, 2, 3])
    assert told(found)[3:15] == [
        "MapIterationStarted Each0<3",
        "MapIterationStarted Each1<3",
        "MapIterationStarted Each2<3",
        "TaskStateEntered Send<4",
        "TaskScheduled <7",
        "TaskStateEntered Send<5",
        "TaskScheduled <9",
        "TaskStateEntered Send<6",
        "TaskScheduled <11",
        "TaskStarted <8",
        "TaskStarted <10",
        "TaskStarted <12",
    ]


def test_a_branch_that_waits_holds_nobody_up(machines):
    waiting = {"StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 1, "End": True}}}
    found = machines.run({"All": {"Type": "Parallel", "Branches": [waiting, chain("B1", "B2")], "End": True}})
    lines = told(found)
    assert [line.split("<")[0] for line in lines[3:-3]] == [
        "WaitStateEntered Sleep",
        "PassStateEntered B1",
        "PassStateExited B1",
        "PassStateEntered B2",
        "PassStateExited B2",
        "WaitStateExited Sleep",
    ]


def test_a_branch_that_fails_ends_the_others_at_the_same_place_each_time(machines):
    failing = {
        "StartAt": "F1",
        "States": {"F1": {"Type": "Pass", "Next": "Stop"}, "Stop": {"Type": "Fail", "Error": "No"}},
    }
    branches = [chain("A1", "A2", "A3", "A4"), failing]
    arn = machines.create({"All": {"Type": "Parallel", "Branches": branches, "End": True}})

    def run():
        return told(machines.ended(machines.client.start_execution(stateMachineArn=arn)["executionArn"]))

    first = run()
    assert first[-1].startswith("ExecutionFailed")
    assert all(run() == first for _ in range(15))


def test_a_turn_that_nobody_gives_on_is_taken(monkeypatch):
    monkeypatch.setattr(stepfunctions_turns, "PATIENCE", 0.01)
    turns = Turns()
    held, next_one = Seat(turns), Seat(turns)
    held.take()
    taken = threading.Event()

    def come():
        next_one.take()
        taken.set()

    threading.Thread(target=come, daemon=True).start()
    assert taken.wait(PATIENCE_S)
    assert turns.holder is next_one

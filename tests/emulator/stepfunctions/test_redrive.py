"""A redriven execution goes on where it stopped, in the same history."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.stepfunctions import reads
from tests.emulator.stepfunctions.clocks import end_wait_when, start_clocks_after
from tests.emulator.stepfunctions.machines import ROLE, Machines, message, refused
from tests.emulator.stepfunctions.working import function_work
from tests.patience import PATIENCE_S, until

CODE = """
import os, pathlib

class Broken(Exception): pass

def handler(event, context):
    folder = pathlib.Path(event["folder"])
    (folder / "calls").open("a").write(event["name"] + "\\n")
    if (folder / f"broken-{event['name']}").exists():
        raise Broken(event["name"])
    return {"did": event["name"]}
"""


@pytest.fixture(scope="module")
def machines(front, aws, tmp_path_factory):
    with function_work(front, aws, tmp_path_factory.mktemp("lambda"), CODE):
        yield Machines(aws("stepfunctions"))


class Work:
    """A folder in which the function notes its calls, and is told to fail."""

    def __init__(self, folder):
        self.folder = folder

    def break_(self, *names):
        for name in names:
            (self.folder / f"broken-{name}").touch()

    def mend(self, *names):
        for name in names:
            (self.folder / f"broken-{name}").unlink()

    @property
    def calls(self):
        return (self.folder / "calls").read_text().split()

    def task(self, name=None, **more):
        named = {"name": name} if name else {"name.$": "$.name"}
        payload = {"folder": str(self.folder), **named}
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "work", "Payload": payload},
            "ResultSelector": {"did.$": "$.Payload.did"},
            "ResultPath": "$.done",
            "OutputPath": "$.done",
            **more,
        }


@pytest.fixture
def work(tmp_path):
    return Work(tmp_path)


def redrive(machines, execution, **more):
    machines.client.redrive_execution(executionArn=execution, **more)
    return machines.ended(execution)


def told(events):
    return [(event["id"], event["previousEventId"], event["type"]) for event in events]


def iterations(events):
    """The indexes of those that succeeded."""
    details = [event.get("mapIterationSucceededEventDetails") for event in events]
    return {each["index"] for each in details if each}


def test_the_failed_task_runs_again_with_its_input_and_the_others_do_not(machines, work):
    work.break_("second")
    states = {"First": work.task("first", OutputPath="$", Next="Second"), "Second": work.task("second", End=True)}
    execution = machines.run(states, {"name": "x"})["executionArn"]
    before = machines.history(execution)
    assert before[-1]["type"] == "ExecutionFailed"
    work.mend("second")
    found = redrive(machines, execution)
    assert (found["status"], found["output"]) == ("SUCCEEDED", '{"did":"second"}')
    assert work.calls == ["first", "second", "second"]
    after = machines.history(execution)
    assert after[: len(before)] == before
    entered = next(e["id"] for e in before if e.get("stateEnteredEventDetails", {}).get("name") == "Second")
    last = len(before)
    assert told(after[last:]) == [
        (last + 1, last, "ExecutionRedriven"),
        (last + 2, entered, "TaskScheduled"),
        (last + 3, last + 2, "TaskStarted"),
        (last + 4, last + 3, "TaskSucceeded"),
        (last + 5, last + 4, "TaskStateExited"),
        (last + 6, last + 5, "ExecutionSucceeded"),
    ]
    assert after[last]["executionRedrivenEventDetails"] == {"redriveCount": 1}


def test_what_was_redriven_says_so_and_can_be_told_from_what_was_not(machines, work):
    work.break_("only")
    machine = machines.create({"Only": work.task("only", End=True)})
    execution, other = (machines.start(machine, name=name, input="{}") for name in ("redriven", "other"))
    for each in (execution, other):
        assert machines.ended(each)["redriveStatus"] == "REDRIVABLE"
    for count in (1, 2):
        found = redrive(machines, execution)
        assert (found["status"], found["redriveCount"], found["redriveStatus"]) == ("FAILED", count, "REDRIVABLE")
    assert found["startDate"] < found["redriveDate"] <= found["stopDate"]
    assert machines.listed(machine) == [other, execution]
    assert machines.listed(machine, redriveFilter="REDRIVEN") == [execution]
    assert machines.listed(machine, redriveFilter="NOT_REDRIVEN") == [other]
    (listed,) = machines.client.list_executions(stateMachineArn=machine, redriveFilter="REDRIVEN")["executions"]
    assert (listed["redriveCount"], listed["redriveDate"]) == (2, found["redriveDate"])


def test_only_what_did_not_succeed_is_redriven(machines):
    succeeded = machines.run({"Pass": {"Type": "Pass", "End": True}})["executionArn"]
    running = machines.start(machines.create({"Wait": {"Type": "Wait", "Seconds": 30, "End": True}}))
    for execution, status in ((succeeded, "SUCCEEDED"), (running, "RUNNING")):
        with pytest.raises(machines.client.exceptions.ExecutionNotRedrivable) as error:
            machines.client.redrive_execution(executionArn=execution)
        assert message(error) == f"Execution is {status} and cannot be redriven"
    machines.client.stop_execution(executionArn=running)
    with pytest.raises(ClientError) as error:
        machines.client.redrive_execution(executionArn=f"{succeeded}absent")
    assert refused(error) == "ExecutionDoesNotExist"


def test_after_14_days_it_is_too_late(machines, monkeypatch):
    monkeypatch.setattr(reads, "REDRIVABLE_FOR", timedelta(0))
    found = machines.run({"Fail": {"Type": "Fail"}})
    assert (found["redriveStatus"], found["redriveStatusReason"]) == (
        "NOT_REDRIVABLE",
        "Execution redrivable period exceeded",
    )
    with pytest.raises(machines.client.exceptions.ExecutionNotRedrivable):
        machines.client.redrive_execution(executionArn=found["executionArn"])


def test_the_same_client_token_redrives_once(machines, work):
    work.break_("only")
    execution = machines.run({"Only": work.task("only", End=True)}, {})["executionArn"]
    first = machines.client.redrive_execution(executionArn=execution, clientToken="t")
    machines.ended(execution)
    again = machines.client.redrive_execution(executionArn=execution, clientToken="t")
    assert again["redriveDate"] == first["redriveDate"]
    assert machines.ended(execution)["redriveCount"] == 1


def test_it_keeps_the_definition_that_it_started_with(machines, work):
    work.break_("only")
    machine = machines.create({"Only": work.task("only", End=True)})
    execution = machines.start(machine, input="{}")
    machines.ended(execution)
    other = {"StartAt": "Other", "States": {"Other": {"Type": "Succeed"}}}
    machines.client.update_state_machine(stateMachineArn=machine, definition=json.dumps(other))
    work.mend("only")
    assert redrive(machines, execution)["output"] == '{"did":"only"}'


def test_a_stopped_execution_goes_on_in_the_state_that_it_was_in(machines, monkeypatch):
    states = {
        "Before": {"Type": "Pass", "Result": {"n": 1}, "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": 1, "End": True},
    }
    stopped = threading.Event()
    end_wait_when(monkeypatch, 1, stopped.is_set)
    execution = machines.start(machines.create(states))
    until(lambda: machines.history(execution)[-1]["type"] == "WaitStateEntered")
    machines.client.stop_execution(executionArn=execution)
    stopped.set()
    found = redrive(machines, execution)
    assert (found["status"], found["output"]) == ("SUCCEEDED", '{"n":1}')
    assert [event["type"] for event in machines.history(execution)][-5:] == [
        "WaitStateEntered",
        "ExecutionAborted",
        "ExecutionRedriven",
        "WaitStateExited",
        "ExecutionSucceeded",
    ]


def test_a_timed_out_execution_has_its_whole_time_again(machines, monkeypatch):
    start_clocks_after(monkeypatch, "WaitStateEntered")
    states = {"Wait": {"Type": "Wait", "SecondsPath": "$.s", "End": True}}
    definition = json.dumps({"StartAt": "Wait", "TimeoutSeconds": 1, "States": states})
    arn = machines.client.create_state_machine(name="timed", definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = machines.start(arn, input='{"s": 600}')
    assert machines.ended(execution)["status"] == "TIMED_OUT"
    began = time.monotonic()
    assert redrive(machines, execution)["status"] == "TIMED_OUT"
    assert time.monotonic() - began > 0.9
    types = [event["type"] for event in machines.history(execution)]
    assert types == [
        *("ExecutionStarted", "WaitStateEntered", "ExecutionTimedOut"),
        *("ExecutionRedriven", "ExecutionTimedOut"),
    ]


def test_retries_count_from_the_beginning(machines, work):
    work.break_("only")
    retry = [{"ErrorEquals": ["Broken"], "IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 1}]
    execution = machines.run({"Only": work.task("only", Retry=retry, End=True)}, {})["executionArn"]
    assert len(work.calls) == 2
    redrive(machines, execution)
    assert len(work.calls) == 4


@pytest.mark.parametrize("concurrency", [1, 3])
def test_of_a_map_only_the_iterations_that_did_not_succeed_run_again(machines, work, concurrency):
    work.break_("b")
    inner = {
        "StartAt": "First",
        "States": {
            "First": {"Type": "Pass", "Next": "Second"},
            "Second": work.task(Next="Third"),
            "Third": {"Type": "Pass", "End": True},
        },
    }
    each = {"Type": "Map", "MaxConcurrency": concurrency, "ItemProcessor": inner, "Next": "After"}
    states = {"Each": each, "After": {"Type": "Succeed"}}
    execution = machines.run(states, [{"name": name} for name in "abc"])["executionArn"]
    before = machines.history(execution)
    assert work.calls.count("b") == 1
    succeeded = iterations(before)
    work.mend("b")
    found = redrive(machines, execution)
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"]) == [{"did": name} for name in "abc"]
    after = machines.history(execution)[len(before) :]
    types = [event["type"] for event in after]
    assert types[0] == "ExecutionRedriven"
    assert not {"MapStateEntered", "MapStateStarted"} & set(types)
    again = iterations(after)
    assert 1 in again
    # The failure may have come between the last state of another iteration and the word that it succeeded.
    assert again <= {0, 1, 2} - succeeded
    done = [e["taskSucceededEventDetails"]["output"] for e in before if e["type"] == "TaskSucceeded"]
    assert all(work.calls.count(json.loads(output)["Payload"]["did"]) == 1 for output in done)
    # Not entered again: what came before it in the iteration succeeded.
    assert after[1]["type"] in ("TaskScheduled", "MapIterationStarted")
    assert types[-4:] == ["MapStateExited", "SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded"]


def test_a_map_in_a_map_goes_on_in_its_depth(machines, work):
    work.break_("b")
    deep = {"StartAt": "Do", "States": {"Do": work.task(End=True)}}
    inner = {"StartAt": "Inner", "States": {"Inner": {"Type": "Map", "ItemProcessor": deep, "End": True}}}
    states = {"Outer": {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": inner, "End": True}}
    value = [[{"name": "a"}], [{"name": "b"}], [{"name": "c"}]]
    execution = machines.run(states, value)["executionArn"]
    work.mend("b")
    found = redrive(machines, execution)
    assert json.loads(found["output"]) == [[{"did": name}] for name in "abc"]
    assert work.calls == ["a", "b", "b", "c"]


def test_of_a_parallel_only_the_branches_that_did_not_succeed_run_again(machines, work):
    work.break_("bad")
    slow = {"Slow": {"Type": "Wait", "Seconds": 1, "Next": "Bad"}, "Bad": work.task("bad", End=True)}
    branches = [
        {"StartAt": "Good", "States": {"Good": work.task("good", End=True)}},
        {"StartAt": "Slow", "States": slow},
    ]
    execution = machines.run({"Both": {"Type": "Parallel", "Branches": branches, "End": True}}, {})["executionArn"]
    before = machines.history(execution)
    work.mend("bad")
    found = redrive(machines, execution)
    assert json.loads(found["output"]) == [{"did": "good"}, {"did": "bad"}]
    assert work.calls == ["good", "bad", "bad"]
    assert [event["type"] for event in machines.history(execution)[len(before) :]] == [
        *("ExecutionRedriven", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"),
        *("ParallelStateSucceeded", "ParallelStateExited", "ExecutionSucceeded"),
    ]


def test_a_map_that_is_reached_again_after_a_redrive_runs_all_its_iterations(machines, work):
    work.break_("b")
    inner = {"StartAt": "Do", "States": {"Do": work.task(End=True)}}
    again = [{"Variable": "$.round", "NumericEquals": 1, "Next": "Second round"}]
    states = {
        "Each": {
            "Type": "Map",
            "MaxConcurrency": 1,
            "ItemsPath": "$.items",
            "ItemProcessor": inner,
            "ResultPath": "$.result",
            "Next": "Again?",
        },
        "Again?": {"Type": "Choice", "Choices": again, "Default": "Done"},
        "Second round": {"Type": "Pass", "Result": 2, "ResultPath": "$.round", "Next": "Each"},
        "Done": {"Type": "Succeed"},
    }
    value = {"round": 1, "items": [{"name": "a"}, {"name": "b"}]}
    execution = machines.run(states, value)["executionArn"]
    work.mend("b")
    assert redrive(machines, execution)["status"] == "SUCCEEDED"
    assert work.calls == ["a", "b", "b", "a", "b"]


def test_status_events_count_redrives(aws, machines, work):
    sqs, events = aws("sqs"), aws("events")
    url = sqs.create_queue(QueueName="redriven")["QueueUrl"]
    pattern = {"source": ["aws.states"], "detail": {"redriveCount": [1]}}
    events.put_rule(Name="redriven", EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": "arn:aws:sqs:eu-west-1:123456789012:redriven"}
    events.put_targets(Rule="redriven", Targets=[target])
    work.break_("only")
    execution = machines.run({"Only": work.task("only", End=True)}, {})["executionArn"]
    work.mend("only")
    redrive(machines, execution)
    found = []
    give_up = time.monotonic() + PATIENCE_S
    while len(found) < 2 and time.monotonic() < give_up:
        for each in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", []):
            found.append(json.loads(each["Body"])["detail"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    assert sorted(detail["status"] for detail in found) == ["RUNNING", "SUCCEEDED"]
    assert {detail["executionArn"] for detail in found} == {execution}
    assert all(detail["redriveDate"] for detail in found)
    assert {detail["redriveStatusReason"] for detail in found} == {
        "Execution is RUNNING and cannot be redriven",
        "Execution is SUCCEEDED and cannot be redriven",
    }

"""What is too large, too long or too much ends as it ends on AWS."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.stepfunctions import reads
from pipeline.emulator.stepfunctions.interpreter import history
from tests.emulator.stepfunctions.machines import ROLE, Machines, message, refused

LIMIT = 262_144
PASS = {"Pass": {"Type": "Pass", "End": True}}
LOOP = {
    "Pass": {"Type": "Pass", "Next": "Enough?"},
    "Enough?": {
        "Type": "Choice",
        "Choices": [{"Variable": "$.enough", "IsPresent": True, "Next": "Done"}],
        "Default": "Pass",
    },
    "Done": {"Type": "Succeed"},
}


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


def text_of(size):
    """JSON text of as many bytes."""
    return json.dumps("x" * (size - 2))


def test_an_input_of_as_many_bytes_as_allowed_goes_through_and_one_more_is_refused(machines):
    machine = machines.create(PASS)
    found = machines.ended(machines.start(machine, input=text_of(LIMIT)))
    assert (found["status"], len(found["output"])) == ("SUCCEEDED", LIMIT)
    for text in (text_of(LIMIT + 1), json.dumps("ü" * (LIMIT // 2), ensure_ascii=False)):
        with pytest.raises(ClientError) as error:
            machines.start(machine, input=text)
        assert refused(error) == "ValidationException"
        assert f"less than or equal to {LIMIT}" in message(error)


def test_a_state_whose_output_is_too_large_fails_the_execution(machines):
    double = {"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$"}, "End": True}
    found = machines.run({"Double": double}, "x" * (LIMIT // 2 + 1))
    assert (found["status"], found["error"]) == ("FAILED", "States.DataLimitExceeded")
    assert found["cause"] == (
        "The state/task 'Double' returned a result with a size exceeding the maximum number of bytes service limit."
    )


@pytest.mark.parametrize(
    ("names", "status"),
    [(["States.ALL"], "SUCCEEDED"), (["States.TaskFailed"], "FAILED"), (["States.DataLimitExceeded"], "SUCCEEDED")],
)
def test_a_result_that_is_too_large_is_caught_by_its_name_or_as_any_error(aws, machines, names, status):
    table = aws("dynamodb")
    if "wide" not in table.list_tables()["TableNames"]:
        table.create_table(
            TableName="wide",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        table.put_item(TableName="wide", Item={"id": {"S": "a"}, "text": {"S": "x" * LIMIT}})
    get = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:getItem",
        "Parameters": {"TableName": "wide", "Key": {"id": {"S": "a"}}},
        "Catch": [{"ErrorEquals": names, "ResultPath": "$.error", "Next": "Caught"}],
        "End": True,
    }
    found = machines.run({"Get": get, "Caught": {"Type": "Pass", "End": True}})
    assert found["status"] == status, found
    failed = [e["taskFailedEventDetails"] for e in machines.history(found["executionArn"]) if e["type"] == "TaskFailed"]
    assert [details["error"] for details in failed] == ["States.DataLimitExceeded"]


def test_the_last_event_that_fits_fails_the_execution(machines, monkeypatch):
    assert (history.MOST_EVENTS, reads.EVENTS_FOR_A_REDRIVE) == (25_000, 24_999)
    monkeypatch.setattr(history, "MOST_EVENTS", 900)
    monkeypatch.setattr(reads, "EVENTS_FOR_A_REDRIVE", 899)
    execution = machines.run(LOOP)
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Runtime")
    assert execution["cause"] == "The execution reached the maximum number of history events (900)."
    *_, before, last = machines.history(execution["executionArn"])
    assert (last["id"], last["previousEventId"], last["type"]) == (900, before["id"], "ExecutionFailed")
    assert last["executionFailedEventDetails"] == {"error": execution["error"], "cause": execution["cause"]}
    assert execution["redriveStatusReason"] == "Execution history event limit exceeded"


def test_a_success_may_be_the_last_event(machines, monkeypatch):
    monkeypatch.setattr(history, "MOST_EVENTS", 4)
    assert machines.run(PASS)["status"] == "SUCCEEDED"
    monkeypatch.setattr(history, "MOST_EVENTS", 3)
    found = machines.run(PASS)
    assert found["status"] == "FAILED"
    types = [event["type"] for event in machines.history(found["executionArn"])]
    assert types == ["ExecutionStarted", "PassStateEntered", "ExecutionFailed"]


def test_no_catch_hides_a_full_history(machines, monkeypatch):
    monkeypatch.setattr(history, "MOST_EVENTS", 200)
    inner = {"StartAt": "Pass", "States": PASS}
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]
    each = {"Type": "Map", "MaxConcurrency": 3, "ItemProcessor": inner, "Catch": catch, "End": True}
    found = machines.run({"Each": each, "Done": {"Type": "Succeed"}}, list(range(100)))
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    events = machines.history(found["executionArn"])
    assert (len(events), events[-1]["type"]) == (200, "ExecutionFailed")
    assert [event["id"] for event in events] == list(range(1, 201))


def test_a_machine_of_a_long_name_is_refused(machines):
    definition = json.dumps({"StartAt": "Pass", "States": PASS})
    with pytest.raises(ClientError, match="less than or equal to 80"):
        machines.client.create_state_machine(name="x" * 81, definition=definition, roleArn=ROLE)

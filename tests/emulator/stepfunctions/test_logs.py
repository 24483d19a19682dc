"""A state machine that is told to log writes the events of its executions to CloudWatch Logs."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.emulator.stepfunctions.machines import ROLE, Machines, message

PASS = {"Pass": {"Type": "Pass", "Result": {"secret": 1}, "End": True}}
FAIL = {"First": {"Type": "Pass", "Next": "Fail"}, "Fail": {"Type": "Fail", "Error": "Bad", "Cause": "because"}}
GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:{}:*"


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


def destination(group):
    return [{"cloudWatchLogsLogGroup": {"logGroupArn": GROUP.format(group)}}]


def logged(aws, machines, states, **configuration):
    """The execution and what its group has got."""
    group = f"/states/{uuid.uuid4().hex}"
    logs = aws("logs")
    logs.create_log_group(logGroupName=group)
    machine = machines.client.create_state_machine(
        name=f"m{uuid.uuid4().hex}",
        definition=json.dumps({"StartAt": next(iter(states)), "States": states}),
        roleArn=ROLE,
        loggingConfiguration={"destinations": destination(group), **configuration},
    )["stateMachineArn"]
    execution = machines.start(machine, input='{"secret": 0}')
    machines.ended(execution)
    return execution, entries(logs, group)


def entries(logs, group):
    return [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName=group)["events"]]


def test_all_writes_every_event_with_its_data(aws, machines):
    execution, found = logged(aws, machines, PASS, level="ALL", includeExecutionData=True)
    history = machines.history(execution)
    assert [entry["type"] for entry in found] == [event["type"] for event in history]
    assert all(entry["execution_arn"] == execution for entry in found)
    timestamp = found[2].pop("event_timestamp")
    assert timestamp == str(round(history[2]["timestamp"].timestamp() * 1000))
    assert found[2] == {
        "id": "3",
        "type": "PassStateExited",
        "details": {"name": "Pass", "output": '{"secret":1}', "outputDetails": {"truncated": False}},
        "previous_event_id": "2",
        "execution_arn": execution,
        "redrive_count": "0",
    }


def test_without_execution_data_no_value_is_written(aws, machines):
    _, found = logged(aws, machines, PASS, level="ALL", includeExecutionData=False)
    assert len(found) == 4
    assert "secret" not in str(found)
    assert found[0]["details"] == {"roleArn": ROLE}
    assert found[3]["details"] == {}


@pytest.mark.parametrize(
    ("level", "types"),
    [("ERROR", ["FailStateEntered", "ExecutionFailed"]), ("FATAL", ["ExecutionFailed"]), ("OFF", [])],
)
def test_a_level_writes_its_events(aws, machines, level, types):
    _, found = logged(aws, machines, FAIL, level=level)
    assert [entry["type"] for entry in found] == types


def test_a_redrive_is_counted(aws, machines):
    execution, found = logged(aws, machines, FAIL, level="ALL")
    machines.client.redrive_execution(executionArn=execution)
    machines.ended(execution)
    logs = aws("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups(logGroupNamePrefix="/states/")["logGroups"]]
    (after,) = [told for group in groups if (told := entries(logs, group)) and told[0]["execution_arn"] == execution]
    assert [(entry["type"], entry["redrive_count"]) for entry in after[len(found) :]] == [
        ("ExecutionRedriven", "1"),
        ("ExecutionFailed", "1"),
    ]


def test_a_group_that_was_deleted_stops_no_execution(aws, machines):
    aws("logs").create_log_group(logGroupName="gone")
    configuration = {"level": "ALL", "destinations": destination("gone")}
    machine = machines.create(PASS)
    machines.client.update_state_machine(stateMachineArn=machine, loggingConfiguration=configuration)
    aws("logs").delete_log_group(logGroupName="gone")
    assert machines.ended(machines.start(machine))["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("destinations", "words"),
    [
        ([], "Must specify exactly one Log Destination."),
        (destination("absent"), "there is no log group absent."),
    ],
)
def test_a_configuration_without_its_group_is_refused(machines, destinations, words):
    with pytest.raises(machines.client.exceptions.InvalidLoggingConfiguration) as error:
        machines.client.update_state_machine(
            stateMachineArn=machines.create(PASS), loggingConfiguration={"level": "ALL", "destinations": destinations}
        )
    assert message(error) == f"Invalid Logging Configuration: {words}"


def test_a_machine_that_is_told_nothing_does_not_log(machines):
    found = machines.client.describe_state_machine(stateMachineArn=machines.create(PASS))
    assert found["loggingConfiguration"] == {"level": "OFF", "includeExecutionData": False}

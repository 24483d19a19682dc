"""Executions and machines are described and listed as on AWS, page by page."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.emulator.stepfunctions.machines import ROLE, Machines, message, refused

PASS = {"Pass": {"Type": "Pass", "End": True}}
WAIT = {"Wait": {"Type": "Wait", "Seconds": 30, "End": True}}
FAIL = {"Fail": {"Type": "Fail", "Error": "Bad", "Cause": "because"}}


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


def pages(client, machine, **more):
    found = client.get_paginator("list_executions").paginate(stateMachineArn=machine, **more)
    return [[execution["name"] for execution in page["executions"]] for page in found]


def test_executions_are_listed_newest_first_in_pages(machines):
    machine = machines.create(PASS)
    for n in range(7):
        machines.ended(machines.start(machine, name=f"n{n}"))
    found = pages(machines.client, machine, PaginationConfig={"PageSize": 3})
    assert found == [["n6", "n5", "n4"], ["n3", "n2", "n1"], ["n0"]]


def test_a_list_is_stable_while_executions_start_and_end(machines):
    machine = machines.create({"Wait": {"Type": "Wait", "Seconds": 1, "End": True}})
    started = [machines.start(machine, name=f"n{n}") for n in range(4)]
    first = machines.client.list_executions(stateMachineArn=machine, maxResults=2)
    assert [execution["name"] for execution in first["executions"]] == ["n3", "n2"]
    for execution in started:
        machines.ended(execution)
    machines.start(machine, name="later")
    second = machines.client.list_executions(stateMachineArn=machine, maxResults=2, nextToken=first["nextToken"])
    assert [execution["name"] for execution in second["executions"]] == ["n1", "n0"]
    assert "nextToken" not in second


def test_a_list_mixes_running_and_ended_executions(machines):
    machine = machines.create(
        {
            "Which": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.wait", "BooleanEquals": True, "Next": "Wait"}],
                "Default": "Done",
            },
            "Wait": {"Type": "Wait", "Seconds": 30, "Next": "Done"},
            "Done": {"Type": "Succeed"},
        }
    )
    running = [machines.start(machine, name=f"r{n}", input='{"wait": true}') for n in range(2)]
    machines.ended(machines.start(machine, name="quick", input='{"wait": false}'))
    running.append(machines.start(machine, name="r2", input='{"wait": true}'))
    assert pages(machines.client, machine) == [["r2", "quick", "r1", "r0"]]
    assert pages(machines.client, machine, statusFilter="SUCCEEDED") == [["quick"]]
    assert pages(machines.client, machine, statusFilter="RUNNING") == [["r2", "r1", "r0"]]
    for execution in running:
        machines.client.stop_execution(executionArn=execution)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (
            {"statusFilter": "succeeded"},
            "Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: "
            "[SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
        ),
        (
            {"maxResults": 1001},
            "Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal "
            "to 1000",
        ),
    ],
)
def test_a_list_refuses_what_aws_refuses(machines, wanted, words):
    with pytest.raises(ClientError) as error:
        machines.client.list_executions(stateMachineArn=machines.create(PASS), **wanted)
    assert refused(error) == "ValidationException"
    assert message(error) == f"1 validation error detected: {words}"


def test_a_token_of_another_list_is_refused(machines):
    machine = machines.create(PASS)
    for _ in range(2):
        machines.ended(machines.start(machine))
    token = machines.client.list_executions(stateMachineArn=machine, maxResults=1)["nextToken"]
    for wanted in ({"nextToken": "nonsense"}, {"nextToken": token, "statusFilter": "FAILED"}):
        with pytest.raises(ClientError) as error:
            machines.client.list_executions(stateMachineArn=machine, **wanted)
        assert refused(error) == "InvalidToken"


def test_machines_are_listed_by_name_in_pages(machines):
    names = [f"listed{n}" for n in range(5)]
    for name in reversed(names):
        machines.create(PASS, name)
    found = machines.client.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2})
    listed = [machine["name"] for page in found for machine in page["stateMachines"]]
    assert [name for name in listed if name in names] == names
    assert listed == sorted(listed)


def test_a_success_is_described_in_the_fields_of_aws(machines):
    execution = machines.start(machines.create(PASS), name="one", input='{"a": 1}', traceHeader="Root=1-2-3")
    found = machines.ended(execution)
    del found["ResponseMetadata"]
    assert found.pop("startDate") <= found.pop("stopDate")
    assert found.pop("stateMachineArn") == execution.replace(":execution:", ":stateMachine:").removesuffix(":one")
    assert found == {
        "executionArn": execution,
        "name": "one",
        "status": "SUCCEEDED",
        "input": '{"a": 1}',
        "inputDetails": {"included": True},
        "output": '{"a":1}',
        "outputDetails": {"included": True},
        "traceHeader": "Root=1-2-3",
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
    }


def test_what_runs_has_no_end_and_what_failed_no_output(machines):
    running = machines.client.describe_execution(executionArn=machines.start(machines.create(WAIT)))
    assert running["redriveStatusReason"] == "Execution is RUNNING and cannot be redriven"
    assert not {"stopDate", "output", "outputDetails", "error"} & set(running)
    machines.client.stop_execution(executionArn=running["executionArn"])
    failed = machines.run(FAIL)
    assert (failed["error"], failed["cause"], failed["redriveStatus"]) == ("Bad", "because", "REDRIVABLE")
    assert not {"output", "outputDetails"} & set(failed)


def test_metadata_only_leaves_the_data_out(machines):
    execution = machines.run(PASS, {"secret": 1})["executionArn"]
    found = machines.client.describe_execution(executionArn=execution, includedData="METADATA_ONLY")
    assert found["status"] == "SUCCEEDED"
    assert not {"input", "output"} & set(found)


def test_the_machine_of_an_execution_is_what_it_was_at_its_start(machines):
    machine = machines.create(PASS)
    execution = machines.start(machine)
    machines.ended(execution)
    changed = {"StartAt": "Other", "States": {"Other": {"Type": "Succeed"}}}
    machines.client.update_state_machine(stateMachineArn=machine, definition=json.dumps(changed))
    found = machines.client.describe_state_machine_for_execution(executionArn=execution)
    assert json.loads(found["definition"])["StartAt"] == "Pass"
    assert (found["stateMachineArn"], found["roleArn"]) == (machine, ROLE)
    assert found["updateDate"]
    now = machines.client.describe_state_machine(stateMachineArn=machine)
    assert json.loads(now["definition"]) == changed


def test_a_history_goes_backwards_in_pages(machines):
    states = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(3)} | {"S3": {"Type": "Succeed"}}
    execution = machines.run(states)["executionArn"]
    found = machines.client.get_paginator("get_execution_history").paginate(
        executionArn=execution, reverseOrder=True, PaginationConfig={"PageSize": 4}
    )
    pages = [[event["id"] for event in page["events"]] for page in found]
    assert pages == [[10, 9, 8, 7], [6, 5, 4, 3], [2, 1]]


def test_a_history_without_execution_data_has_no_values(machines):
    execution = machines.run(PASS, {"secret": 1})["executionArn"]
    assert "secret" in str(machines.history(execution))
    found = machines.history(execution, includeExecutionData=False)
    assert "secret" not in str(found)
    assert found[1]["stateEnteredEventDetails"] == {"name": "Pass"}


def test_the_executions_of_a_deleted_machine_are_gone_and_its_name_is_free(machines):
    machine = machines.create(PASS, "again")
    ended = machines.start(machine, name="one")
    machines.ended(ended)
    machines.client.delete_state_machine(stateMachineArn=machine)
    with pytest.raises(machines.client.exceptions.ExecutionDoesNotExist):
        machines.client.describe_execution(executionArn=ended)
    machine = machines.create(PASS, "again")
    assert machines.listed(machine) == []
    assert machines.start(machine, name="one") == ended

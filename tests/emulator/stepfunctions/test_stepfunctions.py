"""State machines run, are named, listed and told as on AWS."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.emulator.stepfunctions.clocks import start_clocks_after
from tests.emulator.stepfunctions.machines import ROLE, Machines


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


def task(resource, parameters, **more):
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True, **more}


WAIT = {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}
PASS = {"Pass": {"Type": "Pass", "End": True}}


def refused(error):
    return error.value.response["Error"]["Code"]


def test_an_execution_without_a_name_gets_one(machines):
    first, second = (machines.start(machine) for machine in [machines.create(PASS)] * 2)
    assert first != second
    assert uuid.UUID(first.rsplit(":", 1)[1])


def test_the_output_is_json_text(machines):
    found = machines.run(PASS, {"a": [1, "ü"], "b": None})
    assert json.loads(found["output"]) == {"a": [1, "ü"], "b": None}


def test_names_have_at_most_80_characters_and_no_colon(machines):
    machine = machines.create(PASS)
    machines.start(machine, name="x" * 80)
    with pytest.raises(ClientError, match="less than or equal to 80"):
        machines.start(machine, name="x" * 81)
    with pytest.raises(ClientError) as error:
        machines.start(machine, name="a:b")
    assert refused(error) == "InvalidName"


def test_the_same_name_and_input_while_running_is_the_same_execution(machines):
    machine = machines.create(WAIT)
    first = machines.start(machine, name="one", input='{"a": 1}')
    assert machines.start(machine, name="one", input='{"a": 1}') == first
    with pytest.raises(machines.client.exceptions.ExecutionAlreadyExists):
        machines.start(machine, name="one", input='{"a": 2}')
    machines.client.stop_execution(executionArn=first)


def test_the_name_of_an_ended_execution_is_taken(machines):
    machine = machines.create(PASS)
    machines.ended(machines.start(machine, name="one"))
    with pytest.raises(machines.client.exceptions.ExecutionAlreadyExists):
        machines.start(machine, name="one")


def test_of_concurrent_starts_of_one_name_one_execution_comes(machines):
    machine = machines.create(WAIT)
    with ThreadPoolExecutor(8) as pool:
        started = set(pool.map(lambda _: machines.start(machine, name="one", input="{}"), range(24)))
    assert len(started) == 1
    assert len(machines.client.list_executions(stateMachineArn=machine)["executions"]) == 1
    machines.client.stop_execution(executionArn=started.pop())


def test_executions_are_listed_by_status(machines):
    machine = machines.create(WAIT)
    running, stopped = machines.start(machine), machines.start(machine)
    machines.client.stop_execution(executionArn=stopped, error="Enough", cause="of it")
    found = machines.ended(stopped)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Enough", "of it")

    def listed(status):
        answer = machines.client.list_executions(stateMachineArn=machine, statusFilter=status)
        return [execution["executionArn"] for execution in answer["executions"]]

    assert listed("RUNNING") == [running]
    assert listed("ABORTED") == [stopped]
    assert listed("SUCCEEDED") == []
    machines.client.stop_execution(executionArn=running)


def test_the_history_comes_in_pages_and_backwards(machines):
    states = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(9)} | {"S9": {"Type": "Succeed"}}
    execution = machines.run(states)["executionArn"]
    pages = machines.client.get_paginator("get_execution_history").paginate(
        executionArn=execution, PaginationConfig={"PageSize": 5}
    )
    ids = [event["id"] for page in pages for event in page["events"]]
    assert ids == list(range(1, 23))
    last = machines.client.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=1)
    assert [event["type"] for event in last["events"]] == ["ExecutionSucceeded"]


@pytest.mark.parametrize("concurrency", [0, 1, 10])
def test_a_map_over_1000_items_ends_in_order(machines, concurrency):
    inner = {"StartAt": "Pass", "States": PASS}
    states = {"Map": {"Type": "Map", "MaxConcurrency": concurrency, "ItemProcessor": inner, "End": True}}
    found = machines.run(states, list(range(1000)))
    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"]) == list(range(1000))


def test_a_failure_in_one_iteration_is_caught_and_its_neighbours_go_on(machines):
    fail = {"Type": "Fail", "Error": "Bad", "Cause": "item"}
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.n", "NumericEquals": 3, "Next": "Group"}],
        "Default": "Good",
    }
    group = {
        "Type": "Parallel",
        "Branches": [{"StartAt": "Fail", "States": {"Fail": fail}}],
        "Catch": [{"ErrorEquals": ["Bad"], "ResultPath": "$.error", "Next": "Good"}],
        "End": True,
    }
    inner = {"StartAt": "Choose", "States": {"Choose": choice, "Group": group, "Good": {"Type": "Pass", "End": True}}}
    states = {"Map": {"Type": "Map", "MaxConcurrency": 2, "ItemProcessor": inner, "End": True}}
    found = json.loads(machines.run(states, [{"n": n} for n in range(6)])["output"])
    assert [item["n"] for item in found] == list(range(6))
    assert found[3]["error"] == {"Error": "Bad", "Cause": "item"}


@pytest.fixture(scope="module")
def rows(aws):
    """A client, and the empty table `rows`."""
    dynamodb = aws("dynamodb")
    dynamodb.create_table(
        TableName="rows",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return dynamodb


def test_items_of_dynamodb_are_read_by_both_integrations(rows, machines):
    rows.put_item(TableName="rows", Item={"id": {"S": "a"}, "status_text": {"S": "fine"}})
    parameters = {"TableName": "rows", "Key": {"id": {"S": "a"}}}
    for resource in ("dynamodb:getItem", "aws-sdk:dynamodb:getItem"):
        found = json.loads(machines.run({"Get": task(resource, parameters)})["output"])
        assert found["Item"] == {"id": {"S": "a"}, "status_text": {"S": "fine"}}


def test_a_failed_condition_is_caught_by_its_name(rows, machines):
    condition = {"ConditionExpression": "attribute_exists(id)"}
    parameters = {"TableName": "rows", "Item": {"id": {"S": "absent"}}} | condition
    catch = [{"ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"], "ResultPath": "$.error", "Next": "Caught"}]
    put = {**task("dynamodb:putItem", parameters), "Catch": catch}
    found = machines.run({"Put": put, "Caught": {"Type": "Pass", "End": True}})
    assert json.loads(found["output"])["error"]["Error"] == "DynamoDB.ConditionalCheckFailedException"


def test_a_machine_starts_another_and_waits_for_it(machines):
    inner = machines.create({"Pass": {"Type": "Pass", "Result": {"inner": True}, "End": True}})
    parameters = {"StateMachineArn": inner, "Input": {"a": 1}}
    found = json.loads(machines.run({"Run": task("states:startExecution.sync:2", parameters)})["output"])
    assert found["Status"] == "SUCCEEDED"
    assert found["Output"] == {"inner": True}
    assert found["ExecutionArn"].startswith(inner.replace(":stateMachine:", ":execution:"))


def test_answers_are_spelled_as_step_functions_spells_them(aws, machines):
    aws("s3").create_bucket(Bucket="spelled", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    parameters = {"Bucket": "spelled", "Key": "k", "Body": "text"}
    found = json.loads(machines.run({"Put": task("aws-sdk:s3:putObject", parameters)})["output"])
    assert "ETag" in found
    listed = json.loads(machines.run({"List": task("aws-sdk:s3:listObjectsV2", {"Bucket": "spelled"})})["output"])
    assert listed["Contents"][0]["Key"] == "k"
    assert listed["Contents"][0]["LastModified"].endswith("Z")


def test_a_glue_job_is_started_and_waited_for(aws, machines):
    aws("glue").create_job(Name="job", Role=ROLE, Command={"Name": "glueetl", "ScriptLocation": "s3://spelled/k"})
    found = machines.run({"Job": task("glue:startJobRun.sync", {"JobName": "job"})})
    assert found["status"] == "SUCCEEDED", found
    run = json.loads(found["output"])
    assert (run["JobName"], run["JobRunState"]) == ("job", "SUCCEEDED")


def test_a_missing_glue_job_fails_with_its_error(machines):
    found = machines.run({"Job": task("glue:startJobRun.sync", {"JobName": "absent"})})
    assert (found["status"], found["error"]) == ("FAILED", "Glue.EntityNotFoundException")


def test_an_update_does_not_reach_an_execution_that_runs(machines):
    machine = machines.create(WAIT)
    execution = machines.start(machine)
    changed = json.dumps({"StartAt": "Pass", "States": PASS})
    machines.client.update_state_machine(stateMachineArn=machine, definition=changed)
    assert machines.client.describe_execution(executionArn=execution)["status"] == "RUNNING"
    assert machines.ended(machines.start(machine))["status"] == "SUCCEEDED"
    machines.client.stop_execution(executionArn=execution)


def test_a_timed_out_execution_has_a_stop_date(machines, monkeypatch):
    start_clocks_after(monkeypatch, "WaitStateEntered")
    definition = {"StartAt": "Wait", "TimeoutSeconds": 1, "States": WAIT}
    machine = machines.client.create_state_machine(name="late", definition=json.dumps(definition), roleArn=ROLE)
    found = machines.ended(machines.start(machine["stateMachineArn"]))
    assert found["status"] == "TIMED_OUT"
    assert found["stopDate"]


def test_a_test_case_of_the_mock_configuration_answers_for_the_services(machines, tmp_path, monkeypatch):
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}]
    states = {"Ask": task("lambda:invoke", {"FunctionName": "absent", "Payload": {}}, Retry=retry)}
    machine = machines.create(states, name="mocked")
    answers = {"0": {"Throw": {"Error": "Busy", "Cause": "c"}}, "1": {"Return": {"StatusCode": 200, "Payload": 7}}}
    config = {
        "StateMachines": {"mocked": {"TestCases": {"RetryOnce": {"Ask": "BusyThenSeven"}}}},
        "MockedResponses": {"BusyThenSeven": answers},
    }
    path = tmp_path / "MockConfigFile.json"
    path.write_text(json.dumps(config))
    monkeypatch.setenv("SFN_MOCK_CONFIG", str(path))
    execution = machines.start(f"{machine}#RetryOnce")
    found = machines.ended(execution)
    assert json.loads(found["output"])["Payload"] == 7
    types = [e["type"] for e in machines.client.get_execution_history(executionArn=execution)["events"]]
    assert types.count("TaskFailed") == 1
    with pytest.raises(ClientError) as error:
        machines.start(f"{machine}#Absent")
    assert refused(error) == "InvalidName"


def test_the_calls_of_a_machine_are_counted_as_its_own(front, aws, machines):
    queue = aws("sqs").create_queue(QueueName="told")["QueueUrl"]
    front.calls.reset()
    machines.run({"Tell": task("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": "x"})})
    callers = {call.caller for call in front.calls.snapshot() if call.operation == "SendMessage"}
    assert callers == {"states:r"}


def test_five_states_with_a_task_take_a_few_milliseconds(aws, machines):
    queue = aws("sqs").create_queue(QueueName="fast")["QueueUrl"]
    states = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(4)}
    states["S4"] = task("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": "x"})
    machine = machines.create(states)
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        machines.ended(machines.start(machine))
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.3

"""Test cases by `stateMachineArn#TestCase`, as in AWS's Step Functions Local."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.stepfunctions.validation.integrations import EMBEDDED, OPTIMISED
from pipeline.state_machines.history import details_of
from tests.emulator.stepfunctions.machines import Machines

ROLE = "arn:aws:iam::123456789012:role/r"
BUSY = {"Throw": {"Error": "Busy", "Cause": "why"}}


@pytest.fixture
def run(aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`run({"State": {"Type": …}}, answers)` runs a machine whose state `Ask` is mocked; its status and events."""
    client = aws("stepfunctions")
    numbers = iter(range(100))

    def start(states: dict[str, Any], answers: dict[str, Any], case: str = "Case", text: str = "{}"):
        name = f"mocked-{tmp_path.name[-20:]}-{next(numbers)}"
        mocks = {
            "StateMachines": {name: {"TestCases": {"Case": {"Ask": "Answers"}}}},
            "MockedResponses": {"Answers": answers},
        }
        (tmp_path / "Mocks.json").write_text(json.dumps(mocks))
        monkeypatch.setenv("SFN_MOCK_CONFIG", str(tmp_path / "Mocks.json"))
        definition = json.dumps({"StartAt": next(iter(states)), "States": states})
        arn = client.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]
        execution = client.start_execution(stateMachineArn=f"{arn}#{case}", input=text)["executionArn"]
        found = Machines(client).ended(execution)
        return found, client.get_execution_history(executionArn=execution, maxResults=1000)["events"]

    return start


PARAMETERS: dict[str, dict[str, Any]] = {
    "lambda:invoke": {"FunctionName": "absent", "Payload": {}},
    "sqs:sendMessage": {"QueueUrl": "http://absent", "MessageBody": "b"},
    "sns:publish": {"TopicArn": "arn:aws:sns:eu-west-1:123456789012:absent", "Message": "m"},
    "dynamodb:getItem": {"TableName": "absent", "Key": {"k": {"S": "v"}}},
    "glue:startJobRun.sync": {"JobName": "absent"},
    "events:putEvents": {"Entries": [{"Source": "s", "DetailType": "t", "Detail": {}}]},
    "states:startExecution": {"StateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:absent"},
    "aws-sdk:glue:getTable": {"DatabaseName": "absent", "Name": "t"},
}


def task(resource: str = "lambda:invoke", **fields: Any) -> dict[str, Any]:
    where = {"Resource": f"arn:aws:states:::{resource}", "Parameters": PARAMETERS[resource]}
    return {"Type": "Task", **where, "End": True, **fields}


def each(**fields: Any) -> dict[str, Any]:
    inner = {"StartAt": "Ask", "States": {"Ask": task(**fields)}}
    return {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **inner}, "End": True}


def test_calls_are_counted_over_the_iterations_of_a_map(run):
    answers = {"0": {"Return": {"Payload": "a"}}, "1": BUSY, "2": {"Return": {"Payload": "c"}}}
    catch = {"Catch": [{"ErrorEquals": ["Busy"], "Next": "Caught"}]}
    machine = {"Each": each(**catch)}
    machine["Each"]["ItemProcessor"]["States"]["Caught"] = {"Type": "Pass", "Result": "caught", "End": True}
    found, _ = run(machine, answers, text="[1, 2, 3]")
    assert [r if r == "caught" else r["Payload"] for r in json.loads(found["output"])] == ["a", "caught", "c"]


def test_retries_and_waits_take_no_time(run):
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 600, "MaxAttempts": 3, "JitterStrategy": "FULL"}]
    states = {"Wait": {"Type": "Wait", "Seconds": 3600, "Next": "Ask"}, "Ask": task(Retry=retry)}
    found, events = run(states, {"0-2": BUSY, "3": {"Return": {"Payload": 1}}})
    assert (found["status"], [e["type"] for e in events].count("TaskFailed")) == ("SUCCEEDED", 3)


def test_a_call_without_an_answer_ends_the_execution_past_every_retrier_and_catcher(run):
    handlers = {
        "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 5}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 5}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
    }
    found, events = run({"Ask": task(**handlers), "Caught": {"Type": "Succeed"}}, {"0-1": BUSY})
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert found["cause"].endswith("The mocked response 'Answers' has no answer for call 2 of the state 'Ask'")
    assert events[-1]["type"] == "ExecutionFailed"


@pytest.mark.parametrize("resource", PARAMETERS)
def test_a_thrown_error_keeps_its_name_and_cause_in_every_integration(run, resource: str):
    _, events = run({"Ask": task(resource)}, {"0": BUSY})
    (failed,) = [details_of(event) for event in events if event["type"] == "TaskFailed"]
    assert (failed["error"], failed["cause"]) == ("Busy", "why")
    service, _, action = resource.rpartition(":")
    assert (failed["resourceType"], failed["resource"]) == (service, action)


def test_a_case_that_is_not_there_is_refused_with_the_reason(run):
    with pytest.raises(ClientError) as refused:
        run({"Ask": task()}, {"0": BUSY}, case="Absent")
    assert refused.value.response["Error"]["Code"] == "InvalidName"
    assert "Invalid mock test case name 'Absent'" in refused.value.response["Error"]["Message"]


def test_without_a_mock_file_every_case_is_refused(run, monkeypatch: pytest.MonkeyPatch, aws):
    client = aws("stepfunctions")
    definition = json.dumps({"StartAt": "Ask", "States": {"Ask": task()}})
    arn = client.create_state_machine(name="no-mocks", definition=definition, roleArn=ROLE)["stateMachineArn"]
    monkeypatch.delenv("SFN_MOCK_CONFIG", raising=False)
    with pytest.raises(ClientError, match="SFN_MOCK_CONFIG"):
        client.start_execution(stateMachineArn=f"{arn}#Case")


def test_a_parallel_state_that_fails_always_has_the_same_history(run):
    def branch(name):
        wait = {"Type": "Wait", "Seconds": 1, "Next": f"{name} end"}
        return {"StartAt": name, "States": {name: wait, f"{name} end": {"Type": "Pass", "End": True}}}

    asks = {"StartAt": "Ask", "States": {"Ask": task()}}
    states = {"All": {"Type": "Parallel", "Branches": [branch("A"), asks, branch("B")], "End": True}}
    told = {tuple(event["type"] for event in run(states, {"0": BUSY})[1]) for _ in range(5)}
    assert len(told) == 1
    [types] = told
    assert types.count("PassStateExited") == 1, "the branch before the failed one ran, the one after it did not"


def test_a_call_without_an_answer_is_not_caught_around_a_parallel_state_either(run):
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    branch = {"StartAt": "Ask", "States": {"Ask": task()}}
    states = {"All": {"Type": "Parallel", "Branches": [branch], "Catch": catch, "End": True}}
    found, _ = run({**states, "Caught": {"Type": "Succeed"}}, {"7": BUSY})
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert "has no answer for call 0 of the state 'Ask'" in found["cause"]


FUNCTION = {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:absent", "End": True}


@pytest.mark.parametrize("answer", [{"price": 98}, {"StatusCode": 200, "Payload": {"price": 98}}, "hello", None, [1]])
def test_the_answer_for_a_function_named_by_its_arn_is_the_result(run, answer: Any):
    found, events = run({"Ask": FUNCTION}, {"0": {"Return": answer}})
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", answer)
    assert "LambdaFunctionSucceeded" in [event["type"] for event in events]


def test_a_function_named_by_its_arn_fails_as_functions_fail(run):
    catch = [{"ErrorEquals": ["Busy"], "Next": "Caught"}]
    found, events = run({"Ask": {**FUNCTION, "Catch": catch}, "Caught": {"Type": "Pass", "End": True}}, {"0": BUSY})
    assert json.loads(found["output"]) == {"Error": "Busy", "Cause": "why"}
    (failed,) = [details_of(event) for event in events if event["type"] == "LambdaFunctionFailed"]
    assert failed == {"error": "Busy", "cause": "why"}


def of(resource: str, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": {"A": 1}, "End": True, **fields}


NOT_EMBEDDED = [
    f"{service}:{action}{pattern and '.'}{pattern}"
    for service, actions in OPTIMISED.items()
    if service not in EMBEDDED
    for action, patterns in actions.items()
    for pattern in sorted(patterns)
]


# Step Functions knows the fields of what it calls by an SDK, and refuses others before it asks anybody.
BY_SDK = {
    "aws-sdk:emrserverless:startJobRun": {"ApplicationId": "a", "ExecutionRoleArn": "r", "ClientToken": "t"},
    "aws-sdk:athena:listWorkGroups": {"MaxResults": 1},
}


@pytest.mark.parametrize("resource", [*NOT_EMBEDDED, *BY_SDK])
def test_a_case_answers_for_any_integration(run, resource: str):
    parameters = BY_SDK.get(resource, {"A": 1})
    asking = of(resource, Parameters=parameters)
    found, events = run({"Ask": asking}, {"0": {"Return": {"JobId": "j", "camelCase": 1}}})
    assert found["status"] == "SUCCEEDED", found.get("cause")
    assert json.loads(found["output"]) == {"JobId": "j", "camelCase": 1}
    (told,) = [details_of(event) for event in events if event["type"] == "TaskScheduled"]
    assert f"{told['resourceType']}:{told['resource']}" == resource
    assert json.loads(told["parameters"]) == parameters


def test_a_case_fails_any_integration(run):
    catch = [{"ErrorEquals": ["Busy"], "Next": "Caught"}]
    states = {"Ask": of("emr-serverless:startJobRun.sync", Catch=catch), "Caught": {"Type": "Pass", "End": True}}
    found, _ = run(states, {"0": BUSY})
    assert json.loads(found["output"]) == {"Error": "Busy", "Cause": "why"}


def distributed(**fields: Any) -> dict[str, Any]:
    inner = {"StartAt": "Load", "States": {"Load": of("ecs:runTask.sync")}}
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, **inner}
    reader = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "b"}}
    return {
        "Type": "Map",
        "ItemProcessor": processor,
        "ItemReader": reader,
        "ItemBatcher": {"MaxItemsPerBatch": 10},
        "ToleratedFailurePercentage": 5,
        "Label": "each",
        "MaxConcurrency": 100,
        "End": True,
        **fields,
    }


def test_a_case_answers_for_a_distributed_map_as_a_whole(run):
    found, events = run({"Ask": distributed(ResultPath="$.loaded")}, {"0": {"Return": [1, 2]}}, text='{"a": 0}')
    assert json.loads(found["output"]) == {"a": 0, "loaded": [1, 2]}
    assert [event["type"] for event in events[1:-1]] == [
        "MapStateEntered",
        "MapStateStarted",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
    ]


def test_a_case_fails_a_distributed_map(run):
    catch = [{"ErrorEquals": ["Busy"], "Next": "Caught"}]
    found, events = run({"Ask": distributed(Catch=catch), "Caught": {"Type": "Pass", "End": True}}, {"0": BUSY})
    assert json.loads(found["output"]) == {"Error": "Busy", "Cause": "why"}
    assert [event["type"] for event in events[4:6]] == ["MapRunFailed", "MapStateFailed"]


@pytest.mark.parametrize(
    ("state", "feature"),
    [(of("ecs:runTask.sync"), "the optimised integration of ecs"), (distributed(), "Distributed Map")],
)
def test_what_is_not_embedded_and_not_answered_for_ends_the_execution_with_its_name(run, state: Any, feature: str):
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Ask"}]
    found, _ = run({"Go": {**state, "Catch": catch}, "Ask": task()}, {"0": BUSY})
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert f"The embedded AWS does not run {feature}: name the state 'Go' in the test case" in found["cause"]

"""What the embedded Step Functions does not run is refused when the machine is made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from pipeline.emulator.stepfunctions.validation.integrations import _package, sdk_service
from pipeline.emulator.stepfunctions.validation.refusals import refusals
from tests.emulator.stepfunctions.machines import message
from tests.emulator.stepfunctions.running_machines import PASS, Machines, task

OURS = Path(__file__).parents[3] / "definitions" / "state_machines"
INNER = {"StartAt": "P", "States": {"P": PASS}}
DISTRIBUTED = {**INNER, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


def inline(**fields):
    return {"Type": "Map", "ItemProcessor": INNER, "End": True, **fields}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (inline(ItemProcessor=DISTRIBUTED), "Distributed Map"),
        (inline(ToleratedFailureCount=1), "ToleratedFailureCount, which belongs to Distributed Map"),
        (inline(Label="l"), "Label, which belongs to Distributed Map"),
        ({"Type": "Task", "Resource": "arn:aws:states:eu-west-1:123456789012:activity:a", "End": True}, "activities"),
        (task("ecs:runTask.sync", {}), "the optimised integration of ecs"),
        (task("bedrockagentcore:invokeHarness", {}), "the optimised integration of bedrockagentcore"),
        (task("bedrockagentcore:invokeHarness.sync", {}), "is not recognized"),
        (task("lambda:invoke.sync", {"FunctionName": "f"}), "is not recognized"),
        (task("dynamodb:getItem.waitForTaskToken", {}), "is not recognized"),
        (task("aws-sdk:s3:getObjekt", {}), "is not recognized"),
        (task("aws-sdk:nobody:getObject", {}), "is not recognized"),
    ],
)
def test_a_feature_that_is_not_embedded_is_refused_by_name(machines, state, words):
    nested = {"Type": "Parallel", "Branches": [{"StartAt": "A", "States": {"A": state}}], "End": True}
    for states in ({"A": state}, {"Outer": nested}):
        with pytest.raises(ClientError, match=words):
            machines.create(states)


@pytest.mark.parametrize(
    "path", sorted(Path("definitions/state_machines").glob("*.asl.json")), ids=lambda path: path.name
)
def test_our_machines_use_nothing_that_is_refused(path):
    assert refusals(json.loads(path.read_text())) == []


READER = {
    "Resource": "arn:aws:states:::s3:listObjectsV2",
    "ReaderConfig": {"Transformation": "LOAD_AND_FLATTEN", "InputType": "PARQUET"},
    "Parameters": {"Bucket": "b"},
}
WRITER = {"Resource": "arn:aws:states:::s3:putObject", "WriterConfig": {"Transformation": "COMPACT"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"ItemReader": READER},
        {"ItemBatcher": {"MaxItemsPerBatchPath": "$.n", "BatchInput": {"a.$": "$.b"}}},
        {"ResultWriter": WRITER},
        {"QueryLanguage": "JSONata", "Items": "{% $states.input %}", "ItemReader": {"Arguments": {"Bucket": "b"}}},
    ],
)
def test_a_distributed_map_is_named_with_its_state_whatever_it_holds(machines, fields):
    with pytest.raises(ClientError) as refused:
        machines.create({"Each file": inline(ItemProcessor=DISTRIBUTED, **fields)})
    assert message(refused) == (
        "The embedded AWS does not run Distributed Map: only ProcessorConfig.Mode INLINE (state 'Each file')"
    )


def test_each_state_that_is_refused_is_told_with_its_place(machines):
    inner = {"StartAt": "Run", "States": {"Run": task("batch:submitJob.sync", {})}}
    states = {
        "All": {"Type": "Parallel", "Branches": [inner], "Next": "Ask"},
        "Ask": task("aws-sdk:s3:getObjekt", {}),
    }
    definition = json.dumps({"StartAt": "All", "States": states})
    found = machines.client.validate_state_machine_definition(definition=definition)["diagnostics"]
    assert [(each["code"], each["location"]) for each in found] == [
        ("NOT_EMBEDDED", "/States/All/Branches[0]/States/Run"),
        ("SCHEMA_VALIDATION_FAILED", "/States/Ask/Resource"),
    ]


@pytest.mark.parametrize(
    ("written", "service"),
    [
        ("s3", "s3"),
        ("sfn", "stepfunctions"),
        ("emrserverless", "emr-serverless"),
        ("bedrockruntime", "bedrock-runtime"),
        ("elasticloadbalancingv2", "elbv2"),
        ("databasemigration", "dms"),
        ("cloudwatchlogs", "logs"),
        ("costexplorer", "ce"),
        ("config", "config"),
        ("logs", None),
        ("stepfunctions", None),
        ("emr-serverless", None),
        ("nobody", None),
    ],
)
def test_services_of_the_sdk_go_by_the_names_that_aws_gives_them(written, service):
    assert sdk_service(written) == service


def test_every_service_that_botocore_knows_has_a_name():
    for service in get_session().get_available_services():
        found = sdk_service(_package(service))
        assert found is not None
        assert _package(found) == _package(service)

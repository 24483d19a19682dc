"""CreateStateMachine and UpdateStateMachine refuse what AWS refuses, and what the embedded AWS has not."""

from __future__ import annotations

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from tests.emulator.stepfunctions.machines import ROLE, message, refused

PASS = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})
NOWHERE = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "Next": "Absent"}}})
JSONATA = json.dumps(
    {"QueryLanguage": "JSONata", "StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "Output": 1, "Next": "Absent"}}}
)


@pytest.fixture(scope="module")
def client(aws):
    return aws("stepfunctions")


def create(client, definition=PASS, **more):
    given = {"name": f"m{uuid.uuid4().hex}", "roleArn": ROLE, **more}
    return client.create_state_machine(definition=definition, **given)["stateMachineArn"]


def test_a_create_is_refused_with_every_diagnostic(client):
    with pytest.raises(client.exceptions.InvalidDefinition) as error:
        create(client, NOWHERE)
    assert message(error) == (
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: Absent at "
        "/States/Pass/Next, MISSING_END_STATE: Workflow has no terminal state at null'"
    )


def test_an_update_is_refused_and_changes_nothing(client):
    arn = create(client)
    with pytest.raises(client.exceptions.InvalidDefinition):
        client.update_state_machine(stateMachineArn=arn, definition=NOWHERE)
    assert client.describe_state_machine(stateMachineArn=arn)["definition"] == PASS


def test_what_the_interpreter_cannot_run_is_refused_too(client):
    resource = "arn:aws:states:::nowhere:absent"
    definition = json.dumps({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": resource, "End": True}}})
    with pytest.raises(client.exceptions.InvalidDefinition) as error:
        create(client, definition)
    assert message(error).startswith("Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: ")


@pytest.mark.parametrize("definition", [NOWHERE, JSONATA])
def test_a_validation_answers_with_diagnostics(client, definition):
    found = client.validate_state_machine_definition(definition=definition)
    assert (found["result"], found["truncated"]) == ("FAIL", False)
    assert found["diagnostics"] == [
        {
            "severity": "ERROR",
            "code": "MISSING_TRANSITION_TARGET",
            "message": "Missing 'Next' target: Absent",
            "location": "/States/Pass/Next",
        },
        {"severity": "ERROR", "code": "MISSING_END_STATE", "message": "Workflow has no terminal state"},
    ]
    first = client.validate_state_machine_definition(definition=definition, maxResults=1)
    assert (len(first["diagnostics"]), first["truncated"]) == (1, True)


def test_a_valid_definition_is_ok(client):
    found = client.validate_state_machine_definition(definition=PASS)
    assert (found["result"], found["diagnostics"]) == ("OK", [])


def test_a_definition_beyond_1_mb_is_refused(client):
    definition = json.dumps({**json.loads(PASS), "Comment": "x" * 1_048_576})
    with pytest.raises(ClientError) as error:
        create(client, definition)
    assert refused(error) == "ValidationException"
    assert message(error).endswith("Member must have length less than or equal to 1048576")


def test_the_same_machine_may_be_created_again_and_another_one_not(client):
    arn = create(client, name="once")
    assert create(client, name="once") == arn
    other = json.dumps({"StartAt": "Other", "States": {"Other": {"Type": "Succeed"}}})
    with pytest.raises(client.exceptions.StateMachineAlreadyExists) as error:
        create(client, other, name="once")
    assert message(error) == f"State Machine Already Exists: '{arn}'"


def test_express_and_keys_are_refused(client):
    with pytest.raises(client.exceptions.StateMachineTypeNotSupported, match="no Express"):
        create(client, type="EXPRESS")
    key = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k"}
    with pytest.raises(ClientError, match="encrypts no state machines"):
        create(client, encryptionConfiguration=key)


def test_each_update_that_changes_something_makes_a_revision(client):
    arn = create(client)
    assert "revisionId" not in client.describe_state_machine(stateMachineArn=arn)
    first = client.update_state_machine(stateMachineArn=arn, roleArn=f"{ROLE}2")["revisionId"]
    assert client.describe_state_machine(stateMachineArn=arn)["revisionId"] == first
    same = client.update_state_machine(stateMachineArn=arn, roleArn=f"{ROLE}2", definition=PASS)["revisionId"]
    other = client.update_state_machine(stateMachineArn=arn, definition=PASS + " ")["revisionId"]
    assert same == first != other


def test_an_update_of_nothing_is_refused(client):
    with pytest.raises(ClientError) as error:
        client.update_state_machine(stateMachineArn=create(client))
    assert refused(error) == "MissingRequiredParameter"
    assert message(error).startswith("Either the definition, the role ARN, the LoggingConfiguration, or the Tracing")


@pytest.mark.parametrize(
    ("operation", "parameter"),
    [
        ("describe_state_machine", "stateMachineArn"),
        ("list_executions", "stateMachineArn"),
        ("describe_execution", "executionArn"),
        ("get_execution_history", "executionArn"),
    ],
)
def test_what_is_no_arn_is_refused_as_such(client, operation, parameter):
    with pytest.raises(client.exceptions.InvalidArn) as error:
        getattr(client, operation)(**{parameter: "some_name"})
    assert message(error) == "Invalid Arn: 'Invalid ARN prefix: some_name'"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not JSON", "Unrecognized token 'not': was expecting "),
        ("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name'"),
        ("", "Invalid execution input.'"),
    ],
)
def test_an_input_that_is_no_json_is_refused_in_the_words_of_aws(client, text, complaint):
    with pytest.raises(client.exceptions.InvalidExecutionInput) as error:
        client.start_execution(stateMachineArn=create(client), input=text)
    assert message(error).startswith(f"Invalid State Machine Execution Input: '{complaint}")


def test_what_is_not_there_takes_no_tags(client):
    arn = create(client)
    client.tag_resource(resourceArn=arn, tags=[{"key": "team", "value": ""}])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "team", "value": ""}]
    with pytest.raises(client.exceptions.ResourceNotFound) as error:
        client.tag_resource(resourceArn=f"{arn}x", tags=[{"key": "team", "value": "a"}])
    assert message(error) == f"Resource not found: '{arn}x'"

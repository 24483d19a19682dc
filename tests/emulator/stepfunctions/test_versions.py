"""Versions and aliases of state machines: an execution runs the version that its ARN named when it was started."""

from __future__ import annotations

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from pipeline.core.executions import Execution, Executions
from pipeline.emulator.stepfunctions.status_events import ExecutionEvents

from .machines import ROLE, Machines, message, refused


@pytest.fixture
def client(aws):
    return aws("stepfunctions")


@pytest.fixture
def machines(client):
    return Machines(client)


def says(word, *, waits=False):
    states = {"Say": {"Type": "Pass", "Result": word, "End": True}}
    if waits:
        states = {"Wait": {"Type": "Wait", "Seconds": 1, "Next": "Say"}, **states}
    return states


def definition(states):
    return json.dumps({"StartAt": next(iter(states)), "States": states})


def update(client, arn, states, **more):
    return client.update_state_machine(stateMachineArn=arn, definition=definition(states), **more)


def publish(client, arn, **more):
    return client.publish_state_machine_version(stateMachineArn=arn, **more)["stateMachineVersionArn"]


def point(client, version, name="live", **more):
    routes = [{"stateMachineVersionArn": version, "weight": 100}]
    return client.create_state_machine_alias(name=name, routingConfiguration=routes, **more)["stateMachineAliasArn"]


def move(client, alias, version):
    routes = [{"stateMachineVersionArn": version, "weight": 100}]
    client.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=routes)


def test_a_version_runs_what_it_was_published_with(client, machines):
    arn = machines.create(says("old"))
    first = publish(client, arn)
    update(client, arn, says("new"))
    assert first == f"{arn}:1"
    old = machines.ended(machines.start(first))
    assert (old["output"], old["stateMachineArn"], old["stateMachineVersionArn"]) == ('"old"', arn, first)
    assert "stateMachineAliasArn" not in old
    new = machines.ended(machines.start(arn))
    assert new["output"] == '"new"'
    assert "stateMachineVersionArn" not in new
    assert json.loads(client.describe_state_machine(stateMachineArn=first)["definition"])["States"] == says("old")


def test_an_execution_that_runs_ends_with_what_its_alias_pointed_to_at_its_start(client, machines):
    arn = machines.create(says("old", waits=True))
    alias = point(client, publish(client, arn))
    running = machines.start(alias, name="running")
    assert running == f"{arn.replace(':stateMachine:', ':execution:')}:running"
    update(client, arn, says("new"))
    second = publish(client, arn)
    move(client, alias, second)
    later = machines.ended(machines.start(alias))
    assert (later["output"], later["stateMachineVersionArn"]) == ('"new"', second)
    ended = machines.ended(running)
    assert (ended["output"], ended["stateMachineVersionArn"]) == ('"old"', f"{arn}:1")
    assert ended["stateMachineAliasArn"] == later["stateMachineAliasArn"] == alias


def test_a_revision_is_published_once(client, machines):
    arn = machines.create(says("one"))
    assert publish(client, arn) == publish(client, arn, revisionId="INITIAL") == f"{arn}:1"
    update(client, arn, says("one"))
    assert publish(client, arn) == f"{arn}:1"
    revision = update(client, arn, says("two"))["revisionId"]
    with pytest.raises(ClientError) as error:
        publish(client, arn, revisionId="INITIAL")
    assert refused(error) == "ConflictException"
    assert publish(client, arn, revisionId=revision) == f"{arn}:2"
    assert update(client, arn, says("three"), publish=True)["stateMachineVersionArn"] == f"{arn}:3"


def test_versions_are_listed_newest_first_and_leave_one_by_one(client, machines):
    arn = machines.create(says(0))
    for number in range(1, 4):
        publish(client, arn)
        update(client, arn, says(number))
    page = client.list_state_machine_versions(stateMachineArn=arn, maxResults=2)
    rest = client.list_state_machine_versions(stateMachineArn=arn, nextToken=page["nextToken"])
    listed = [each["stateMachineVersionArn"] for each in page["stateMachineVersions"] + rest["stateMachineVersions"]]
    assert listed == [f"{arn}:3", f"{arn}:2", f"{arn}:1"]
    client.delete_state_machine_version(stateMachineVersionArn=f"{arn}:3")
    with pytest.raises(client.exceptions.StateMachineDoesNotExist):
        machines.start(f"{arn}:3")
    assert publish(client, arn) == f"{arn}:4"


def test_a_version_that_an_alias_points_to_is_not_deleted(client, machines):
    version = publish(client, machines.create(says("one")))
    alias = point(client, version)
    with pytest.raises(ClientError) as error:
        client.delete_state_machine_version(stateMachineVersionArn=version)
    assert refused(error) == "ConflictException"
    assert message(error).endswith("[live]")
    client.delete_state_machine_alias(stateMachineAliasArn=alias)
    client.delete_state_machine_version(stateMachineVersionArn=version)


def test_an_alias_needs_a_version_that_is_there_and_a_name_that_is_free(client, machines):
    arn = machines.create(says("one"))
    for nowhere in (arn, f"{arn}:7"):
        with pytest.raises(client.exceptions.StateMachineDoesNotExist):
            point(client, nowhere)
    alias = point(client, publish(client, arn), description="what runs")
    with pytest.raises(ClientError) as error:
        point(client, f"{arn}:1")
    assert refused(error) == "ConflictException"
    described = client.describe_state_machine_alias(stateMachineAliasArn=alias)
    assert described["routingConfiguration"] == [{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
    with pytest.raises(client.exceptions.StateMachineDoesNotExist):
        machines.start(f"{arn}:other")


def test_an_alias_of_two_versions_starts_both(client, machines):
    arn = machines.create(says("old"))
    old = publish(client, arn)
    update(client, arn, says("new"))
    routes = [
        {"stateMachineVersionArn": old, "weight": 50},
        {"stateMachineVersionArn": publish(client, arn), "weight": 50},
    ]
    alias = client.create_state_machine_alias(name="both", routingConfiguration=routes)["stateMachineAliasArn"]
    # That one of them comes never has a chance of 1 in 2**39.
    started = [machines.start(alias) for _ in range(40)]
    assert {machines.ended(execution)["output"] for execution in started} == {'"old"', '"new"'}


def test_executions_are_listed_by_what_started_them(client, machines):
    arn = machines.create(says("one"))
    version = publish(client, arn)
    alias = point(client, version)
    plain, by_version, by_alias = (machines.start(each) for each in (arn, version, alias))
    for execution in (plain, by_version, by_alias):
        machines.ended(execution)
    assert machines.listed(arn) == [by_alias, by_version, plain]
    assert machines.listed(version) == [by_alias, by_version]
    assert machines.listed(alias) == [by_alias]
    newest = client.list_executions(stateMachineArn=arn, maxResults=1)["executions"][0]
    assert (newest["stateMachineVersionArn"], newest["stateMachineAliasArn"]) == (version, alias)


def test_a_name_is_used_once_whatever_it_was_started_by(client, machines):
    arn = machines.create(says("one", waits=True))
    alias = point(client, publish(client, arn))
    name = uuid.uuid4().hex
    assert machines.start(alias, name=name, input="{}") == machines.start(arn, name=name, input="{}")
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        machines.start(alias, name=name, input="[]")


def test_a_redriven_execution_keeps_its_version(client, machines):
    failing = {"Fail": {"Type": "Fail", "Error": "Wrong"}}
    arn = machines.create(failing)
    version = publish(client, arn)
    alias = point(client, version)
    failed = machines.start(alias)
    machines.ended(failed)
    update(client, arn, says("new"))
    move(client, alias, publish(client, arn))
    client.redrive_execution(executionArn=failed)
    again = machines.ended(failed)
    assert (again["status"], again["error"], again["redriveCount"]) == ("FAILED", "Wrong", 1)
    assert (again["stateMachineVersionArn"], again["stateMachineAliasArn"]) == (version, alias)


def test_status_events_name_version_and_alias(client, machines):
    told = []
    events = ExecutionEvents(told.append)
    arn = machines.create(says("one"))
    alias = point(client, publish(client, arn))
    events.start()
    try:
        machines.ended(machines.start(alias))
    finally:
        events.stop()
    named = {
        tuple(event["detail"][name] for name in ("stateMachineArn", "stateMachineVersionArn", "stateMachineAliasArn"))
        for event in told
        # One of an earlier test may end only now.
        if event["detail"]["stateMachineArn"] == arn
    }
    assert named == {(arn, f"{arn}:1", alias)}


def test_a_machine_is_made_with_its_first_version(client):
    made = client.create_state_machine(name="published", definition=definition(says(1)), roleArn=ROLE, publish=True)
    assert made["stateMachineVersionArn"] == f"{made['stateMachineArn']}:1"


def test_the_library_finds_an_execution_by_the_alias_that_it_was_started_by(client, machines):
    arn = machines.create(says("one"))
    executions, alias = Executions(client), point(client, publish(client, arn))
    started = executions.start(alias, "found", "{}")
    machines.ended(started.arn)
    for machine in (alias, f"{arn}:1", arn):
        assert executions.find(machine, "found") == Execution(started.arn, "SUCCEEDED")
    assert executions.start(alias, "found", "{}") == Execution(started.arn, "SUCCEEDED")

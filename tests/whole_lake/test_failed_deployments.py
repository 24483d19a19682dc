"""A deployment that fails, of any stack, leaves the lake as it was, and working (promise 17)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from pipeline.cloudformation.templates import dump_template, load_template, stack_name
from pipeline.core.clients import client
from pipeline.core.errors import SluiceError
from pipeline.deploy import environments
from pipeline.deploy.datasets import application
from pipeline.deploy.datasets.grants import Whereabouts
from pipeline.deploy.embedded import package_folder
from pipeline.deploy.engine import LAKE, stacks_of_lake
from pipeline.deploy.packaging import read_manifest, read_package
from pipeline.emulator.cloudformation import Deployer, StackResult
from pipeline.emulator.cloudformation.records import StackRecord
from pipeline.emulator.supervisor import ACCOUNT

from .conftest import Datasetup, RunningLake, csv_text, pointed_at
from .roles import granted

CSV = {"stage_a": {"format": "csv", "columns": {"id": "string"}}}
STACKS = ("bootstrap", "storage", "catalog", "runtime", "stage_a", "stage_b", "dataset")
STATEFUL = ("bootstrap", "storage", "catalog")
# What makes the lake useless, if it stays: names that lead nowhere, code that is not there, work that is not taken.
HARM: dict[str, tuple[str, Any]] = {
    "AWS::SSM::Parameter": ("Value", "broken"),
    "AWS::IAM::Role": ("Policies", []),
    "AWS::Serverless::Function": ("Handler", "no.such.handler"),
    "AWS::Serverless::StateMachine": ("Logging.Level", "OFF"),
    "AWS::SQS::Queue": ("VisibilityTimeout", 1),
    "AWS::Scheduler::Schedule": ("Target.Input", "broken"),
    "AWS::Glue::Job": ("Command.ScriptLocation", "s3://no/such.py"),
}


@dataclass(frozen=True)
class Deployed:
    """A stack as it was deployed last."""

    name: str
    template: Path
    parameters: Mapping[str, str]


def of_the_lake(lake: RunningLake, stack: str, env: str) -> Deployed:
    """A stack that every environment has once."""
    packaged = read_package(package_folder(lake.root))
    template = lake.root / "cicd" / "bootstrap.yaml" if stack == "bootstrap" else packaged[stack].path
    bucket = f"{LAKE}-{env}-artefacts-{ACCOUNT}-eu-west-1"
    settings = environments.stack_parameters({}, env, laptop=True)
    known = {**settings, **read_manifest(packaged.folder).stack_parameters(bucket)}
    stored = Deployer(client, ACCOUNT, "eu-west-1").planner().parameter
    [(_, _, given)] = stacks_of_lake([template], env, known, stored)
    return Deployed(stack_name(LAKE, env, stack), template, given)


def deployed(lake: RunningLake, dataset: Datasetup, stack: str) -> Deployed:
    env = lake.connected.env
    if stack != "dataset":
        return of_the_lake(lake, stack, env)
    definition = lake.lake.registry.get(dataset.name).dataset
    name = application.stack_name(LAKE, env, dataset.name)
    at = Whereabouts("aws", "eu-west-1", ACCOUNT)
    return Deployed(name, lake.root / application.TEMPLATE, application.stack_parameters(definition, LAKE, env, at))


def harmed(template: Path) -> dict[str, Any]:
    """A template with everything in it broken that can be."""
    broken = load_template(template)
    found = [each for each in broken["Resources"].values() if each["Type"] in HARM]
    assert found, template.name
    for resource in found:
        path, value = HARM[resource["Type"]]
        *outer, last = path.split(".")
        reduce(getitem, outer, resource["Properties"])[last] = value
    return broken


def as_it_stands() -> Iterator[Any]:
    """What services say of the lake, apart from when it was said."""
    for page in client("ssm").get_paginator("describe_parameters").paginate():
        if names := [each["Name"] for each in page["Parameters"]]:
            yield sorted((p["Name"], p["Value"]) for p in client("ssm").get_parameters(Names=names)["Parameters"])
    for function in client("lambda").list_functions()["Functions"]:
        yield function["FunctionName"], function["Handler"], function["Role"], function["Environment"]
    for machine in client("stepfunctions").list_state_machines()["stateMachines"]:
        told = client("stepfunctions").describe_state_machine(stateMachineArn=machine["stateMachineArn"])
        yield told["name"], told["definition"], told["roleArn"], told["loggingConfiguration"]
    for url in client("sqs").list_queues()["QueueUrls"]:
        attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout", "Policy"])
        yield url, attributes["Attributes"]
    for job in client("glue").get_jobs()["Jobs"]:
        yield job["Name"], job["Command"], job["Role"]
    for schedule in client("scheduler").list_schedules()["Schedules"]:
        yield client("scheduler").get_schedule(Name=schedule["Name"])["Target"]
    yield [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]]
    yield client("dynamodb").list_tables()["TableNames"]
    yield sorted(granted())


@pytest.fixture(scope="module")
def dataset(running_lake: RunningLake) -> Datasetup:
    """One whose stack stands."""
    with pointed_at(running_lake):
        return running_lake.define(CSV)


@pytest.mark.parametrize("stack", STACKS)
def test_a_property_that_is_not_known_is_refused_before_anything_changes(
    lake: RunningLake, dataset: Datasetup, tmp_path: Path, stack: str
) -> None:
    was = deployed(lake, dataset, stack)
    deployer = Deployer(client, ACCOUNT, "eu-west-1")
    before, stood = deployer.records.get(was.name), list(as_it_stands())
    broken = harmed(was.template)
    next(iter(broken["Resources"].values()))["Properties"]["NoSuchProperty"] = 1
    path = tmp_path / was.template.name
    path.write_text(dump_template(broken))
    with pytest.raises(SluiceError, match="NoSuchProperty"):
        deployer.deploy(was.name, path, was.parameters)
    assert deployer.records.get(was.name) == before
    assert list(as_it_stands()) == stood


def parameter(name: str) -> dict[str, Any]:
    """A resource that AWS refuses where there is one of its name."""
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Name": name, "Value": "another's"}}


def break_half_way(lake: RunningLake, deployer: Deployer, was: Deployed, folder: Path) -> None:
    """Deploy a template that harms what it can, and whose last resource AWS refuses."""
    broken = harmed(was.template)
    refused = parameter(f"/sluice/{lake.connected.env}/key-arn")
    broken["Resources"]["Taken"] = {**refused, "DependsOn": list(broken["Resources"])}
    path = folder / was.template.name
    path.write_text(dump_template(broken))
    before = deployer.records.get(was.name)
    with pytest.raises(SluiceError, match="already exists"):
        deployer.deploy(was.name, path, was.parameters)
    after = deployer.records.get(was.name)
    assert before is not None
    assert after is not None
    assert (after.status, after.resources) == (before.status, before.resources), was.name


def test_the_lake_takes_a_file_after_a_deployment_of_each_stack_failed_half_way(
    lake: RunningLake, dataset: Datasetup, tmp_path: Path
) -> None:
    dataset.drop("before.csv", csv_text("id", "before"))
    lake.settle()
    deployer = Deployer(client, ACCOUNT, "eu-west-1")
    stood = list(as_it_stands())
    for stack in STACKS:
        break_half_way(lake, deployer, deployed(lake, dataset, stack), tmp_path)
        assert list(as_it_stands()) == stood, stack
    dataset.drop("after.csv", csv_text("id", "after"))
    lake.settle()
    assert sorted(row["id"] for row in dataset.rows()) == ["after", "before"]


def put_something_into(stack: StackRecord) -> None:
    for each in stack.resources.values():
        if each.type == "AWS::S3::Bucket":
            client("s3").put_object(Bucket=each.reference, Key="kept", Body=b"kept")
        if each.type == "AWS::DynamoDB::Table":
            keys = client("dynamodb").describe_table(TableName=each.reference)["Table"]["KeySchema"]
            item = {key["AttributeName"]: {"S": "kept"} for key in keys}
            client("dynamodb").put_item(TableName=each.reference, Item=item)


def what_is_in(stack: StackRecord) -> dict[str, Any]:
    """What each resource of a stack that holds something holds, by logical id."""
    found: dict[str, Any] = {}
    for logical_id, each in stack.resources.items():
        if each.type == "AWS::S3::Bucket":
            found[logical_id] = client("s3").get_object(Bucket=each.reference, Key="kept")["Body"].read()
        if each.type == "AWS::DynamoDB::Table":
            found[logical_id] = client("dynamodb").scan(TableName=each.reference)["Items"]
        if each.type == "AWS::KMS::Key":
            found[logical_id] = client("kms").describe_key(KeyId=each.reference)["KeyMetadata"]["KeyState"]
    return found


def lose_everything(deployer: Deployer, was: Deployed, template: Path, instead: Mapping[str, Any]) -> StackResult:
    """Deploy a template that has one resource instead of all that were in it."""
    declared = load_template(was.template)["Parameters"]
    template.write_text(dump_template({"Parameters": declared, "Resources": {"Instead": dict(instead)}}))
    return deployer.deploy(was.name, template, was.parameters)


def test_what_holds_data_outlasts_a_template_that_lost_it(lake: RunningLake, tmp_path: Path) -> None:
    """In an environment beside the lake's: first the deployment fails, then it succeeds."""
    deployer = Deployer(client, ACCOUNT, "eu-west-1")
    stacks = []
    for stack in STATEFUL:
        stacks.append(of_the_lake(lake, stack, "beside"))
        deployer.deploy(stacks[-1].name, stacks[-1].template, stacks[-1].parameters)
    for was in stacks:
        before = deployer.records.get(was.name)
        assert before is not None
        put_something_into(before)
        held = what_is_in(before)
        assert held, was.name
        with pytest.raises(SluiceError, match="already exists"):
            lose_everything(deployer, was, tmp_path / "lost.yaml", parameter(f"/sluice/{lake.connected.env}/key-arn"))
        assert deployer.records.get(was.name) == before
        assert what_is_in(before) == held
        result = lose_everything(deployer, was, tmp_path / "lost.yaml", parameter(f"/sluice/{was.name}"))
        assert result.kept.keys() == held.keys()
        assert what_is_in(before) == held


def test_a_first_deployment_that_failed_half_way_succeeds_when_it_is_tried_again(
    lake: RunningLake, tmp_path: Path
) -> None:
    """In an environment beside the lake's, each stack that holds something: names in it are those of the template."""
    deployer = Deployer(client, ACCOUNT, "eu-west-1")
    for stack in STATEFUL:
        was = of_the_lake(lake, stack, "again")
        stood = list(as_it_stands())
        broken = load_template(was.template)
        refused = parameter(f"/sluice/{lake.connected.env}/key-arn")
        broken["Resources"]["Taken"] = {**refused, "DependsOn": list(broken["Resources"])}
        path = tmp_path / was.template.name
        path.write_text(dump_template(broken))
        with pytest.raises(SluiceError, match=r"rolled back: it is as it was before\.$"):
            deployer.deploy(was.name, path, was.parameters)
        assert list(as_it_stands()) == stood, stack
        deployer.deploy(was.name, was.template, was.parameters)
        made = deployer.records.get(was.name)
        assert made is not None
        put_something_into(made)
        assert what_is_in(made), stack


def test_a_bucket_that_was_given_something_before_its_first_deployment_failed_is_not_lost(
    lake: RunningLake, tmp_path: Path
) -> None:
    deployer = Deployer(client, ACCOUNT, "eu-west-1")
    made = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "RetainExceptOnCreate"}
    store = {**made, "Properties": {"BucketName": "given-early"}}
    taken = parameter(f"/sluice/{lake.connected.env}/key-arn") | {"DependsOn": "Store"}
    path = tmp_path / "early.yaml"
    path.write_text(dump_template({"Resources": {"Store": store, "Taken": taken}}))

    def give(**_: Any) -> None:
        client("s3").put_object(Bucket="given-early", Key="early", Body=b"early")

    events = client("s3").meta.events
    events.register("before-call.s3.DeleteBucket", give)
    try:
        with pytest.raises(SluiceError, match=r"rolled back, but for Store: .*BucketNotEmpty"):
            deployer.deploy("early", path)
    finally:
        events.unregister("before-call.s3.DeleteBucket", give)
    assert client("s3").get_object(Bucket="given-early", Key="early")["Body"].read() == b"early"
    client("s3").delete_object(Bucket="given-early", Key="early")
    path.write_text(dump_template({"Resources": {"Store": store}}))
    assert deployer.deploy("early", path).changed == ("Store",)

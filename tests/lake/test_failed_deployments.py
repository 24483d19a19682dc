"""A deployment that fails, of any stack, leaves the lake as it was, and working (promise 17)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline import environments
from pipeline.cli.starting import ACCOUNT, LAKE
from pipeline.clients import client
from pipeline.datasets import applying
from pipeline.errors import SluiceError
from pipeline.local import state
from pipeline.local.deployer import Deployer
from pipeline.packaging.package import stack_name
from pipeline.packaging.templates import dump_template, load_template

from .conftest import Datasetup, RunningLake, csv_text

CSV = {"stage_a": {"format": "csv", "columns": {"id": "string"}}}
STACKS = ("bootstrap", "storage", "catalog", "runtime", "stage_a", "stage_b", "dataset")
# What makes the lake useless, if it stays: names that lead nowhere, code that is not there, work that is not taken.
HARM: dict[str, dict[str, Any]] = {
    "AWS::SSM::Parameter": {"Value": "broken"},
    "AWS::Serverless::Function": {"Handler": "no.such.handler"},
    "AWS::SQS::Queue": {"VisibilityTimeout": 1},
    "AWS::Scheduler::Schedule": {"Input": "broken"},
    "AWS::Glue::Job": {"Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": "s3://no/such.py"}},
}


@dataclass(frozen=True)
class Deployed:
    """A stack as it was deployed last."""

    name: str
    template: Path
    parameters: Mapping[str, str]


def deployed(lake: RunningLake, dataset: Datasetup, stack: str) -> Deployed:
    env = lake.connected.env
    if stack == "bootstrap":
        template = lake.root / "cicd" / "bootstrap.yaml"
        return Deployed(f"{LAKE}-{env}-bootstrap", template, {"Lake": LAKE, "Env": env})
    if stack == "dataset":
        definition = lake.lake.registry.get(dataset.name).dataset
        name = applying.stack_name(LAKE, env, dataset.name)
        return Deployed(name, lake.root / applying.TEMPLATE, applying.stack_parameters(definition, LAKE, env))
    template = state.state_folder(lake.root) / "build" / "templates" / f"{stack}.yaml"
    known = {**environments.stack_parameters({}, env, laptop=True), "Env": env, "Lake": LAKE}
    declared = load_template(template)["Parameters"]
    return Deployed(stack_name(LAKE, env, stack), template, {k: v for k, v in known.items() if k in declared})


def as_it_stands() -> Iterator[Any]:
    """What services say of the lake, apart from when it was said."""
    for page in client("ssm").get_paginator("describe_parameters").paginate():
        names = [each["Name"] for each in page["Parameters"]]
        yield sorted((p["Name"], p["Value"]) for p in client("ssm").get_parameters(Names=names)["Parameters"])
    for function in client("lambda").list_functions()["Functions"]:
        yield function["FunctionName"], function["Handler"], function["Role"], function["Environment"]
    for url in client("sqs").list_queues()["QueueUrls"]:
        attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout", "Policy"])
        yield url, attributes["Attributes"]
    for job in client("glue").get_jobs()["Jobs"]:
        yield job["Name"], job["Command"], job["Role"]
    for schedule in client("scheduler").list_schedules()["Schedules"]:
        yield client("scheduler").get_schedule(Name=schedule["Name"])["Target"]


@pytest.mark.parametrize("stack", STACKS)
def test_a_property_that_is_not_known_is_refused_before_anything_changes(
    lake: RunningLake, tmp_path: Path, stack: str
) -> None:
    was = deployed(lake, lake.define(CSV), stack)
    deployer = Deployer(client, ACCOUNT, "eu-west-1")
    before, stood = deployer.records.get(was.name), list(as_it_stands())
    broken = load_template(was.template)
    for resource in broken["Resources"].values():
        resource["Properties"] |= HARM.get(resource["Type"], {})
    next(iter(broken["Resources"].values()))["Properties"]["NoSuchProperty"] = 1
    path = tmp_path / was.template.name
    path.write_text(dump_template(broken))
    with pytest.raises(SluiceError, match="NoSuchProperty"):
        deployer.deploy(was.name, path, was.parameters)
    assert deployer.records.get(was.name) == before
    assert list(as_it_stands()) == stood


def break_half_way(lake: RunningLake, deployer: Deployer, was: Deployed, folder: Path) -> None:
    """Deploy a template that harms what it can, and whose last resource AWS refuses."""
    broken = load_template(was.template)
    harmed = 0
    for resource in broken["Resources"].values():
        if resource["Type"] in HARM:
            resource["Properties"] |= HARM[resource["Type"]]
            harmed += 1
    assert harmed, was.name
    name = f"/sluice/{lake.connected.env}/key-arn"
    broken["Resources"]["Taken"] = {
        "Type": "AWS::SSM::Parameter",
        "DependsOn": list(broken["Resources"]),
        "Properties": {"Type": "String", "Name": name, "Value": "another's"},
    }
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
    lake: RunningLake, tmp_path: Path
) -> None:
    dataset = lake.define(CSV)
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

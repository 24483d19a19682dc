"""The lake's own templates deploy to the embedded AWS, all of them, twice, and one dataset's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.cloudformation.templates import stack_name
from pipeline.deploy.packaging import Package, Target, package, upload
from pipeline.emulator.cloudformation import Deployer
from pipeline.lake.settings import Setting
from tests.deploying import deploy_all

Clients = Callable[[str], Any]
Made = tuple[Deployer, Package, dict[str, str]]
ROOT = Path(__file__).parents[3]
DATASET = {
    "Env": "local",
    "Team": "legislators",
    "Dataset": "memberships",
    "Schedule": "rate(5 minutes)",
    "MinObjects": 1,
    "MaxObjects": 100,
    "MaxWait": "30 minutes",
    "ReadableObjects": "legislators/memberships/data/*",
    "ReadableFolders": "legislators/memberships/*",
    "ReadableTables": "memberships",
}


@pytest.fixture(scope="module")
def lake(clients: Clients, tmp_path_factory: pytest.TempPathFactory) -> Made:
    deployer = Deployer(clients, "123456789012", "eu-west-1")
    made = deployer.deploy(
        stack_name("sluice", "local", "bootstrap"), ROOT / "cicd" / "bootstrap.yaml", {"Env": "local"}
    )
    bucket = made.outputs["ArtefactBucket"]
    packaged = package(ROOT, tmp_path_factory.mktemp("build") / "package", target=Target.EMBEDDED)
    parameters = upload(packaged.folder, clients("s3"), bucket, "123456789012")
    deploy_all(deployer, packaged.of_the_lake(), "local", parameters=parameters)
    return deployer, packaged, parameters


def test_every_stack_of_the_lake_is_complete(lake: Made) -> None:
    deployer, packaged, _ = lake
    expected = {stack_name("sluice", "local", path.stem) for path in packaged.of_the_lake()}
    complete = {record.name for record in deployer.records if record.status == "COMPLETE"}
    assert expected <= complete


def test_every_setting_is_published(lake: Made, clients: Clients) -> None:
    pages = clients("ssm").get_paginator("get_parameters_by_path").paginate(Path="/sluice/local", Recursive=True)
    published = {parameter["Name"] for page in pages for parameter in page["Parameters"]}
    assert {setting.parameter("local") for setting in Setting} <= published


def test_deploying_again_changes_nothing(lake: Made) -> None:
    deployer, packaged, parameters = lake
    results = deploy_all(deployer, packaged.of_the_lake(), "local", parameters=parameters)
    assert [result.changed for result in results] == [()] * len(packaged.of_the_lake())


def test_a_datasets_stack_is_made_and_updated(lake: Made) -> None:
    deployer, packaged, _ = lake
    name = stack_name("sluice", "local", "dataset-legislators/memberships")
    made = deployer.deploy(name, packaged["dataset"].path, DATASET)
    assert {"QueueUrl", "DeadLetterQueueUrl"} <= made.outputs.keys()
    again = deployer.deploy(name, packaged["dataset"].path, DATASET | {"Schedule": "rate(1 minute)"})
    assert again.changed == ("PollSchedule",)


def test_the_events_that_cannot_be_handled_are_kept(lake: Made, clients: Clients) -> None:
    functions = {each["FunctionName"] for each in clients("lambda").list_functions()["Functions"]}
    marking = {name for name in functions if "MarkStage" in name}
    assert len(marking) == 2
    for name in marking:
        config = clients("lambda").get_function_event_invoke_config(FunctionName=name, Qualifier="live")
        destination = config["DestinationConfig"]["OnFailure"]["Destination"]
        assert clients("sqs").get_queue_url(QueueName=destination.rpartition(":")[2])

"""A deployment that was killed, at whatever call, is healed by the next."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import Refused
from pipeline.emulator.cloudformation import Deployer, StackResult
from tests.emulator.cloudformation.queues import timeout

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]

BEFORE = """
Resources:
  Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: killed-inbox, VisibilityTimeout: 40}}
  Gone: {Type: AWS::SQS::Queue, Properties: {QueueName: killed-gone}}
  News: {Type: AWS::SNS::Topic, Properties: {TopicName: killed-news-a}}
"""
AFTER = """
Resources:
  Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: killed-inbox, VisibilityTimeout: 60}}
  News: {Type: AWS::SNS::Topic, DependsOn: Inbox, Properties: {TopicName: killed-news-b}}
  Store:
    Type: AWS::S3::Bucket
    DependsOn: News
    DeletionPolicy: RetainExceptOnCreate
    Properties: {BucketName: killed-store}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref News, Protocol: sqs, Endpoint: !GetAtt Inbox.Arn}
"""
WANTED = {
    "queues": {"killed-inbox": "60"},
    "topics": ["killed-news-b"],
    "subscriptions": 1,
    "buckets": ["killed-store"],
}


def state(clients: Clients) -> dict[str, Any]:
    topics = [topic["TopicArn"].rpartition(":")[2] for topic in clients("sns").list_topics()["Topics"]]
    urls = clients("sqs").list_queues(QueueNamePrefix="killed")["QueueUrls"]
    buckets = [bucket["Name"] for bucket in clients("s3").list_buckets()["Buckets"]]
    return {
        "queues": {url.rpartition("/")[2]: timeout(clients, url) for url in urls},
        "topics": [name for name in topics if name.startswith("killed")],
        "subscriptions": len(clients("sns").list_subscriptions()["Subscriptions"]),
        "buckets": [name for name in buckets if name.startswith("killed")],
    }


@pytest.fixture(autouse=True)
def gone(deployer: Deployer, clients: Clients) -> Iterator[None]:
    """Each test begins without the stack, and without the bucket that it retains."""
    yield
    deployer.delete_if_there("killed")
    with contextlib.suppress(clients("s3").exceptions.NoSuchBucket):
        clients("s3").delete_bucket(Bucket="killed-store")


class Killed(BaseException):
    """Nothing catches it, so that nothing is done after it, as if the process were gone."""


def test_a_deployment_that_ends_at_any_call_is_healed_by_the_next(
    deploy: Deploy, clients: Clients, request: pytest.FixtureRequest
) -> None:
    left, last = 0, 0

    def die(model: Any, **_: Any) -> None:
        nonlocal left
        if not model.name.startswith(("Get", "List", "Head", "Describe")):
            left -= 1
            if left == 0:
                raise Killed

    for service in ("s3", "sqs", "sns"):
        clients(service).meta.events.register("after-call", die)
        request.addfinalizer(lambda service=service: clients(service).meta.events.unregister("after-call", die))
    deploy(BEFORE, stack="killed")
    before, ended = state(clients), False
    while not ended:
        left = last = last + 1
        try:
            deploy(AFTER, stack="killed")
            ended, left = True, 0
        except Killed:
            deploy(AFTER, stack="killed")
        assert state(clients) == WANTED, f"killed after {last} calls"
        # Back, for the next round; the bucket is retained and has to be taken by hand.
        deploy(BEFORE, stack="killed")
        clients("s3").delete_bucket(Bucket="killed-store")
        assert state(clients) == before
    assert last > 8


KILLED = """
import os, sys
from pathlib import Path
import boto3
from botocore.config import Config
from pipeline.emulator.cloudformation import Deployer

def client(service):
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    found = boto3.client(service, endpoint_url=sys.argv[1], region_name="eu-west-1", config=config)
    found.meta.events.register("after-call.s3.CreateBucket", die)
    return found

def die(parsed, **_):
    if parsed["ResponseMetadata"]["HTTPStatusCode"] == 200:
        os.kill(os.getpid(), 9)

Deployer(client, "123456789012", "eu-west-1").deploy("killed", Path(sys.argv[2]))
"""


def test_a_deployment_whose_process_was_killed_is_healed_by_the_next(
    deploy: Deploy, clients: Clients, tmp_path: Path
) -> None:
    deploy(BEFORE, stack="killed")
    template, script = tmp_path / "after.yaml", tmp_path / "killed.py"
    template.write_text(AFTER)
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, str(script), clients("s3").meta.endpoint_url, str(template)]
    assert subprocess.run(command, env=environment, check=False).returncode == -9
    assert state(clients)["buckets"] == ["killed-store"]
    deploy(AFTER, stack="killed")
    assert state(clients) == WANTED


@pytest.mark.parametrize("when", ["before-call", "after-call"])
def test_a_protected_table_that_was_being_made_stands_in_nobodys_way(
    deploy: Deploy, clients: Clients, when: str
) -> None:
    def die(**_: Any) -> None:
        raise Killed

    stack = f"protecting-{when}"
    template = f"""
    Resources:
      Rows:
        Type: AWS::DynamoDB::Table
        Properties:
          TableName: {stack}
          DeletionProtectionEnabled: true
          AttributeDefinitions: [{{AttributeName: a, AttributeType: S}}]
          KeySchema: [{{AttributeName: a, KeyType: HASH}}]
    """
    event = f"{when}.dynamodb.CreateTable"
    clients("dynamodb").meta.events.register(event, die)
    try:
        with pytest.raises(Killed):
            deploy(template, stack=stack)
    finally:
        clients("dynamodb").meta.events.unregister(event, die)
    assert deploy(template, stack=stack).changed == ("Rows",)


def test_a_stack_that_another_process_is_deploying_is_left_to_it(deploy: Deploy, deployer: Deployer) -> None:
    deploy("Resources: {Inbox: {Type: AWS::SQS::Queue}}", stack="busy")
    record = deployer.records.get("busy")
    assert record is not None
    record.deployer = os.getppid()
    deployer.records.save(record)
    with pytest.raises(Refused, match=f"busy is being deployed by process {os.getppid()}"):
        deploy("Resources: {Inbox: {Type: AWS::SQS::Queue}}", stack="busy")

"""What fails is undone in reverse, what was killed is healed by the next deployment, and the stack is as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.errors import BadDefinition, Refused
from pipeline.local.deployer import Deployer, StackResult
from pipeline.local.deployer.types import AlreadyExists

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]

WRONG = "Wrong: {Type: AWS::S3::Bucket, DependsOn: [%s], Properties: {BucketName: ab}}"
INBOX = "Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: %s, VisibilityTimeout: %s}}"


def queues(clients: Clients, prefix: str) -> list[str]:
    return [url.rpartition("/")[2] for url in clients("sqs").list_queues(QueueNamePrefix=prefix).get("QueueUrls", [])]


def timeout(clients: Clients, url: str) -> str:
    found = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    return str(found["VisibilityTimeout"])


@pytest.fixture
def calls(clients: Clients) -> Iterator[list[str]]:
    """The names of the calls to SQS and S3, in order."""
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    for service in ("sqs", "s3"):
        clients(service).meta.events.register("before-call", note)
    yield made
    for service in ("sqs", "s3"):
        clients(service).meta.events.unregister("before-call", note)


def test_a_new_stack_that_fails_leaves_nothing(deploy: Deploy, deployer: Deployer, clients: Clients) -> None:
    made = "Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: undone-dead}}"
    with pytest.raises(BadDefinition) as raised:
        deploy(f"Resources: {{{made}, {INBOX % ('undone-inbox', 30)}, {WRONG % 'Inbox, Dead'}}}", stack="undone")
    assert "template.yaml: Wrong: AWS refuses it: InvalidBucketName" in raised.value.message
    assert "undone was rolled back" in raised.value.message
    assert queues(clients, "undone") == []
    assert deployer.records.get("undone") is None
    assert deploy(f"Resources: {{{made}}}", stack="undone").changed == ("Dead",)


def test_what_was_done_is_undone_in_reverse(deploy: Deploy, clients: Clients, calls: list[str]) -> None:
    deploy(f"Resources: {{{INBOX % ('reverse', 30)}}}", stack="reverse")
    new = "Store: {Type: AWS::S3::Bucket, DependsOn: Inbox, Properties: {BucketName: reverse-store}}"
    calls.clear()
    with pytest.raises(BadDefinition):
        deploy(f"Resources: {{{INBOX % ('reverse', 60)}, {new}, {WRONG % 'Store'}}}", stack="reverse")
    told = [name for name in calls if name in ("SetQueueAttributes", "CreateBucket", "DeleteBucket")]
    # The first bucket that is refused was never made; deleting it finds nothing.
    assert told == [
        "SetQueueAttributes", "CreateBucket", "CreateBucket", "DeleteBucket", "DeleteBucket", "SetQueueAttributes",
    ]  # fmt: skip


def test_updated_resources_have_their_old_properties_again(
    deploy: Deploy, deployer: Deployer, clients: Clients
) -> None:
    before = f"Resources: {{{INBOX % ('old-again', 40)}}}"
    url = deploy(before, stack="old-again").resources["Inbox"]
    kept = deployer.records.get("old-again")
    with pytest.raises(BadDefinition, match="old-again was rolled back"):
        deploy(f"Resources: {{{INBOX % ('old-again', 60)}, {WRONG % 'Inbox'}}}", stack="old-again")
    assert timeout(clients, url) == "40"
    assert deployer.records.get("old-again") == kept
    assert deploy(before, stack="old-again").changed == ()


def test_what_would_have_replaced_a_resource_is_deleted_and_the_old_one_stays(deploy: Deploy, clients: Clients) -> None:
    deploy(f"Resources: {{{INBOX % ('stays-a', 30)}}}", stack="stays")
    with pytest.raises(BadDefinition):
        deploy(f"Resources: {{{INBOX % ('stays-b', 30)}, {WRONG % 'Inbox'}}}", stack="stays")
    assert queues(clients, "stays") == ["stays-a"]


def test_nothing_is_removed_before_everything_else_has_worked(deploy: Deploy, clients: Clients) -> None:
    deploy(f"Resources: {{{INBOX % ('not-yet', 30)}}}", stack="not-yet")
    with pytest.raises(BadDefinition):
        deploy(f"Resources: {{{WRONG % ''}}}", stack="not-yet")
    assert queues(clients, "not-yet") == ["not-yet"]


def test_a_half_made_resource_is_deleted(deploy: Deploy, clients: Clients) -> None:
    with pytest.raises(BadDefinition, match="Store: AWS refuses it"):
        deploy(
            """
            Resources:
              Store:
                Type: AWS::S3::Bucket
                Properties:
                  BucketName: half-made
                  Tags: [{Key: "aws:reserved", Value: a}]
            """
        )
    with pytest.raises(ClientError, match="404"):
        clients("s3").head_bucket(Bucket="half-made")


@pytest.mark.parametrize(
    "taken",
    [
        "{Type: AWS::SQS::Queue, Properties: {QueueName: taken}}",
        "{Type: AWS::SNS::Topic, Properties: {TopicName: taken}}",
        "{Type: AWS::S3::Bucket, Properties: {BucketName: taken-bucket}}",
        "{Type: AWS::SSM::Parameter, Properties: {Name: /taken, Type: String, Value: a}}",
        "{Type: AWS::Events::Rule, Properties: {Name: taken, ScheduleExpression: rate(1 day)}}",
    ],
)
def test_a_name_that_is_taken_is_refused_and_its_owner_is_left_alone(
    deploy: Deploy, deployer: Deployer, taken: str
) -> None:
    first = deploy(f"Resources: {{It: {taken}}}")
    with pytest.raises(AlreadyExists):
        deploy(f"Resources: {{It: {taken}}}")
    record = deployer.records.get(first.name)
    assert record is not None
    assert deployer.delete(first.name).deleted == ("It",)


def test_what_no_stack_made_survives_a_deployment_that_wanted_its_name_and_the_next(
    deploy: Deploy, deployer: Deployer, clients: Clients
) -> None:
    clients("sqs").create_queue(QueueName="foreign")
    with pytest.raises(AlreadyExists, match="Nothing of wanting was changed"):
        deploy("Resources: {It: {Type: AWS::SQS::Queue, Properties: {QueueName: foreign}}}", stack="wanting")
    assert deployer.records.get("wanting") is None
    deploy("Resources: {It: {Type: AWS::SQS::Queue, Properties: {QueueName: of-another-name}}}", stack="wanting")
    assert queues(clients, "foreign") == ["foreign"]


def test_a_protected_table_of_a_failed_deployment_is_deleted_too(deploy: Deploy, clients: Clients) -> None:
    with pytest.raises(BadDefinition):
        deploy(
            f"""
            Resources:
              Rows:
                Type: AWS::DynamoDB::Table
                DeletionPolicy: Retain
                Properties:
                  TableName: protected
                  DeletionProtectionEnabled: true
                  AttributeDefinitions: [{{AttributeName: a, AttributeType: S}}]
                  KeySchema: [{{AttributeName: a, KeyType: HASH}}]
              {WRONG % "Rows"}
            """
        )
    assert "protected" not in clients("dynamodb").list_tables()["TableNames"]


def test_what_cannot_be_undone_is_named_and_tried_again(deploy: Deploy, deployer: Deployer, clients: Clients) -> None:
    def fill(model: Any, **_: Any) -> None:
        clients("s3").put_object(Bucket="filling", Key="a", Body=b"a")

    template = (
        f"Resources: {{Store: {{Type: AWS::S3::Bucket, Properties: {{BucketName: filling}}}}, {WRONG % 'Store'}}}"
    )
    clients("s3").meta.events.register("before-call.s3.DeleteBucket", fill)
    try:
        with pytest.raises(BadDefinition, match=r"rolled back, but for Store: .*BucketNotEmpty"):
            deploy(template, stack="filling")
        with pytest.raises(Refused, match=r"earlier deployment of filling cannot be undone: Store: .*BucketNotEmpty"):
            deploy("Resources: {Inbox: {Type: AWS::SQS::Queue}}", stack="filling")
    finally:
        clients("s3").meta.events.unregister("before-call.s3.DeleteBucket", fill)
    clients("s3").delete_object(Bucket="filling", Key="a")
    assert deploy("Resources: {Inbox: {Type: AWS::SQS::Queue}}", stack="filling").changed == ("Inbox",)
    with pytest.raises(ClientError, match="404"):
        clients("s3").head_bucket(Bucket="filling")


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
  Store: {Type: AWS::S3::Bucket, DependsOn: News, DeletionPolicy: Retain, Properties: {BucketName: killed-store}}
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
from pipeline.local.deployer import Deployer

def client(service):
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    found = boto3.client(service, endpoint_url=sys.argv[1], region_name="eu-west-1", aws_access_key_id="local",
                         aws_secret_access_key="local", config=config)
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


def test_a_stack_that_another_process_is_deploying_is_left_to_it(deploy: Deploy, deployer: Deployer) -> None:
    deploy("Resources: {Inbox: {Type: AWS::SQS::Queue}}", stack="busy")
    record = deployer.records.get("busy")
    assert record is not None
    record.deployer = os.getppid()
    deployer.records.save(record)
    with pytest.raises(Refused, match=f"busy is being deployed by process {os.getppid()}"):
        deploy("Resources: {Inbox: {Type: AWS::SQS::Queue}}", stack="busy")

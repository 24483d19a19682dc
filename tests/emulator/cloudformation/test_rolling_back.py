"""What fails is undone in reverse, and the stack is as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.core.errors import BadDefinition, Refused
from pipeline.emulator.cloudformation import Deployer, StackResult
from pipeline.emulator.cloudformation.resource_types import AlreadyExists
from tests.emulator.cloudformation.queues import names, timeout

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]

WRONG = "Wrong: {Type: AWS::S3::Bucket, DependsOn: [%s], Properties: {BucketName: ab}}"
INBOX = "Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: %s, VisibilityTimeout: %s}}"


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
    assert re.search(r"template\.yaml:\d+: Wrong: AWS refuses it: InvalidBucketName", raised.value.message)
    assert "undone was rolled back" in raised.value.message
    assert names(clients, "undone") == []
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
    assert names(clients, "stays") == ["stays-a"]


def test_nothing_is_removed_before_everything_else_has_worked(deploy: Deploy, clients: Clients) -> None:
    deploy(f"Resources: {{{INBOX % ('not-yet', 30)}}}", stack="not-yet")
    with pytest.raises(BadDefinition):
        deploy(f"Resources: {{{WRONG % ''}}}", stack="not-yet")
    assert names(clients, "not-yet") == ["not-yet"]


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
    assert names(clients, "foreign") == ["foreign"]


def test_a_protected_table_of_a_failed_deployment_is_deleted_too(deploy: Deploy, clients: Clients) -> None:
    with pytest.raises(BadDefinition):
        deploy(
            f"""
            Resources:
              Rows:
                Type: AWS::DynamoDB::Table
                DeletionPolicy: RetainExceptOnCreate
                Properties:
                  TableName: protected
                  DeletionProtectionEnabled: true
                  AttributeDefinitions: [{{AttributeName: a, AttributeType: S}}]
                  KeySchema: [{{AttributeName: a, KeyType: HASH}}]
              {WRONG % "Rows"}
            """
        )
    assert "protected" not in clients("dynamodb").list_tables()["TableNames"]


KEPT = "Kept: {Type: AWS::S3::Bucket, DeletionPolicy: %s, Properties: {BucketName: %s}}"


@pytest.mark.parametrize("stands", [False, True], ids=["made by a create", "added by an update"])
@pytest.mark.parametrize("policy", ["Delete", "RetainExceptOnCreate"])
def test_what_a_failed_deployment_made_is_deleted_unless_its_policy_is_retain(
    deploy: Deploy, deployer: Deployer, clients: Clients, policy: str, stands: bool
) -> None:
    stack = f"tried-{policy}-{stands}".lower()
    if stands:
        deploy(f"Resources: {{{INBOX % (stack, 30)}}}", stack=stack)
    made = KEPT % (policy, f"{stack}-store")
    with pytest.raises(BadDefinition, match=r"rolled back: it is as it was before\.$"):
        deploy(f"Resources: {{{INBOX % (stack, 30)}, {made}, {WRONG % 'Kept'}}}", stack=stack)
    assert buckets(clients, stack) == []
    again = f"Resources: {{{INBOX % (stack, 30)}, {made}}}"
    assert "Kept" in deploy(again, stack=stack).changed
    clients("s3").put_object(Bucket=f"{stack}-store", Key="a", Body=b"a")
    with pytest.raises(BadDefinition):
        deploy(f"Resources: {{{made}, {WRONG % 'Kept'}}}", stack=stack)
    assert buckets(clients, stack) == [f"{stack}-store"]
    if policy == "RetainExceptOnCreate":
        assert deployer.delete(stack).kept == {"Kept": f"{stack}-store"}
        assert buckets(clients, stack) == [f"{stack}-store"]


@pytest.mark.parametrize("stands", [False, True], ids=["made by a create", "added by an update"])
def test_what_a_failed_deployment_made_and_retains_stays_and_its_name_is_taken(
    deploy: Deploy, clients: Clients, stands: bool
) -> None:
    stack = f"retained-{stands}".lower()
    if stands:
        deploy(f"Resources: {{{INBOX % (stack, 30)}}}", stack=stack)
    made = KEPT % ("Retain", f"{stack}-store")
    unnamed = "Unnamed: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}"
    with pytest.raises(BadDefinition, match="Kept, Unnamed stays, as its DeletionPolicy is Retain"):
        deploy(f"Resources: {{{INBOX % (stack, 30)}, {made}, {unnamed}, {WRONG % 'Kept, Unnamed'}}}", stack=stack)
    assert buckets(clients, stack) == [f"{stack}-store"]
    (left,) = set(names(clients, stack)) - {stack}
    with pytest.raises(AlreadyExists):
        deploy(f"Resources: {{{INBOX % (stack, 30)}, {made}}}", stack=stack)
    # A name that CloudFormation makes up is another at the next try.
    deploy(f"Resources: {{{INBOX % (stack, 30)}, {unnamed}}}", stack=stack)
    assert len({*names(clients, stack)} - {stack, left}) == 1


def buckets(clients: Clients, prefix: str) -> list[str]:
    names_ = (bucket["Name"] for bucket in clients("s3").list_buckets()["Buckets"])
    return [name for name in names_ if name.startswith(prefix)]


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

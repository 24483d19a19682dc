"""A second deployment: what changed is updated or replaced, what is gone is removed, or kept where that is wanted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.core.errors import BadDefinition, Refused
from pipeline.emulator.cloudformation import StackResult

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]

QUEUE = "Resources: {Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: %s, VisibilityTimeout: %s}}}"
OTHER = "Other: {Type: AWS::SQS::Queue}"


def exists(clients: Clients, url: str) -> bool:
    try:
        clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    except ClientError:
        return False
    return True


def attribute(clients: Clients, url: str, name: str) -> str | None:
    found = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found.get(name)


def test_a_second_deployment_of_the_same_template_changes_nothing(deploy: Deploy) -> None:
    assert deploy(QUEUE % ("again", 30), stack="again").changed == ("Inbox",)
    assert deploy(QUEUE % ("again", 30), stack="again").changed == ()


def test_a_change_updates_the_resource_in_its_place(deploy: Deploy, clients: Clients) -> None:
    before = deploy(QUEUE % ("changing", 40), stack="changing")
    after = deploy(QUEUE % ("changing", 60), stack="changing")
    assert (after.changed, after.resources) == (("Inbox",), before.resources)
    assert attribute(clients, after.resources["Inbox"], "VisibilityTimeout") == "60"


def test_a_replaced_resource_is_made_anew_its_users_follow_and_the_old_one_is_deleted_last(
    deploy: Deploy, clients: Clients
) -> None:
    template = """
    Resources:
      Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: %s}}
      Url: {Type: AWS::SSM::Parameter, Properties: {Name: /replaced/url, Type: String, Value: !Ref Inbox}}
    """
    before = deploy(template % "replaced-a", stack="replaced").resources["Inbox"]
    result = deploy(template % "replaced-b", stack="replaced")
    after = result.resources["Inbox"]
    assert after.endswith("replaced-b")
    assert result.changed == ("Inbox", "Url")
    assert clients("ssm").get_parameter(Name="/replaced/url")["Parameter"]["Value"] == after
    assert not exists(clients, before)


def test_what_has_no_name_of_its_own_is_replaced_under_another(deploy: Deploy, clients: Clients) -> None:
    template = "Resources: {Inbox: {Type: AWS::SQS::Queue%s}}"
    before = deploy(template % "", stack="unnamed").resources["Inbox"]
    fifo = deploy(template % ", Properties: {FifoQueue: true}", stack="unnamed").resources["Inbox"]
    after = deploy(template % "", stack="unnamed").resources["Inbox"]
    assert len({before, fifo, after}) == 3
    assert [exists(clients, url) for url in (before, fifo, after)] == [False, False, True]


def test_a_resource_with_a_name_of_the_template_cannot_be_replaced_under_it(deploy: Deploy) -> None:
    template = """
    Resources:
      Rows:
        Type: AWS::DynamoDB::Table
        Properties:
          TableName: custom-named
          AttributeDefinitions: [{AttributeName: %s, AttributeType: S}]
          KeySchema: [{AttributeName: %s, KeyType: HASH}]
    """
    deploy(template % ("a", "a"), stack="custom")
    with pytest.raises(BadDefinition, match=r"custom-named resource requires replacing\. Rename custom-named"):
        deploy(template % ("b", "b"), stack="custom")


def test_what_leaves_the_template_is_deleted_users_first(deploy: Deploy, clients: Clients) -> None:
    gone = """
      Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: leaving-dead}}
      Inbox:
        Type: AWS::SQS::Queue
        Properties:
          QueueName: leaving-inbox
          RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}
    """
    made = deploy(f"Resources:\n      {OTHER}{gone}", stack="leaving").resources
    result = deploy(f"Resources: {{{OTHER}}}", stack="leaving")
    assert result.removed == ("Inbox", "Dead")
    assert [exists(clients, made[name]) for name in ("Inbox", "Dead", "Other")] == [False, False, True]


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_a_retained_resource_that_leaves_the_template_is_let_go_and_stays(
    deploy: Deploy, clients: Clients, policy: str
) -> None:
    stack = f"letting-go-{policy}"
    stays = f"Inbox: {{Type: AWS::SQS::Queue, DeletionPolicy: {policy}}}"
    url = deploy(f"Resources: {{{stays}, {OTHER}}}", stack=stack).resources["Inbox"]
    result = deploy(f"Resources: {{{OTHER}}}", stack=stack)
    assert (set(result.resources), result.kept) == ({"Other"}, {"Inbox": url})
    assert exists(clients, url)
    again = deploy(f"Resources: {{{stays}, {OTHER}}}", stack=stack).resources["Inbox"]
    assert again != url


def test_the_policy_of_the_last_template_counts_even_if_nothing_else_changed(deploy: Deploy, clients: Clients) -> None:
    template = f"Resources: {{{OTHER}, Inbox: {{Type: AWS::SQS::Queue%s}}}}"
    url = deploy(template % "", stack="policies").resources["Inbox"]
    assert deploy(template % ", DeletionPolicy: Retain", stack="policies").changed == ()
    deploy(f"Resources: {{{OTHER}}}", stack="policies")
    assert exists(clients, url)


def test_what_is_replaced_stays_where_update_replace_policy_says_so(deploy: Deploy, clients: Clients) -> None:
    template = (
        "Resources: {Inbox: {Type: AWS::SQS::Queue, UpdateReplacePolicy: Retain, Properties: {QueueName: kept-%s}}}"
    )
    url = deploy(template % "a", stack="replacing").resources["Inbox"]
    assert deploy(template % "b", stack="replacing").kept == {"Inbox": url}
    assert exists(clients, url)


@pytest.mark.parametrize("name", ["DeletionPolicy", "UpdateReplacePolicy"])
def test_a_policy_that_is_not_honoured_is_refused(deploy: Deploy, name: str) -> None:
    with pytest.raises(BadDefinition, match=rf"Inbox\.{name}: Snapshot is not honoured"):
        deploy(f"Resources: {{Inbox: {{Type: AWS::SQS::Queue, {name}: Snapshot}}}}")


def test_a_bucket_that_is_not_empty_is_left_behind_and_named(deploy: Deploy, clients: Clients) -> None:
    deploy(f"Resources: {{{OTHER}, Store: {{Type: AWS::S3::Bucket, Properties: {{BucketName: full}}}}}}", stack="full")
    clients("s3").put_object(Bucket="full", Key="a", Body=b"a")
    result = deploy(f"Resources: {{{OTHER}}}", stack="full")
    assert (result.removed, set(result.resources)) == ((), {"Other"})
    assert "BucketNotEmpty" in result.left["Store"]
    clients("s3").head_object(Bucket="full", Key="a")


def test_an_export_that_another_stack_imports_cannot_be_changed_or_removed(deploy: Deploy, clients: Clients) -> None:
    exporting = (
        "{Resources: {Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: exported-%s}}}, "
        "Outputs: {Name: {Value: !GetAtt Inbox.QueueName, Export: {Name: the-inbox}}}}"
    )
    url = deploy(exporting % "a", stack="exporting").resources["Inbox"]
    importing = "Resources: {Inbox: {Type: AWS::SQS::Queue, Properties: {Tags: [{Key: a, Value: %s}]}}}"
    deploy(importing % "!ImportValue the-inbox", stack="importing")
    with pytest.raises(Refused, match="export the-inbox, which importing imports"):
        deploy(exporting % "b", stack="exporting")
    with pytest.raises(Refused, match="export the-inbox, which importing imports"):
        deploy(f"Resources: {{{OTHER}}}", stack="exporting")
    assert exists(clients, url)
    deploy(importing % "none", stack="importing")
    assert not deploy(f"Resources: {{{OTHER}}}", stack="exporting").outputs


def test_a_resource_whose_condition_turns_false_is_removed(deploy: Deploy, clients: Clients) -> None:
    template = (
        "{Parameters: {Live: {Type: String}}, Conditions: {Live: !Equals [!Ref Live, 'yes']}, "
        "Resources: {Always: {Type: AWS::SQS::Queue, DependsOn: Dead}, Dead: {Type: AWS::SQS::Queue, Condition: Live}}}"
    )
    url = deploy(template, stack="conditional", Live="yes").resources["Dead"]
    assert deploy(template, stack="conditional", Live="no").removed == ("Dead",)
    assert not exists(clients, url)


def test_the_code_of_functions_jobs_and_machines_follows_the_template(
    deploy: Deploy, clients: Clients, zip_of_a_function: bytes
) -> None:
    template = """
    Resources:
      Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: []}}}
      Work:
        Type: AWS::Lambda::Function
        Properties:
          FunctionName: following
          Role: !GetAtt Role.Arn
          Handler: a.b
          Runtime: python3.12
          Code: {S3Bucket: following-code, S3Key: %(key)s}
          ReservedConcurrentExecutions: %(size)s
          Environment: {Variables: {SIZE: "%(size)s"}}
          %(more)s
      Job:
        Type: AWS::Glue::Job
        Properties:
          {Name: following, Role: !Ref Role, Command: {Name: glueetl, ScriptLocation: s3://following-code/%(key)s}}
      Machine:
        Type: AWS::StepFunctions::StateMachine
        Properties:
          StateMachineName: following
          RoleArn: !GetAtt Role.Arn
          DefinitionString: '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "%(key)s", "End": true}}}'
    """
    location = {"LocationConstraint": "eu-west-1"}
    clients("s3").create_bucket(Bucket="following-code", CreateBucketConfiguration=location)
    for key in ("one", "two"):
        clients("s3").put_object(Bucket="following-code", Key=key, Body=zip_of_a_function + key.encode())
    function, machines = clients("lambda"), clients("stepfunctions")

    def code() -> str:
        return str(function.get_function_configuration(FunctionName="following")["CodeSha256"])

    first = {"key": "one", "size": 3, "more": "MemorySize: 512"}
    made = deploy(template % first, stack="following").resources
    before = code()
    changed = deploy(template % {"key": "two", "size": 4, "more": ""}, stack="following").changed
    assert set(changed) == {"Work", "Job", "Machine"}
    configuration = function.get_function_configuration(FunctionName="following")
    assert code() != before
    assert (configuration["MemorySize"], configuration["Environment"]["Variables"]) == (128, {"SIZE": "4"})
    assert function.get_function_concurrency(FunctionName="following")["ReservedConcurrentExecutions"] == 4
    assert clients("glue").get_job(JobName="following")["Job"]["Command"]["ScriptLocation"].endswith("/two")
    assert '"two"' in machines.describe_state_machine(stateMachineArn=made["Machine"])["definition"]


def test_tags_follow_the_template(deploy: Deploy, clients: Clients) -> None:
    template = "Resources: {Inbox: {Type: AWS::SQS::Queue, Properties: {Tags: %s}}}"
    url = deploy(template % "[{Key: a, Value: 1}, {Key: b, Value: 2}]", stack="tags").resources["Inbox"]
    deploy(template % "[{Key: b, Value: 3}, {Key: c, Value: 4}]", stack="tags")
    assert clients("sqs").list_queue_tags(QueueUrl=url)["Tags"] == {"b": "3", "c": "4"}


def test_an_index_is_added_to_a_standing_table_and_two_at_once_are_refused(deploy: Deploy, clients: Clients) -> None:
    def template(*indexes: str) -> str:
        names = ["a", *indexes]
        return json.dumps(
            {
                "Resources": {
                    "Rows": {
                        "Type": "AWS::DynamoDB::Table",
                        "Properties": {
                            "TableName": "indexed",
                            "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in names],
                            "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
                            "GlobalSecondaryIndexes": [
                                {
                                    "IndexName": f"by-{n}",
                                    "KeySchema": [{"AttributeName": n, "KeyType": "HASH"}],
                                    "Projection": {"ProjectionType": "ALL"},
                                }
                                for n in indexes
                            ],
                        },
                    }
                }
            }
        )

    deploy(template("b"), stack="indexed")
    deploy(template("b", "c"), stack="indexed")
    table = clients("dynamodb").describe_table(TableName="indexed")["Table"]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["by-b", "by-c"]
    with pytest.raises(BadDefinition, match="creates or deletes one index an update"):
        deploy(template("d", "e"), stack="indexed")

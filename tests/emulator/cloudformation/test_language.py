"""Templates that choose, look up and order: conditions, mappings, dynamic references, dependencies, exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import BadDefinition, Refused
from pipeline.emulator.cloudformation import Deployer, StackResult
from tests.deploying import deploy_all

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]


@pytest.fixture
def created(clients: Clients) -> Iterator[list[str]]:
    """Names of the queues that were made, in order."""
    names: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        names.append(params["QueueName"])

    clients("sqs").meta.events.register("provide-client-params.sqs.CreateQueue", note)
    yield names
    clients("sqs").meta.events.unregister("provide-client-params.sqs.CreateQueue", note)


CHOOSING = """
Parameters:
  Env: {Type: String, AllowedValues: [dev, live]}
  Size: {Type: Number, Default: 1, MinValue: 1, MaxValue: 5}
Mappings:
  Timeouts: {dev: {Queue: 31}, live: {Queue: 32}}
Conditions:
  IsLive: !Equals [!Ref Env, live]
  IsLarge: !Not [!Equals [!Ref Size, 1]]
  Watched: !Or [!Condition IsLive, !Condition IsLarge]
  Doubled: !And [!Condition IsLive, !Condition IsLarge]
Resources:
  Inbox:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !FindInMap [Timeouts, !Ref Env, Queue]
      DelaySeconds: !If [Doubled, !Ref Size, !Ref AWS::NoValue]
  Watcher: {Type: AWS::SQS::Queue, Condition: Watched}
"""


@pytest.mark.parametrize(
    ("env", "size", "timeout", "delay", "watched"),
    [("dev", 1, "31", "0", False), ("dev", 2, "31", "0", True), ("live", 1, "32", "0", True),
     ("live", 5, "32", "5", True)],
)  # fmt: skip
def test_conditions_and_mappings_choose(
    deploy: Deploy, clients: Clients, env: str, size: int, timeout: str, delay: str, watched: bool
) -> None:
    made = deploy(CHOOSING, Env=env, Size=size).resources
    found = clients("sqs").get_queue_attributes(QueueUrl=made["Inbox"], AttributeNames=["All"])["Attributes"]
    assert (found["VisibilityTimeout"], found["DelaySeconds"]) == (timeout, delay)
    assert ("Watcher" in made) is watched


def test_a_condition_cannot_refer_to_a_resource(deploy: Deploy) -> None:
    with pytest.raises(BadDefinition, match=r"Conditions\.Odd: refers to Inbox, which"):
        deploy("{Conditions: {Odd: !Equals [!Ref Inbox, a]}, Resources: {Inbox: {Type: AWS::SQS::Queue}}}")


def test_depends_on_orders_what_nothing_else_does(deploy: Deploy, created: list[str]) -> None:
    deploy(
        """
        Resources:
          First: {Type: AWS::SQS::Queue, DependsOn: [Second, Third], Properties: {QueueName: first}}
          Second: {Type: AWS::SQS::Queue, DependsOn: Third, Properties: {QueueName: second}}
          Third: {Type: AWS::SQS::Queue, Properties: {QueueName: third}}
        """
    )
    assert created == ["third", "second", "first"]


def test_dynamic_references_read_parameters_older_versions_and_secrets(deploy: Deploy, clients: Clients) -> None:
    for value in ("one", "two"):
        clients("ssm").put_parameter(Name="/looked/up", Type="String", Value=value, Overwrite=True)
    secret = clients("secretsmanager").create_secret(Name="looked-up", SecretString='{"user": "me"}')["ARN"]
    made = deploy(
        f"""
        Resources:
          Now: {{Type: AWS::SQS::Queue, Properties: {{QueueName: "now-{{{{resolve:ssm:/looked/up}}}}"}}}}
          Then: {{Type: AWS::SQS::Queue, Properties: {{QueueName: "then-{{{{resolve:ssm:/looked/up:1}}}}"}}}}
          Who:
            Type: AWS::SQS::Queue
            Properties: {{QueueName: "who-{{{{resolve:secretsmanager:{secret}:SecretString:user}}}}"}}
        """
    ).resources
    assert [url.rpartition("/")[2] for url in made.values()] == ["now-two", "then-one", "who-me"]


def test_a_secret_stands_in_no_plan_and_on_no_record_and_its_resource_goes_when_it_is_gone(
    deployer: Deployer, clients: Clients, tmp_path: Path
) -> None:
    name = "with-a-secret"
    clients("secretsmanager").create_secret(Name="kept-secret", SecretString="hunter2")
    template = tmp_path / "t.yaml"
    reference = "{{resolve:secretsmanager:kept-secret}}"
    template.write_text(f"Resources: {{News: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: '{reference}'}}}}}}")
    assert "hunter2" not in str(deployer.planner().plan(name, template, {}))
    arn = deployer.deploy(name, template).resources["News"]
    assert clients("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "hunter2"
    assert b"hunter2" not in deployer.records.read_again(name).to_json()
    assert deployer.planner().plan(name, template, {}).changes == ()
    clients("secretsmanager").delete_secret(SecretId="kept-secret", ForceDeleteWithoutRecovery=True)
    assert deployer.delete(name).deleted == ("News",)


def test_a_changed_parameter_changes_what_was_made_from_it(deploy: Deploy, clients: Clients) -> None:
    template = "Resources: {News: {Type: AWS::SNS::Topic, Properties: {DisplayName: '{{resolve:ssm:/changed}}'}}}"
    clients("ssm").put_parameter(Name="/changed", Type="String", Value="old")
    deploy(template, stack="parameter-changed")
    clients("ssm").put_parameter(Name="/changed", Type="String", Value="new", Overwrite=True)
    arn = deploy(template, stack="parameter-changed").resources["News"]
    assert clients("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "new"


def test_the_same_name_is_exported_once(deploy: Deploy) -> None:
    template = "{Resources: {Inbox: {Type: AWS::SQS::Queue}}, Outputs: {%s}}"
    once = "%s: {Value: a, Export: {Name: exported-once}}"
    with pytest.raises(BadDefinition, match=r"Outputs\.B\.Export: exported-once is exported twice"):
        deploy(template % f"{once % 'A'}, {once % 'B'}")
    deploy(template % once % "A")
    with pytest.raises(Refused, match=r"exports exported-once, which .* exports already"):
        deploy(template % once % "A")


def test_an_inner_property_that_is_missing_is_named(deploy: Deploy) -> None:
    template = "Resources: {Store: {Type: AWS::S3::Bucket, Properties: {LifecycleConfiguration: {Rules: [{Id: a}]}}}}"
    with pytest.raises(
        BadDefinition, match=r"Store\.Properties\.LifecycleConfiguration\.Rules\[0\]: Status is missing"
    ):
        deploy(template)


def test_conditions_decide_which_resources_and_outputs_there_are(deploy: Deploy) -> None:
    template = """
    Parameters: {Env: {Type: String}}
    Conditions: {Live: !Equals [!Ref Env, live]}
    Resources:
      Always:
        Type: AWS::SQS::Queue
        Properties: {Tags: [{Key: dead, Value: !If [Live, !Ref Dead, none]}]}
      Dead: {Type: AWS::SQS::Queue, Condition: Live}
    Outputs:
      Dead: {Condition: Live, Value: !Ref Dead}
      Always: {Value: !GetAtt Always.QueueName}
    """
    assert set(deploy(template, Env="dev").resources) == {"Always"}
    live = deploy(template, Env="live")
    assert set(live.resources) == {"Always", "Dead"}
    assert set(live.outputs) == {"Always", "Dead"}


def test_stacks_read_each_others_parameters_and_exports(deployer: Deployer, tmp_path: Path) -> None:
    (tmp_path / "reader.yaml").write_text(
        """
        Parameters: {Env: {Type: String}}
        Resources:
          Inbox:
            Type: AWS::SQS::Queue
            Properties:
              QueueName: !Sub "{{resolve:ssm:/sluice/${Env}/name}}-inbox"
              Tags: [{Key: from, Value: !ImportValue the-name}]
        Outputs: {Name: {Value: !GetAtt Inbox.QueueName}}
        """
    )
    (tmp_path / "writer_two.yaml").write_text(
        """
        Parameters: {Env: {Type: String}}
        Resources:
          Name: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub "/sluice/${Env}/name", Type: String, Value: mine}}
        Outputs: {Name: {Value: !GetAtt Name.Value, Export: {Name: the-name}}}
        """
    )
    results = deploy_all(deployer, list(tmp_path.glob("*.yaml")), "order")
    assert [result.name for result in results] == ["sluice-order-writer-two", "sluice-order-reader"]
    assert results[1].outputs == {"Name": "mine-inbox"}

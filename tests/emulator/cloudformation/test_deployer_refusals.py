"""What the deployer does not honour is an error with file, logical id and property, and nothing is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import BadDefinition
from pipeline.emulator.cloudformation import StackResult

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("Resources: {Cache: {Type: AWS::ElastiCache::CacheCluster}}", "Cache.Type"),
        (
            "Resources: {Inbox: {Type: AWS::SQS::Queue, Properties: {QueueColour: red}}}",
            "Inbox.Properties.QueueColour",
        ),
        (
            "Resources: {Raw: {Type: AWS::S3::Bucket, Properties: {LifecycleConfiguration: "
            "{Rules: [{Status: Enabled, ExpirationInMonths: 3}]}}}}",
            "Raw.Properties.LifecycleConfiguration.Rules[0].ExpirationInMonths",
        ),
        (
            "{Conditions: {Odd: !Equals [a, b]}, Resources: {Inbox: {Type: AWS::SQS::Queue, Properties: "
            "{RedrivePolicy: !If [Odd, {deadLetterQueue: x}, !Ref AWS::NoValue]}}}}",
            "Inbox.Properties.RedrivePolicy.deadLetterQueue",
        ),
        (
            "Resources: {Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: !Cidr [a, 1, 2]}}}",
            "Inbox.Properties.QueueName: the intrinsic Fn::Cidr",
        ),
        (
            "Resources: {Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: '{{resolve:ssm-secure:name}}'}}}",
            "Inbox.Properties.QueueName: dynamic references to ssm-secure",
        ),
        (
            "Resources: {Inbox: {Type: AWS::SQS::Queue, CreationPolicy: {}}}",
            "Inbox.CreationPolicy",
        ),
        (
            "{Transform: AWS::Include, Resources: {Inbox: {Type: AWS::SQS::Queue}}}",
            "Transform: the transform AWS::Include",
        ),
        ("{Rules: {}, Resources: {Inbox: {Type: AWS::SQS::Queue}}}", "Rules"),
        (
            "{Transform: AWS::Serverless-2016-10-31, Resources: {Work: {Type: AWS::Serverless::Function, "
            "Properties: {Handler: a.b, Runtime: python3.12, CodeUri: 's3://b/k', Colour: red}}}}",
            "Work",
        ),
        (
            "{Transform: AWS::Serverless-2016-10-31, Resources: {Work: {Type: AWS::Serverless::Function, "
            "Properties: {Handler: a.b, Runtime: python3.12, CodeUri: 's3://b/k', FileSystemConfigs: [{Arn: a}]}}}}",
            "Work.Properties.FileSystemConfigs",
        ),
    ],
)
def test_what_is_not_honoured_is_named_with_its_file_and_place(
    deploy: Deploy, tmp_path: Path, template: str, named: str
) -> None:
    with pytest.raises(BadDefinition) as raised:
        deploy(template)
    assert str(tmp_path / "template.yaml") in raised.value.message
    assert named in raised.value.message


def test_every_mistake_of_a_template_is_named_at_once_and_nothing_is_made(deploy: Deploy, clients: Clients) -> None:
    with pytest.raises(BadDefinition) as raised:
        deploy(
            """
            Resources:
              Fine: {Type: AWS::SQS::Queue, Properties: {QueueName: never-made}}
              First: {Type: AWS::SQS::Queue, Properties: {Wrong: 1}}
              Second: {Type: AWS::SQS::Stack}
            """
        )
    assert "First.Properties.Wrong" in raised.value.message
    assert "Second.Type" in raised.value.message
    assert "QueueUrls" not in clients("sqs").list_queues(QueueNamePrefix="never-made")


def test_a_reference_to_nothing_is_named_with_its_place(deploy: Deploy) -> None:
    with pytest.raises(BadDefinition, match=r"Inbox\.Properties\.Tags\[0\]\.Value: refers to Missing"):
        deploy(
            """
            Resources:
              Inbox:
                Type: AWS::SQS::Queue
                Properties: {Tags: [{Key: a, Value: !Sub "x-${Missing.Arn}"}]}
            """
        )


def test_an_attribute_that_a_type_does_not_have_is_named_with_those_it_has(deploy: Deploy) -> None:
    with pytest.raises(BadDefinition, match=r"Size of Inbox is not honoured \(known: Arn, QueueName, QueueUrl\)"):
        deploy("{Resources: {Inbox: {Type: AWS::SQS::Queue}}, Outputs: {Size: {Value: !GetAtt Inbox.Size}}}")


def test_what_aws_refuses_is_told_with_its_answer(deploy: Deploy) -> None:
    template = "Resources: {Raw: {Type: AWS::S3::Bucket, Properties: {BucketName: ab}}}"
    with pytest.raises(BadDefinition, match="Raw: AWS refuses it: InvalidBucketName"):
        deploy(template)


def test_a_missing_property_is_named(deploy: Deploy) -> None:
    with pytest.raises(BadDefinition, match=r"Rules\.Properties: PolicyDocument is missing"):
        deploy("Resources: {Rules: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: a}}}")


def test_a_circle_of_resources_is_named(deploy: Deploy) -> None:
    with pytest.raises(BadDefinition, match="A -> B -> A"):
        deploy("Resources: {A: {Type: AWS::SQS::Queue, DependsOn: B}, B: {Type: AWS::SQS::Queue, DependsOn: [A]}}")


@pytest.mark.parametrize(
    ("declaration", "given", "complaint"),
    [
        ("{Type: String}", {}, "no value is given"),
        ("{Type: String, AllowedValues: [a, b]}", {"P": "c"}, "'c' is none of a, b"),
        ("{Type: String, AllowedPattern: '[a-z]+'}", {"P": "a1"}, "does not match"),
        ("{Type: Number}", {"P": "x"}, "is not a number"),
        ("{Type: Number, MaxValue: 5}", {"P": 6}, "out of range"),
        ("{Type: String, MinLength: 2}", {"P": "a"}, "too short"),
        ("{Type: AWS::EC2::KeyPair::KeyName}", {"P": "a"}, "parameter type AWS::EC2::KeyPair::KeyName"),
        ("{Type: 'AWS::SSM::Parameter::Value<String>'}", {"P": "/not/there"}, "Parameter Store has no /not/there"),
        ("{Type: String}", {"P": "a", "Q": "b"}, r"Parameters\.Q: the template declares no such parameter"),
    ],
)
def test_parameters_are_checked_as_declared(
    deploy: Deploy, declaration: str, given: dict[str, str], complaint: str
) -> None:
    template = f"{{Parameters: {{P: {declaration}}}, Resources: {{Inbox: {{Type: AWS::SQS::Queue}}}}}}"
    with pytest.raises(BadDefinition, match=complaint):
        deploy(template, **given)


def test_a_key_that_stands_twice_is_refused(deploy: Deploy) -> None:
    with pytest.raises(BadDefinition, match="'Inbox' stands twice"):
        deploy("Resources: {Inbox: {Type: AWS::SQS::Queue}, Inbox: {Type: AWS::SNS::Topic}}")


def test_what_only_the_embedded_aws_refuses_is_not_said_to_be_aws(deploy: Deploy) -> None:
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask"}}}'
    definition = definition.replace('runTask"', 'runTask", "End": true')
    with pytest.raises(BadDefinition) as refused:
        deploy(
            f"""
            Resources:
              Machine:
                Type: AWS::StepFunctions::StateMachine
                Properties: {{RoleArn: "arn:aws:iam::123456789012:role/r", DefinitionString: '{definition}'}}
            """
        )
    assert "Machine: The embedded AWS does not run the optimised integration of ecs (state 'A')" in str(refused.value)
    assert "AWS refuses it" not in str(refused.value)

"""Each function of CloudFormation gives what AWS's documentation says."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.cloudformation.intrinsics import NO_VALUE, Scope
from pipeline.cloudformation.locations import Place
from pipeline.core.errors import BadDefinition

PLACE = Place("t.yaml", ("Resources", "R", "Properties"))


def scope() -> Scope:
    parameters = {"/sluice/dev/x": "stored", "/sluice/dev/n": "7"}
    return Scope(
        parameters={"Env": "dev", "List": ["a", "b"], "Size": "3"},
        pseudo={"AWS::Region": "eu-west-1", "AWS::Partition": "aws"},
        mappings={"Sizes": {"dev": {"Small": 1}}},
        conditions={
            "IsDev": {"Fn::Equals": [{"Ref": "Env"}, "dev"]},
            "IsLive": {"Fn::Not": [{"Condition": "IsDev"}]},
            "Either": {"Fn::Or": [{"Condition": "IsLive"}, {"Condition": "IsDev"}]},
            "Round": {"Fn::Not": [{"Condition": "Round"}]},
            "Both": {"Fn::And": [{"Condition": "IsLive"}, {"Condition": "IsDev"}]},
        },
        ssm=parameters.__getitem__,
        exports=lambda: {"dev-export": "exported"},
        secrets={"plain": "word", "db": '{"user": "me"}'}.__getitem__,
        references={"Queue": "https://queue"},
        attributes={"Queue": {"Arn": "arn:queue", "Deep.Name": "deep"}},
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Env"}, "dev"),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "Queue"}, "https://queue"),
        ({"Ref": "AWS::NoValue"}, NO_VALUE),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}, {"b": [1]}),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:queue"),
        ({"Fn::GetAtt": "Queue.Deep.Name"}, "deep"),
        ({"Fn::Sub": "${Env}-${Queue.Arn}-${AWS::Region}-${!Env}"}, "dev-arn:queue-eu-west-1-${Env}"),
        ({"Fn::Sub": ["${Env}-${Own}", {"Own": {"Ref": "Size"}}]}, "dev-3"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Env"}, 1]]}, "a-dev-1"),
        ({"Fn::Join": ["/", {"Ref": "List"}]}, "a/b"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,b,c"]}]}, "b"),
        ({"Fn::If": ["IsDev", "yes", "no"]}, "yes"),
        ({"Fn::If": ["IsLive", "yes", {"Ref": "AWS::NoValue"}]}, NO_VALUE),
        ({"Fn::If": ["Either", 1, 2]}, 1),
        ({"Fn::If": ["Both", 1, 2]}, 2),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Env"}, "Small"]}, 1),
        ({"Fn::ImportValue": {"Fn::Sub": "${Env}-export"}}, "exported"),
        ({"Fn::Base64": {"Fn::Sub": "${Env}"}}, "ZGV2"),
        ({"Condition": {"StringEquals": {"a": {"Ref": "Env"}}}}, {"Condition": {"StringEquals": {"a": "dev"}}}),
    ],
)
def test_intrinsics_are_evaluated(value: Any, expected: Any) -> None:
    assert scope().evaluate(value, PLACE) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{resolve:ssm:/sluice/dev/x}}", "stored"),
        ({"Fn::Sub": "a/{{resolve:ssm:/sluice/${Env}/x}}/{{resolve:ssm:/sluice/${Env}/n}}"}, "a/stored/7"),
        ({"Fn::Join": ["", ["{{resolve:ssm:/sluice/", {"Ref": "Env"}, "/x}}"]]}, "stored"),
        ("{{resolve:secretsmanager:plain}}", "{{resolve:secretsmanager:plain}}"),
        ([{"deep": {"Fn::Sub": "{{resolve:ssm:/sluice/${Env}/x}}"}}], [{"deep": "stored"}]),
    ],
)
def test_dynamic_references_are_looked_up_also_when_put_together(value: Any, expected: Any) -> None:
    assert scope().resolved(value, PLACE) == expected


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"Fn::Join": "a"}, "Fn::Join is not written in CloudFormation's form"),
        ({"Fn::If": ["IsDev", 1]}, "Fn::If is not written in CloudFormation's form"),
        ({"Fn::If": ["Round", 1, 2]}, "condition Round refers to itself"),
        ({"Fn::And": [{"Condition": "IsDev"}]}, "take two to ten conditions"),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, "Fn::Cidr is not honoured"),
        ({"Ref": "Nothing"}, "refers to Nothing"),
        ({"Fn::GetAtt": ["Queue", "Size"]}, "attribute Size of Queue"),
        ({"Fn::Select": [3, ["a"]]}, "has no item 3"),
        ({"Fn::FindInMap": ["Sizes", "live", "Small"]}, "finds no live"),
        ({"Fn::ImportValue": "other"}, "no stack exports other"),
        ({"Fn::If": ["Unknown", 1, 2]}, "no condition Unknown"),
        ("{{resolve:ssm:/sluice/live/x}}", "Parameter Store has no /sluice/live/x"),
        ("{{resolve:secretsmanager:none}}", "Secrets Manager has no none"),
        ("{{resolve:secretsmanager:db:SecretString:key}}", "db holds no JSON object with key"),
        ("{{resolve:secretsmanager:plain:SecretString:key}}", "plain holds no JSON object with key"),
        ("{{resolve:secretsmanager:db:SecretString:user:AWSPREVIOUS}}", "names a secret in a form"),
        ({"Fn::FindInMap": ["Sizes", "dev", "Small", {"DefaultValue": 1}]}, "a default needs a transform"),
        ("{{resolve:ssm-secure:/sluice/dev/x}}", "ssm-secure are not honoured"),
    ],
)
def test_what_cannot_be_resolved_is_named_with_its_place(value: Any, complaint: str) -> None:
    with pytest.raises(BadDefinition, match=rf"^t\.yaml: (R\.Properties\.Name|Conditions\.Round): .*{complaint}"):
        scope().resolved({"Name": value}, PLACE)

"""Order is derived: nobody lists stacks or resources in the order of their making."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cloudformation.order import in_stack, of_stacks
from pipeline.core.errors import BadDefinition


def write(folder: Path, **templates: str) -> list[Path]:
    for name, text in templates.items():
        (folder / f"{name}.yaml").write_text(text)
    return [folder / f"{name}.yaml" for name in templates]


PUBLISHES = """
Parameters: {Env: {Type: String}}
Resources:
  Name: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub "/sluice/${Env}/%s", Type: String, Value: x}}
"""
READS = """
Parameters: {Env: {Type: String}, Stage: {Type: String, Default: dev}}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "{{resolve:ssm:/sluice/%s/%s}}-x"}}
"""


def test_a_stack_comes_after_the_one_that_publishes_what_it_reads(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        a=READS % ("${Env}", "key"),
        b=READS % ("${Stage}", "bucket:3"),
        c=PUBLISHES % "key" + (READS % ("${Env}", "bucket")).split("Resources:")[1],
        d=PUBLISHES % "bucket",
    )
    assert [path.stem for path in of_stacks(paths, {"Env": "dev"})] == ["d", "c", "a", "b"]


def test_a_stack_comes_after_the_one_whose_export_it_imports(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        a="Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !ImportValue {'Fn::Sub': '${Env}-n'}}}}",
        b="{Resources: {Q: {Type: AWS::SQS::Queue}}, Outputs: {N: {Value: x, Export: {Name: !Sub '${Env}-n'}}}}",
    )
    assert [path.stem for path in of_stacks(paths, {"Env": "dev"})] == ["b", "a"]


def test_stacks_that_read_each_other_are_refused(tmp_path: Path) -> None:
    both = "\n".join
    paths = write(
        tmp_path,
        a=both([PUBLISHES % "one", (READS % ("${Env}", "two")).split("Resources:")[1]]),
        b=both([PUBLISHES % "two", (READS % ("${Env}", "one")).split("Resources:")[1]]),
    )
    with pytest.raises(BadDefinition, match="in a circle"):
        of_stacks(paths, {"Env": "dev"})


def test_a_stack_that_looks_up_what_it_publishes_is_refused_as_on_aws(tmp_path: Path) -> None:
    paths = write(tmp_path, a=PUBLISHES % "one" + (READS % ("${Env}", "one")).split("Resources:")[1])
    with pytest.raises(BadDefinition, match="which the same stack publishes"):
        of_stacks(paths, {"Env": "dev"})


def test_resources_come_after_what_they_refer_to_and_else_as_written() -> None:
    resources = {
        "Last": {"Properties": {"A": {"Fn::Sub": "${First.Arn}/${Env}"}}},
        "Early": {},
        "First": {"DependsOn": "Zeroth"},
        "Zeroth": {"Properties": {"B": [{"Fn::If": ["C", {"Ref": "Early"}, "x"]}]}},
    }
    assert in_stack(resources, frozenset({"Env"}), "t.yaml") == ["Early", "Zeroth", "First", "Last"]

"""The lake can be deployed in China and in GovCloud: a template names no partition, region or domain of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.templates.rendering import PARTITIONS, rendered, suffix
from tests.templates.test_house_rules import TEMPLATES

_ARN = re.compile(r"arn:([^:\s\"]*):")
_REGION = re.compile(r"\b(?:af|ap|ca|cn|eu|il|me|mx|sa|us|us-gov)-[a-z]+-\d\b")
_DOMAIN = re.compile(r"([\w.-]*)\b(amazonaws\.com(?:\.cn)?|amazon\.com|aws\.dev|api\.aws)\b")
# Principals of these services have the partition's domain; the others' are the same everywhere (the region
# information of AWS's CDK, `servicePrincipal`, lists who differs).
_PARTITIONAL = ("codedeploy", "ec2", "elasticmapreduce")


def strangers(text: str, partition: str) -> Iterator[str]:
    """What of a rendered template belongs to another partition or region."""
    yield from (f"arn:{found}" for found in _ARN.findall(text) if found != partition)
    yield from (found for found in _REGION.findall(text) if found != PARTITIONS[partition])
    for labels, domain in _DOMAIN.findall(text):
        service = labels.strip(".")
        is_universal = service.isalnum() and service not in _PARTITIONAL and domain == "amazonaws.com"
        if not is_universal and domain != suffix(partition):
            yield f"{labels}{domain}"


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_rendered_template_belongs_to_its_partition_alone(path: Path, partition: str) -> None:
    assert list(strangers(json.dumps(rendered(path, partition)), partition)) == []


@pytest.mark.parametrize(
    ("text", "partition"),
    [
        ("arn:aws:s3:::raw", "aws-cn"),
        ("arn:aws:states:::lambda:invoke", "aws-us-gov"),
        ("spark.region=us-east-1", "aws"),
        ("logs.cn-north-1.amazonaws.com", "aws-cn"),
        ("https://sqs.eu-west-1.amazonaws.com.cn/", "aws"),
        ("ec2.amazonaws.com", "aws-cn"),
        ("https://raw.s3.amazonaws.com/", "aws-cn"),
    ],
)
def test_what_belongs_elsewhere_is_found(text: str, partition: str) -> None:
    assert list(strangers(json.dumps({"x": text}), partition))


@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_machine_calls_the_services_of_its_own_partition(partition: str) -> None:
    """The definitions are in what is looked at, with their substitutions made."""
    path = next(path for path in TEMPLATES if path.stem == "stage_b")
    definition = rendered(path, partition)["StageBMachine"]["Properties"]["DefinitionString"]
    assert f"arn:{partition}:states:::glue:startJobRun.sync" in definition

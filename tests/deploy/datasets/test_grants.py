"""What a transform reads fits into the parameters of its stack and the policy of its role, or is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pipeline.deploy.datasets.grants import (
    LONGEST_ENV,
    MOST_OF_A_PARAMETER,
    MOST_OF_INLINE_POLICIES,
    Whereabouts,
    grants,
    too_long,
)
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.files import Definition
from pipeline.lake.datasets.transform import MOST_READS
from tests.templates.policies import TEMPLATES
from tests.templates.rendering import rendered

RESOLVED = re.compile(r"\{\{resolve:ssm:[^}]*?([a-z]+)\}\}")
LONG = {
    "bucket": "sluice-production-quarantine-111122223333-ap-northeast-1",
    "arn": "arn:aws-us-gov:dynamodb:ap-northeast-1:111122223333:table/sluice-production-batches",
}
"""What Parameter Store gives for a name that ends so."""
TEMPLATE = next(path for path in TEMPLATES if path.stem == "dataset")
LONGEST_NAMES = ("t" * 20, "d" * 20)
"""Schedules carry both, whose names have 64 characters at most."""


def reading(reads: list[str]) -> Definition:
    team, name = LONGEST_NAMES
    dataset = Dataset.model_validate(
        {"team": team, "dataset": name, "stage_a": {"format": "csv"}, "transform": {"sql": "s.sql", "reads": reads}}
    )
    return Definition(dataset, "sales.yaml", {("transform", "reads"): 9}, {})


def size(document: Any) -> int:
    """Characters of a policy once everything stands in it; white space does not count."""
    text = json.dumps(document, separators=(",", ":"))
    return len(RESOLVED.sub(lambda found: LONG[found[1]], text))


def fits(definition: Definition) -> bool:
    """Whether AWS would take it, rendered as the template has it."""
    its = definition.dataset
    given = grants(its, "sluice", LONGEST_ENV, Whereabouts("aws-us-gov", "ap-northeast-1", "111122223333"))
    names = {"Team": its.team, "Dataset": its.dataset, "Env": LONGEST_ENV}
    role = rendered(TEMPLATE, "aws-us-gov", {**given, **names})["TransformRole"]["Properties"]
    policy = sum(size(each["PolicyDocument"]) for each in role["Policies"])
    return policy <= MOST_OF_INLINE_POLICIES and max(map(len, given.values())) <= MOST_OF_A_PARAMETER


@pytest.mark.parametrize("length", [5, 10, 20, 40, 63])
@pytest.mark.parametrize("count", [1, 10, 15, MOST_READS])
def test_what_is_not_refused_fits(count: int, length: int) -> None:
    definition = reading([f"{'t' * (length - 2)}{at:02}/{'d' * (length - 2)}{at:02}" for at in range(count)])
    assert fits(definition) or list(too_long(definition))


def test_twenty_tables_of_usual_names_are_read() -> None:
    definition = reading([f"logistics/shipments_{at:02}" for at in range(MOST_READS)])
    assert not list(too_long(definition))


def test_twenty_tables_of_long_names_are_refused_with_the_numbers() -> None:
    [problem] = too_long(reading([f"{'t' * 40}{at:02}/{'d' * 60}{at:02}" for at in range(MOST_READS)]))
    assert str(problem).startswith("sales.yaml:9: transform.reads: the names of 20 tables take ")
    assert "characters of a parameter of its stack, where 4,096 are allowed; read fewer tables" in str(problem)

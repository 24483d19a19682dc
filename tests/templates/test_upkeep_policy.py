"""A run of upkeep reaches the files, the table and the rows of one dataset, whatever its table names."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from pipeline.emulator.glue.session_policies import LONGEST
from pipeline.lake.batches.upkeep_poller import session_policy
from tests.templates.policies import TEMPLATES, allows
from tests.templates.rendering import rendered

TEMPLATE = next(path for path in TEMPLATES if path.stem == "stage_b")


@cache
def template() -> str:
    made = rendered(TEMPLATE)
    text: str = made["UpkeepPolicyParameter"]["Properties"]["Value"]
    for name in ("curated-bucket", "staging-bucket"):
        text = text.replace(f"{{{{resolve:ssm:/sluice/dev/{name}}}}}", f"lake-{name}")
    return text


def statements(dataset: str = "shop/data") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(session_policy(template(), dataset))["Statement"]
    return found


def may(action: str, resource: str, **context: str) -> bool:
    return any(allows(each, action, resource, context) for each in statements())


CURATED, GLUE = "arn:aws:s3:::lake-curated-bucket", "arn:aws:glue:eu-west-1:111122223333"
BATCHES = "arn:aws:dynamodb:eu-west-1:111122223333:table/batches"
OTHERS = ["hr/pay", "shop/orders", "shop/data2", "hr/shop", "hr/shop/data", "data/shop"]


def test_it_keeps_up_its_own_table() -> None:
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert may(action, f"{CURATED}/shop/data/data/1.parquet")
        assert may(action, f"{CURATED}/shop/data/metadata/1.metadata.json")
    assert may("s3:ListBucket", CURATED, prefix="shop/data/")
    assert may("glue:UpdateTable", f"{GLUE}:table/sluice_dev_shop/data")
    for key in ("shop/data", "shop/data#METRICS", "raw/shop/data/2026/a.csv"):
        assert may("dynamodb:UpdateItem", BATCHES, leadingkeys=key)


@pytest.mark.parametrize("other", OTHERS)
def test_it_reaches_nothing_of_another(other: str) -> None:
    team, _, dataset = other.partition("/")
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        for file in ("data/1.parquet", "metadata/1.metadata.json", "shop/data/1.parquet"):
            assert not may(action, f"{CURATED}/{other}/{file}"), (action, file)
    assert not may("s3:ListBucket", CURATED, prefix=f"{other}/")
    assert not may("s3:ListBucket", CURATED, prefix="")
    assert not may("glue:UpdateTable", f"{GLUE}:table/sluice_dev_{team}/{dataset}")
    assert not may("dynamodb:UpdateItem", BATCHES, leadingkeys=other)


@pytest.mark.parametrize("service", ["iam:PassRole", "sts:AssumeRole", "lambda:InvokeFunction", "sqs:SendMessage"])
def test_it_does_nothing_else(service: str) -> None:
    assert not may(service, "*")


def test_the_longest_names_fit() -> None:
    place = "111122223333-ap-southeast-2"
    longest = template().replace("lake-curated-bucket", f"sluice-production-curated-{place}")
    longest = longest.replace("lake-staging-bucket", f"sluice-production-staging-{place}")
    longest = longest.replace("sluice_dev_", "sluice_production_").replace("aws:", "aws-us-gov:")
    assert len(session_policy(longest, f"{'t' * 63}/{'d' * 63}")) <= LONGEST


def test_what_the_poller_gives_is_what_the_stack_says() -> None:
    made = rendered(TEMPLATE)
    variables = made["PollFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["UPKEEP_POLICY"] == "UpkeepPolicyParameter.Value"

"""What a team's own code may do: read what it was granted of staged rows and of tables, and write its own table."""

from __future__ import annotations

from functools import cache

import pytest

from pipeline.deploy.datasets.grants import Whereabouts, grants
from pipeline.lake.datasets import Dataset
from pipeline.lake.messages.written import result_key
from tests.templates.policies import TEMPLATES, Policy, allows, policies_of
from tests.templates.rendering import GIVEN, rendered

AT = Whereabouts("aws", "eu-west-1", "111122223333")
TEMPLATE = next(path for path in TEMPLATES if path.stem == "dataset")
DATASET = Dataset.model_validate(
    {
        "team": GIVEN["Team"],
        "dataset": GIVEN["Dataset"],
        "stage_a": {"format": "csv"},
        "transform": {"sql": "s.sql", "reads": ["shop/orders", "weather/models as m"]},
    }
)
GLUE = "arn:aws:glue:eu-west-1:111122223333"
CURATED = "arn:aws:s3:::sluice-dev-curated-111122223333-eu-west-1"


@cache
def role() -> Policy:
    given = grants(DATASET, "sluice", "dev", AT)
    [policy] = [
        each
        for each in policies_of(TEMPLATE, given)
        if each.logical_id == "TransformRole" and not each.is_of_its_resource
    ]
    return policy


def may(action: str, resource: str, **context: str) -> bool:
    """Whether IAM would let the role do it, as far as its own policy decides."""
    return any(allows(statement, action, resource, context) for statement in role().statements)


def bucket(name: str) -> str:
    """As the policies of `policies_of` name a bucket of the storage stack."""
    found = {
        pattern.partition("/")[0]
        for statement in role().statements
        for pattern in statement["Resource"]
        if pattern.lower().startswith(f"arn:aws:s3:::{name}")
    }
    assert len(found) == 1, found
    return found.pop()


@pytest.mark.parametrize("dataset", ["weather/stations", "shop/orders", "weather/models"])
def test_it_reads_its_own_table_and_those_that_it_was_granted(dataset: str) -> None:
    team, _, name = dataset.partition("/")
    assert may("s3:GetObject", f"{CURATED}/{dataset}/data/1.parquet")
    assert may("s3:GetObject", f"{CURATED}/{dataset}/metadata/1.json")
    assert may("glue:GetTable", f"{GLUE}:table/sluice_dev_{team}/{name}")
    assert may("glue:GetTable", f"{GLUE}:database/sluice_dev_{team}")
    assert may("glue:UpdateTable", f"{GLUE}:table/sluice_dev_{team}/{name}") == (dataset == "weather/stations")


@pytest.mark.parametrize("dataset", ["shop/customers", "weather/stations_old", "other/stations", "shop/orders2"])
def test_it_does_not_read_what_it_was_not_granted(dataset: str) -> None:
    team, _, name = dataset.partition("/")
    for place in (CURATED, bucket("curated"), bucket("staging"), bucket("quarantine")):
        assert not may("s3:GetObject", f"{place}/{dataset}/data/1.parquet")
        assert not may("s3:ListBucket", place, prefix=f"{dataset}/")
    assert not may("s3:GetObject", f"{bucket('staging')}/_manifests/{dataset}/1.json")
    assert not may("glue:GetTable", f"{GLUE}:table/sluice_dev_{team}/{name}")
    assert not may("s3:GetObject", f"arn:aws:s3:::artefacts/transforms/{dataset}/1.zip")


def test_it_writes_its_own_table_and_no_row_of_any_batch() -> None:
    curated = bucket("curated")
    assert may("s3:PutObject", f"{curated}/weather/stations/data/1.parquet")
    for elsewhere in ("shop/orders", "weather/models", "weather/stations2"):
        assert not may("s3:PutObject", f"{curated}/{elsewhere}/data/1.parquet")
        assert not may("s3:PutObject", f"{CURATED}/{elsewhere}/data/1.parquet")
    # What a run wrote a function of the lake records, which looks at it first.
    assert not any("dynamodb" in str(each) for each in role().statements)
    result = result_key("weather/stations", "01B", "jr_1")
    assert may("s3:PutObject", f"{bucket('staging')}/{result}")
    assert not may("s3:PutObject", f"{bucket('staging')}/{result_key('shop/orders', '01B', 'jr_1')}")
    assert not any("raw" in pattern for each in role().statements for pattern in each["Resource"])


def test_it_reads_staged_files_of_its_own_dataset_alone() -> None:
    staging = bucket("staging")
    assert may("s3:GetObject", f"{staging}/weather/stations/2026/11/30/1.parquet")
    assert not may("s3:PutObject", f"{staging}/weather/stations/2026/11/30/1.parquet")
    assert not may("s3:GetObject", f"{staging}/weather/stations/2026/11/30/1.jsonl")


def test_a_dataset_without_a_transform_has_neither_role_nor_job() -> None:
    assert not {"TransformRole", "TransformJob"} & rendered(TEMPLATE).keys()
    assert {"TransformRole", "TransformJob"} <= rendered(TEMPLATE, given=grants(DATASET, "sluice", "dev", AT)).keys()

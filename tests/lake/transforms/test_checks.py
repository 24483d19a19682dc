"""What the requirements of a transform may say, with which pip does nothing else, and which tables it may read."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.files import Definition
from pipeline.lake.transforms.checks import transform_findings

HASH = "--hash=sha256:" + "0" * 64


def told(requirements: str) -> list[str]:
    transform = {
        "script": "jobs/orders.py",
        "requirements": "jobs/requirements.txt",
        "text": "",
        "wheels": requirements,
    }
    dataset = Dataset.model_validate(
        {"team": "demo", "dataset": "orders", "stage_a": {"format": "json"}, "transform": transform}
    )
    definition = Definition(dataset, "definitions/datasets/demo/orders.yaml", {}, {})
    return [str(problem) for problem, _ in transform_findings(definition, {dataset.name: dataset})]


@pytest.mark.parametrize(
    "requirements",
    [
        f"# by uv\nnumpy==2.0.1 \\\n    {HASH} \\\n    {HASH}\n    # via pandas\npandas[excel]==2.2.0 {HASH}\n",
        f'tzdata==2024.1 ; python_version >= "3.9" \\\n    {HASH}  # why\n',
        "",
    ],
)
def test_packages_with_versions_and_hashes_are_right(requirements: str) -> None:
    assert told(requirements) == []


@pytest.mark.parametrize(
    ("requirements", "line"),
    [
        ("numpy>=2", "jobs/requirements.txt:1: numpy>=2 is not pinned"),
        ("numpy==2.0.1", "is not pinned"),
        (f"numpy==2.0.1 {HASH}\n--no-binary :all:", "jobs/requirements.txt:2: --no-binary is not pinned"),
        # pip ends a line, and with it a comment, at a form feed, too.
        (f"numpy==2.0.1 {HASH} # why\x0c--no-binary :all:", "--no-binary is not pinned"),
        ("# why\u2028--no-binary :all:", "--no-binary is not pinned"),
        # A backslash before a blank goes on with nothing.
        (f"numpy==2.0.1 ; python_version > '3' \\ \n--no-binary :all: {HASH}", "--no-binary is not pinned"),
        (f"numpy==2.0.1 ; python_version > '3' --no-binary :all: {HASH}", "numpy==2.0.1 is not pinned"),
        # pip puts in what the environment of whoever applies has.
        (f"numpy==${{SECRET}} {HASH}", "is not pinned"),
    ],
)
def test_whatever_else_pip_would_do_is_refused(requirements: str, line: str) -> None:
    assert any(line in each for each in told(requirements))


def test_a_table_of_parquet_files_is_not_read() -> None:
    stage_a = {"format": "json", "columns": {"id": "bigint"}}
    plain = Dataset.model_validate(
        {"team": "demo", "dataset": "plain", "stage_a": stage_a, "table": {"format": "parquet"}}
    )
    transform = {"sql": "transforms/orders.sql", "reads": ["demo/plain"], "text": "select id from staged"}
    dataset = Dataset.model_validate({"team": "demo", "dataset": "orders", "stage_a": stage_a, "transform": transform})
    definition = Definition(dataset, "orders.yaml", {("transform", "reads", 0): 7}, {})
    [found] = transform_findings(definition, {each.name: each for each in (dataset, plain)})
    assert str(found[0]) == (
        "orders.yaml:7: transform.reads[0]: demo/plain is a table of Parquet files, and a transform reads Iceberg "
        "tables alone"
    )


@pytest.mark.parametrize(
    ("shared_with", "consents"),
    [
        ([], False),
        (["shop"], True),
        (["shop/sales"], True),
        (["shop/sales2", "sales"], False),
        (["shop/returns"], False),
    ],
)
def test_a_table_of_another_team_is_read_by_its_consent_alone(shared_with: list[str], consents: bool) -> None:
    stage_a = {"format": "json", "columns": {"id": "bigint"}}
    read = Dataset.model_validate({"team": "demo", "dataset": "orders", "stage_a": stage_a, "shared_with": shared_with})
    transform = {"sql": "transforms/sales.sql", "reads": ["demo/orders"], "text": "select s.id from staged s, orders"}
    for team in ("shop", "demo"):
        dataset = Dataset.model_validate({"team": team, "dataset": "sales", "stage_a": stage_a, "transform": transform})
        definition = Definition(dataset, "sales.yaml", {("transform", "reads", 0): 7}, {})
        told = [str(each) for each, grade in transform_findings(definition, {read.name: read}) if grade == "error"]
        assert told == (
            []
            if consents or team == "demo"
            else [
                "sales.yaml:7: transform.reads[0]: demo/orders is not shared with shop/sales; its team says so in its "
                "own definition: `shared_with: [shop]`, or `[shop/sales]` for this dataset alone"
            ]
        )


@pytest.mark.parametrize("shared_with", [["Shop"], ["shop/"], ["a/b/c"], ["shop", "shop"], ["*"]])
def test_who_a_table_is_shared_with_are_names(shared_with: list[str]) -> None:
    with pytest.raises(ValidationError):
        Dataset.model_validate(
            {"team": "demo", "dataset": "orders", "stage_a": {"format": "json"}, "shared_with": shared_with}
        )

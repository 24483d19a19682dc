"""A checkout of definitions beside a lake, for the tests of `sluice datasets`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipeline.cli import datasets
from pipeline.cli.app import app
from pipeline.core.clients import client
from pipeline.core.dynamo import scan
from pipeline.emulator.gateway.server import AwsServer
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from tests.conftest import ROOT

Run = Callable[..., Result]
Put = Callable[..., None]

DEFINITION = """\
team: {team}
dataset: {dataset}
stage_a:
  format: csv
  columns: {{id: string, amount: bigint}}
stage_b:
  max_wait: 2 hours
quality:
  ruleset: |
    Rules = [
      IsComplete "id"
    ]
"""


@pytest.fixture(scope="module")
def deployed(lake: Lake) -> Lake:
    """The lake with what a dataset's stack reads."""
    client("s3").create_bucket(
        Bucket="artefacts", CreateBucketConfiguration={"LocationConstraint": client("s3").meta.region_name}
    )
    prefix = "arn:aws:{}:eu-west-1:123456789012"
    values = {
        "artefact-bucket": "artefacts",
        "boundary-arn": f"{prefix.format('iam').replace('eu-west-1', '')}:policy/boundary",
        "key-arn": f"{prefix.format('kms')}:key/k",
        "alarm-topic": f"{prefix.format('sns')}:alarms",
        "poll-function": f"{prefix.format('lambda')}:function:poll",
        "poll-schedule-role-arn": f"{prefix.format('iam').replace('eu-west-1', '')}:role/poll-schedule",
    }
    for name, value in values.items():
        client("ssm").put_parameter(Name=f"/sluice/local/{name}", Value=value, Type="String", Overwrite=True)
    return lake


@pytest.fixture(autouse=True)
def no_datasets(deployed: Lake) -> None:
    """A test's checkout defines all that its lake has: what earlier ones registered would be retired."""
    table = deployed.settings[Setting.DATASETS_TABLE]
    for row in scan(client("dynamodb"), TableName=table):
        client("dynamodb").delete_item(TableName=table, Key={"name": {"S": row["name"]}})


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout without definitions."""
    root = tmp_path / "checkout"
    (root / "definitions" / "stacks").mkdir(parents=True)
    for name in ("dataset.yaml", "team.yaml"):
        shutil.copy(ROOT / "definitions" / "stacks" / name, root / "definitions" / "stacks")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def put(checkout: Path) -> Put:
    def write(team: str, dataset: str, text: str = DEFINITION, **changes: str) -> None:
        path = checkout / "definitions" / "datasets" / team / f"{dataset}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = text.format(team=team, dataset=dataset)
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)

    return write


@pytest.fixture
def run(front: AwsServer) -> Run:
    assert datasets.datasets

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--endpoint", front.endpoint, "datasets", *arguments])

    return invoke


def document(result: Result) -> Any:
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)

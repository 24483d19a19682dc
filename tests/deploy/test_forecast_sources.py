"""Which sources of forecasts are deployed to an account, and with what."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import Refused
from pipeline.deploy import aws as on_aws
from pipeline.deploy.forecasts import application
from tests.conftest import ROOT

TEMPLATE = ROOT / "definitions" / "stacks" / "forecast.yaml"
EXAMPLE = ROOT / "docs" / "examples" / "met_office.yaml"
ACCOUNT = "111122223333"


@pytest.fixture
def backend(aws: None) -> on_aws.AwsBackend:
    role = f"arn:aws:iam::{ACCOUNT}:role/delivery/sluice-dev-stacks"
    return on_aws.AwsBackend(on_aws.Environment("dev", ACCOUNT, "artefacts", role, settings={"LakeFormation": "off"}))


def checkout(root: Path, text: str, name: str = "met_office") -> Path:
    path = root / "definitions" / "forecasts" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return root


def test_the_example_of_a_provider_in_another_account_and_region_is_a_stack_that_names_it(
    backend: on_aws.AwsBackend, tmp_path: Path
) -> None:
    root = checkout(tmp_path, EXAMPLE.read_text())
    [stack] = application.stacks(root, backend, TEMPLATE, {})
    assert stack.name == "sluice-dev-forecast-met-office"
    named = {name: stack.parameters[name] for name in ("Topic", "Bucket", "TopicRegion")}
    assert named == {
        "Topic": "arn:aws:sns:eu-west-2:633885181284:met-office-atmospheric-model-data-object_created",
        "Bucket": "met-office-atmospheric-model-data",
        "TopicRegion": "eu-west-2",
    }


@pytest.mark.parametrize(
    ("topic", "bucket"),
    [("weather", "files-of-the-weather"), ("sluice-dev-x", "files"), ("sluice-devs-x", "sluice-dev-files")],
)
def test_what_is_the_accounts_and_not_the_environments_is_refused_before_anything_is_deployed(
    backend: on_aws.AwsBackend, tmp_path: Path, topic: str, bucket: str
) -> None:
    text = EXAMPLE.read_text().replace("633885181284", ACCOUNT)
    text = text.replace("met-office-atmospheric-model-data-object_created", topic)
    root = checkout(tmp_path, text.replace("bucket: met-office-atmospheric-model-data", f"bucket: {bucket}"))
    with pytest.raises(Refused, match="are of the environment's own account"):
        list(application.apply(root, backend, TEMPLATE, {}))

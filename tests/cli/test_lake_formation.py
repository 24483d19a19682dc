"""What Lake Formation has against a lake, as `bootstrap` and `deploy` tell it, in an account of moto's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipeline.cli import commands
from pipeline.cli.app import app
from pipeline.core.clients import client
from pipeline.core.errors import Refused
from pipeline.deploy.packaging import Target, package
from tests.conftest import ROOT

Sluice = Callable[..., Result]
STACK_ROLE = "arn:aws:iam::123456789012:role/delivery/sluice-dev-stacks"

commands.load()


@pytest.fixture
def sluice(aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sluice:
    """The command on an account, which a profile names and moto stands in for."""
    config = tmp_path / "config"
    config.write_text("[profile dev]\naws_access_key_id = a\naws_secret_access_key = b\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    # The command does both for its process, and they are to be as they were after the test.
    monkeypatch.setenv("AWS_PROFILE", "dev")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.chdir(ROOT)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--profile", "dev", "--region", "eu-west-1", "--env", "dev", *arguments])

    return run


@pytest.fixture
def closed(sluice: Sluice) -> None:
    """An account that grants its new databases and tables to nobody."""
    settings = {"CreateDatabaseDefaultPermissions": [], "CreateTableDefaultPermissions": []}
    client("lakeformation").put_data_lake_settings(DataLakeSettings=settings)


@pytest.fixture
def bootstrapped(sluice: Sluice) -> None:
    client("s3").create_bucket(Bucket="artefacts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for name, value in (("artefact-bucket", "artefacts"), ("stack-role-arn", STACK_ROLE), ("key-arn", "key")):
        client("ssm").put_parameter(Name=f"/sluice/dev/{name}", Value=value, Type="String")


def use_lake_formation() -> None:
    client("ssm").put_parameter(Name="/sluice/dev/settings/lake-formation", Value="on", Type="String")


def test_bootstrap_tells_of_it_before_it_makes_anything(sluice: Sluice, closed: None) -> None:
    said = sluice("bootstrap", "--plan")
    assert said.exit_code == 0, said.output
    assert said.output.startswith("Lake Formation: new databases and tables of this account are not granted to")
    assert "Add StackRole" in said.output
    [found] = json.loads(sluice("bootstrap", "--plan", "--json").stdout)["lake_formation"]
    assert found["stops"]


def test_an_account_as_it_begins_is_not_spoken_of(sluice: Sluice) -> None:
    assert "Lake Formation" not in sluice("bootstrap", "--plan").output


def test_bootstrap_names_the_role_that_will_have_to_be_an_administrator(sluice: Sluice, closed: None) -> None:
    use_lake_formation()
    assert f"{STACK_ROLE} is not a data lake administrator" in sluice("bootstrap", "--plan").output


def test_a_deployment_that_would_end_in_failures_is_refused_before_anything_is_made(
    sluice: Sluice, closed: None, bootstrapped: None
) -> None:
    refused = sluice("deploy")
    assert isinstance(refused.exception, Refused)
    assert "not granted to IAM_ALLOWED_PRINCIPALS" in refused.exception.message
    assert "settings set lake-formation on" in str(refused.exception.hint)
    use_lake_formation()
    refused = sluice("deploy")
    assert isinstance(refused.exception, Refused)
    assert f"{STACK_ROLE} is not a data lake administrator" in refused.exception.message
    assert client("s3").list_objects_v2(Bucket="artefacts")["KeyCount"] == 0
    assert not client("cloudformation").describe_stacks()["Stacks"]


def test_a_plan_says_so_and_shows_what_it_can(sluice: Sluice, closed: None, bootstrapped: None, tmp_path: Path) -> None:
    (tmp_path / "definitions" / "stacks").mkdir(parents=True)
    (tmp_path / "definitions" / "stacks" / "inbox.yaml").write_text("Resources: {Inbox: {Type: AWS::SQS::Queue}}")
    (tmp_path / "deequ.jar").write_bytes(b"jar")
    made = package(tmp_path, tmp_path / "package", target=Target.AWS, jars=[tmp_path / "deequ.jar"])
    planned = sluice("deploy", "--plan", "--package", str(made.folder))
    assert planned.output.startswith("Lake Formation: new databases and tables of this account")
    assert "Add Inbox AWS::SQS::Queue" in planned.output

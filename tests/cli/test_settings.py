"""`sluice settings` on an embedded AWS to which no lake is deployed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipeline.cli import settings
from pipeline.cli.app import app
from pipeline.core.errors import BadInput, WrongUsage
from pipeline.emulator.gateway.server import AwsServer

Run = Callable[..., Result]

assert settings.settings


@pytest.fixture
def run(front: AwsServer) -> Run:
    def invoke(*arguments: str) -> Result:
        result = CliRunner().invoke(app, ["--endpoint", front.endpoint, "settings", *arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def value(run: Run, name: str) -> dict[str, str]:
    rows = json.loads(run("--json").stdout)["settings"]
    found: dict[str, str] = next(row for row in rows if row["name"] == name)
    return found


def test_a_setting_is_listed_set_and_unset(run: Run):
    assert (value(run, "route-batch-size")["value"], value(run, "route-batch-size")["source"]) == (
        "10",
        "default of the embedded lake",
    )
    assert "route-batch-size is 8 in local, from `sluice up` on" in run("set", "route-batch-size", "8").stdout
    assert value(run, "route-batch-size")["value"] == "8"
    assert value(run, "route-batch-size")["source"] == "Parameter Store"
    assert "route-batch-size" in run().stdout
    assert "route-batch-size is 10 in local" in run("unset", "route-batch-size").stdout
    assert "was not set" in run("unset", "route-batch-size").stdout


def test_a_refusal_says_where_and_what_is_allowed(run: Run):
    with pytest.raises(BadInput, match=r"/sluice/local/settings/glue-workers: 'two' .* from 2 to 299 \(workers\)"):
        run("set", "glue-workers", "two")


def test_a_profile_without_an_environment_is_refused():
    result = CliRunner().invoke(app, ["--profile", "dev", "settings"])
    assert isinstance(result.exception, WrongUsage)

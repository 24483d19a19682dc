"""`sluice feed` in a checkout, against an embedded AWS."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipeline.cli import feed
from pipeline.cli.app import app
from pipeline.core.clients import client
from pipeline.core.definitions.problems import BadDefinitions
from pipeline.core.errors import BadInput, NotThere, Refused, SluiceError
from pipeline.emulator.gateway.server import AwsServer
from tests.conftest import ROOT
from tests.feeds.contracts import item
from tests.feeds.test_files import GOOD

Sluice = Callable[..., Result]
assert feed


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "definitions" / "stacks").mkdir(parents=True)
    (tmp_path / "definitions" / "feeds").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sluice(front: AwsServer, checkout: Path) -> Sluice:
    def run(*arguments: str, fails: int = 0) -> Result:
        result = CliRunner().invoke(app, ["--endpoint", front.endpoint, "feed", *arguments])
        if isinstance(result.exception, SluiceError):
            raise result.exception
        assert result.exit_code == fails, result.output
        return result

    return run


@pytest.fixture(scope="module")
def table(front: AwsServer) -> str:
    client("dynamodb").create_table(
        TableName="transactions",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(9):
        client("dynamodb").put_item(TableName="transactions", Item=item(f"t{number}"))
    return "transactions"


def test_a_proposal_is_written_once_and_is_good_when_somebody_holds_the_keys(
    table: str, sluice: Sluice, checkout: Path
):
    shown = sluice("init", "payments", "--table", table)
    assert "feed: payments" in shown.stdout
    assert not list((checkout / "definitions" / "feeds").iterdir())
    written = sluice("init", "payments", "--table", table, "--write").stdout
    assert "hidden customer.email: looks like e-mail addresses: 9 of 9 values" in written
    assert "left out name: looks like a name: by its name" in written
    assert "the table has no stream" in written
    assert "Ada" not in shown.output + written
    with pytest.raises(Refused, match=r"payments\.yaml already exists"):
        sluice("init", "payments", "--table", table, "--write")
    with pytest.raises(BadDefinitions, match=r"payments\.yaml:4:1: key_holder: say who holds the keys"):
        sluice("check", "payments")
    path = checkout / "definitions" / "feeds" / "payments.yaml"
    path.write_text(path.read_text().replace("to be named", "Data protection officer"))
    assert "1 contract: all valid" in sluice("check", "payments").stdout
    document = json.loads(sluice("init", "payments", "--table", table, "--json").stdout)
    assert (document["written"], document["items"]) == (False, 9)
    assert document["notes"]["card_number"].startswith("looks like card numbers")


def test_what_is_not_there_is_said(table: str, sluice: Sluice):
    with pytest.raises(NotThere, match="there is no table none"):
        sluice("init", "payments", "--table", "none")
    with pytest.raises(NotThere, match=r"there is no definitions/feeds/none\.yaml"):
        sluice("check", "none")
    with pytest.raises(BadInput, match="which feed"):
        sluice("check")
    assert "0 contracts: all valid" in sluice("check", "--all").stdout


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


def test_a_pull_request_hears_what_a_change_breaks(sluice: Sluice, checkout: Path):
    path = checkout / "definitions" / "feeds" / "payments.yaml"
    path.write_text(GOOD)
    git(checkout, "init", "-q", "-b", "main")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "A feed")
    assert "compatible with main" in sluice("check", "--all", "--against", "main").stdout
    path.write_text(GOOD.replace("dropped:", "  amount: decimal(12,2)\ndropped:"))
    said = sluice("check", "payments", "--against", "main").stdout
    assert "compatible the new column amount: null in rows that stand" in said
    path.write_text(GOOD.replace("generalise: month", "generalise: year"))
    said = sluice("check", "payments", "--against", "main", fails=1).stdout
    assert "refused what the column month means: Add a column of another name" in said
    path.write_text(GOOD.replace("  month: {from: booked, type: date, generalise: month}\n", ""))
    found = json.loads(sluice("check", "--all", "--against", "main", "--json", fails=1).stdout)["changes"]
    assert [(each["field"], each["kind"]) for each in found["payments"]] == [("columns.month", "breaking")]
    path.unlink()
    assert "the whole feed, whose file is gone" in sluice("check", "--all", "--against", "main", fails=1).stdout
    path.write_text("feed: [")
    document: dict[str, Any] = json.loads(sluice("check", "--all", "--against", "main", "--json", fails=1).stdout)
    assert document["problems"][0]["line"] == 1


def test_the_build_checks_the_contracts():
    assert "sluice feed check --all" in (ROOT / "cicd" / "buildspecs" / "check.yml").read_text()

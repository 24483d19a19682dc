"""`sluice feed` in a checkout, against an embedded AWS."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipeline.cli import feed
from pipeline.cli.app import app
from pipeline.core.clients import client
from pipeline.core.definitions.problems import BadDefinitions
from pipeline.core.errors import BadInput, NotThere, Refused, SluiceError, WrongUsage
from pipeline.emulator.gateway.server import AwsServer
from pipeline.emulator.rds.server import PostgresServer
from pipeline.feeds.services import Feeds
from pipeline.feeds.settings import Setting
from pipeline.lake.services import Lake
from pipeline.operate.feeds import functions
from stages.feeds.administer import administer
from stages.feeds.import_history import import_history
from stages.feeds.load import load
from stages.feeds.migrate import migrate
from tests.conftest import ROOT
from tests.feeds.administered import deployed, fill, over_json
from tests.feeds.conftest import database, postgres, target
from tests.feeds.contracts import feed as feed_of
from tests.feeds.contracts import item, record
from tests.feeds.test_files import GOOD

Sluice = Callable[..., Result]
for needed in (feed, database, postgres, target):
    assert needed


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "definitions" / "stacks").mkdir(parents=True)
    (tmp_path / "definitions" / "feeds").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sluice(front: AwsServer, checkout: Path) -> Sluice:
    def run(*arguments: str, fails: int = 0, typed: str | None = None) -> Result:
        result = CliRunner().invoke(app, ["--endpoint", front.endpoint, "feed", *arguments], input=typed)
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


@pytest.fixture
def feeds(
    lake: Lake, postgres: PostgresServer, target: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> Feeds:
    """The lake's feeds; their functions answer in this process."""
    feeds = deployed(postgres, target)
    monkeypatch.setattr(functions, "administrator", lambda lake: over_json(administer, feeds))
    monkeypatch.setattr(functions, "importer", lambda lake, feed: over_json(import_history, feeds))
    monkeypatch.setattr(functions, "migrator", lambda lake: over_json(migrate, feeds))
    monkeypatch.setattr(functions, "keyring_of", lambda lake: feeds.settings[Setting.FEED_KEYRING])
    return feeds


@pytest.fixture(scope="module")
def history(front: AwsServer) -> None:
    fill("history")


def rows(target: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return target.execute("SELECT transaction_id, person FROM bi.transactions ORDER BY 1").fetchall()


def test_where_nothing_is_deployed_the_commands_say_so(lake: Lake, sluice: Sluice):
    for words in (["status"], ["privacy", "payments"], ["rotate"], ["import", "payments"]):
        with pytest.raises(NotThere, match="deployed here") as told:
            sluice(*words)
        assert told.value.hint == "Deploy it: see docs/feeds.md." or "Deploy them" in str(told.value.hint)


def test_status_and_the_privacy_report_say_how_a_feed_is(feeds: Feeds, sluice: Sluice):
    assert "never" in sluice("status").stdout
    now = {"ApproximateCreationDateTime": time.time() - 30}
    late = record(1)
    load({"Records": [{**late, "dynamodb": late["dynamodb"] | now}, record(2, "t2", amount={"S": "canary"})]}, feeds)
    said = sluice("status").stdout
    assert "1 record put aside: amount is a text and no number" in said
    (found,) = json.loads(sluice("status", "--json").stdout)["feeds"]
    assert (found["rows"], found["loads"]["refused"]) == (1, 1)
    assert 25 < found["loads"]["lag_s"] < 300
    assert "canary" not in said + json.dumps(found)
    report = sluice("privacy", "transactions").stdout
    assert "customer.email" in report
    assert "dropped: name, note" in report
    assert "pseudonymised, not anonymous" in report
    document = json.loads(sluice("privacy", "transactions", "--json").stdout)
    assert [each["treatment"] for each in document["treatments"]].count("pseudonymised") == 2


def test_an_import_says_what_it_will_take_and_that_all_is_there(
    feeds: Feeds,
    history: None,
    sluice: Sluice,
    target: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
):
    feeds.__dict__["feed"] = feed_of(source={"table": "history", "key": ["id"]})
    said = sluice("import", "transactions", "--units", "1000000", "--estimate").stdout
    assert "about 10 items" in said
    assert "within 24 hours" in said
    assert rows(target) == []
    said = sluice("import", "transactions", "--units", "1000000").stdout
    assert "10 of about 10 items, 8 of 8 parts" in said
    assert said.count("agrees") == 4
    assert "1 put aside: items that are no rows" in said
    with pytest.raises(Refused, match="is imported"):
        sluice("import", "transactions", "--units", "1000000")
    target.execute("DELETE FROM sluice_feeds.bi_transactions WHERE transaction_id = 't0'")
    again = sluice("import", "transactions", "--units", "1000000", "--anew", "--no-compare", "--json").stdout
    assert json.loads(again)["import"]["is_finished"]
    assert len(rows(target)) == 9
    target.execute("UPDATE sluice_feeds.bi_transactions SET area = 'XX' WHERE transaction_id = 't1'")
    assert "agrees" in sluice("import", "transactions", "--units", "1000000", "--anew").stdout
    # The row of an item that is no row stands as it was.
    monkeypatch.setattr("pipeline.feeds.imports.comparison._WAITS_S", ())
    target.execute(
        "INSERT INTO sluice_feeds.bi_transactions (transaction_id, sluice_sequence, sluice_deleted, sluice_reading)"
        " VALUES ('bad', 5, false, 0)"
    )
    again = sluice("import", "transactions", "--units", "1000000", "--anew", fails=1).stdout
    assert "differs: 1 surplus" in again
    assert "1 row wrong" in again
    assert "repairs what they would have said" in again
    # The table is emptied, and the stream does not tell of it.
    dynamodb = client("dynamodb")
    for number in range(9):
        dynamodb.delete_item(TableName="history", Key={"id": {"S": f"t{number}"}})
    with pytest.raises(WrongUsage, match="an import by copy removes no rows"):
        sluice("import", "transactions", "--way", "copy", "--remove-surplus")
    everything = ("import", "transactions", "--units", "1000000", "--anew")
    said_to_people: list[int] = []
    monkeypatch.setattr(feed, "say_comparison", lambda compared: said_to_people.append(compared["surplus"]))
    with pytest.raises(Refused, match="9 rows of transactions have no item in the source") as refused:
        sluice(*everything)
    assert "--anew --remove-surplus" in str(refused.value.hint)
    assert said_to_people == [9 + 1], "the comparison is shown before"
    assert len(rows(target)) == 10
    assert "read the table: 1" in sluice(*everything, "--no-compare", "--remove-surplus").stdout
    assert len(rows(target)) == 1


def test_a_person_is_erased_by_what_is_typed_and_not_by_an_argument(
    feeds: Feeds, sluice: Sluice, target: psycopg.Connection[Any]
):
    load({"Records": [record(1), record(2, "t2", customer={"M": {"email": {"S": "bob@x"}}})]}, feeds)
    words = ("erase", "transactions", "--namespace", "person")
    said = sluice(*words, typed="ada@example.org\n").stdout
    assert "nothing is erased yet" in said
    assert len(rows(target)) == 2
    proof = json.loads(sluice(*words, "--for-good", "--json", typed="Ada@Example.org\n").stdout)
    assert (proof["erased"][0]["rows"], proof["left"], proof["dry_run"]) == (1, 0, False)
    assert [key for key, _ in rows(target)] == ["t2"]
    said += sluice(*words, "--for-good", typed="ada@example.org").stdout
    assert "0 rows left" in said
    assert "backups and snapshots of the database" in said
    assert "ada" not in (said + json.dumps(proof)).lower()
    with pytest.raises(BadInput, match="contradict"):
        sluice(*words, "--for-good", "--dry-run")
    with pytest.raises(BadInput, match="2 identifiers"):
        sluice(*words, typed="a\nb\n")


def test_keys_are_rotated_and_foreign_pseudonyms_get_one_of_ours(
    feeds: Feeds, sluice: Sluice, target: psycopg.Connection[Any]
):
    load({"Records": [record(1), record(2, "t2")]}, feeds)
    before = rows(target)
    assert "next:" not in sluice("rotate").stdout
    said = sluice("rotate", "--new-key").stdout
    assert "added a key: version 2" in said
    assert "next: `sluice feed rotate card person`" in said
    assert "person: version 2" in sluice("rotate", "person").stdout
    document = json.loads(sluice("rotate", "--all", "--json").stdout)
    assert document["advanced"] == [{"namespace": "card", "version": 2}]
    assert [each["version"] for each in document["namespaces"]] == [2, 2]
    assert len({person for _, person in rows(target)}) == 1
    assert rows(target) != before
    with pytest.raises(NotThere, match="no feed has a namespace people"):
        sluice("rotate", "people")
    target.execute("UPDATE sluice_feeds.namespace SET version = 0")
    changed = feed_of(namespaces={"person": {"method": "sha256", "secret": "crm"}, "card": {"identifier": "digits"}})
    target.execute("UPDATE sluice_feeds.contract SET definition = %s", (changed.to_json(),))
    assert "`sluice feed rotate person` puts a key of ours over it" in " ".join(sluice("rotate").stdout.split())


def test_a_migration_is_read_before_it_runs(
    feeds: Feeds, sluice: Sluice, checkout: Path, target: psycopg.Connection[Any]
):
    path = checkout / "definitions" / "feeds" / "payments.yaml"
    path.write_text(GOOD)
    shown = sluice("migrate", "payments", "--plan").stdout
    assert 'CREATE TABLE "sluice_feeds"."bi_payments"' in shown
    assert target.execute("SELECT to_regclass('bi.payments')").fetchone() == (None,)
    assert sluice("migrate", "payments").stdout == shown
    assert "the target is as the contract says" in sluice("migrate", "payments").stdout
    path.write_text(GOOD.replace("dropped:", "  amount: bigint\ndropped:"))
    assert (
        'ADD COLUMN "amount" bigint'
        in json.loads(sluice("migrate", "payments", "--plan", "--json").stdout)["statements"]
    )
    path.write_text(GOOD.replace("generalise: month", "generalise: year"))
    with pytest.raises(Refused, match="cannot change what the column month means"):
        sluice("migrate", "payments", "--plan")

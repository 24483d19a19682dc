"""A feed through the deployed stacks: transactions become rows of a real PostgreSQL, and nobody's identity gets there.

A lake of its own, with the flow feeds. What is personal in the items has a mark that is then looked for everywhere.
"""

from __future__ import annotations

import hmac
import json
import urllib.request
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipeline.cli import demo
from pipeline.cli.embedded import call
from pipeline.core.clients import client
from pipeline.emulator import state
from pipeline.emulator.gateway.actions import Need
from pipeline.operate.feeds import demonstration
from tests.patience import until
from tests.whole_lake.conftest import RunningLake, with_flow
from tests.whole_lake.roles import beyond_boundaries, granted, roles_of_callers, unmet

TABLE = "sluice-local-demo-transactions"
FEED = "demo_transactions"
FUNCTION = f"feed-{FEED}"
ROWS = "SELECT transaction, person, card, amount, currency, booked_on, area FROM bi.transactions ORDER BY 1"

MARK = "kanarie"
CARD = "4929 5512 8873 0046"
CANARIES = (MARK, CARD, CARD.replace(" ", ""), "+41 79 888 77 66")
"""In any case of letters, none of these is anywhere but in the source."""


def transaction(key: str, **changed: Any) -> dict[str, Any]:
    """An item of somebody whose every personal value has the mark; what the contract does not name has it, too."""
    return {
        "id": {"S": key},
        "customer": {
            "M": {
                "email": {"S": f"Ada.{MARK}@Example.org "},
                "name": {"S": f"Ada {MARK}"},
                "postcode": {"S": f"80{MARK}"},
                "household": {"M": {"members": {"L": [{"M": {"name": {"S": f"Bob {MARK}"}}}]}}},
            }
        },
        "card_number": {"S": CARD},
        "amount": {"N": "12.5"},
        "currency": {"S": "CHF"},
        "booked_at": {"S": "2026-11-26"},
        "note": {"S": f"{MARK} owes me"},
        f"passport of {MARK}": {"S": f"X{MARK}"},
        "phones": {"SS": ["+41 79 888 77 66"]},
        **changed,
    }


def customer(email: dict[str, Any]) -> dict[str, Any]:
    return {"M": {"email": email, "name": {"S": MARK}}}


ITEMS = (
    transaction("t1"),
    transaction("t2", customer=customer({"S": f"ada.{MARK}@EXAMPLE.org"})),
    transaction("t3", customer=customer({"NULL": True})),
    transaction("t4", customer=customer({"S": "  "})),
    transaction("t5", card_number={"NULL": True}),
)
NO_ROWS = (
    transaction("u1", amount={"S": MARK}),
    transaction("u2", customer={"S": MARK}),
    transaction("u3", customer=customer({"L": [{"S": MARK}]})),
    transaction("u4", booked_at={"S": f"the day of {MARK}"}),
    transaction("u5", card_number={"M": {MARK: {"S": MARK}}}),
    transaction("u6", amount={"N": "12345678901234567890.123"}),
)
"""Each has something that its column cannot hold."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLake]:
    with with_flow(tmp_path_factory.mktemp("feeds"), "feeds") as started:
        yield started


def parameter(name: str) -> str:
    return str(client("ssm").get_parameter(Name=f"/sluice/local/{name}")["Parameter"]["Value"])


def secret(name: str) -> str:
    return str(client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


def place() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(parameter("feed-owner"))
    return found


@pytest.fixture(scope="module")
def owner(lake: RunningLake) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the owner of the target."""
    where = place()
    password = json.loads(secret(where["password_secret"]))["password"]
    with psycopg.connect(
        host=where["host"],
        port=where["port"],
        dbname=where["database"],
        user=where["user"],
        password=password,
        autocommit=True,
    ) as connection:
        yield connection


def put(*items: dict[str, Any]) -> None:
    for item in items:
        client("dynamodb").put_item(TableName=TABLE, Item=item)


def pseudonym(namespace: str, identifier: str) -> str:
    """HMAC-SHA-256 by the key in the lake's secret, as docs/feeds.md says it, and by none of the lake's code."""
    key = json.loads(secret(parameter("feed-keyring")))["generated"].encode()
    of_namespace = hmac.digest(key, f"sluice/feeds/namespace/{namespace}".encode(), "sha256")
    return hmac.new(of_namespace, identifier.encode(), "sha256").hexdigest()


def feed(lake: RunningLake, said: list[str], *arguments: str, typed: str = "", fails: int = 0) -> str:
    """`sluice feed …`; what it printed is kept in `said`."""
    done = lake.sluice("feed", *arguments, typed=typed)
    said.append(done.stdout + done.stderr)
    assert done.returncode == fails, said[-1]
    return done.stdout


def test_transactions_are_rows_for_analysts_and_nobodys_identity_is_anywhere_else(
    lake: RunningLake, owner: psycopg.Connection[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    put(*ITEMS, *NO_ROWS)
    rows_arrive_pseudonymised(owner)
    people_are_told_how_it_is(lake, said)
    history_is_imported(lake, owner, said)
    history_is_imported_by_a_copy_and_by_an_export(lake, owner, said)
    no_history_is_imported_while_the_stream_is_not_read(lake, said)
    what_the_database_refuses_is_given_up_alone(owner)
    a_person_is_erased(lake, owner, said)
    the_demo_shows_its_rows(lake)
    said.append(capsys.readouterr().out)
    assert pseudonym("person", "ada.byron@example.com")[:8] in said[-1]
    nobody_did_what_the_roles_do_not_allow(lake)
    nobody_is_found_anywhere(lake, owner, said)


def rows_arrive_pseudonymised(owner: psycopg.Connection[Any]) -> None:
    refusals = "SELECT key, column_name, reason FROM sluice_feeds.refused ORDER BY key"
    until(lambda: len(owner.execute(ROWS).fetchall()) == len(ITEMS))
    until(lambda: len(owner.execute(refusals).fetchall()) == len(NO_ROWS))
    ada, card = pseudonym("person", f"ada.{MARK}@example.org"), pseudonym("card", CARD.replace(" ", ""))
    [first, second, third, fourth, fifth] = owner.execute(ROWS).fetchall()
    assert first == ("t1", ada, card, Decimal("12.50"), "CHF", date(2026, 11, 23), "80")
    assert second[1] == ada, "the same person, however written"
    assert (third[1], fourth[1]) == (None, None), "nobody is no person"
    assert fifth[2] is None
    assert [(key, column) for [key], column, _ in owner.execute(refusals).fetchall()] == [
        ("u1", "amount"), ("u2", "person"), ("u3", "person"), ("u4", "booked_on"), ("u5", "card"), ("u6", "amount"),
    ]  # fmt: skip


def people_are_told_how_it_is(lake: RunningLake, said: list[str]) -> None:
    [found] = json.loads(feed(lake, said, "status", "--json"))["feeds"]
    assert (found["feed"], found["rows"], found["loads"]["refused"]) == (FEED, len(ITEMS), len(NO_ROWS))
    assert "amount is a text and no number" in feed(lake, said, "status")
    report = feed(lake, said, "privacy", FEED)
    assert "customer.email" in report
    assert "pseudonymised, not anonymous" in report
    started = state.running(lake.root)
    assert started
    for page in ("feeds", f"feeds/{FEED}"):
        asked = urllib.request.Request(
            f"{started.console}/{page}", headers={"Authorization": f"Bearer {started.key.console_token()}"}
        )
        with urllib.request.urlopen(asked) as answer:
            said.append(answer.read().decode())
        assert FEED in said[-1]


def history_is_imported(lake: RunningLake, owner: psycopg.Connection[Any], said: list[str]) -> None:
    """Of a target that has lost a row, which the stream tells of no more."""
    owner.execute("DELETE FROM sluice_feeds.bi_transactions WHERE transaction = 't1'")
    told = feed(lake, said, "import", FEED, "--units", "100000")
    assert "agrees" in told
    assert len(owner.execute(ROWS).fetchall()) == len(ITEMS)


def history_is_imported_by_a_copy_and_by_an_export(
    lake: RunningLake, owner: psycopg.Connection[Any], said: list[str]
) -> None:
    for way in ("copy", "export"):
        owner.execute("DELETE FROM sluice_feeds.bi_transactions WHERE transaction IN ('t1', 't2')")
        told = json.loads(feed(lake, said, "import", FEED, "--way", way, "--anew", "--units", "100000", "--json"))
        assert told["comparison"]["agrees"]
        assert [day["source_rows"] for day in told["comparison"]["days"]] == [len(ITEMS)]
        assert told["estimate"]["items"] == len(ITEMS) + len(NO_ROWS)
        assert told["import"]["is_finished"]
        assert len(owner.execute(ROWS).fetchall()) == len(ITEMS)
        done = lake.sluice("feed", "import", FEED)
        said.append(done.stdout + done.stderr)
        assert done.returncode == 1
        assert f"the history of {FEED} is imported" in said[-1]
    # The function has made a copy and taken it away; what DynamoDB exported lies where feeds alone read it.
    assert [name for name in client("dynamodb").list_tables()["TableNames"] if "copy" in name] == []
    assert stream_mapping()
    exported = client("s3").list_objects_v2(Bucket=parameter("feed-exports"))["Contents"]
    assert {each["Key"].split("/")[0] for each in exported} == {FEED}
    head = client("s3").head_object(Bucket=parameter("feed-exports"), Key=exported[0]["Key"])
    assert head["ServerSideEncryption"] == "aws:kms"


def no_history_is_imported_while_the_stream_is_not_read(lake: RunningLake, said: list[str]) -> None:
    """What changes meanwhile would be lost."""
    mapping = stream_mapping()
    for is_read in (False, True):
        client("lambda").update_event_source_mapping(UUID=mapping, Enabled=is_read)
        done = lake.sluice("feed", "import", FEED, "--units", "100000", "--anew", "--no-compare")
        said.append(done.stdout + done.stderr)
        assert (done.returncode == 0) is is_read, said[-1]
        assert ("its mapping is Disabled" in said[-1]) is not is_read


def stream_mapping() -> str:
    function = parameter(f"functions/{FUNCTION}")
    [found] = client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    return str(found["UUID"])


def what_the_database_refuses_is_given_up_alone(owner: psycopg.Connection[Any]) -> None:
    """Somebody has put a rule on the target that the contract does not know. The neighbours are written."""
    client("lambda").update_event_source_mapping(UUID=stream_mapping(), MaximumRetryAttempts=0)
    owner.execute("ALTER TABLE sluice_feeds.bi_transactions ADD CONSTRAINT no CHECK (currency <> 'BAD')")
    put(transaction("v1"), transaction("v2", currency={"S": "BAD"}), transaction("v3"))
    sqs, queue = client("sqs"), json.loads(parameter(f"feeds/{FEED}"))["failures"]
    [message] = until(lambda: sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0).get("Messages"))
    lost = json.loads(message["Body"])
    assert lost["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert lost["DDBStreamBatchInfo"]["batchSize"] == 1
    assert lost["DDBStreamBatchInfo"]["startSequenceNumber"]
    found = "SELECT transaction FROM bi.transactions WHERE transaction LIKE 'v%' ORDER BY 1"
    until(lambda: owner.execute(found).fetchall() == [("v1",), ("v3",)])
    owner.execute("ALTER TABLE sluice_feeds.bi_transactions DROP CONSTRAINT no")


def a_person_is_erased(lake: RunningLake, owner: psycopg.Connection[Any], said: list[str]) -> None:
    put(transaction("w1", customer=customer({"S": f"bob.{MARK}@example.org"})))
    bob = pseudonym("person", f"bob.{MARK}@example.org")
    query = "SELECT count(*) FROM bi.transactions WHERE person = %s"
    until(lambda: owner.execute(query, (bob,)).fetchone() == (1,))
    words, typed = ("erase", FEED, "--namespace", "person"), f"Bob.{MARK}@Example.ORG\n"
    assert "nothing is erased yet" in feed(lake, said, *words, typed=typed)
    assert owner.execute(query, (bob,)).fetchone() == (1,)
    proof = json.loads(feed(lake, said, *words, "--for-good", "--json", typed=typed))
    assert (proof["erased"][0]["rows"], proof["left"]) == (1, 0)
    assert owner.execute(query, (bob,)).fetchone() == (0,)


def the_demo_shows_its_rows(lake: RunningLake) -> None:
    demo.show_feed(lake.connected)
    found = demonstration.rows(lake.lake)
    first, second, _, fourth = (dict(zip(found.columns, row, strict=True)) for row in found.rows)
    assert first["person"] == second["person"] == pseudonym("person", "ada.byron@example.com")
    assert first["card"] == second["card"]
    assert fourth["person"] is None
    assert "Byron" not in str(found.rows)


def nobody_did_what_the_roles_do_not_allow(lake: RunningLake) -> None:
    done = [Need(**each) for each in call(lake.endpoint, "actions", key=lake.key)["actions"]]
    assert {"dynamodb:Scan", "secretsmanager:GetSecretValue", "ssm:PutParameter"} <= {need.action for need in done}
    assert unmet(done, granted(), roles_of_callers()) == []
    # The owner's password is read where there is no network alone: on AWS the owner signs in by IAM.
    beyond = [each for each in beyond_boundaries(lake.connected.env, granted()) if ":secret:rds!" not in each[2]]
    assert beyond == []


def nobody_is_found_anywhere(lake: RunningLake, owner: psycopg.Connection[Any], said: list[str]) -> None:
    ada = pseudonym("person", f"ada.{MARK}@example.org")
    logs = {group: "\n".join(lines) for group, lines in logged()}
    assert "loaded" in logs[f"/sluice/local/lambda/{FUNCTION}"]
    assert "Broken" in logs[f"/sluice/local/lambda/{FUNCTION}"], "what PostgreSQL refused is in the log"
    assert found_in("\n".join([*logs.values(), *said, *queued()])) == []
    folders = [state.state_folder(lake.root), *data_of_postgres()]
    # A server that was shut down has written all that it holds.
    client("rds").stop_db_instance(DBInstanceIdentifier="sluice-local-feeds")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    bodies = {str(path): path.read_bytes().lower() for path in files}
    kept = [name for name, body in bodies.items() if ada.encode() in body]
    assert any("/base/" in name for name in kept), "where rows are is not looked at"
    assert any("/pg_wal/" in name for name in kept), "the write-ahead log is not looked at"
    assert {name: found for name, body in bodies.items() if (found := found_in(body.decode("latin-1")))} == {}


def found_in(text: str) -> list[str]:
    return [each for each in CANARIES if each in text.lower()]


def logged() -> Iterator[tuple[str, list[str]]]:
    logs = client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for name in (each["logGroupName"] for each in page["logGroups"]):
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=name)
            yield name, [event["message"] for each in pages for event in each["events"]]


def queued() -> Iterator[str]:
    """What waits in any queue, dead letters among it."""
    sqs = client("sqs")
    for queue in sqs.list_queues()["QueueUrls"]:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        yield json.dumps(answer.get("Messages", []))


def data_of_postgres() -> list[Path]:
    """Where the server of a lake of root's has its data; that of others is in the lake's folder."""
    home = Path(place()["host"]).parent
    return [home] if (home / "data").is_dir() else []

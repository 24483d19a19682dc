"""Feeds as pages: how far each is, what was put aside without its values, and the privacy report."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from psycopg import sql

from pipeline.emulator.rds.server import PostgresServer
from pipeline.feeds.migrations import apply, plan
from pipeline.feeds.services import Feeds
from pipeline.lake.services import Lake
from pipeline.operate.feeds import functions
from stages.feeds.administer import administer
from stages.feeds.import_history import import_history
from stages.feeds.load import load
from tests.feeds.administered import FIRST, deployed, fill, over_json
from tests.feeds.conftest import connect, postgres
from tests.feeds.contracts import feed, item, record
from tests.feeds.test_privacy import QUASI

assert postgres

NOT_DEPLOYED = functions.administrator
"""As it is in a lake whose stacks publish no function of feeds."""


@pytest.fixture(scope="module")
def a_feed(lake: Lake, postgres: PostgresServer) -> Iterator[Feeds]:
    """A feed that has loaded and imported, whose function answers in this process, and one that has done nothing."""
    database = f"console{time.monotonic_ns()}"
    with connect(postgres) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    with connect(postgres, database) as target, pytest.MonkeyPatch.context() as patch:
        feeds = deployed(postgres, target)
        apply(target, plan(target, QUASI, FIRST))
        namespaces = {"person": {"identifier": "email"}, "card": {"method": "sha256", "secret": "crm"}}
        idle = feed(feed="idle", target={"table": "idle", "key": ["transaction_id"]}, namespaces=namespaces)
        apply(target, plan(target, idle, FIRST))
        target.execute("UPDATE sluice_feeds.namespace SET version = 0 WHERE name = 'card'")
        dynamodb = fill()
        # An import in place removes rows without an item.
        for key in ("t1", "t9"):
            dynamodb.put_item(TableName="transactions", Item=item(key))
        feeds.__dict__["feed"] = QUASI
        made = {"ApproximateCreationDateTime": time.time() - 75}
        batch = [record(1), record(2, "t9"), record(3, "canary-key", amount={"S": "canary <b>"})]
        load({"Records": [{**each, "dynamodb": each["dynamodb"] | made} for each in batch]}, feeds)
        over_json(import_history, feeds)({"ask": "run", "units": 1e6})
        patch.setattr(functions, "administrator", lambda lake: over_json(administer, feeds))
        yield feeds


def test_where_no_feed_is_deployed_the_page_says_how_to_begin(visitor, lake, monkeypatch):
    monkeypatch.setattr(functions, "administrator", NOT_DEPLOYED)
    assert visitor.document("/feeds")["feeds"] == []
    assert "sluice feed init NAME --table TABLE" in visitor.get("/feeds").text
    assert visitor.get("/feeds/payments").status_code == 404


def test_the_page_of_feeds_says_how_far_each_is(visitor, a_feed):
    idle, transactions = visitor.document("/feeds")["feeds"]
    assert (idle["feed"], idle["rows"], idle["loads"], idle["imported"]) == ("idle", 0, None, None)
    assert (transactions["rows"], transactions["aside"], transactions["is_imported"]) == (10, 2, True)
    assert 70 < transactions["loads"]["lag_s"] < 600
    assert "/feeds/transactions" in visitor.get("/feeds").text


def test_the_page_of_a_feed_has_its_report_and_no_value(visitor, a_feed):
    document = visitor.document("/feeds/transactions")
    assert {each["reason"] for each in document["put_aside"]} == {
        "is a text and no number",
        "is a boolean and no number",
    }
    assert document["privacy"]["k"] == 2
    assert set(document["privacy"]["quasi_identifiers"]) == {"month", "area"}
    text = visitor.get("/feeds/transactions").text
    assert "canary" not in text + json.dumps(document)
    assert "Pseudonymised, not anonymous" in text
    idle = visitor.get("/feeds/idle").text
    assert "without a key of ours" in idle
    assert "nothing is counted" in idle
    assert visitor.get("/feeds/none").status_code == 404


def test_a_person_goes_from_the_list_to_a_feed_and_its_report(tab, a_feed):
    tab.goto("/")
    tab.get_by_role("navigation").get_by_role("link", name="Feeds").click()
    tab.get_by_role("link", name="transactions").click()
    tab.get_by_role("heading", name="What leaves the source").wait_for()
    row = tab.get_by_role("row").filter(has_text="customer.email")
    expect(row).to_contain_text("pseudonymised")
    expect(tab.get_by_role("region", name="Put aside").get_by_role("row")).to_have_count(3)
    expect(tab.locator("nav a[aria-current]")).to_have_text("Feeds")

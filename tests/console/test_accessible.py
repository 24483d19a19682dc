"""Every page by axe's rules for WCAG 2.2 AA, in both colour schemes and as narrow as a phone."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe

from pipeline.core.clients import client
from pipeline.lake.catalog import Status
from pipeline.lake.settings import Setting
from tests.console.conftest import TOKEN, let_in
from tests.console.test_datasets import held_back, loaded
from tests.console.test_feeds import a_feed
from tests.feeds.conftest import postgres

for needed in (loaded, held_back, a_feed, postgres):
    assert needed

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
BAD = [{"line": 3, "reason": "column price: 'x' is not decimal(10,2)", "raw": "1,x"}]


@pytest.fixture(scope="module")
def pages(orders, lake, held_back, a_feed) -> dict[str, str]:
    """One of each kind, with something on it."""
    batch, _ = held_back
    odd = orders.stage("odd.csv", bad=BAD)
    failed = orders.register(orders.drop("failed.csv"))
    lake.catalog.move(failed, Status.FAILED, orders.name, reason="broken")
    machine, raw = lake.settings[Setting.STAGE_A_MACHINE], lake.settings[Setting.RAW_BUCKET]
    document = {"dataset": "unwanted", "objects": [{"key": "bad", "bucket": "b"}]}
    client("stepfunctions").start_execution(stateMachineArn=machine, name="refused", input=json.dumps(document))
    client("sqs").send_message(QueueUrl=lake.settings[Setting.RAW_DEAD_LETTER_QUEUE_URL], MessageBody="{}")
    return {
        "home": "/",
        "datasets": "/datasets",
        "dataset": f"/datasets/{orders.name}",
        "batch": f"/batches/{batch}",
        "zones": "/browse",
        "folder": f"/browse?at={quote(f's3://{raw}/{orders.name}/')}",
        "objects": "/objects",
        "object": f"/object?uri={quote(odd.uri)}",
        "failed object": f"/object?uri={quote(failed.uri)}",
        "executions": "/executions",
        "execution": "/executions/refused",
        "machine": "/machines/a",
        "step": "/executions/refused/steps/0",
        "feeds": "/feeds",
        "feed": "/feeds/transactions",
        "idle feed": "/feeds/idle",
        "queues": "/queues",
        "queue": "/queues/raw",
        "query": "/query",
        "logs": "/logs",
        "search": "/search?q=orders",
        "empty search": "/search",
        "error": "/nowhere",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_keeps_the_rules(chromium, url, pages, scheme):
    context = chromium.new_context(base_url=url, color_scheme=scheme)
    let_in(context, url, TOKEN)
    tab = context.new_page()
    found = {}
    for name, path in pages.items():
        tab.goto(path)
        tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        violations = Axe().run(tab, options=RULES).response["violations"]
        if violations:
            found[name] = [(v["id"], v["nodes"][0]["html"][:200], v["nodes"][0]["any"][:1]) for v in violations]
    context.close()
    assert found == {}
    tab = chromium.new_page()
    tab.set_content("<html lang='en'><title>t</title><main><h1>h</h1><img src='x'></main>")
    assert [each["id"] for each in Axe().run(tab, options=RULES).response["violations"]] == ["image-alt"]
    tab.close()


def test_no_page_is_wider_than_a_phone(chromium, url, pages):
    context = chromium.new_context(base_url=url, viewport={"width": 390, "height": 844})
    let_in(context, url, TOKEN)
    tab = context.new_page()
    wide = {}
    for name, path in pages.items():
        tab.goto(path)
        width = tab.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            wide[name] = width
    context.close()
    assert wide == {}


def test_the_keyboard_reaches_the_content_and_the_pages(tab, pages):
    tab.goto("/")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("location.hash") == "#content"
    tab.goto("/")
    for _ in range(4):
        tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Datasets"
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/datasets")

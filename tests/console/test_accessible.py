"""Every page: by axe's rules for WCAG 2.2 AA in both schemes, as narrow as a phone, tables and times of one kind."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from pipeline.core.clients import client
from pipeline.lake.catalog import Status
from pipeline.lake.settings import Setting
from tests.console.conftest import TOKEN, let_in, new_context
from tests.console.test_datasets import held_back, loaded
from tests.console.test_feeds import a_feed
from tests.console.test_forecasts import some_forecasts
from tests.console.test_tables import wide
from tests.feeds.conftest import postgres
from tests.patience import until

for needed in (loaded, held_back, a_feed, some_forecasts, postgres, wide):
    assert needed

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # Else axe describes, and the browser sends, every element that keeps a rule, which takes longer than the rules do.
    "resultTypes": ["violations"],
}
FAULTS = """() => {
  const faults = [];
  const written = /20\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ/;
  const number = /^[-+]?[\\d,]+(\\.\\d+)?( [kMGTP]?B)?$/;
  for (const table of document.querySelectorAll("table")) {
    const name = table.closest("[aria-label]")?.getAttribute("aria-label");
    const box = table.closest(".scroll");
    if (!box || !box.hasAttribute("tabindex")) faults.push(`${name}: does not scroll by keyboard`);
    for (const head of table.querySelectorAll("thead th"))
      if (getComputedStyle(head).position !== "sticky") faults.push(`${name}: the head ${head.textContent} goes away`);
    for (const cell of table.querySelectorAll("tbody td")) {
      const text = cell.innerText.trim(), look = getComputedStyle(cell);
      if (number.test(text) && !cell.matches(".mono, .name") && look.textAlign !== "right")
        faults.push(`${name}: the number ${text} is not at the right`);
      if (/…$/.test(text) && !cell.querySelector("details.cell") && !cell.closest("tr").querySelector("a"))
        faults.push(`${name}: ${text} does not open`);
    }
  }
  for (const bare of document.querySelectorAll("main :not(pre, code, a, .full, .cell summary)"))
    if (!bare.closest("time, pre, .full")
        && [...bare.childNodes].some((n) => n.nodeType === 3 && written.test(n.data)))
      faults.push(`a time that is no <time>: ${bare.textContent.trim()}`);
  return faults;
}"""
BAD = [{"line": 3, "reason": "column price: 'x' is not decimal(10,2)", "raw": "1,x"}]


@pytest.fixture(scope="module")
def pages(orders, lake, held_back, a_feed, some_forecasts, wide) -> dict[str, str]:
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
        "schedules": "/schedules",
        "definition": f"/definition?dataset={orders.name}",
        "dataset": f"/datasets/{orders.name}",
        "days": f"/datasets/{orders.name}/days",
        "batch": f"/batches/{batch}",
        "zones": "/browse",
        "folder": f"/browse?at={quote(f's3://{raw}/{orders.name}/')}",
        "objects": "/objects",
        "object": f"/object?uri={quote(odd.uri)}",
        "failed object": f"/object?uri={quote(failed.uri)}",
        "executions": "/executions",
        "execution": "/executions/refused",
        "execution with a panel": f"/executions/refused?state={quote('Is it wanted?')}",
        "machine": "/machines/a",
        "step": "/executions/refused/steps/0",
        "feeds": "/feeds",
        "feed": "/feeds/transactions",
        "idle feed": "/feeds/idle",
        "forecasts": "/forecasts",
        "source of forecasts": "/forecasts/own",
        "idle source of forecasts": "/forecasts/idle",
        "field": "/forecasts/own/field?time=2026-11-30T07:00:00Z&variable=air_temperature",
        "queues": "/queues",
        "queue": "/queues/raw",
        "query": "/query",
        "answer": wide,
        "value": f"{wide}/value?row=2&column=63",
        "logs": "/logs",
        "docs": "/docs/console.md",
        "reference": "/docs/reference/cost.md",
        "glossary": "/glossary",
        "search": "/search?q=orders",
        "empty search": "/search",
        "error": "/nowhere",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_keeps_the_rules(chromium, url, pages, scheme):
    context = new_context(chromium, base_url=url, color_scheme=scheme)
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
    context = new_context(chromium, base_url=url, viewport={"width": 390, "height": 844})
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


def test_every_page_s_tables_and_times_are_of_one_kind(tab, pages):
    found = {}
    for name, path in pages.items():
        tab.goto(path)
        if faults := tab.evaluate(FAULTS):
            found[name] = faults
    assert found == {}
    tab.set_content("<main><table><thead><tr><th>h</th></tr></thead><tbody><tr><td>12</td></tr><tr><td>cut…</td>")
    until(lambda: len(tab.evaluate(FAULTS)) == 4)


def test_the_keyboard_reaches_the_content_and_the_pages(tab, pages):
    tab.goto("/")
    tab.keyboard.press("Tab")
    expect(tab.locator(":focus")).to_have_text("Skip to the content")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile("#content$"))
    tab.goto("/")
    for _ in range(4):
        tab.keyboard.press("Tab")
    expect(tab.locator(":focus")).to_have_text("Datasets")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/datasets")

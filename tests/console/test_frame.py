"""What every page has: its own host, its own forms, its twin, and errors that say what to do."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from pipeline.console.console import Console
from pipeline.console.counts import Cached, count
from pipeline.console.home import ISSUES
from pipeline.console.pages import TEMPLATES
from pipeline.core.errors import Misconfigured
from pipeline.core.events.s3 import ObjectCreated
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.operate.connection import Connected
from tests.patience import until


def test_home_shows_what_needs_attention_and_leads_to_it(visitor, orders, lake):
    obj = orders.register(orders.drop("<script>alert(1)</script>.csv"))
    lake.catalog.move(obj, Status.FAILED, orders.name, reason="<script>alert(2)</script>")
    document = visitor.document("/")
    (trouble,) = document["summary"]["attention"]
    assert trouble["to"] == {"path": "/object", "uri": obj.uri, "name": obj.key}
    html = visitor.get("/").text
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in html


def test_a_dataset_that_is_behind_its_schedule_needs_attention(visitor, orders, lake, monkeypatch, console):
    obj = orders.stage("late.csv")
    now = lake.clock()
    monkeypatch.setattr(lake, "clock", lambda: now + timedelta(hours=1))
    monkeypatch.setattr(console, "counts", Cached(partial(count, kept=console.objects), 0))
    until(lambda: console.counts.newest(lake))
    document = visitor.document("/")
    assert document["waiting"][orders.name]["is_behind"]
    assert "should have been loaded by now" in visitor.get("/").text
    lake.catalog.move(obj, Status.SUPERSEDED, orders.name)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost:x"])
def test_another_host_is_refused(url, host):
    assert httpx.get(url, headers={"host": host}).status_code in (400, 421)


def test_no_page_runs_others_scripts_or_is_framed(visitor):
    policy = visitor.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_what_is_not_there_says_so_as_a_page_and_as_json(visitor):
    assert "there is no page /nowhere" in visitor.get("/nowhere").text
    assert visitor.get("/nowhere.json").json()["error"] == "there is no page /nowhere.json"


def test_pages_are_drawn_as_they_were_when_the_console_began():
    """An upgrade of the checkout below a running console writes templates of documents that it does not make."""
    _, file, is_current = TEMPLATES.loader.get_source(TEMPLATES, "home.html")
    assert file is None
    assert is_current()


def test_a_lake_that_is_down_is_a_page_that_looks_again(console: Console, visitor, monkeypatch, lake, front):
    def nothing() -> Connected:
        raise Misconfigured("the lake does not answer", hint="Start it.")

    console.lost()
    monkeypatch.setattr(console, "_connect", nothing)
    told = visitor.get("/")
    assert told.status_code == 503
    assert 'http-equiv="refresh"' in told.text
    assert "Start it." in told.text
    monkeypatch.setattr(console, "_connect", lambda: Connected(lake, "local", front.endpoint))
    assert visitor.get("/").status_code == 200


def test_a_live_page_says_when_it_is_cut_off_and_since_when(tab, console, monkeypatch, lake, front):
    tab.goto("/")
    tab.get_by_text("executions run").wait_for()
    told = tab.get_by_role("alert")
    expect(told).to_be_hidden()

    def nothing(*asked: object, **more: object) -> Any:
        raise Misconfigured("the lake does not answer")

    with monkeypatch.context() as down:
        down.setattr(console, "_connect", nothing)
        down.setattr(console, "running", Cached(nothing, 0, tells=True))
        told.wait_for()
        since = r"No connection to the lake since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ"
        expect(told).to_have_text(re.compile(since))
    monkeypatch.setattr(console, "_connect", lambda: Connected(lake, "local", front.endpoint))
    told.wait_for(state="hidden")


def test_home_follows_the_lake(tab, orders):
    tab.goto("/")
    until(lambda: tab.locator("article.trouble").count() <= 1)
    obj = orders.register(orders.drop("later.csv"))
    tab.get_by_text("arrived").wait_for()
    tab.locator(".flow li.busy", has_text="arrived").wait_for()
    orders.lake.catalog.move(obj, Status.FAILED, orders.name, reason="broken later")
    tab.get_by_text("broken later").wait_for()


def test_home_shows_the_first_of_many_issues_and_leads_to_the_others(visitor, console, lake, monkeypatch):
    for number in range(30):
        event = ObjectCreated(ObjectVersion("raw", f"lost/things{number}/x.csv", "v1"), 5, "e", number, "0A")
        lake.catalog.leave_unrouted(event, f"no dataset lost/things{number} is registered")
    monkeypatch.setattr(console, "counts", Cached(partial(count, kept=console.objects), 0.0))
    until(lambda: console.counts.newest(lake))
    number = len(visitor.document("/")["summary"]["attention"])
    assert number >= 30
    html = visitor.get("/").text
    assert html.count("<article") <= ISSUES + 1
    assert f"And {number - ISSUES} more" in html

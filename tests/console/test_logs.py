"""The logs page: what was printed, by source, execution, run, object and time; a page at a time, hostile or not."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import expect

from pipeline.core.clients import client
from pipeline.lake.catalog import Status
from pipeline.lake.settings import Setting
from pipeline.operate import log_pages
from pipeline.operate.log_pages import Cursor, Log
from pipeline.operate.logs import Source

ROUTE = "/sluice/local/lambda/route"
TRANSFORM = "/sluice/local/lambda/transform"


def say(group: str, stream: str, *said: tuple[int, str]) -> None:
    """Print messages, each at a time in milliseconds."""
    logs = client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
    if not logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": at, "message": message} for at, message in said]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


@pytest.fixture(scope="module")
def now() -> int:
    return int(time.time() * 1000)


@pytest.fixture(scope="module")
def printed(lake, now) -> int:
    say(ROUTE, "s", (now - 3_600_000, "long ago"), (now - 60_000, "routed <script>alert(1)</script>\x1b[2J\u202e"))
    say(TRANSFORM, "s", (now - 59_000, "[ERROR] broken\nTraceback"), (now - 58_000, "fine"))
    say("/sluice/local/glue/output", "jr_1", (now - 57_000, "one"))
    say("/sluice/local/glue/output", "jr_2", (now - 56_000, "two"))
    return now


def messages(document: dict) -> list[str]:
    return [line["message"] for line in document["lines"]]


def follow(visitor, url: str) -> dict:
    split = urlsplit(url)
    document: dict = visitor.document(split.path, **dict(parse_qsl(split.query)))
    return document


def test_all_logs_are_merged_and_hostile_lines_are_harmless(visitor, printed):
    document = visitor.document("/logs")
    assert messages(document)[1:] == ["[ERROR] broken\nTraceback", "fine", "one", "two"]
    html = visitor.get("/logs").text
    assert "<script>alert" not in html
    assert "\\x1b[2J\\u202e" in html
    assert "\u202e" not in html


def test_an_error_is_marked_with_a_word(visitor, printed, tab):
    tab.goto("/logs?source=transform")
    expect(tab.locator("tr.error")).to_have_count(1)
    expect(tab.locator("tr.error").get_by_text("error", exact=True)).to_be_visible()
    assert [line["is_error"] for line in visitor.document("/logs", source="transform")["lines"]] == [True, False]


def test_logs_of_a_source_a_span_a_run_and_a_text(visitor, printed):
    assert messages(visitor.document("/logs", source="route", since="2h"))[0] == "long ago"
    assert messages(visitor.document("/logs", run="jr_2")) == ["two"]
    assert messages(visitor.document("/logs", text="BROKEN")) == ["[ERROR] broken\nTraceback"]
    at = [datetime.fromtimestamp((printed - back) / 1000, UTC).isoformat() for back in (58_500, 56_500)]
    assert messages(visitor.document("/logs", **{"from": at[0], "to": at[1]})) == ["fine", "one"]
    (found,) = visitor.document("/logs", text="broken")["lines"]
    assert messages(follow(visitor, found["around"]))[1:] == ["[ERROR] broken\nTraceback", "fine", "one", "two"]
    assert "with that text" in visitor.get("/logs", params={"text": "<script>nothing"}).text


def test_lines_have_levels_and_folded_facts_and_the_platforms_own_are_hidden(visitor, tab, now):
    said = [
        (now - 9000, "INIT_START Runtime Version: python:3.12"),
        (now - 8000, "START RequestId: 1 Version: 3"),
        (now - 7000, json.dumps({"level": "INFO", "message": "staged <b>it</b>", "rows": 12, "key": "a/b.csv"})),
        (now - 6000, json.dumps({"level": "WARNING", "message": "slow", "timestamp": "t"})),
        (now - 5000, "26/11/30 20:00:00 WARN TaskSetManager: lost a task"),
        (now - 4000, "plain text"),
        (now - 3500, json.dumps({"level": "ERROR", "message": "it broke", "exception": "Traceback\n  at x"})),
        (now - 3000, "END RequestId: 1"),
        (now - 2500, "REPORT RequestId: 1\tDuration: 3 ms"),
        (now - 2000, "REPORT RequestId: 2\tDuration: 900000 ms\tStatus: timeout"),
        (now - 1900, json.dumps({"_aws": {"Timestamp": now, "CloudWatchMetrics": []}, "RowsStaged": [12]})),
        (now - 1500, json.dumps({"type": "platform.report", "record": {"status": "success"}})),
        (now - 1000, json.dumps({"type": "platform.report", "record": {"status": "timeout"}})),
    ]
    say("/sluice/local/lambda/levels", "s", *said)
    lines = visitor.document("/logs", source="levels")["lines"]
    assert [(line["level"], line["told"].partition("\t")[0][:12]) for line in lines] == [
        ("INFO", "staged <b>it"),
        ("WARN", "slow"),
        ("WARN", "26/11/30 20:"),
        (None, "plain text"),
        ("ERROR", "it broke"),
        ("ERROR", "REPORT Reque"),
        ("ERROR", '{"type": "pl'),
    ]
    assert lines[0]["facts"] == {"rows": 12, "key": "a/b.csv"}
    warned = visitor.document("/logs", source="levels", level="warn")["lines"]
    assert [line["level"] for line in warned] == ["WARN", "WARN", "ERROR", "ERROR", "ERROR"]
    assert len(visitor.document("/logs", source="levels", platform="yes")["lines"]) == len(said)
    assert visitor.get("/logs", params={"level": "loud"}).status_code == 400
    tab.goto("/logs?source=levels")
    fact = tab.get_by_text('"rows": 12')
    expect(fact).to_be_attached()
    expect(fact).to_be_hidden()
    tab.get_by_text("rows, key").click()
    expect(fact).to_be_visible()
    tab.locator("select[name=level]").select_option("ERROR")
    tab.get_by_role("button", name="Show").click()
    tab.get_by_text("staged <b>it</b>").wait_for(state="detached")
    expect(tab.locator("tr.error, tr:has(.s-failed)")).to_have_count(3)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"source": "<script>"}, 404),
        ({"since": "yesterday"}, 400),
        ({"from": "<b>"}, 400),
        ({"to": "9999-12-31T23:59:59-23:59"}, 400),
        ({"before": "1.x"}, 400),
        ({"after": "٣.٣"}, 400),
        ({"source": "route", "run": "jr_1"}, 400),
        ({"uri": "s3://"}, 400),
        ({"uri": "s3://lake/none"}, 404),
        ({"execution": "none"}, 404),
        ({"execution": "a b:*"}, 404),
    ],
)
def test_a_wrong_question_is_a_page_that_says_so(visitor, printed, query, status):
    answer = visitor.get("/logs", params=query)
    assert answer.status_code == status, answer.text
    assert "<script>" not in answer.text.partition("</head>")[2]


def test_pages_hold_each_line_once_even_of_one_millisecond(visitor, printed):
    at = printed - 2 * 86_400_000
    lines = [(at, f"same {n:03d}") for n in range(450)] + [(at + 1000 * n, f"then {n:03d}") for n in range(1, 51)]
    say("/sluice/local/lambda/complete", "many", *lines)
    span = {
        "source": "complete",
        "from": datetime.fromtimestamp(at / 1000 - 1, UTC).isoformat(),
        "to": datetime.fromtimestamp(at / 1000 + 100, UTC).isoformat(),
    }
    page = visitor.document("/logs", **span)
    pages = [page]
    while page["older"]:
        page = follow(visitor, page["older"])
        pages.append(page)
    assert [len(page["lines"]) for page in pages] == [200, 200, 100]
    seen = [message for page in reversed(pages) for message in messages(page)]
    assert sorted(seen) == sorted(message for _, message in lines)
    again = follow(visitor, page["newer"])
    assert messages(again) == messages(pages[1])
    assert messages(follow(visitor, again["older"])) == messages(pages[2])
    assert messages(follow(visitor, again["newer"])) == messages(pages[0])


def test_going_back_narrows_where_too_much_was_printed(lake, now, monkeypatch):
    monkeypatch.setattr(log_pages, "MOST_READ", 50)
    say("/sluice/local/lambda/fail", "busy", *((now - 100_000 + n, str(n)) for n in range(400)))
    log = Log([Source("/sluice/local/lambda/fail", "fail")], now - 3_600_000, now)
    page = log.before(None, 20)
    assert [line.message for line in page.lines] == [str(n) for n in range(380, 400)]
    assert not page.is_crowded
    assert [line.message for line in log.after(Cursor(now - 100_000, 1), 3).lines] == ["1", "2", "3"]


def test_a_millisecond_with_more_than_is_read_says_so(lake, now, monkeypatch):
    monkeypatch.setattr(log_pages, "MOST_READ", 10)
    say("/sluice/local/lambda/quarantine", "s", *((now - 5000, str(n)) for n in range(30)))
    page = Log([Source("/sluice/local/lambda/quarantine", "q")], now - 5000, now - 5000).before(None, 5)
    assert page.is_crowded
    assert len(page.lines) == 5


def test_a_long_line_is_cut_and_whole_in_its_download(visitor, now):
    whole = "<b>" + "x" * 1_000_000
    say("/sluice/local/lambda/commit", "long", *((now - 1000 * n, f"{n} {whole}") for n in (2, 1, 0)))
    page = visitor.document("/logs", source="commit")
    assert len(visitor.get("/logs", params={"source": "commit"}).content) < 150_000
    (first, *_) = page["lines"]
    assert first["cut"] > 900_000
    answer = visitor.get(first["whole"])
    assert answer.text == f"2 {whole}"
    assert answer.headers["content-type"].startswith("text/plain")
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.parametrize("group", ["", "/aws/codebuild/x", "/sluice/prod/lambda/route"])
def test_only_lines_of_this_lake_are_downloaded(visitor, printed, group):
    query = {"group": group, "stream": "s", "at": str(printed), "id": "1"}
    assert visitor.get("/logs/line", params=query).status_code == 404
    assert visitor.get("/logs/line", params={**query, "group": ROUTE}).status_code == 404
    assert visitor.get("/logs/line", params={**query, "group": ROUTE, "at": "x"}).status_code == 400


def test_logs_of_an_object_are_what_names_it_while_its_execution_ran(visitor, orders, lake, now):
    obj = orders.register(orders.drop('a "quoted" ü.csv'))
    name = f"run-{obj.digest}"
    objects = [{"bucket": obj.bucket, "key": obj.key}]
    arn = client("stepfunctions").start_execution(
        stateMachineArn=lake.settings[Setting.STAGE_A_MACHINE],
        name=name,
        input=json.dumps({"dataset": orders.name, "objects": objects}),
    )["executionArn"]
    lake.catalog.move(obj, Status.FAILED, orders.name, reason="broken", execution=arn)
    at = int(time.time() * 1000)
    said = [
        (at, f"as it is: {obj.key}"),
        (at + 1, json.dumps({"key": obj.key})),
        (at + 2, f"staged {obj.digest}-1.parquet"),
        (at + 3, "another: shop/orders/b.csv"),
        (at + 3_600_000, f"much later: {obj.key}"),
    ]
    say(TRANSFORM, "objects", *said)
    document = visitor.document("/logs", uri=obj.uri)
    assert messages(document) == [message for _, message in said[:3]]
    assert obj.version_id in document["about"]
    assert document["execution"] == name
    ran = visitor.document("/logs", execution=name, **{"from": datetime.fromtimestamp(at / 1000, UTC).isoformat()})
    assert messages(ran)[:4] == [message for _, message in said[:4]]
    assert visitor.get("/logs", params={"uri": obj.uri, "version": "other"}).status_code == 404


def test_following_shows_what_comes(tab, printed):
    tab.goto("/logs?source=route")
    tab.get_by_role("link", name="Follow the newest").click()
    tab.get_by_text("New lines appear at the end.").wait_for()
    say(ROUTE, "live", (int(time.time() * 1000), "just printed <i>"))
    tab.get_by_text("just printed <i>").wait_for()
    tab.get_by_role("link", name="Stop following").click()
    tab.get_by_role("link", name="Follow the newest").wait_for()


def test_the_command_hides_the_same_lines_as_the_page(visitor, sluice, printed, now):
    say("/sluice/local/lambda/transform", "s", (now, "START RequestId: 1 Version: 1"), (now, "[WARN] odd"))
    whole = sluice("logs", "transform").stdout
    assert "START RequestId" in whole
    assert "START RequestId" not in sluice("logs", "transform", "--no-platform").stdout
    warned = sluice("logs", "transform", "--level", "warning", "--text", "ODD").stdout
    assert "odd" in warned
    assert "START" not in warned
    shown = messages(visitor.document("/logs", source="transform", level="warn", text="ODD"))
    assert [line.strip() for line in shown] == ["[WARN] odd"]
    assert sluice("logs", "--level", "loud").exit_code

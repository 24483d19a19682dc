"""Forms: only the console's own are taken, and none that is too large to be one."""

from __future__ import annotations

import json

import pytest

from pipeline.core.clients import client
from pipeline.lake.settings import Setting

PATHS = (
    "/datasets/shop/orders/run",
    "/queues/raw/redrive",
    "/batches/x/release",
    "/executions/x/stop",
    "/executions/x/resume",
    "/machines/x/start",
    "/query",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("origin", "token"),
    [
        ("http://evil.example", None),
        ("null", None),
        ("http://[", None),
        ("http://127.0.0.1:1", None),
        (None, ""),
        (None, "é"),
        (None, "0" * 64),
    ],
)
def test_a_form_of_another_page_or_without_its_token_is_refused(visitor, url, path, origin, token):
    good = visitor.token()
    answer = visitor.http.post(
        path, data={"csrf": good if token is None else token, "which": "all"}, headers={"origin": origin or url}
    )
    assert answer.status_code == 403


def test_a_form_that_is_too_large_or_of_unknown_size_is_refused_unread(visitor, url):
    large = visitor.http.post("/queues/raw/redrive", data={"x": "x" * 1_100_000}, headers={"origin": url})
    assert large.status_code == 400
    unknown = visitor.http.post(
        "/queues/raw/redrive",
        content=iter([b"x=1"]),
        headers={"origin": url, "content-type": "application/x-www-form-urlencoded"},
    )
    assert unknown.status_code == 400


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_done_by_a_link(visitor, path):
    assert visitor.get(path).status_code in (404, 405, 409) or path == "/query"


def test_what_is_nested_too_deeply_to_be_read_is_shown_as_it_is(visitor, lake):
    deep = "[" * 100_000
    client("sqs").send_message(QueueUrl=lake.settings[Setting.RAW_DEAD_LETTER_QUEUE_URL], MessageBody=deep)
    assert visitor.document("/queues/raw")["messages"]
    machine = lake.settings[Setting.STAGE_B_MACHINE]
    nested = "[" * 900 + "]" * 900
    client("stepfunctions").start_execution(stateMachineArn=machine, name="deep", input=json.dumps({"batch": nested}))
    assert visitor.get("/executions/deep").status_code == 200

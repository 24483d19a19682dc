"""What is not there: every route says so with 404, or 405 for what it does not take, as a page and as JSON."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from starlette.routing import Route

from pipeline.console.app import make_app
from pipeline.console.console import Console
from pipeline.core.clients import client
from pipeline.lake.settings import Setting

ROUTES = [
    route
    for route in make_app(Console(lambda: None, allow_changes=False, token="x")).routes
    if isinstance(route, Route)
]
NAMED = [route for route in ROUTES if "{" in route.path]
OTHERS = [route for route in ROUTES if "{" not in route.path]
NOTHING = ("nothing", "No such/thing", "é'\"<b>", "a" * 300, "..%2f")
FIELDS = {"which": "all", "sure": "yes", "reason": "checked", "sql": "select 1"}


def named(route: Route, name: str) -> str:
    return re.sub(r"{\w+(:\w+)?}", quote(name, safe=""), route.path)


def is_action(route: Route) -> bool:
    return "GET" not in (route.methods or ())


@pytest.mark.parametrize("route", NAMED, ids=lambda route: route.path)
def test_whatever_nothing_has_the_name_of_is_404_and_said(visitor, route):
    for name in NOTHING:
        path = named(route, name)
        answer = visitor.post(path, **FIELDS) if is_action(route) else visitor.get(path)
        assert answer.status_code == 404, (path, answer.text)
        assert "<b>" not in answer.text.partition("</head>")[2]
    said = visitor.http.get(named(route, "nothing"), headers={"accept": "application/json"})
    assert said.status_code in (404, 405)
    assert "nothing" in said.json()["error"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_a_method_that_a_page_does_not_take_is_405_and_said(visitor, route):
    path = named(route, "nothing")
    method = "DELETE" if is_action(route) else "PUT"
    answer = visitor.http.request(method, path)
    assert answer.status_code == 405
    assert f"takes no {method}" in answer.text


def test_what_a_page_asks_for_by_its_query_is_404_too(visitor, lake):
    raw, staging = (lake.settings[setting] for setting in (Setting.RAW_BUCKET, Setting.STAGING_BUCKET))
    for path, query in [
        ("/object", {"uri": f"s3://{raw}/shop/orders/never.csv"}),
        ("/object", {"uri": f"s3://{staging}/never.parquet"}),
        ("/object", {"uri": "s3://nobodys/never.parquet"}),
        ("/browse", {"at": "s3://nobodys/"}),
        ("/download", {"uri": f"s3://{raw}/shop/orders/never.csv"}),
        ("/logs", {"source": "nothing"}),
        ("/logs", {"execution": "nothing"}),
        ("/logs", {"uri": f"s3://{raw}/shop/orders/never.csv"}),
    ]:
        answer = visitor.get(path, params=query)
        assert answer.status_code == 404, (path, query, answer.text)
        assert any(word in answer.text for word in ("never", "nobodys", "nothing"))
    unknown = visitor.get("/object.json", params={"uri": f"s3://{raw}/shop/orders/never.csv"})
    assert (unknown.status_code, "never dropped" in unknown.json()["unknown"]["reason"]) == (404, True)


def test_a_step_that_an_execution_does_not_have_is_404(visitor, lake):
    machine = lake.settings[Setting.STAGE_B_MACHINE]
    client("stepfunctions").start_execution(stateMachineArn=machine, name="of-few-steps", input="{}")
    for number in ("99", "x", "-1"):
        answer = visitor.get(f"/executions/of-few-steps/steps/{number}")
        assert (answer.status_code, f"has no step {number}" in answer.text) == (404, True)

"""Starting a machine, running an execution again and redriving it, where that can work; elsewhere, why not."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from pipeline.core.clients import client
from pipeline.lake.batches.records import BatchStatus
from pipeline.operate import execution_starts
from tests.console.test_datasets import rows
from tests.console.test_executions import run
from tests.patience import until

assert run

ROLE = "arn:aws:iam::123456789012:role/mine"
DEFINITION = {
    "StartAt": "Is it good?",
    "States": {
        "Is it good?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.good", "BooleanEquals": True, "Next": "Done"}],
            "Default": "Refuse",
        },
        "Refuse": {"Type": "Fail", "Error": "NotGood"},
        "Done": {"Type": "Succeed"},
    },
}


@pytest.fixture
def may_change(console, monkeypatch):
    monkeypatch.setattr(console, "_allow_changes", True)


@pytest.fixture(scope="module")
def mine(lake):
    """Somebody's own machine."""
    created = client("stepfunctions").create_state_machine(name="mine", definition=json.dumps(DEFINITION), roleArn=ROLE)
    return created["stateMachineArn"]


def ended(arn):
    """The execution, once it has ended."""
    describe = client("stepfunctions").describe_execution
    until(lambda: describe(executionArn=arn)["status"] != "RUNNING")
    return describe(executionArn=arn)


def execution_of(machine, name):
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def test_a_machine_is_started_and_what_failed_is_run_again_with_its_input_edited(tab, mine, may_change):
    tab.goto("/machines/mine")
    tab.get_by_label("Input, as JSON").fill('{"good": false, "price": 1.10, "at": "\\u202e"}')
    tab.get_by_label("Name").fill("first")
    tab.get_by_role("button", name="Start").click()
    tab.wait_for_url("**/executions/first")
    assert ended(execution_of(mine, "first"))["error"] == "NotGood"
    tab.reload()
    tab.get_by_role("link", name="Run again").click()
    expect(tab.get_by_label("Input, as JSON")).to_have_value(re.compile(r"1\.10"))
    text = tab.get_by_label("Input, as JSON").input_value()
    tab.get_by_label("Input, as JSON").fill(text.replace("false", "true"))
    tab.get_by_role("button", name="Start").click()
    tab.wait_for_url("**/executions/mine-*")
    again = ended(execution_of(mine, tab.url.rpartition("/")[2]))
    assert again["status"] == "SUCCEEDED"
    assert json.loads(again["input"]) == {"good": True, "price": 1.1, "at": "\u202e"}


def test_a_failed_execution_is_redriven_from_the_state_in_which_it_failed(visitor, mine, may_change):
    stepfunctions = client("stepfunctions")
    arn = stepfunctions.start_execution(stateMachineArn=mine, name="redriven", input='{"good": false}')["executionArn"]
    ended(arn)
    assert visitor.document("/executions/redriven")["resume"]["why_not"] is None
    assert "It goes on" in visitor.post("/executions/redriven/resume").text
    until(lambda: stepfunctions.describe_execution(executionArn=arn).get("redriveCount") == 1)
    assert ended(arn)["error"] == "NotGood"
    good = stepfunctions.start_execution(stateMachineArn=mine, name="good", input='{"good": true}')["executionArn"]
    ended(good)
    assert "SUCCEEDED and cannot be redriven" in visitor.document("/executions/good")["resume"]["why_not"]
    refused = visitor.post("/executions/good/resume")
    assert (refused.status_code, "SUCCEEDED and cannot be redriven" in refused.text) == (409, True)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"input": "{"}, "line 1, column 2"),
        ({"input": ""}, "no JSON"),
        ({"input": '{"a": NaN}'}, "no JSON"),
        ({"input": "[" * 100_000}, "nested too deeply"),
        ({"input": json.dumps("x" * 262_144)}, "262,146 bytes"),
        ({"input": "{}", "name": "a/b"}, "no name of an execution"),
        ({"input": "{}", "name": "x" * 81}, "no name of an execution"),
    ],
)
def test_what_step_functions_would_not_take_is_refused_with_what_is_wrong(visitor, mine, may_change, fields, told):
    answer = visitor.post("/machines/mine/start", **fields)
    assert (answer.status_code, told in answer.text) == (400, True), answer.text


def test_a_name_is_used_once(visitor, mine, may_change):
    assert visitor.post("/machines/mine/start", input="1", name="once").status_code == 200
    ended(execution_of(mine, "once"))
    answer = visitor.post("/machines/mine/start", input="2", name="once")
    assert (answer.status_code, "within the last 90 days" in answer.text) == (409, True)


def test_the_lakes_own_machines_say_why_nobody_starts_them(visitor, may_change, orders, run):
    for machine, who in (("a", "routes what arrives"), ("b", "the poller")):
        assert who in visitor.document(f"/machines/{machine}")["start"]["why_not"]
        answer = visitor.post(f"/machines/{machine}/start", input="{}")
        assert (answer.status_code, who in answer.text) == (409, True)
    batch = orders.open(orders.stage("committed.csv"))
    for status in (BatchStatus.SEALED, BatchStatus.RUNNING):
        orders.lake.batches.move(orders.name, batch, status)
    orders.write(batch, rows(1))
    orders.commit(batch)
    told = visitor.document(f"/executions/{batch}")
    assert "is committed" in told["again"]["why_not"]
    assert "is committed" in told["resume"]["why_not"]
    assert "is committed" in visitor.document("/machines/b", **{"from": batch})["start"]["why_not"]
    held = orders.open(orders.stage("held.csv"))
    for status in (BatchStatus.SEALED, BatchStatus.RUNNING):
        orders.lake.batches.move(orders.name, held, status)
    until(lambda: visitor.get(f"/executions/{held}").status_code == 200)
    assert "RUNNING" in visitor.document(f"/executions/{held}")["again"]["why_not"]
    orders.lake.batches.move(orders.name, held, BatchStatus.QUARANTINED)
    assert "has ended as QUARANTINED" in visitor.document(f"/executions/{held}")["again"]["why_not"]
    name = run("nothing", {"dataset": "shop/orders", "objects": []})
    assert "go on as new work" in visitor.document(f"/executions/{name}")["resume"]["why_not"]


def test_what_publishes_data_has_to_be_confirmed(visitor, tab, lake, monkeypatch, may_change):
    created = client("stepfunctions").create_state_machine(
        name="of-a-flow", definition=json.dumps(DEFINITION), roleArn=ROLE
    )
    published = json.dumps({"arn": created["stateMachineArn"]})
    monkeypatch.setitem(lake.settings._values, "machines/publisher", published)
    refused = visitor.post("/machines/publisher/start", input="{}")
    assert (refused.status_code, "publishes data" in refused.text) == (409, True)
    tab.goto("/machines/publisher")
    tab.get_by_role("button", name="Start").click()
    assert tab.url.endswith("/machines/publisher")
    tab.get_by_label("publishes data").check()
    tab.get_by_role("button", name="Start").click()
    tab.wait_for_url("**/executions/publisher-*")


def test_an_express_machine_says_that_nobody_would_see_its_execution(lake, mine, monkeypatch):
    """The embedded AWS has no express machines: this is what AWS says of one."""

    class Express:
        @staticmethod
        def describe_state_machine(stateMachineArn):
            return {"stateMachineArn": stateMachineArn, "status": "ACTIVE", "type": "EXPRESS"}

    monkeypatch.setattr(execution_starts, "client", lambda _: Express)
    assert "keeps no executions" in execution_starts.can_start(lake, "mine").why_not


def test_a_console_that_only_shows_says_so_at_the_button(visitor, console, mine, monkeypatch):
    monkeypatch.setattr(console, "can_change", lambda: False)
    page = visitor.get("/machines/mine").text
    assert "--allow-changes" in page
    assert "<textarea" not in page
    assert visitor.post("/machines/mine/start", input="{}").status_code == 409

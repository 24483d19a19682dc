"""A state machine's page: what it does, and how its newest executions ended."""

from __future__ import annotations

import json

from pipeline.core.clients import client
from pipeline.lake.settings import Setting
from tests.console.test_executions import run

assert run

HOSTILE = '<script>alert("x")</script>\u202e'


def test_the_definition_is_drawn_and_the_newest_executions_are_counted(visitor, tab, run):
    run("good", {"dataset": "shop/orders", "objects": []})
    run("bad", {"dataset": "unwanted", "objects": []})
    document = visitor.document("/machines/a")
    assert document["statuses"] == {"RUNNING": 0, "SUCCEEDED": 1, "FAILED": 1, "TIMED_OUT": 0, "ABORTED": 0}
    assert (document["executions"], document["is_all"]) == (2, True)
    assert [run["name"] for run in document["failed"]] == ["bad"]
    assert {"Each", "Is it wanted?", "Refuse", "Complete"} <= {box["name"] for box in document["graph"]["boxes"]}
    assert not any(way["taken"] for way in document["graph"]["ways"])
    tab.goto("/executions")
    tab.get_by_role("link", name="The machine of Stage A").click()
    tab.get_by_role("link", name="bad", exact=True).click()
    tab.get_by_text("nobody [wants] it").first.wait_for()


def test_a_definition_with_hostile_text_is_drawn_as_text(visitor, lake):
    states = {HOSTILE: {"Type": "Pass", "End": True}}
    definition = json.dumps({"Comment": HOSTILE, "StartAt": HOSTILE, "States": states})
    machine = lake.settings[Setting.STAGE_B_MACHINE]
    client("stepfunctions").update_state_machine(stateMachineArn=machine, definition=definition)
    html = visitor.get("/machines/b").text
    assert "&lt;script&gt;alert" in html
    assert "<script>alert" not in html
    assert "\u202e" not in html


def test_another_machine_says_which_there_are(visitor):
    answer = visitor.get("/machines/c.json")
    assert (answer.status_code, "'c' is not a machine" in answer.json()["error"]) == (404, True)

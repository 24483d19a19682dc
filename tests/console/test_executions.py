"""Executions as pages: found, drawn, explained, followed and sent back."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from pipeline.console import executions, graph
from pipeline.console.counts import Cached
from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.lake.batches.records import BatchStatus
from pipeline.lake.catalog import Status
from pipeline.lake.settings import Setting
from pipeline.operate.recent_executions import RecentReader
from tests.patience import until

END = graph.END.rstrip()
HOSTILE = '<script>alert("x")</script>\u202e\n'


@pytest.fixture(scope="module")
def run(lake):
    """Start an execution of Stage A's machine, or of Stage B's, and wait for its end."""

    def start(name, document, machine=Setting.STAGE_A_MACHINE):
        stepfunctions = client("stepfunctions")
        arn = stepfunctions.start_execution(
            stateMachineArn=lake.settings[machine], name=name, input=json.dumps(document)
        )["executionArn"]
        until(lambda: stepfunctions.describe_execution(executionArn=arn)["status"] != "RUNNING")
        return name

    return start


def item(obj, **more):
    known = {"bucket": obj.bucket, "version_id": obj.version_id, "generation": 1, "event_ms": 1}
    return {**known, "key": obj.key, **more}


@pytest.fixture(scope="module")
def refused(run, orders):
    """An execution that failed, with hostile text in what it carried."""
    obj = orders.register(orders.drop(f"{HOSTILE}.csv"))
    orders.lake.catalog.move(obj, Status.FAILED, orders.name, reason="broken")
    return run("shop-orders-refused", {"dataset": "unwanted", "objects": [item(obj)], "note": HOSTILE}), obj


@pytest.fixture(scope="module")
def caught(run):
    """An execution of which one iteration of a Map failed, was tried again, and was caught."""
    objects = [{"key": "fine", "bucket": "b"}, {"key": "bad", "bucket": "b"}]
    return run("shop-orders-caught", {"dataset": "shop/orders", "objects": objects})


def test_the_list_has_status_start_and_duration_and_is_filtered(visitor, refused, caught, run):
    run("load", {"dataset": "shop/orders", "batch": "load"}, Setting.STAGE_B_MACHINE)
    rows = visitor.document("/executions")["executions"]
    assert {"load", "shop-orders-refused", "shop-orders-caught"} <= {row["name"] for row in rows}
    assert all(row["seconds"] >= 0 for row in rows)
    assert {row["dataset"] for row in rows} == {"shop/orders"}
    failed = visitor.document("/executions", status="failed")["executions"]
    assert [row["name"] for row in failed] == ["shop-orders-refused"]
    assert {row["machine"] for row in visitor.document("/executions", machine="b")["executions"]} == {"b"}
    of_dataset = visitor.document("/executions", dataset="shop/orders")["executions"]
    assert {row["name"] for row in of_dataset} == {"shop-orders-refused", "shop-orders-caught"}
    assert [row["name"] for row in visitor.document("/executions", name=" load ")["executions"]] == ["load"]
    assert [row["name"] for row in visitor.document("/executions", name="OA", machine="b")["executions"]] == ["load"]
    assert visitor.document("/executions", name="loads")["executions"] == []


def test_executions_of_somebodys_own_machine_have_their_pages_too(visitor, lake):
    stepfunctions = client("stepfunctions")
    definition = json.dumps({"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Mine"}}})
    machine = stepfunctions.create_state_machine(
        name="reports", definition=definition, roleArn="arn:aws:iam::123456789012:role/reports"
    )["stateMachineArn"]
    document = json.dumps({"dataset": HOSTILE, "objects": [{"key": HOSTILE}]})
    arn = stepfunctions.start_execution(stateMachineArn=machine, name="monday", input=document)["executionArn"]
    until(lambda: stepfunctions.describe_execution(executionArn=arn)["status"] != "RUNNING")
    listed = visitor.document("/executions", machine="reports")
    assert [(row["name"], row["machine"], row["dataset"]) for row in listed["executions"]] == [
        ("monday", "reports", None)
    ]
    assert "reports" in listed["others"]
    page = visitor.document("/executions/monday")
    assert (page["machine"], page["error"], page["carried"]["objects"]) == ("reports", "Mine", [])
    assert "/executions/monday/redrive" not in visitor.get("/executions/monday").text


@pytest.fixture(scope="module")
def held_back(orders):
    """A batch that failed its rules, with its execution, which succeeded."""
    batch = orders.open(orders.stage("held-back.csv"))
    orders.lake.batches.move(orders.name, batch, BatchStatus.SEALED)
    orders.lake.batches.move(orders.name, batch, BatchStatus.RUNNING)
    assert orders.lake.batches.move(orders.name, batch, BatchStatus.QUARANTINED) is None
    arn = orders.lake.settings[Setting.STAGE_B_MACHINE].replace(":stateMachine:", ":execution:")
    until(lambda: client("stepfunctions").describe_execution(executionArn=f"{arn}:{batch}")["status"] == "SUCCEEDED")
    return batch


def test_a_quarantined_batch_is_no_success(visitor, held_back, caught, console, lake, monkeypatch):
    monkeypatch.setattr(console, "executions", Cached(RecentReader().read, 0))
    until(lambda: (known := console.executions.newest(lake)) and held_back in known.batches)
    by_outcome = {
        outcome: {row["name"] for row in visitor.document("/executions", status=outcome)["executions"]}
        for outcome in ("QUARANTINED", "SUCCEEDED")
    }
    assert by_outcome["QUARANTINED"] == {held_back}
    assert held_back not in by_outcome["SUCCEEDED"]
    assert caught in by_outcome["SUCCEEDED"]
    assert visitor.document(f"/executions/{held_back}")["outcome"] == "QUARANTINED"
    totals = {each["outcome"]: each["executions"] for each in visitor.document("/executions")["totals"]["outcomes"]}
    assert totals["QUARANTINED"] == 1
    of_dataset = visitor.document("/executions", dataset="shop/orders", status="QUARANTINED")["executions"]
    assert [(row["name"], row["dataset"]) for row in of_dataset] == [(held_back, "shop/orders")]


def test_executions_of_all_machines_are_one_list_in_the_order_of_time(visitor, lake, run, caught):
    stepfunctions = client("stepfunctions")
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    role = "arn:aws:iam::123456789012:role/mine"
    arn = stepfunctions.create_state_machine(name="mine", definition=definition, roleArn=role)["stateMachineArn"]
    stepfunctions.start_execution(stateMachineArn=arn, name="own-1", input="{}")
    run("between", {"dataset": "shop/orders", "batch": "between"}, Setting.STAGE_B_MACHINE)
    began = iso(lake.clock())
    stepfunctions.start_execution(stateMachineArn=arn, name="own-2", input="{}")
    calls: list[str] = []
    stepfunctions.meta.events.register("before-call", lambda model, **_: calls.append(model.name), "count")
    rows = visitor.document("/executions")["executions"]
    stepfunctions.meta.events.unregister("before-call", unique_id="count")
    assert [row["name"] for row in rows[:3]] == ["own-2", "between", "own-1"]
    assert calls.count("ListExecutions") <= 24
    since = visitor.document("/executions", **{"from": began})["executions"]
    assert {row["name"] for row in since} == {"own-2"}
    until = visitor.document("/executions", to=began, name="own")["executions"]
    assert [row["name"] for row in until] == ["own-1"]


def test_an_item_of_a_map_that_ends_in_a_fail_state_is_found_and_drawn_as_failed(visitor, lake):
    inner = {
        "StartAt": "Is it odd?",
        "States": {
            "Is it odd?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$", "NumericEquals": 33, "Next": "Odd"}],
                "Default": "Fine",
            },
            "Fine": {"Type": "Pass", "End": True},
            "Odd": {"Type": "Fail", "Error": "Odd", "Cause": "33 is odd"},
        },
    }
    items = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": inner, "MaxConcurrency": 1, "Next": "Go on"}
    items["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": "Go on"}]
    machine = {"StartAt": "Items", "States": {"Items": items, "Go on": {"Type": "Pass", "End": True}}}
    stepfunctions, role = client("stepfunctions"), "arn:aws:iam::123456789012:role/items"
    arn = stepfunctions.create_state_machine(name="items", definition=json.dumps(machine), roleArn=role)[
        "stateMachineArn"
    ]
    document = json.dumps({"items": list(range(50))})
    stepfunctions.start_execution(stateMachineArn=arn, name="of-fifty", input=document)
    until(lambda: visitor.get("/executions/of-fifty.json").json()["ended"])
    document = visitor.document("/executions/of-fifty", only="failed")
    failing = [step for step in document["steps"] if step["state"] == "Odd"]
    assert [(step["outcome"], step["iteration"]) for step in failing] == [("failed", [{"state": "Items", "index": 33}])]
    (box,) = [each for each in document["graph"]["boxes"] if each["name"] == "Items"]
    drawn = {each["name"]: each["outcome"] for each in box["inner"][0]["graph"]["boxes"]}
    assert drawn["Odd"] == "failed"


def test_a_long_list_is_paged_by_the_server(visitor, lake):
    stepfunctions, machine = client("stepfunctions"), lake.settings[Setting.STAGE_B_MACHINE]
    for number in range(60):
        stepfunctions.start_execution(stateMachineArn=machine, name=f"many-{number}", input="{}")
    seen, token = [], None
    while True:
        more = {"after": token} if token else {}
        page = visitor.document("/executions", machine="b", **more)
        assert page["is_first"] == (token is None)
        seen += [row["name"] for row in page["executions"]]
        token = page["next"]
        if token is None:
            break
    assert len(seen) == len(set(seen))
    assert {f"many-{number}" for number in range(60)} <= set(seen)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"machine": "c"}, "is not a machine"),
        ({"status": "BROKEN"}, "is not a status"),
        ({"from": "noon"}, "is not a time"),
        ({"dataset": "what?"}, "what?"),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_with_what_would(visitor, query, told):
    answer = visitor.get("/executions.json", params=query)
    assert (answer.status_code, told in answer.json()["error"]) == (400, True), answer.text


def test_a_failed_execution_tells_its_cause_first_and_draws_where_it_ended(visitor, refused):
    name, obj = refused
    document = visitor.document(f"/executions/{name}")
    assert document["problem"] == "Unwanted: nobody [wants] it"
    assert document["ended"]
    boxes = {box["name"]: box["outcome"] for box in document["graph"]["boxes"]}
    assert boxes["Refuse"] in ("failed", "left")
    assert boxes["Complete"] is None
    assert document["carried"]["objects"] == [{"uri": obj.uri, "version": obj.version_id}]
    html = visitor.get(f"/executions/{name}").text
    assert "<script>alert" not in html
    assert "\u202e" not in html


def test_iterations_retries_and_what_was_caught_are_told(visitor, caught):
    document = visitor.document(f"/executions/{caught}")
    (each,) = [box for box in document["graph"]["boxes"] if box["type"] == "Map"]
    inner = {box["name"]: box for box in each["inner"][0]["graph"]["boxes"]}
    assert inner["Read a table"]["outcome"] == "caught"
    assert "1 retry" in inner["Read a table"]["told"]
    assert inner["Is it bad?"]["told"] == "done, 2 times"
    (failure,) = document["failures"]
    assert failure["iteration"] == [{"state": "Each", "index": 1}]
    assert failure["attempts"] == 2
    assert "ResourceNotFound" in failure["errors"][0]["error"] + failure["errors"][0]["cause"]
    only = visitor.document(f"/executions/{caught}", only="failed")
    assert [step["state"] for step in only["steps"]] == ["Read a table"]
    step = visitor.document(f"/executions/{caught}/steps/{failure['step']}")
    assert json.loads(step["input"])["key"] == "bad"


def ways(graph):
    """From, to and how often it was taken, of every way of a drawn machine and of those inside it."""
    for way in graph["ways"]:
        yield way["source"], way["target"], way["taken"]
    for box in graph["boxes"]:
        for inner in box["inner"]:
            yield from ways(inner["graph"])


def test_the_ways_that_an_execution_took_are_told_apart_from_the_others(visitor, refused, caught):
    taken = {(a, b): number for a, b, number in ways(visitor.document(f"/executions/{caught}")["graph"])}
    assert taken["Each", "Is it wanted?"] == taken["Is it bad?", "Fine"] == taken["Read a table", "Record"] == 1
    assert taken["Record", END] == taken["Fine", END] == taken["Complete", END] == 1
    assert taken["Read a table", END] == taken["Is it wanted?", "Refuse"] == taken["Refuse", END] == 0
    taken = {(a, b): number for a, b, number in ways(visitor.document(f"/executions/{refused[0]}")["graph"])}
    assert taken["Is it wanted?", "Refuse"] == taken["Refuse", END] == 1
    assert taken["Is it wanted?", "Complete"] == taken["Complete", END] == 0
    assert 'class="way w-choice taken"' in visitor.get(f"/executions/{caught}").text


def test_steps_of_a_large_execution_are_paged_and_the_page_stays_small(visitor, run):
    objects = [{"key": "é" * 500, "bucket": "b"} for _ in range(70)]
    name = run("shop-orders-large", {"dataset": "shop/orders", "objects": objects})
    document = visitor.document(f"/executions/{name}")
    assert document["number"] > 140
    assert len(document["steps"]) == document["page"]
    assert document["carried"]["more"] == 60
    assert len(visitor.get(f"/executions/{name}").content) < 150_000
    last = visitor.document(f"/executions/{name}", step=document["number"] - 1)
    assert last["steps"][0]["state"] == "Complete"


def test_an_execution_or_a_step_that_is_not_there_says_so(visitor, caught):
    assert "has an execution 'nothing'" in visitor.get("/executions/nothing.json").json()["error"]
    assert "has no step 999" in visitor.get(f"/executions/{caught}/steps/999.json").json()["error"]


def test_the_cause_is_read_and_the_execution_sent_back_with_the_mouse(tab, refused, lake):
    name, _ = refused
    tab.goto("/executions?status=FAILED")
    tab.get_by_role("link", name=name).click()
    expect(tab.get_by_text("nobody [wants] it").first).to_be_visible()
    tab.get_by_role("button", name="Redrive").click()
    tab.get_by_text("1 object sent through Stage A again").wait_for()
    expect(tab.get_by_role("status")).to_be_visible()
    messages = client("sqs").receive_message(QueueUrl=lake.settings[Setting.RAW_QUEUE_URL])["Messages"]
    assert json.loads(messages[0]["Body"])


def test_a_running_execution_is_followed_and_can_be_stopped(tab, lake, orders):
    waiting = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
    stepfunctions = client("stepfunctions")
    machine = lake.settings[Setting.STAGE_B_MACHINE]
    stepfunctions.update_state_machine(stateMachineArn=machine, definition=json.dumps(waiting))
    stepfunctions.start_execution(stateMachineArn=machine, name="waits", input="{}")
    tab.goto("/executions/waits")
    tab.locator("svg .o-running").wait_for()
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.get_by_role("button", name="Stop").click()
    tab.get_by_text("Stopped. Its batch or objects").wait_for()
    tab.get_by_text("ABORTED").first.wait_for()
    second = stepfunctions.start_execution(stateMachineArn=machine, name="waits-2", input="{}")["executionArn"]
    tab.goto("/executions/waits-2")
    tab.get_by_text("RUNNING").first.wait_for()
    stepfunctions.stop_execution(executionArn=second, error="E", cause="stopped behind the page")
    tab.get_by_text("stopped behind the page").first.wait_for()
    expect(tab.locator("[data-live]")).to_have_count(0)


def test_an_execution_that_is_gone_since_it_was_listed_is_of_no_known_dataset(lake):
    arn = lake.settings[Setting.STAGE_B_MACHINE].replace(":stateMachine:", ":execution:")
    assert executions._loaded_by(f"{arn}:gone") is None

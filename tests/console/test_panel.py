"""The panel beside a machine's graph, its zoom, and the steps as a timeline."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import pytest
from playwright.sync_api import Error, expect

from pipeline.core.clients import client
from tests.console.conftest import TOKEN, let_in
from tests.console.shapes import machine
from tests.console.test_graph import chain
from tests.console.test_starts import ROLE, ended
from tests.patience import until

TRIED = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "nobodys"},
    "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}],
    "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Each"}],
    "Next": "Each",
}
ITEM = {
    "StartAt": "Is it good?",
    "States": {
        "Is it good?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$", "NumericEquals": 7, "Next": "Refuse"}],
            "Default": "Take it",
        },
        "Take it": {"Type": "Pass", "End": True},
        "Refuse": {"Type": "Fail", "Error": "Seven"},
    },
}
DEFINITION = {
    "StartAt": "Add",
    "States": {
        "Add": {"Type": "Pass", "Result": {"rows": 1}, "ResultPath": "$.added", "Next": "Call"},
        "Call": TRIED,
        "Each": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": ITEM, "End": True},
    },
}
INPUT = {"items": list(range(30)), "deep": {"one": {"two": {"three": "x" * 30}}}}


@pytest.fixture(scope="module")
def failed(lake):
    """An execution of a Map of 30 items, of which the eighth failed, and of a call that was tried twice."""
    stepfunctions = client("stepfunctions")
    own = stepfunctions.create_state_machine(name="items", definition=json.dumps(DEFINITION), roleArn=ROLE)
    started = stepfunctions.start_execution(
        stateMachineArn=own["stateMachineArn"], name="eighth", input=json.dumps(INPUT)
    )
    assert ended(started["executionArn"])["status"] == "FAILED"
    return "/executions/eighth"


def test_a_state_is_chosen_in_the_graph_by_mouse_and_keyboard_and_without_scripts(tab, visitor, chromium, failed):
    tab.goto(failed)
    panel = tab.get_by_role("complementary", name="The chosen state")
    tab.locator("[data-graph] a[data-state='Add'] text").first.click()
    panel.get_by_role("heading", name="Add").wait_for()
    expect(panel.get_by_role("group", name="Differences")).to_contain_text("$.added", use_inner_text=True)
    expect(tab).to_have_url(re.compile(r"\?state=Add$"))
    tab.locator("[data-graph] a[data-state='Refuse']").focus()
    tab.keyboard.press("Enter")
    panel.get_by_role("heading", name="Refuse").wait_for()
    expect(panel).to_contain_text("#7", use_inner_text=True)
    expect(panel).to_contain_text("item 7 of Each ended here", use_inner_text=True)
    tab.locator("[data-graph] a[data-state='Is it good?'] text").first.click()
    panel.get_by_text("30 of 30 visits").wait_for()
    panel.get_by_role("link", name="previous", exact=True).click()
    panel.get_by_text("29 of 30 visits").wait_for()
    plain = visitor.get(failed, params={"state": "Is it good?", "visit": "4"}).text
    assert "of 30 visits" in plain
    assert "Choose a state" in visitor.get(failed, params={"state": "nothing"}).text


def test_of_two_quick_clicks_the_last_one_is_shown_whichever_answer_comes_first(tab, failed):
    panel = tab.get_by_role("complementary", name="The chosen state")
    tab.goto(failed)
    held: list[Any] = []
    tab.route(re.compile("state=Call"), lambda route: held.append(route))
    with tab.expect_request(re.compile("state=Call")):
        tab.locator("[data-graph] a[data-state='Call'] text").first.click()
    tab.locator("[data-graph] a[data-state='Add'] text").first.click()
    panel.get_by_role("heading", name="Add").wait_for()
    # The browser gives the first one up; an answer that comes all the same changes nothing.
    with contextlib.suppress(Error):
        held[0].continue_()
    tab.evaluate("async () => { for (let n = 0; n < 3; n++) await (await fetch('/glossary')).text(); }")
    expect(panel.get_by_role("heading", name="Add")).to_be_visible()
    expect(tab).to_have_url(re.compile(r"\?state=Add$"))
    expect(tab.locator("[data-graph] .chosen")).to_have_count(1)


def test_the_panel_has_attempts_errors_and_what_differs(visitor, failed):
    panel = visitor.document(failed, state="Call")["panel"]
    assert (panel["type"], panel["visits"], panel["step"]["outcome"], panel["step"]["attempts"]) == (
        "Task",
        1,
        "caught",
        2,
    )
    assert [each["error"] is None for each in panel["step"]["tries"]] == [False, False]
    first, second = panel["step"]["tries"]
    assert second["from"] > first["from"] + first["for"]
    assert [each["path"] for each in panel["step"]["changes"]] == ["$.error"]
    ways = {(way["source"], way["kind"]): way["taken"] for way in visitor.document(failed)["graph"]["ways"]}
    assert (ways["Call", "catch"], ways["Call", "next"]) == (1, 0)
    assert visitor.document("/machines/items", state="Take it")["panel"]["type"] == "Pass"


def test_the_graph_is_zoomed_and_fits_and_is_centred(tab, failed):
    tab.goto(failed)
    svg = tab.locator("[data-graph] svg")
    before = svg.bounding_box()["width"]
    tab.get_by_role("button", name="Larger").click()
    until(lambda: svg.bounding_box()["width"] > before * 1.2)
    tab.get_by_role("button", name="Fit").click()
    until(lambda: svg.bounding_box()["height"] <= tab.viewport_size["height"])
    frame = tab.get_by_role("region", name="The state machine")

    def middle(part):
        box = part.bounding_box()
        return box["x"] + box["width"] / 2

    until(lambda: abs(middle(svg) - middle(frame)) < 12)


OUTSIDE = """() => [...document.querySelectorAll("[data-graph] .box > a")].flatMap((box) => {
  const area = box.querySelector("rect").getBoundingClientRect();
  return [...box.querySelectorAll("text")].filter((each) => {
    const text = each.getBoundingClientRect();
    return text.left < area.left || text.right > area.right || text.top < area.top || text.bottom > area.bottom;
  }).map((each) => each.textContent);
})"""


def test_text_stays_inside_its_box_and_its_label(tab, failed):
    """What layouts reckon with is what a browser draws."""
    tab.goto(f"{failed}?state=Add")
    tab.get_by_role("button", name="100%").click()
    expect(tab.locator("[data-graph] .box > a").first).to_be_visible()
    until(lambda: tab.evaluate(OUTSIDE) == [])


def test_steps_are_a_timeline_whose_texts_are_folded_and_copied(tab, failed):
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.goto(f"{failed}?only=failed")
    call = tab.locator("details#step-1")
    call.locator("summary").first.click()
    expect(call.locator("summary svg rect.b-failed")).to_have_count(2)
    call.get_by_role("button", name="Copy").first.click()
    call.get_by_role("button", name="Copied").wait_for()
    whole = {**INPUT, "added": {"rows": 1}}
    until(lambda: json.loads(tab.evaluate("navigator.clipboard.readText()")) == whole)
    tab.goto(failed)
    tab.get_by_role("link", name="last").click()
    tab.get_by_role("link", name="previous").wait_for()


def test_five_hundred_states_are_usable_on_a_phone(chromium, url, lake):
    states = machine(chain(500))
    for state in states["States"].values():
        if state["Type"] == "Task":
            state["Resource"] = "arn:aws:states:::lambda:invoke"
    client("stepfunctions").create_state_machine(name="long", definition=json.dumps(states), roleArn=ROLE)
    context = chromium.new_context(base_url=url, viewport={"width": 390, "height": 844}, has_touch=True)
    let_in(context, url, TOKEN)
    tab = context.new_page()
    tab.goto("/machines/long")
    until(lambda: tab.evaluate("document.documentElement.scrollWidth") <= 390)
    tab.locator("[data-graph] a[data-state^='s3 ']").tap()
    tab.get_by_role("complementary", name="The chosen state").get_by_role("heading").wait_for()
    context.close()

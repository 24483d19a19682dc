"""Alarms say what to do, and alarms and the dashboard name metrics that somebody emits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from pipeline.cli import commands
from pipeline.cli.app import app
from pipeline.core.telemetry.names import DIMENSION, Metric
from tests.conftest import ROOT
from tests.templates.rendering import rendered

STACKS = sorted((ROOT / "definitions" / "stacks").glob("*.yaml"))
OWN = "sluice/dev"
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
EMITTED: dict[str, tuple[set[str], list[set[str]]]] = {
    OWN: ({metric.value for metric in Metric}, [{DIMENSION}]),
    "AWS/SQS": ({"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}, [{"QueueName"}]),
    "AWS/States": (
        {"ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut"},
        [{"StateMachineArn"}],
    ),
    "AWS/Lambda": (
        {"Errors", "Throttles", "Invocations", "Duration", "IteratorAge"},
        [{"FunctionName"}, {"FunctionName", "Resource", "ExecutedVersion"}],
    ),
    "AWS/DynamoDB": ({"ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits"}, [{"TableName"}]),
}
"""The metrics that AWS documents and our code emits, with the dimensions that they are kept by."""
_SEARCH = re.compile(r"""SEARCH\('\{"?([^",}]+)"?,(\w+)\} MetricName="(\w+)"[^']*', '(Sum|Maximum)', 300\)""")


def alarms() -> Iterator[Any]:
    for path in STACKS:
        for name, resource in rendered(path).items():
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                yield pytest.param(name, resource["Properties"], id=f"{path.stem}-{name}")


def slug(heading: str) -> str:
    """As GitHub makes anchors."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def emitted(namespace: str, metric: str, dimensions: set[str]) -> bool:
    """The machines' alarms of a version may name its parts, too, of which `test_rollouts` knows."""
    names, known = EMITTED[namespace]
    return metric in names and dimensions in known


def watched(alarm: dict[str, Any]) -> Iterator[tuple[str, str, set[str]]]:
    each = [m["MetricStat"]["Metric"] for m in alarm.get("Metrics", []) if "MetricStat" in m]
    for metric in each or [alarm]:
        yield metric["Namespace"], metric["MetricName"], {d["Name"] for d in metric["Dimensions"]}


@pytest.mark.parametrize(("name", "alarm"), list(alarms()))
def test_an_alarm_names_a_page_that_says_what_to_do_and_a_metric_that_is_emitted(name: str, alarm: dict[str, Any]):
    named = re.findall(r"docs/(\w+)\.md(?:#([a-z-]+))?", alarm["AlarmDescription"])
    assert len(named) == 1, alarm["AlarmDescription"]
    [(page, heading)] = named
    text = (ROOT / "docs" / f"{page}.md").read_text()
    assert page == "rollouts" or heading in {slug(each) for each in re.findall(r"^## (.+)$", text, re.M)}
    if page != "rollouts":
        assert all(emitted(*metric) for metric in watched(alarm)), list(watched(alarm))
        assert alarm["AlarmActions"]


def test_every_heading_of_the_runbook_is_of_an_alarm():
    told = " ".join(each.values[1]["AlarmDescription"] for each in alarms())
    headings = [slug(heading) for heading in re.findall(r"^## (.+)$", RUNBOOK, re.M)]
    assert headings.pop(0) == "where-to-look-first"
    assert [heading for heading in headings if f"docs/runbook.md#{heading}" not in told] == []


def test_the_runbook_names_commands_and_options_that_there_are():
    commands.load()
    known = get_command(app).commands  # type: ignore[attr-defined]
    named = re.findall(r"(?:^|`)sluice ([a-z]+)([^`\n]*)", RUNBOOK, re.M)
    assert len(named) > 20
    for name, rest in named:
        options = {option for parameter in known[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z]+", rest)) <= options, (name, rest)


def dashboard() -> dict[str, Any]:
    [found] = [
        resource["Properties"]
        for resource in rendered(ROOT / "definitions" / "stacks" / "monitoring.yaml").values()
        if resource["Type"] == "AWS::CloudWatch::Dashboard"
    ]
    body: dict[str, Any] = json.loads(found["DashboardBody"])
    return body


def test_the_dashboard_shows_metrics_that_are_emitted_and_all_of_ours():
    shown: set[str] = set()
    for widget in dashboard()["widgets"]:
        assert widget["type"] == "metric"
        assert widget["properties"]["region"] == "eu-west-1"
        for metric in widget["properties"]["metrics"]:
            [first, *rest] = metric
            if isinstance(first, dict):
                found = _SEARCH.fullmatch(first["expression"])
                assert found, first
                namespace, dimension, name = found[1], found[2], found[3]
                dimensions = {dimension}
            else:
                namespace, name, dimensions = first, rest[0], set(rest[1:-1:2])
            assert emitted(namespace, name, dimensions), metric
            shown |= {name} if namespace == OWN else set()
    assert shown == {metric.value for metric in Metric}


def test_the_widgets_of_the_dashboard_do_not_overlap():
    places = [(w["x"], w["y"], w["width"], w["height"]) for w in dashboard()["widgets"]]
    cells = [(x + i, y + j) for x, y, width, height in places for i in range(width) for j in range(height)]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_functions_and_state_machines_are_traced():
    for path in STACKS:
        for name, resource in rendered(path).items():
            given = resource.get("Properties", {})
            if resource["Type"] == "AWS::Lambda::Function":
                assert given["TracingConfig"] == {"Mode": "Active"}, name
            if resource["Type"] == "AWS::StepFunctions::StateMachine":
                assert given["TracingConfiguration"] == {"Enabled": True}, name

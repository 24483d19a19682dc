"""What stacks publish is found by name; what they do not publish yet is found by the names from before."""

from __future__ import annotations

import json

import pytest

from pipeline.core.errors import Misconfigured
from pipeline.core.settings import Settings
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.flows import DeadLetters, Machine, flows_of

LAMBDA = "arn:aws:lambda:eu-west-1:123456789012:function"
OLD = {setting.value: setting.value for setting in Setting}
NEW = {
    "machines/stage-a": json.dumps({"arn": "A", "on_failure": "mark"}),
    "machines/stage-b": json.dumps({"arn": "B"}),
    "functions/mark": f"{LAMBDA}:sluice-dev-MarkFunction-1:live",
    "jobs/count": "sluice-dev-count",
    "queues/raw": "https://raw",
    "dead-letters/raw": json.dumps({"url": "https://dead", "function": "route", "queue": "raw"}),
    "dead-letters/marks": json.dumps({"url": "https://marks", "function": "mark"}),
}


def lake(values: dict[str, str]) -> Lake:
    return Lake(Settings.from_parameters("dev", {f"/sluice/dev/{name}": value for name, value in values.items()}))


def test_parts_are_what_is_published_and_the_lakes_own_machines_have_short_names() -> None:
    flows = flows_of(lake(NEW))
    assert flows.machines == {"a": Machine("a", "A", "mark"), "b": Machine("b", "B", None)}
    assert flows.jobs == {"count": "sluice-dev-count"}
    assert flows.dead_letters["raw"] == DeadLetters("raw", "https://dead", "route", "https://raw", "")
    marks = flows.dead_letters["marks"]
    assert (marks.queue, marks.source) == (None, NEW["functions/mark"]), "invocations go to their function again"


@pytest.mark.parametrize("called", ["sluice-dev-MarkFunction-1", f"{LAMBDA}:sluice-dev-MarkFunction-1:7"])
def test_a_function_is_known_by_any_version_of_its_arn(called: str) -> None:
    flows = flows_of(lake(NEW))
    assert flows.function_named(called) == "mark"
    assert flows.function_named(called.replace("Mark", "Other")) is None


def test_a_lake_whose_stacks_publish_nothing_yet_has_its_own_parts() -> None:
    flows = flows_of(lake(OLD))
    assert {name: machine.arn for name, machine in flows.machines.items()} == {
        "a": "stage-a-machine",
        "b": "stage-b-machine",
    }
    assert flows.jobs == {"standard": "standard-job", "quality": "quality-job", "upkeep": "upkeep-job"}
    assert flows.dead_letters["raw"].queue == "raw-queue-url"
    assert flows.dead_letters["stage-b-failures"].invoked == "mark-stage-b-failed-function"


def test_half_way_through_a_deployment_every_part_is_there() -> None:
    published = {name: value for name, value in NEW.items() if name != "machines/stage-b"}
    flows = flows_of(lake(OLD | published | {"machines/echo": json.dumps({"arn": "E"})}))
    assert {name: machine.arn for name, machine in flows.machines.items()} == {
        "a": "A",
        "b": "stage-b-machine",
        "echo": "E",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("machines/stage-a", "arn:aws:states:x"),
        ("machines/stage-a", "[]"),
        ("dead-letters/raw", '{"url": 3}'),
        ("dead-letters/raw", '{"url": "u", "queue": "gone"}'),
        ("dead-letters/marks", '{"url": "u", "function": "gone"}'),
    ],
)
def test_a_parameter_that_is_not_as_it_has_to_be_is_named(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        flows_of(lake(NEW | {name: value}))


def test_each_setting_has_one_name_for_functions_and_for_people() -> None:
    for setting in Setting:
        assert setting.variable == setting.name
        by_function = Settings.from_environment({setting.variable: "x"})
        by_person = Settings.from_parameters("dev", {setting.parameter("dev"): "x"})
        assert (by_function[setting], by_person[setting]) == ("x", "x")
    with pytest.raises(Misconfigured, match="RAW_BUCKET is not set in the environment"):
        Settings.from_environment({})[Setting.RAW_BUCKET]

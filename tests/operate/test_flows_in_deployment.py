"""What flows have is read from what stacks publish, also while they are deployed for the first time or updated."""

from __future__ import annotations

import json

import pytest

from pipeline.core.errors import Misconfigured
from pipeline.core.settings import Settings
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.flows import Flows, flows_of

OLDER = {setting.parameter("dev"): f"of-{setting}" for setting in Setting}
NEWER = {
    "machines/stage-a": json.dumps({"arn": "a", "on_failure": "mark-stage-a-failed"}),
    "machines/stage-b": json.dumps({"arn": "b", "on_failure": "mark-stage-b-failed"}),
    "functions/route": "route",
    "functions/mark-stage-a-failed": "mark-a",
    "functions/mark-stage-b-failed": "mark-b",
    "jobs/standard": "job",
    "queues/raw": "raw",
    "dead-letters/raw": json.dumps({"url": "dead", "queue": "raw", "function": "route"}),
    "dead-letters/stage-a-failures": json.dumps({"url": "dead-a", "function": "mark-stage-a-failed"}),
    "dead-letters/stage-b-failures": json.dumps({"url": "dead-b", "function": "mark-stage-b-failed"}),
}


def flows(parameters: dict[str, str]) -> Flows:
    return flows_of(Lake(Settings.from_parameters("dev", parameters)))


def published(*names: str) -> dict[str, str]:
    return {f"/sluice/dev/{name}": NEWER[name] for name in names}


def test_older_stacks_have_all_parts_by_the_names_that_people_know() -> None:
    found = flows(OLDER)
    assert set(found.machines) == {"a", "b"}
    assert set(found.jobs) == {"standard", "quality", "upkeep"}
    assert set(found.dead_letters) == {"raw", "stage-a-failures", "stage-b-failures"}
    assert found.dead_letters["raw"].source == "of-raw-queue-url"


def test_what_is_published_takes_the_place_of_what_older_stacks_say() -> None:
    found = flows(OLDER | published(*NEWER))
    assert found.machines["a"].arn == "a"
    assert found.dead_letters["stage-a-failures"].invoked == "mark-a"
    assert found.dead_letters["raw"].source == "raw"


@pytest.mark.parametrize("older", [OLDER, {}], ids=["update", "first deployment"])
def test_at_any_moment_of_a_deployment_the_parts_are_there_that_are_known(older: dict[str, str]) -> None:
    """CloudFormation makes parameters in an order of its own: each of them last, and each of them first."""
    for name in NEWER:
        for there in (set(NEWER) - {name}, {name}):
            try:
                found = flows(older | published(*there))
            except Misconfigured:
                assert not older, f"with {sorted(there)}"
            else:
                assert not older or {"a", "b"} <= set(found.machines)
                assert not older or {"raw", "stage-a-failures", "stage-b-failures"} <= set(found.dead_letters)


def test_where_the_storage_alone_stands_the_raw_queue_is_known() -> None:
    storage = {name: value for name, value in OLDER.items() if "raw-" in name}
    assert set(flows(storage).dead_letters) == {"raw"}


def test_dead_letters_of_a_flow_that_name_nothing_are_an_error() -> None:
    wrong = {"/sluice/dev/dead-letters/echo": json.dumps({"url": "dead", "function": "say"})}
    with pytest.raises(Misconfigured, match="dead-letters/echo names a function or a queue that no stack publishes"):
        flows(OLDER | wrong)

"""What a burst can do to an execution: throttled calls are tried for hours, within its history and its time-out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.lake.routing import ALONE_OBJECTS, BIG_OBJECTS, GROUP_OBJECTS, TOGETHER
from tests.conftest import ROOT

HISTORY_EVENTS = 25_000
"""Of one execution (Step Functions quota)."""
EVENTS_A_TRY, EVENTS_A_STATE, EVENTS_AN_ITEM = 3, 2, 2
"""Scheduled, started and failed; entered and exited; started and ended, as a map is, too. Source: `HistoryEventType` of
the API."""

MACHINES = {p.name: json.loads(p.read_text()) for p in (ROOT / "definitions" / "state_machines").glob("*.asl.json")}
THROTTLING = {"Throttled", "Lambda.TooManyRequestsException", "DynamoDB.ProvisionedThroughputExceededException"}


def tasks(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            yield name, state
        elif state["Type"] == "Map":
            yield from tasks(state["ItemProcessor"])


def of_our_own(machine: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Jobs wait for their turn otherwise."""
    return [(name, task) for name, task in tasks(machine) if "glue" not in task["Resource"]]


def waits(retrier: dict[str, Any]) -> list[float]:
    """The longest that each retry may wait."""
    first, rate = retrier.get("IntervalSeconds", 1), retrier.get("BackoffRate", 2.0)
    longest = retrier.get("MaxDelaySeconds", math.inf)
    return [min(longest, first * rate**n) for n in range(retrier.get("MaxAttempts", 3))]


def tries(task: dict[str, Any]) -> int:
    """Each retrier counts for itself."""
    return 1 + sum(retrier.get("MaxAttempts", 3) for retrier in task["Retry"])


def seconds(task: dict[str, Any]) -> float:
    """The longest that a task takes: what is throttled and a job that does not start run nothing, all others until
    their time-out."""
    runs = 1 + sum(r.get("MaxAttempts", 3) for r in task["Retry"] if not _runs_nothing(r))
    return runs * task["TimeoutSeconds"] + sum(sum(waits(retrier)) for retrier in task["Retry"])


def _runs_nothing(retrier: dict[str, Any]) -> bool:
    return bool(THROTTLING & set(retrier["ErrorEquals"])) or all(n.startswith("Glue.") for n in retrier["ErrorEquals"])


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_what_is_throttled_is_tried_for_hours_by_a_retrier_of_its_own(machine: dict[str, Any]):
    for name, task in of_our_own(machine):
        retriers = [retrier for retrier in task["Retry"] if THROTTLING & set(retrier["ErrorEquals"])]
        assert len(retriers) == 1, name
        assert not {"Transient", "Lambda.ServiceException"} & set(retriers[0]["ErrorEquals"]), name
        assert retriers[0]["JitterStrategy"] == "FULL", name
        # Full jitter takes half of each wait on average.
        assert sum(waits(retriers[0])) / 2 > 2 * 3600, name


RUNS_OF_A_JOB = 3
"""One that is lost is repeated twice."""

# How often the states of each map run, of those in a map too: bundles of a group, and objects of a bundle.
BUNDLES, OBJECTS, JOBS = "Transform each bundle", "Transform one by one", "Convert each with a job"
GROUPS = {
    "small objects": {BUNDLES: math.ceil(GROUP_OBJECTS / TOGETHER), OBJECTS: TOGETHER, JOBS: 0},
    "large objects": {BUNDLES: ALONE_OBJECTS, OBJECTS: 1, JOBS: 0},
    "big objects": {BUNDLES: 0, OBJECTS: 0, JOBS: BIG_OBJECTS},
    "of the routing of before": {BUNDLES: GROUP_OBJECTS // 4, OBJECTS: 4, JOBS: 0},
}


def runs(task: dict[str, Any]) -> int:
    return RUNS_OF_A_JOB if "glue" in task["Resource"] else 1


def events(machine: dict[str, Any], items: dict[str, int]) -> int:
    found = 0
    for name, state in machine["States"].items():
        found += EVENTS_A_STATE
        if state["Type"] == "Map":
            found += EVENTS_A_STATE + items[name] * (events(state["ItemProcessor"], items) + EVENTS_AN_ITEM)
        elif state["Type"] == "Task":
            found += EVENTS_A_TRY * tries(state) * runs(state)
    return found


def longest(machine: dict[str, Any], items: dict[str, int]) -> float:
    found = 0.0
    for name, state in machine["States"].items():
        if state["Type"] == "Map":
            found += math.ceil(items[name] / state["MaxConcurrency"]) * longest(state["ItemProcessor"], items)
        elif state["Type"] == "Task":
            found += seconds(state) * runs(state)
    return found


@pytest.mark.parametrize("items", GROUPS.values(), ids=GROUPS)
def test_a_group_that_is_throttled_to_the_last_fits_into_one_history(items: dict[str, int]):
    assert events(MACHINES["stage_a.asl.json"], items) < HISTORY_EVENTS


def test_what_the_routing_of_before_sends_is_cut_as_its_bound_says():
    assert MACHINES["stage_a.asl.json"]["States"]["Take a few together"]["Result"] == 4


def test_a_batch_that_is_throttled_to_the_last_fits_into_one_history():
    # It is transformed again at most three times.
    assert 4 * events(MACHINES["stage_b.asl.json"], {}) < HISTORY_EVENTS


@pytest.mark.parametrize("items", GROUPS.values(), ids=GROUPS)
def test_a_group_that_is_throttled_to_the_last_ends_before_its_execution_times_out(items: dict[str, int]):
    machine = MACHINES["stage_a.asl.json"]
    assert longest(machine, items) < machine["TimeoutSeconds"]


def test_a_batch_that_is_throttled_to_the_last_ends_before_its_execution_times_out():
    machine = MACHINES["stage_b.asl.json"]
    assert sum(seconds(task) for _, task in tasks(machine)) < machine["TimeoutSeconds"]

"""Histories in the form that AWS documents for GetExecutionHistory."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from pipeline.state_machines.history import job_runs, visits

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def event():
    numbers = count(1)

    def make(kind: str, previous: int, **details: object) -> dict[str, object]:
        number = next(numbers)
        member = f"{kind[0].lower()}{kind[1:]}EventDetails"
        at = START + timedelta(seconds=number)
        return {"id": number, "type": kind, "timestamp": at, "previousEventId": previous, member: details}

    return make


def test_a_state_that_succeeds_at_the_second_attempt_is_retried(event):
    events = [
        event("ExecutionStarted", 0),
        event("TaskStateEntered", 1, name="Load"),
        event("TaskScheduled", 2),
        event("TaskStarted", 3),
        event("TaskFailed", 4, error="Transient", cause="busy"),
        event("TaskScheduled", 5),
        event("TaskSucceeded", 6),
        event("TaskStateExited", 7, name="Load"),
        event("ExecutionSucceeded", 8),
    ]
    [visit] = visits(events)
    assert (visit.outcome("SUCCEEDED"), visit.attempts, visit.seconds) == ("retried", 2, 6)
    assert visit.errors == [("Transient", "busy")]


def test_interleaved_iterations_keep_their_events_apart(event):
    events = [
        event("MapStateEntered", 0, name="Each"),
        event("MapStateStarted", 1, length=2),
        event("MapIterationStarted", 2, name="Each", index=0),
        event("MapIterationStarted", 2, name="Each", index=1),
        event("TaskStateEntered", 3, name="Do"),
        event("TaskStateEntered", 4, name="Do"),
        event("TaskScheduled", 5),
        event("TaskScheduled", 6),
        event("TaskFailed", 8, error="Bad", cause="row"),
        event("TaskSucceeded", 7),
        event("TaskStateExited", 9, name="Do"),
        event("TaskStateExited", 10, name="Do"),
        event("MapIterationSucceeded", 11, name="Each", index=1),
        event("MapIterationSucceeded", 12, name="Each", index=0),
        event("MapStateSucceeded", 14),
        event("MapStateExited", 15, name="Each"),
        event("PassStateEntered", 16, name="After"),
        event("PassStateExited", 17, name="After"),
    ]
    seen = {(v.state, v.scope): v for v in visits(events)}
    assert seen["Do", (("Each", 0),)].outcome("SUCCEEDED") == "done"
    assert seen["Do", (("Each", 1),)].outcome("SUCCEEDED") == "caught"
    assert seen["Each", ()].outcome("SUCCEEDED") == "done"
    assert seen["After", ()].seconds == 1


@pytest.mark.parametrize(("status", "outcome"), [("RUNNING", "running"), ("ABORTED", "left")])
def test_a_state_that_was_not_left_runs_or_was_left_behind(event, status, outcome):
    [visit] = visits([event("TaskStateEntered", 0, name="Load"), event("TaskScheduled", 1)])
    assert (visit.outcome(status), visit.seconds) == (outcome, None)


def test_job_runs_are_found_once_each_in_their_order(event):
    events = [
        event("TaskSubmitted", 0, resourceType="glue", output=json.dumps({"JobRunId": "jr_2"})),
        event("TaskSucceeded", 1, resourceType="glue", output=json.dumps({"Id": "jr_2", "JobName": "standard"})),
        event("TaskSucceeded", 2, resourceType="lambda", output=json.dumps({"Id": "no"})),
        event("TaskSubmitted", 3, resourceType="glue", output=json.dumps({"JobRunId": "jr_1"})),
    ]
    assert job_runs(events) == ["jr_2", "jr_1"]

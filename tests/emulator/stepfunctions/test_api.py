"""Step Functions' protocol: what an answer has in it, and what is answered at all."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from botocore.session import get_session

from pipeline.emulator.stepfunctions.api import OPERATIONS, answer, written

MODEL = get_session().get_service_model("stepfunctions")


def test_every_operation_is_one_of_the_service():
    assert set(OPERATIONS) <= set(MODEL.operation_names)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 31, 12, 0, 0, 123_456, UTC),
        datetime(2026, 1, 31, 12, 0, 0, 123_456, UTC).timestamp(),
        "2026-01-31T12:00:00.123456+00:00",
        "2026-01-31 12:00:00.123456",
    ],
)
def test_times_are_seconds_to_the_millisecond(moment):
    shape = MODEL.operation_model("StopExecution").output_shape
    assert written({"stopDate": moment}, shape) == {"stopDate": 1769860800.123}


def test_an_answer_has_nothing_that_the_model_does_not_know_and_nothing_empty():
    shape = MODEL.operation_model("ListExecutions").output_shape
    execution = {"name": "one", "stopDate": None, "redriveCount": 0, "secret": 1}
    found = written({"executions": [execution], "nextToken": None}, shape)
    assert found == {"executions": [{"name": "one", "redriveCount": 0}]}


def test_an_operation_that_is_not_there_is_not_answered():
    request = SimpleNamespace(headers={"X-Amz-Target": "AWSStepFunctions.CreateActivity"}, data=b"{}")
    with pytest.raises(NotImplementedError, match="CreateActivity"):
        answer(request, "http://127.0.0.1/", {})

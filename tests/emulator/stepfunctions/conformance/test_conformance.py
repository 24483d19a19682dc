"""The embedded engine does what AWS was recorded to do.

The cases of `cases/` say it: their definitions are our own, the facts come from executions on AWS whose recordings
stand in LocalStack's public tests of Step Functions. `cases.py` tells how a case is written.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import ACCOUNT, REGION
from tests.emulator.stepfunctions.clocks import start_clocks_after
from tests.emulator.stepfunctions.conformance import cases
from tests.emulator.stepfunctions.conformance.cases import Case, differences
from tests.emulator.stepfunctions.running_machines import Machines
from tests.emulator.stepfunctions.working import working_functions

SUBJECTS = cases.subjects()
CASES = [case for subject in SUBJECTS for case in subject.cases]
PLACE = re.compile(r"\$\{(\w+):([\w-]+)\}")


@pytest.fixture(scope="module")
def world(front, aws, tmp_path_factory):
    """What the files ask for, made once; answers what stands for a place in a text."""
    queues = {name: aws("sqs").create_queue(QueueName=name)["QueueUrl"] for s in SUBJECTS for name in s.queues}
    topics = {name: aws("sns").create_topic(Name=name)["TopicArn"] for s in SUBJECTS for name in s.topics}
    for subject in SUBJECTS:
        for name in subject.buckets:
            where = {"LocationConstraint": REGION}
            aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
        for name in subject.tables:
            aws("dynamodb").create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            )
    codes = {name: code for subject in SUBJECTS for name, code in subject.functions.items()}
    arns = {name: f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}" for name in codes}
    machines = Machines(aws("stepfunctions"))
    inner = {name: machines.create(states) for subject in SUBJECTS for name, states in subject.machines.items()}
    places = {"queue": queues, "topic": topics, "function": arns, "machine": inner}
    with working_functions(front, aws, tmp_path_factory.mktemp("lambda"), codes):
        yield places


@pytest.mark.parametrize("case", CASES, ids=[f"{case.subject}: {case.name}" for case in CASES])
def test_the_engine_does_what_aws_was_recorded_to_do(case, world, aws, monkeypatch):
    case = _placed(case, world)
    start_clocks_after(monkeypatch, *_before_a_time_out(case))
    machines = Machines(aws("stepfunctions"))
    top = case.definition if "States" in case.definition else {"States": case.definition}
    try:
        found = machines.run(value=case.input, **_in_their_order(top))
    except ClientError as error:
        if case.status != cases.REFUSED:
            raise
        answer = error.response["Error"]
        found = {"status": cases.REFUSED, "error": answer["Code"], "cause": answer["Message"], "events": []}
    assert not (wrong := differences(case, found)), "\n".join([*wrong, *_compact(found["events"])])


def test_no_two_cases_have_the_same_name():
    named = [(case.subject, case.name) for case in CASES]
    assert len(named) == len(set(named))


def _before_a_time_out(case: Case) -> list[str]:
    """The type of the event that the recorded time-out came after."""
    types = [event.partition("<")[0] for event in (case.events or "").split()]
    return [before for before, event in itertools.pairwise(types) if event.endswith("TimedOut")]


def _in_their_order(top: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `Machines.run`, which begins with the first state."""
    states = dict(top["States"])
    start = top.get("StartAt", next(iter(states)))
    return {
        **{k: v for k, v in top.items() if k not in ("StartAt", "States")},
        "states": {start: states.pop(start), **states},
    }


def _placed(case: Case, places: dict[str, dict[str, str]]) -> Case:
    def placed(value: Any) -> Any:
        if isinstance(value, str):
            return PLACE.sub(lambda found: places[found[1]][found[2]], value)
        if isinstance(value, dict):
            return {placed(key): placed(part) for key, part in value.items()}
        return [placed(part) for part in value] if isinstance(value, list) else value

    return Case(**{name: placed(getattr(case, name)) for name in case.__slots__})


def _compact(events: list[dict[str, Any]]) -> list[str]:
    """A history as a reader of a failed case wants it."""
    return [json.dumps({k: v for k, v in event.items() if k != "timestamp"}, default=str) for event in events]

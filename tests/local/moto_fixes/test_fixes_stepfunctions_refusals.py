"""What the embedded Step Functions does not run is refused when the machine is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from pipeline.local.moto_fixes.stepfunctions_refusals import refuse_what_is_not_embedded
from tests.local.moto_fixes.running_machines import PASS, Machines, task

OURS = Path(__file__).parents[3] / "definitions" / "state_machines"
INNER = {"StartAt": "P", "States": {"P": PASS}}
DISTRIBUTED = {**INNER, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


def inline(**fields):
    return {"Type": "Map", "ItemProcessor": INNER, "End": True, **fields}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (inline(ItemProcessor=DISTRIBUTED), "Distributed Map"),
        (inline(ToleratedFailureCount=1), "ToleratedFailureCount, which belongs to Distributed Map"),
        (inline(Label="l"), "Label, which belongs to Distributed Map"),
        ({"Type": "Task", "Resource": "arn:aws:states:eu-west-1:123456789012:activity:a", "End": True}, "activities"),
        (task("ecs:runTask.sync", {}), "the optimised integration of ecs"),
        (task("lambda:invoke.sync", {"FunctionName": "f"}), "is not recognized"),
        (task("dynamodb:getItem.waitForTaskToken", {}), "is not recognized"),
        (task("aws-sdk:s3:getObjekt", {}), "is not recognized"),
        (task("aws-sdk:nobody:getObject", {}), "is not recognized"),
    ],
)
def test_a_feature_that_is_not_embedded_is_refused_by_name(machines, state, words):
    nested = {"Type": "Parallel", "Branches": [{"StartAt": "A", "States": {"A": state}}], "End": True}
    for states in ({"A": state}, {"Outer": nested}):
        with pytest.raises(ClientError, match=words):
            machines.create(states)


@pytest.mark.parametrize(
    "path", sorted(Path("definitions/state_machines").glob("*.asl.json")), ids=lambda path: path.name
)
def test_our_machines_use_nothing_that_is_refused(path):
    refuse_what_is_not_embedded(path.read_text())

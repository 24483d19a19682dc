"""What `status` says of executions that run while nothing waits."""

from __future__ import annotations

import json

import pytest

from pipeline.core.clients import client
from pipeline.lake.settings import Setting
from tests.cli.conftest import ORDERS, Actor

WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 86_400, "End": True}}}


@pytest.mark.parametrize(("arguments", "settled"), [((), False), (("shop/quiet",), True)])
def test_an_execution_that_outlives_its_objects_is_shown(sluice, lake, arguments, settled):
    Actor(lake, {**ORDERS, "dataset": "quiet"})
    machine, stepfunctions = lake.settings[Setting.STAGE_A_MACHINE], client("stepfunctions")
    stepfunctions.update_state_machine(stateMachineArn=machine, definition=json.dumps(WAITS))
    name = f"shop-quiet-{len(arguments)}"
    arn = stepfunctions.start_execution(stateMachineArn=machine, name=name)["executionArn"]
    try:
        found = json.loads(sluice("status", *arguments, "--json").stdout)
    finally:
        stepfunctions.stop_execution(executionArn=arn)
    assert [run["name"] for run in found["running"]] == [name]
    assert found["settled"] is settled

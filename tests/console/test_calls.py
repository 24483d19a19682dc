"""Which functions a machine calls, and where their logs are."""

from __future__ import annotations

import json

from pipeline.core.clients import client
from pipeline.lake.settings import Setting
from pipeline.operate.flows import log_name
from pipeline.state_machines.calls import functions
from tests.emulator.stepfunctions.working import function_work
from tests.patience import until

INVOKE = "arn:aws:states:::lambda:invoke"


def task(function, resource=INVOKE):
    return {"Type": "Task", "Resource": resource, "Parameters": {"FunctionName": function}, "End": True}


def test_tasks_inside_others_are_found_and_what_is_no_call_of_a_named_function_is_not():
    inner = {"StartAt": "Inner", "States": {"Inner": task("one")}}
    machine = {
        "StartAt": "Each",
        "States": {
            "Each": {"Type": "Map", "ItemProcessor": inner, "Next": "Plain"},
            "Plain": {**task("two"), "Arguments": None},
            "Other": task("three", "arn:aws:states:::sqs:sendMessage"),
            "Chosen": {"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName.$": "$.f"}, "End": True},
            "Query": {"Type": "Task", "Resource": INVOKE, "Arguments": "{% $x %}", "End": True},
        },
    }
    assert functions(machine) == {"Inner": "one", "Plain": "two"}


def test_a_step_links_to_what_its_function_printed_at_that_time(visitor, lake, front, tmp_path):
    log_name.cache_clear()
    with function_work(front, client, tmp_path, "def handler(event, context): return 1") as name:
        assert log_name("local", name) is None
        group = {"LogGroup": "/sluice/local/lambda/commit"}
        client("lambda").update_function_configuration(FunctionName=name, LoggingConfig=group)
        log_name.cache_clear()
        assert [log_name(env, called) for env, called in (("local", name), ("other", name), ("local", "gone"))] == [
            "commit",
            None,
            None,
        ]
        definition = {"StartAt": "Call", "States": {"Call": task(name)}}
        machine = lake.settings[Setting.STAGE_B_MACHINE]
        client("stepfunctions").update_state_machine(stateMachineArn=machine, definition=json.dumps(definition))
        client("stepfunctions").start_execution(stateMachineArn=machine, name="calls", input="{}")
        until(lambda: visitor.document("/executions/calls")["ended"])
        document = visitor.document("/executions/calls")
    assert document["logs"] == {"Call": "commit"}
    (step,) = document["steps"]
    assert (step["outcome"], step["entered"]) == ("done", step["printed"]["from"])
    assert step["printed"]["to"] > step["entered"]
    assert "/logs?source=commit&amp;from=20" in visitor.get("/executions/calls").text

"""Only what runs is in memory: ended executions are on disk, and still answered for."""

from __future__ import annotations

import gc
import threading

import pytest

from pipeline.emulator.moto.reset import reset_state
from pipeline.emulator.stepfunctions import execution as stepfunctions_execution
from pipeline.emulator.stepfunctions.archive import FILE, Archive
from pipeline.emulator.stepfunctions.execution import Execution
from pipeline.emulator.stepfunctions.service import STEP_FUNCTIONS
from tests.emulator.stepfunctions.machines import Machines
from tests.patience import PATIENCE_S

PASS = {"Pass": {"Type": "Pass", "End": True}}
EXECUTIONS = 1500
LEFT_OVER = 20
"""Of the last executions a thread may still hold a reference."""


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


def living():
    from moto.stepfunctions.parser.asl.eval.environment import Environment

    gc.collect()
    kinds = [type(thing) for thing in gc.get_objects()]
    return kinds.count(Execution), kinds.count(Environment)


def test_after_many_executions_few_are_in_memory_and_all_are_listed_described_and_told(machines):
    machine = machines.create(PASS)
    # Other modules may have left some that wait for hours.
    executions_before, environments_before = living()
    started = [machines.start(machine, input=f'{{"n": {n}}}') for n in range(EXECUTIONS)]
    machines.ended(started[-1])
    executions, environments = living()
    assert executions - executions_before <= LEFT_OVER
    assert environments - environments_before <= LEFT_OVER
    pages = machines.client.get_paginator("list_executions").paginate(stateMachineArn=machine)
    assert [each["executionArn"] for page in pages for each in page["executions"]] == started[::-1]
    assert machines.client.describe_execution(executionArn=started[0])["output"] == '{"n":0}'
    types = [event["type"] for event in machines.history(started[0])]
    assert types == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]


def test_they_are_in_a_file_of_the_state_folder(front, machines):
    machines.run(PASS)
    assert (front._log_path.parent / FILE).stat().st_size > 0


def test_the_file_ends_with_the_archive_and_what_ends_later_is_not_kept(tmp_path):
    archive = Archive(tmp_path / FILE)
    assert (tmp_path / FILE).exists()
    archive.close()
    assert not (tmp_path / FILE).exists()
    assert archive.get("absent") is None


def test_a_new_machine_knows_nothing_of_one_whose_state_was_forgotten(front, machines):
    machine = machines.create(PASS, "forgotten")
    execution = machines.start(machine, name="one")
    machines.ended(execution)
    reset_state()
    assert machines.create(PASS, "forgotten") == machine
    assert machines.listed(machine) == []
    assert machines.start(machine, name="one") == execution


def test_an_execution_whose_machine_is_forgotten_while_it_is_written_down_is_not_kept(machines, monkeypatch):
    machine = machines.create(PASS, "forgotten-meanwhile")
    record_of, written = stepfunctions_execution.record_of, threading.Event()

    def forgotten_meanwhile(execution):
        monkeypatch.setattr(stepfunctions_execution, "record_of", record_of)
        reset_state()
        machines.create(PASS, "forgotten-meanwhile")
        return record_of(execution)

    def tell(execution, status):
        if status != "RUNNING":
            written.set()

    monkeypatch.setattr(stepfunctions_execution, "record_of", forgotten_meanwhile)
    monkeypatch.setattr(STEP_FUNCTIONS, "listener", tell)
    machines.start(machine, name="one")
    assert written.wait(PATIENCE_S)
    assert machines.listed(machine) == []

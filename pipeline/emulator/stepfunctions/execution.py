"""One execution that runs: what moto's interpreter is started with, and how it ends."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.emulator.stepfunctions import archive
from pipeline.emulator.stepfunctions.interpreter.history import failure_of
from pipeline.emulator.stepfunctions.interpreter.json_text import iso, to_json_str
from pipeline.emulator.stepfunctions.interpreter.mocked import parse
from pipeline.emulator.stepfunctions.interpreter.resuming import Redrive, resume
from pipeline.emulator.stepfunctions.logs import log_of
from pipeline.emulator.stepfunctions.records import ENDED, events_of, record_of
from pipeline.emulator.stepfunctions.test_cases import RunningCase

if TYPE_CHECKING:
    from pipeline.emulator.stepfunctions.machines import Machine
    from pipeline.emulator.stepfunctions.service import Region


@dataclass(eq=False)
class Execution:
    """An execution in the list of its machine. `status` is set last: who reads SUCCEEDED finds the output.

    `snapshot` is the machine as it was when the execution began: no update reaches it. `number` counts starts. `env` is
    the interpreter's environment, once its thread has made it.
    """

    region: Region
    machine: Machine
    snapshot: archive.Machine
    name: str
    input: str
    number: int
    started: datetime
    version_arn: str | None = None
    alias_arn: str | None = None
    trace_header: str | None = None
    test_case: str | None = None
    mocks: RunningCase | None = None
    redrive: Redrive | None = None
    status: str = "RUNNING"
    stopped: datetime | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    env: Any = None
    arn: str = field(init=False)

    def __post_init__(self) -> None:
        self.arn = execution_arn(self.snapshot.arn, self.name)

    @property
    def redrive_count(self) -> int:
        return self.redrive.count if self.redrive else 0

    @property
    def redriven(self) -> datetime | None:
        return self.redrive.date if self.redrive else None

    def start(self) -> None:
        """Put it into its machine's list and run it in a thread of its own. The service's `changing` is held."""
        # First: a quick one ends, and leaves the list, before this thread goes on.
        self.machine.executions.append(self)
        threading.Thread(target=self._run, daemon=True).start()

    def end(self) -> None:
        """Take over how the interpreter ended, and move to the archive. Once: a stop and its own thread both come."""
        service = self.region.service
        with service.changing:
            if self.status in ENDED:
                # It was stopped, and its thread only now comes back from the task that it was in.
                return
            self._take_outcome()
        self._keep()
        service.report(self, self.status)

    def _run(self) -> None:
        from moto.stepfunctions.parser.api import HistoryEventType

        program = parse(self.snapshot.definition)
        self.env = self._environment()
        # The history opens with the input as it was given, character by character.
        started = {
            "input": self.input,
            "inputDetails": {"truncated": False},
            "roleArn": self.snapshot.role_arn,
        }
        self.env.event_manager.add_event(
            context=self.env.event_history_context,
            event_type=HistoryEventType.ExecutionStarted,
            event_details={"executionStartedEventDetails": started},
            update_source_event_id=False,
        )
        program.eval(self.env)
        self.end()

    def _environment(self) -> Any:
        from moto.stepfunctions.parser.api import StateMachineType
        from moto.stepfunctions.parser.asl.eval.environment import Environment
        from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
        from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext

        machine = self.snapshot
        context: Any = {
            "Execution": {
                "Id": self.arn,
                "Input": json.loads(self.input),
                "Name": self.name,
                "RoleArn": machine.role_arn,
                "StartTime": iso(self.started),
                "RedriveCount": 0,
            },
            "StateMachine": {"Id": machine.arn, "Name": machine.name},
        }
        log: Any = log_of(machine, self.arn, self.redrive_count)
        mocks: Any = self.mocks
        made = Environment(
            aws_execution_details=AWSExecutionDetails(
                account=self.region.account, region=self.region.name, role_arn=machine.role_arn
            ),
            execution_type=StateMachineType.STANDARD,
            context=context,
            event_history_context=EventHistoryContext.of_program_start(),
            cloud_watch_logging_session=log,
            activity_store={},
            mock_test_case=mocks,
        )
        if self.redrive is not None:
            resume(made, self.redrive)
        return made

    def _take_outcome(self) -> None:
        """The output is kept as the JSON that AWS answers."""
        from moto.stepfunctions.parser.asl.eval.program_state import (
            ProgramEnded,
            ProgramError,
            ProgramStopped,
            ProgramTimedOut,
        )

        state: Any = self.env.program_state()
        self.stopped = datetime.now(UTC)
        match state:
            case ProgramEnded():
                self.output = to_json_str(self.env.states.get_input())
                self.status = "SUCCEEDED"
            case ProgramStopped():
                self.error, self.cause = state.error or None, state.cause or None
                self.status = "ABORTED"
            case ProgramError():
                details: Any = failure_of(self.env.event_manager) or state.error or {}
                self.error, self.cause = details.get("error"), details.get("cause")
                self.status = "FAILED"
            case ProgramTimedOut():
                self.status = "TIMED_OUT"
            case _:
                raise RuntimeError(f"execution ended in {state!r}")

    def _keep(self) -> None:
        service = self.region.service
        record, events = record_of(self), events_of(self, service.archive)
        # At once: who makes a machine of the same name forgets what stands in the archive by then, and nothing comes
        # later.
        with service.changing:
            # Its machine may have been deleted, or all state forgotten, and its name may be used again.
            is_known = self.region.machines.get(self.machine.arn) is self.machine
            if not is_known or self not in self.machine.executions:
                return
            # In this order: who looks for it finds it in one of the two.
            service.archive.put(record, events)
            self.machine.executions.remove(self)


def execution_arn(machine_arn: str, name: str) -> str:
    return f"{machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"

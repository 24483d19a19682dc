"""The state of Step Functions: the machines of each account and region, the ended executions, and who is notified.

The operations are functions in other modules, each of a region and a request; `api` decodes, dispatches and encodes.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto.core.base_backend import BackendDict

from pipeline.emulator.stepfunctions import arns
from pipeline.emulator.stepfunctions.archive import FILE, Archive
from pipeline.emulator.stepfunctions.errors import api_error, no_execution, no_machine
from pipeline.emulator.stepfunctions.machines import Alias, Machine, Version

if TYPE_CHECKING:
    from pipeline.emulator.stepfunctions.execution import Execution

Request = Mapping[str, Any]
"""The members of a call. A required one that is missing is a `KeyError`, which the gateway answers as AWS does."""

Answer = dict[str, Any]
"""The members of an answer; those that are None are left out."""

StatusListener = Callable[["Execution", str], None]


class StepFunctions:
    """The service of this process.

    `listener` is called with an execution and its new status when it has started and when it has ended, in the thread
    that did it. A quick execution may have ended by the time that its start is reported: its own status is no help.

    `changing` is held while an execution enters or leaves its machine's list, and while a list is read together with
    the archive. Who leaves the list is in the archive already.
    """

    def __init__(self) -> None:
        self.archive = Archive()
        self.listener: StatusListener | None = None
        self.changing = threading.RLock()
        self.numbers = itertools.count(1)
        # moto's own registry: what resets moto resets this service too.
        self._regions: Any = BackendDict(self._made, "stepfunctions")  # type: ignore[arg-type]

    def region(self, account: str, name: str) -> Region:
        """What one account has in one region."""
        found: Region = self._regions[account][name]
        return found

    def keep_ended_in(self, folder: Path | None) -> None:
        """Keep executions that end from now on in a file of `folder`, or in memory. Those before are forgotten."""
        before, self.archive = self.archive, Archive(folder and folder / FILE)
        before.close()

    def report(self, execution: Execution, status: str) -> None:
        if self.listener is not None:
            self.listener(execution, status)

    def _made(self, region_name: str, account_id: str) -> Region:
        return Region(self, account_id, region_name)


class Region:
    """The state machines of one account in one region. `redrives` are the times of redrives, by ARN and token."""

    def __init__(self, service: StepFunctions, account: str, name: str) -> None:
        from moto.utilities.utils import get_partition

        self.service = service
        self.account = account
        self.name = name
        self.machines: dict[str, Machine] = {}
        self.redrives: dict[tuple[str, str], datetime] = {}
        self._partition = get_partition(name)

    def reset(self) -> None:
        """Forget everything. Executions that run go on, and nothing is kept of them."""
        self.machines, self.redrives = {}, {}

    def machine_arn(self, name: str) -> str:
        return f"arn:{self._partition}:states:{self.name}:{self.account}:stateMachine:{name}"

    def machine(self, arn: str) -> Machine:
        """The machine with this ARN, which is of no version or alias. `InvalidArn` or `StateMachineDoesNotExist`."""
        arns.check_machine(arn)
        found = self.machines.get(arn)
        if found is None:
            raise no_machine(arn)
        return found

    def version(self, arn: str) -> Version | None:
        machine, number = self.machines.get(arns.unqualified(arn)), arns.qualifier(arn)
        return machine.versions.get(int(number)) if machine is not None and number.isdigit() else None

    def alias(self, arn: str) -> tuple[Machine, Alias]:
        """An alias and its machine. `ResourceNotFound` where the machine has no such alias."""
        machine_arn, _, name = arn.rpartition(":")
        machine = self.machine(machine_arn)
        found = machine.aliases.get(name)
        if found is None:
            # moto's words, which are one refusal inside another.
            message = f"State Machine Alias Does Not Exist: '{arn}'"
            raise api_error("ResourceNotFound", f"Resource not found: '{message}'")
        return machine, found

    def machine_of_execution(self, arn: str) -> Machine:
        """`InvalidArn`, or `ExecutionDoesNotExist` where there is no such machine."""
        arns.check_execution(arn)
        found = self.machines.get(self.machine_arn(arn.split(":")[6]))
        if found is None:
            raise no_execution(arn)
        return found


STEP_FUNCTIONS = StepFunctions()
"""Of this process, as moto's state is."""

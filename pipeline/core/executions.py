"""Start and describe executions. A name avoids doing the same work twice; correctness does not depend on it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import Inconsistent

NAME_LENGTH = 80
"""The longest name of an execution, in characters (AWS quota)."""
_UNQUALIFIED = 7
"""The number of parts of a state machine's ARN without a version or alias."""

_GIVE_UP_AFTER = 50


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution and its status: RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""

    arn: str
    status: str

    @property
    def name(self) -> str:
        """The last part of its ARN."""
        return self.arn.rpartition(":")[2]

    @property
    def ended_badly(self) -> bool:
        """Whether it failed, timed out or was aborted."""
        return self.status in ("FAILED", "TIMED_OUT", "ABORTED")


def canonical(document: Any) -> str:
    """JSON text that is the same for equal documents: sorted keys, no spaces."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def name_for(prefix: str, document: str) -> str:
    """An execution's name: `<prefix>-<32 hex digits of the document's SHA-256>`. A long prefix is cut."""
    digest = hashlib.sha256(document.encode()).hexdigest()[:32]
    return f"{prefix[: NAME_LENGTH - 36].replace('/', '-')}-{digest}"


class Executions:
    """Starts and describes executions of state machines."""

    def __init__(self, stepfunctions: Any) -> None:
        self._client = stepfunctions

    def start(self, machine: str, name: str, document: str) -> Execution:
        """Start an execution, or return the existing one of that name, whatever its status."""
        try:
            started = self._client.start_execution(stateMachineArn=machine, name=name, input=document)
        except self._client.exceptions.ExecutionAlreadyExists:
            existing = self.find(machine, name)
            if existing is None:
                raise Inconsistent(f"execution {name} exists and cannot be described") from None
            return existing
        return Execution(started["executionArn"], "RUNNING")

    def start_until_good(self, machine: str, name: str, document: str) -> Execution:
        """Start an execution; if one of that name has ended badly, start `<name>-r<n>` with the next free number.

        `Inconsistent` after 50 of them.
        """
        execution = self.start(machine, name, document)
        attempt = 0
        while execution.ended_badly:
            attempt += 1
            if attempt > _GIVE_UP_AFTER:
                raise Inconsistent(f"execution {name} ended badly {attempt} times")
            execution = self.start(machine, f"{name[: NAME_LENGTH - 4]}-r{attempt}", document)
        return execution

    def find(self, machine: str, name: str) -> Execution | None:
        """The execution of that name, or None."""
        # An execution's ARN has its machine's name, without a version or alias.
        arn = f"{':'.join(machine.split(':')[:_UNQUALIFIED]).replace(':stateMachine:', ':execution:')}:{name}"
        try:
            described = self._client.describe_execution(executionArn=arn)
        except self._client.exceptions.ExecutionDoesNotExist:
            return None
        return Execution(arn, described["status"])

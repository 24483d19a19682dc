"""Start and describe executions. Names only save work: every effect of an execution can be repeated."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import Inconsistent

NAME_LENGTH = 80
"""Execution names are at most this long (AWS quota); the embedded AWS refuses longer ones too."""
_UNQUALIFIED = 7
"""Parts of the ARN of a state machine, without a version or an alias."""

_GIVE_UP_AFTER = 50


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution and its status: RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""

    arn: str
    status: str

    @property
    def name(self) -> str:
        return self.arn.rpartition(":")[2]

    @property
    def ended_badly(self) -> bool:
        return self.status in ("FAILED", "TIMED_OUT", "ABORTED")


def canonical(document: Any) -> str:
    """JSON in which equal documents have equal text."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def name_for(prefix: str, document: str) -> str:
    """`<prefix>-<32 hex of the document>`, at most 80 characters; the prefix is cut, the digest never."""
    digest = hashlib.sha256(document.encode()).hexdigest()[:32]
    return f"{prefix[: NAME_LENGTH - 36].replace('/', '-')}-{digest}"


class Executions:
    """Starts and describes executions of state machines."""

    def __init__(self, stepfunctions: Any) -> None:
        self._client = stepfunctions

    def start(self, machine: str, name: str, document: str) -> Execution:
        """Start an execution, or find the one of that name, whatever became of it."""
        try:
            started = self._client.start_execution(stateMachineArn=machine, name=name, input=document)
        except self._client.exceptions.ExecutionAlreadyExists:
            found = self.find(machine, name)
            if found is None:
                raise Inconsistent(f"execution {name} exists and cannot be described") from None
            return found
        return Execution(started["executionArn"], "RUNNING")

    def start_until_good(self, machine: str, name: str, document: str) -> Execution:
        """Start an execution; one of that name that ended badly does not count, the next is `<name>-r<n>`."""
        execution = self.start(machine, name, document)
        attempt = 0
        while execution.ended_badly:
            attempt += 1
            if attempt > _GIVE_UP_AFTER:
                raise Inconsistent(f"execution {name} ended badly {attempt} times")
            execution = self.start(machine, f"{name[: NAME_LENGTH - 4]}-r{attempt}", document)
        return execution

    def find(self, machine: str, name: str) -> Execution | None:
        """The execution of that name, or None where there is none."""
        # An execution is its machine's, whatever version or alias of it is named.
        arn = f"{':'.join(machine.split(':')[:_UNQUALIFIED]).replace(':stateMachine:', ':execution:')}:{name}"
        try:
            found = self._client.describe_execution(executionArn=arn)
        except self._client.exceptions.ExecutionDoesNotExist:
            return None
        return Execution(arn, found["status"])

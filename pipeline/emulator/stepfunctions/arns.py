"""The ARNs of Step Functions: what is none is refused as `InvalidArn`."""

from __future__ import annotations

import re

from pipeline.emulator.stepfunctions.errors import api_error

_OWN = r"arn:aws[a-z-]*:states:[-0-9a-zA-Z]+:[0-9]{12}:"
_MACHINE = re.compile(_OWN + "stateMachine:.+")
_EXECUTION = re.compile(_OWN + "execution:.+")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+")
_UNQUALIFIED = 7
"""Parts of a machine's ARN; that of a version or an alias has one more."""


def check_machine(arn: str) -> None:
    """Of a machine, or of a version or an alias of one."""
    _check(_MACHINE, arn, f"Invalid State Machine Arn: '{arn}'")


def check_execution(arn: str) -> None:
    _check(_EXECUTION, arn, f"Execution Does Not Exist: '{arn}'")


def check_role(arn: str) -> None:
    _check(_ROLE, arn, f"Invalid Role Arn: '{arn}'")


def unqualified(arn: str) -> str:
    """A machine's own ARN, of that of one of its versions or aliases."""
    return ":".join(arn.split(":")[:_UNQUALIFIED])


def qualifier(arn: str) -> str:
    """What the ARN of a version or an alias has behind its machine's; empty for a machine's own."""
    return ":".join(arn.split(":")[_UNQUALIFIED:])


def _check(pattern: re.Pattern[str], arn: str, message: str) -> None:
    if not pattern.match(arn):
        raise api_error(
            "InvalidArn", message if arn.startswith("arn:") else f"Invalid Arn: 'Invalid ARN prefix: {arn}'"
        )

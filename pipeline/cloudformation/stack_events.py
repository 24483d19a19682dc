"""What CloudFormation's events say of a stack's resources. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of one resource: `status` as CloudFormation says it, `reason` where it says one."""

    stack: str
    logical_id: str
    type: str
    status: str
    reason: str


def progress(stack: str, event: Mapping[str, Any]) -> Progress:
    """One event of DescribeStackEvents."""
    kind, reason = event.get("ResourceType", ""), event.get("ResourceStatusReason", "")
    return Progress(stack, event["LogicalResourceId"], kind, event["ResourceStatus"], reason)


def first_failure(events: Sequence[Mapping[str, Any]]) -> str:
    """What failed first made the others fail; `events` are newest first."""
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    if not failed:
        return "CloudFormation names no reason"
    return f"{failed[-1]['LogicalResourceId']}: {failed[-1].get('ResourceStatusReason')}"

"""Events of CloudFormation's stacks as progress of their resources. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ResourceProgress:
    """The status of one resource, as CloudFormation names it, and its reason; empty if there is none."""

    stack: str
    logical_id: str
    type: str
    status: str
    reason: str


def progress(stack: str, event: Mapping[str, Any]) -> ResourceProgress:
    """The progress in one event of DescribeStackEvents."""
    kind, reason = event.get("ResourceType", ""), event.get("ResourceStatusReason", "")
    return ResourceProgress(stack, event["LogicalResourceId"], kind, event["ResourceStatus"], reason)


def first_failure(events: Sequence[Mapping[str, Any]]) -> str:
    """The resource that failed first, and why: it made the others fail. `events` are newest first."""
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    if not failed:
        return "CloudFormation names no reason"
    return f"{failed[-1]['LogicalResourceId']}: {failed[-1].get('ResourceStatusReason')}"

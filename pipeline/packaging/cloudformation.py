"""Deploys one stack through CloudFormation and waits for it: by change set, so that nothing to do is seen as that.

Deletes one, too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from pipeline.datasets.applying import Deployed
from pipeline.errors import BadDefinition, Refused

MINUTES = 15
"""How long a stack may take."""

_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_NEW = ("REVIEW_IN_PROGRESS",)
_GOING = ("DELETE_IN_PROGRESS",)
_STUCK = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


class CloudFormationStacks:
    """Stacks of one account and region. `delay_s` is between two looks at what CloudFormation does."""

    def __init__(self, formation: Any, *, delay_s: float = 3) -> None:
        self._formation = formation
        self._waiting = {"Delay": delay_s, "MaxAttempts": max(1, int(MINUTES * 60 / max(delay_s, 0.1)))}

    def deploy(self, name: str, template: Path, parameters: Mapping[str, str]) -> Deployed:
        """Make or update the stack, and wait until it stands.

        `BadDefinition` if CloudFormation refuses the template; `Refused` if it cannot make what the template says,
        with the reason of the first resource that failed; the stack is then as it was.
        """
        standing = self._describe(name)
        if standing and standing["StackStatus"] in _GOING:
            self._wait("stack_delete_complete", name, "deleted")
            standing = None
        if standing and standing["StackStatus"] in _STUCK:
            raise Refused(
                f"stack {name} is {standing['StackStatus']}, and cannot be updated",
                hint="Delete it (it holds nothing that was ever used), then do this again.",
            )
        exists = standing is not None and standing["StackStatus"] not in _NEW
        change_set = self._change_set(name, template, parameters, exists)
        if change_set is None:
            return Deployed(_outputs(standing), changed=False)
        self._formation.execute_change_set(StackName=name, ChangeSetName=change_set)
        self._wait("stack_update_complete" if exists else "stack_create_complete", name)
        return Deployed(_outputs(self._describe(name)), changed=True)

    def delete(self, name: str) -> bool:
        """Delete the stack and wait until it is gone; False if there is none.

        `Refused`, with the reason of the first resource, if CloudFormation does not let go of one.
        """
        if self._describe(name) is None:
            return False
        self._formation.delete_stack(StackName=name)
        self._wait("stack_delete_complete", name, "deleted")
        return True

    def _describe(self, name: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            found: dict[str, Any] = self._formation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return found

    def _change_set(self, name: str, template: Path, parameters: Mapping[str, str], exists: bool) -> str | None:
        """The id of a change set that can be executed; None if there is nothing to change."""
        from botocore.exceptions import ClientError, WaiterError

        try:
            change_set: str = self._formation.create_change_set(
                StackName=name,
                ChangeSetName=f"sluice-{uuid4().hex}",
                ChangeSetType="UPDATE" if exists else "CREATE",
                TemplateBody=template.read_text(encoding="utf-8"),
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            )["Id"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise _refused(name, template, error.response["Error"]["Message"]) from None
        waiter = self._formation.get_waiter("change_set_create_complete")
        try:
            waiter.wait(StackName=name, ChangeSetName=change_set, WaiterConfig=self._waiting)
        except WaiterError:
            found = self._formation.describe_change_set(StackName=name, ChangeSetName=change_set)
            self._formation.delete_change_set(StackName=name, ChangeSetName=change_set)
            reason = str(found.get("StatusReason", found["Status"]))
            if exists and any(words in reason for words in _NO_CHANGES):
                return None
            raise _refused(name, template, reason) from None
        return change_set

    def _wait(self, waiter: str, name: str, done: str = "deployed") -> None:
        from botocore.exceptions import WaiterError

        try:
            self._formation.get_waiter(waiter).wait(StackName=name, WaiterConfig=self._waiting)
        except WaiterError as error:
            raise Refused(f"stack {name} was not {done}: {self._first_failure(name) or error}") from None

    def _first_failure(self, name: str) -> str | None:
        """Events come newest first; what failed first made the others fail."""
        events = self._formation.describe_stack_events(StackName=name)["StackEvents"]
        start = next((n for n, event in enumerate(events) if _is_start(event, name)), len(events))
        failed = [event for event in events[:start] if event["ResourceStatus"].endswith("_FAILED")]
        return f"{failed[-1]['LogicalResourceId']}: {failed[-1].get('ResourceStatusReason')}" if failed else None


def _refused(name: str, template: Path, reason: str) -> BadDefinition:
    return BadDefinition(f"{template}: CloudFormation refuses it for stack {name}: {reason}")


def _is_start(event: Mapping[str, Any], name: str) -> bool:
    starts = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
    return event["LogicalResourceId"] == name and event["ResourceStatus"] in starts


def _outputs(stack: Mapping[str, Any] | None) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in (stack or {}).get("Outputs", [])}

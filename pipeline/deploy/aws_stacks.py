"""Plans and deploys stacks through CloudFormation: by change set, but for those that stand as they are wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError, WaiterError

from pipeline.cloudformation.change_sets import added, changes_of
from pipeline.cloudformation.changes import Deployed, StackPlan, check_stateful
from pipeline.cloudformation.stack_events import ResourceProgress as ResourceProgress
from pipeline.cloudformation.stack_events import first_failure, progress
from pipeline.cloudformation.stack_state import could_be_unchanged
from pipeline.cloudformation.templates import load_template
from pipeline.core.errors import BadDefinition, Refused, Transient

AT_ONCE = 8
"""Stacks that CloudFormation changes side by side: more would be throttled."""

MINUTES = 40
"""How long a stack may take: a canary alone takes ten, and the pipeline's builds end after an hour."""

TAGGED = ("Lake", "Env", "Team", "Dataset")
"""Parameters whose values are also the stack's tags, which CloudFormation passes on to all that takes tags."""

LARGEST_BODY = 51_200
"""Bytes of a template in the call itself; a larger one is read from S3 (CloudFormation quotas)."""

_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_NEW = "REVIEW_IN_PROGRESS"
_NEVER_MADE = "ROLLBACK_COMPLETE"
_STUCK = ("ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED")
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


Store = Callable[[Path], str]
Report = Callable[[ResourceProgress], None]


class CloudFormationStacks:
    """Stacks of one account and region.

    `role` is the role that CloudFormation makes resources with, `tags` are those of every stack, `store` puts a
    template where CloudFormation can read it and answers the URL, `report` hears of each resource when CloudFormation
    is done with it, `delay_s` is between two looks. Without `replace_stateful` a change that would take away what a
    resource holds is refused.
    """

    at_once = AT_ONCE

    def __init__(
        self,
        formation: Any,
        *,
        role: str | None = None,
        tags: Mapping[str, str] = MappingProxyType({}),
        store: Store | None = None,
        report: Report = lambda progress: None,
        replace_stateful: bool = False,
        delay_s: float = 3,
    ) -> None:
        self._formation = formation
        self._role = {"RoleARN": role} if role else {}
        self._tags = tags
        self._store = store
        self._report = report
        self._replace_stateful = replace_stateful
        self._delay_s = delay_s

    def plan(self, name: str, template: Path, parameters: Mapping[str, str]) -> StackPlan:
        """What deploying would change; the change set that tells it is deleted.

        Of a stack that does not stand all resources are added whose condition holds: a change set would leave an empty
        stack behind, and those that a macro makes are not known.
        """
        standing = self._standing(name)
        if standing is None or standing["StackStatus"] == _NEVER_MADE:
            return StackPlan(name, added(template, parameters, self._formation.meta.partition), {}, is_new=True)
        if self._is_unchanged(name, standing, template, parameters):
            return StackPlan(name, (), _outputs(standing), is_new=False)
        change_set = self._change_set(name, template, parameters, exists=True)
        try:
            return self._planned(name, change_set, standing)
        finally:
            if change_set:
                self._formation.delete_change_set(StackName=name, ChangeSetName=change_set)

    def deploy(self, name: str, template: Path, parameters: Mapping[str, str]) -> Deployed:
        """Make or update the stack, and wait until it stands.

        What is left of one whose creation failed has no resources: CloudFormation wants it deleted first.
        `BadDefinition` if CloudFormation refuses the template; `Refused` if it would lose state, or if CloudFormation
        cannot make what the template says, with the reason of the first resource that failed; the stack is then as
        it was.
        """
        standing = self._standing(name)
        if standing is not None and standing["StackStatus"] == _NEVER_MADE:
            self.delete(name)
            standing = None
        if standing is not None and self._is_unchanged(name, standing, template, parameters):
            return Deployed(_outputs(standing), changed=False)
        change_set = self._change_set(name, template, parameters, exists=standing is not None)
        if change_set is None:
            return Deployed(_outputs(standing), changed=False)
        if not self._replace_stateful:
            self._check(name, change_set, standing)
        before = self._newest_event(name)
        self._formation.execute_change_set(StackName=name, ChangeSetName=change_set)
        return Deployed(_outputs(self._see_through(name, before)), changed=True)

    def standing(self, name: str) -> Deployed:
        """A stack as it is, unchanged."""
        return Deployed(_outputs(self._describe(name)), changed=False)

    def parameters(self, name: str) -> dict[str, str]:
        """What a stack was deployed with last; nothing for one that does not stand."""
        found = self._describe(name) or {}
        return {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])}

    def role(self, name: str) -> str | None:
        """As whom CloudFormation changes a stack, whoever asks it to: the role that it was given last. None if it was
        never given one: then it is who asks (API reference, CreateChangeSet, `RoleARN`)."""
        found = self._describe(name) or {}
        return found.get("RoleARN")

    def delete(self, name: str) -> bool:
        """Delete a stack and wait until it is gone, with what its template does not retain; False if there is none."""
        found = self._describe(name)
        if found is None:
            return False
        # By its id a stack's events are found also when it is gone.
        stack, before = found["StackId"], self._newest_event(name)
        self._formation.delete_stack(StackName=name, **self._role)
        status, reason = self._follow(stack, name, before)
        if status != "DELETE_COMPLETE":
            raise Refused(f"stack {name} was not deleted, and is {status}: {reason}")
        return True

    def _standing(self, name: str) -> dict[str, Any] | None:
        """The stack to update; None if there is none. `Refused` if it is in a state that cannot be updated."""
        found = self._describe(name)
        if found is None or found["StackStatus"] == _NEW:
            return None
        status = found["StackStatus"]
        if status == "UPDATE_ROLLBACK_FAILED":
            raise Refused(
                f"stack {name} could not go back to what it was",
                hint=f"See its events, then `aws cloudformation continue-update-rollback --stack-name {name}`.",
            )
        if status in _STUCK:
            raise Refused(
                f"stack {name} is {status}, and cannot be updated",
                hint="See its events for what could not be deleted, save what is worth keeping, delete that by hand, "
                "then the stack in CloudFormation, and deploy again.",
            )
        if status.endswith("_IN_PROGRESS"):
            raise Transient(f"stack {name} is {status}: another deployment is under way")
        return found

    def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._formation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return found

    def _is_unchanged(
        self, name: str, standing: Mapping[str, Any], template: Path, parameters: Mapping[str, str]
    ) -> bool:
        """Whether the stack has this very template, and all else as wanted; False where only a change set can tell."""
        wanted, tags = load_template(template), self._tags_of(parameters)
        if not could_be_unchanged(standing, wanted, parameters, tags, self._role.get("RoleARN")):
            return False
        try:
            there = self._formation.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        except ClientError as error:
            # A deployment role of an older bootstrap may not read templates.
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return bool(there == template.read_text(encoding="utf-8"))

    def _change_set(self, name: str, template: Path, parameters: Mapping[str, str], *, exists: bool) -> str | None:
        """The id of a change set that can be executed; None if there is nothing to change."""
        try:
            change_set: str = self._formation.create_change_set(
                StackName=name,
                ChangeSetName=f"sluice-{uuid4().hex}",
                ChangeSetType="UPDATE" if exists else "CREATE",
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                Tags=[{"Key": key, "Value": value} for key, value in self._tags_of(parameters).items()],
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
                **self._role,
                **self._body(template),
            )["Id"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise _refused(name, template, error.response["Error"]["Message"]) from None
        return change_set if self._is_ready(name, template, change_set, exists) else None

    def _tags_of(self, parameters: Mapping[str, str]) -> dict[str, str]:
        return {**self._tags, **{key: parameters[key] for key in TAGGED if key in parameters}}

    def _body(self, template: Path) -> dict[str, str]:
        if template.stat().st_size <= LARGEST_BODY:
            return {"TemplateBody": template.read_text(encoding="utf-8")}
        if self._store is None:
            raise BadDefinition(f"{template}: longer than the {LARGEST_BODY} bytes that a call takes")
        return {"TemplateURL": self._store(template)}

    def _is_ready(self, name: str, template: Path, change_set: str, exists: bool) -> bool:
        """Wait for a change set; False, and it is deleted, if there is nothing to change."""
        waiter = self._formation.get_waiter("change_set_create_complete")
        try:
            waiter.wait(StackName=name, ChangeSetName=change_set, WaiterConfig=self._patience())
        except WaiterError:
            found = self._formation.describe_change_set(StackName=name, ChangeSetName=change_set)
            self._formation.delete_change_set(StackName=name, ChangeSetName=change_set)
            reason = str(found.get("StatusReason", found["Status"]))
            if exists and any(words in reason for words in _NO_CHANGES):
                return False
            raise _refused(name, template, reason) from None
        return True

    def _planned(self, name: str, change_set: str | None, standing: Mapping[str, Any] | None) -> StackPlan:
        outputs = _outputs(standing)
        if change_set is None:
            return StackPlan(name, (), outputs, is_new=False)
        asked = {"StackName": name, "ChangeSetName": change_set, "IncludePropertyValues": True}
        changes: list[dict[str, Any]] = []
        page = self._formation.describe_change_set(**asked)
        changes += page.get("Changes", [])
        while token := page.get("NextToken"):
            page = self._formation.describe_change_set(**asked, NextToken=token)
            changes += page.get("Changes", [])
        return StackPlan(name, changes_of(changes), outputs, is_new=standing is None)

    def _check(self, name: str, change_set: str, standing: Mapping[str, Any] | None) -> None:
        try:
            check_stateful([self._planned(name, change_set, standing)])
        except Refused:
            self._formation.delete_change_set(StackName=name, ChangeSetName=change_set)
            raise

    def _see_through(self, name: str, before: str | None) -> dict[str, Any]:
        """Report each resource until the stack stands; `Refused` if it was rolled back."""
        status, reason = self._follow(name, name, before)
        found = self._describe(name)
        if status in _DONE and found is not None:
            return found
        raise Refused(f"stack {name} was not deployed, and is {status}: {reason}")

    def _follow(self, stack: str, name: str, before: str | None) -> tuple[str, str]:
        """Report each resource until CloudFormation is done with the stack; its status then, and what failed first.

        The stack's own event tells the end: its status may be the old one for a moment after the start.
        """
        told: set[str] = set()
        give_up = time.monotonic() + MINUTES * 60
        while True:
            events = list(self._events_after(stack, before))
            for event in reversed([each for each in events if each["EventId"] not in told]):
                told.add(event["EventId"])
                if event["ResourceStatus"].endswith("_IN_PROGRESS"):
                    continue
                if event["LogicalResourceId"] == name:
                    return event["ResourceStatus"], first_failure(events)
                self._report(progress(name, event))
            if time.monotonic() > give_up:
                raise Transient(f"stack {name} is not done after {MINUTES} minutes; CloudFormation goes on")
            time.sleep(self._delay_s)

    def _newest_event(self, name: str) -> str | None:
        events = self._formation.describe_stack_events(StackName=name)["StackEvents"]
        return str(events[0]["EventId"]) if events else None

    def _events_after(self, name: str, before: str | None) -> Iterator[Mapping[str, Any]]:
        """Newest first, as CloudFormation tells them."""
        for page in self._formation.get_paginator("describe_stack_events").paginate(StackName=name):
            for event in page["StackEvents"]:
                if event["EventId"] == before:
                    return
                yield event

    def _patience(self) -> dict[str, Any]:
        return {"Delay": self._delay_s, "MaxAttempts": max(1, int(MINUTES * 60 / max(self._delay_s, 0.1)))}


def _refused(name: str, template: Path, reason: str) -> BadDefinition:
    return BadDefinition(f"{template}: CloudFormation refuses it for stack {name}: {reason}")


def _outputs(stack: Mapping[str, Any] | None) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in (stack or {}).get("Outputs", [])}

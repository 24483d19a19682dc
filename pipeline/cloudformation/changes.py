"""The changes that a deployment would make, resource by resource, from CloudFormation or the embedded deployer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pipeline.core.errors import Refused

STATEFUL = frozenset(
    (
        "AWS::DynamoDB::Table",
        "AWS::Glue::Database",
        "AWS::Glue::Table",
        "AWS::KMS::Key",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::SecretsManager::Secret",
    )
)
"""Types with state that cannot be made again: a replacement is empty, or a key that decrypts nothing."""


class ResourceAction(StrEnum):
    """What happens to a resource. `KEEP`: it leaves the stack and is retained, as its DeletionPolicy says."""

    ADD = "Add"
    MODIFY = "Modify"
    REPLACE = "Replace"
    REMOVE = "Remove"
    KEEP = "Keep"


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """A property that differs; `replaces` if the change replaces the resource, or may do so."""

    path: str
    before: Any
    after: Any
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """What happens to one resource, and why. `old_is_kept`: the resource that it replaces is retained.

    `without_effect` says why the embedded AWS accepts the resource without making it; empty if it makes it.
    """

    logical_id: str
    type: str
    action: ResourceAction
    properties: tuple[PropertyChange, ...] = ()
    old_is_kept: bool = False
    without_effect: str = ""

    @property
    def loses_state(self) -> bool:
        """Whether the resource's data is lost to the lake."""
        return self.type in STATEFUL and self.action in (ResourceAction.REPLACE, ResourceAction.REMOVE)


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What a deployment would do to one stack. `is_new`: it does not exist yet. `unfinished`: an earlier deployment was
    interrupted, and would be rolled back first. `stands`: it was deployed from the very same template and parameters,
    and would be skipped. Values that only the deployment will know are written `⟨what⟩`."""

    name: str
    changes: tuple[ResourceChange, ...]
    outputs: Mapping[str, str]
    is_new: bool
    unfinished: bool = False
    stands: bool = False


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack as it is after a deployment. `changed`: this deployment made, updated or removed something.

    `detail` is what a backend reports of it besides, for people.
    """

    outputs: Mapping[str, str]
    changed: bool
    detail: Any = None


def check_stateful(plans: Iterable[StackPlan]) -> None:
    """`Refused`, naming every such resource, if the plans would delete or replace resources with state."""
    if losses := list(_losses(plans)):
        raise Refused(
            "this would delete the data of resources: " + "; ".join(losses),
            hint="Give the new resource another logical id, move the data first, or add --replace-stateful.",
        )


def _losses(plans: Iterable[StackPlan]) -> Iterator[str]:
    for plan in plans:
        for change in plan.changes:
            if change.loses_state:
                what = "replaced, for " if change.action is ResourceAction.REPLACE else "removed"
                why = ", ".join(each.path for each in change.properties if each.replaces)
                yield f"{change.logical_id} ({change.type}) of {plan.name} {what}{why}"

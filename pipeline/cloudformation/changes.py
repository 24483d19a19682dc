"""What a deployment would change, resource by resource, whoever found it out: CloudFormation or our own deployer."""

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
        "AWS::S3::Bucket",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
    )
)
"""Types that hold what nobody can make again: a new one in their place is empty, or opens nothing."""


class Action(StrEnum):
    """What happens to a resource. `KEEP`: it leaves the stack, and its DeletionPolicy lets it stand."""

    ADD = "Add"
    MODIFY = "Modify"
    REPLACE = "Replace"
    REMOVE = "Remove"
    KEEP = "Keep"


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """A property that differs; `replaces` if CloudFormation replaces the resource for it, or may have to."""

    path: str
    before: Any
    after: Any
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource, and why. `old_is_kept`: what it replaces is let stand.

    `without_effect` says why the embedded AWS takes the resource and does not make it.
    """

    logical_id: str
    type: str
    action: Action
    properties: tuple[PropertyChange, ...] = ()
    old_is_kept: bool = False
    without_effect: str = ""

    @property
    def loses_state(self) -> bool:
        """Whether what it holds is gone for the lake, or from the account."""
        return self.type in STATEFUL and self.action in (Action.REPLACE, Action.REMOVE)


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What would become of one stack. `is_new`: it does not stand yet; `unfinished`: an earlier deployment broke off
    and would be undone first; `stands`: it was made from the very same, and a deployment would not even look. What only
    the deployment will know stands as `⟨what⟩`."""

    name: str
    changes: tuple[Change, ...]
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
    """`Refused`, with every resource, if carrying out the plans would lose what resources hold."""
    if found := list(_losses(plans)):
        raise Refused(
            "this would take away what resources hold: " + "; ".join(found),
            hint="Give what is new another logical id, move what is there first, or say --replace-stateful.",
        )


def _losses(plans: Iterable[StackPlan]) -> Iterator[str]:
    for plan in plans:
        for change in plan.changes:
            if change.loses_state:
                what = "replaced, for " if change.action is Action.REPLACE else "removed"
                why = ", ".join(each.path for each in change.properties if each.replaces)
                yield f"{change.logical_id} ({change.type}) of {plan.name} {what}{why}"

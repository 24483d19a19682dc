"""What DescribeChangeSet tells, as changes."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.cloudformation.change_sets import changes_of
from pipeline.cloudformation.changes import PropertyChange, ResourceAction, ResourceChange, StackPlan, check_stateful
from pipeline.core.errors import Refused


def told(action: str, **more: Any) -> dict[str, Any]:
    resource = {"Action": action, "LogicalResourceId": "Rows", "ResourceType": "AWS::DynamoDB::Table"}
    return {"Type": "Resource", "ResourceChange": resource | more}


def target(**given: str) -> dict[str, Any]:
    return {"Target": {"Attribute": "Properties", "Name": "KeySchema", **given}}


@pytest.mark.parametrize(
    ("given", "action", "kept"),
    [
        (told("Add"), ResourceAction.ADD, False),
        (told("Remove", PolicyAction="Delete"), ResourceAction.REMOVE, False),
        (told("Remove", PolicyAction="Retain"), ResourceAction.KEEP, False),
        (told("Modify", Replacement="False"), ResourceAction.MODIFY, False),
        (told("Modify", Replacement="Conditional"), ResourceAction.REPLACE, False),
        (told("Modify", Replacement="True", PolicyAction="ReplaceAndDelete"), ResourceAction.REPLACE, False),
        (told("Modify", Replacement="True", PolicyAction="ReplaceAndRetain"), ResourceAction.REPLACE, True),
    ],
)
def test_what_happens_to_a_resource(given: dict[str, Any], action: ResourceAction, kept: bool) -> None:
    assert changes_of([given]) == (ResourceChange("Rows", "AWS::DynamoDB::Table", action, old_is_kept=kept),)


def test_a_property_that_changes_for_two_reasons_is_told_once_with_what_is_known() -> None:
    details = [
        target(RequiresRecreation="Never", BeforeValue="a", AfterValue="b"),
        target(RequiresRecreation="Always"),
        {"Target": {"Attribute": "Tags", "RequiresRecreation": "Never"}},
        target(Path="/Properties/Spec/Enabled", RequiresRecreation="Never", AfterValue="true"),
    ]
    (change,) = changes_of([told("Modify", Replacement="True", Details=details)])
    assert change.properties == (
        PropertyChange("KeySchema", "a", "b", replaces=True),
        PropertyChange("Tags", None, None),
        PropertyChange("Spec.Enabled", None, "true"),
    )


@pytest.mark.parametrize("action", ResourceAction)
def test_only_what_loses_what_a_store_holds_is_refused(action: ResourceAction) -> None:
    plans = [
        StackPlan("s", (ResourceChange("Rows", "AWS::DynamoDB::Table", action),), {}, is_new=False),
        StackPlan("t", (ResourceChange("Work", "AWS::Lambda::Function", action),), {}, is_new=False),
    ]
    if action in (ResourceAction.REPLACE, ResourceAction.REMOVE):
        with pytest.raises(Refused, match="Rows") as caught:
            check_stateful(plans)
        assert "Work" not in caught.value.message
    else:
        check_stateful(plans)

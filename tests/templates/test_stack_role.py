"""The role that makes the stacks may do what CloudFormation's handlers need for what is in them, and no more."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.templates.authorization import named, services
from tests.templates.policies import TEMPLATES, options_of, policies
from tests.templates.rendering import rendered

NOT_GIVEN: dict[str, dict[str, dict[str, list[str]]]] = yaml.safe_load(
    Path(__file__).with_name("handlers.yaml").read_text()
)
# What no handler names, and a stack needs nevertheless.
BESIDE_HANDLERS = {
    "kms:ReEncryptFrom": "DynamoDB asks its caller for it where a table has a key of one's own",
    "kms:ReEncryptTo": "DynamoDB asks its caller for it where a table has a key of one's own",
    "states:ValidateStateMachineDefinition": "Step Functions checks a definition by it before it makes a machine",
    "s3:GetObjectVersion": "a package is read by the version that was uploaded",
}
# Types whose schema names nothing: the calls that make, change, read and delete one, by the service's API reference.
NO_HANDLERS = {
    "AWS::LakeFormation::Resource": {
        f"lakeformation:{call}Resource" for call in ("Register", "Update", "Describe", "Deregister")
    },
}
NO_ACTION = "a call of S3, which IAM knows by another name"
# A deployment calls these; `list` is for who imports resources that stand.
PHASES = ("create", "read", "update", "delete")


@cache
def used() -> dict[str, set[str]]:
    """The properties of every type that the lake's stacks have, SAM expanded."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in TEMPLATES:
        for options in options_of(path) if path.parent.name == "stacks" else ():
            for resource in rendered(path, given=options).values():
                found[resource["Type"]].update(resource.get("Properties", {}))
    return dict(found)


@cache
def schema(kind: str) -> dict[str, Any]:
    """CloudFormation's schema of a type, as cfn-lint ships it, of a region of ours."""
    found: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema
    return found


def needed(kind: str) -> set[str]:
    """What the handlers of a type name."""
    if kind in NO_HANDLERS:
        assert "handlers" not in schema(kind)
        return NO_HANDLERS[kind]
    handlers = schema(kind)["handlers"]
    return {action for phase in PHASES for action in handlers.get(phase, {}).get("permissions", ())}


def statements() -> Iterator[dict[str, Any]]:
    for policy in policies():
        if policy.template == "bootstrap" and policy.logical_id.startswith("StackRole"):
            allowing = (each for each in policy.statements if each["Effect"] == "Allow")
            yield from () if policy.is_of_its_resource else allowing


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


@cache
def given() -> frozenset[str]:
    return frozenset(action for each in statements() for action in listed(each["Action"]))


def left_out(kind: str) -> dict[str, list[str]]:
    entry = NOT_GIVEN.get(kind, {})
    return entry.get("properties", {}) | entry.get("reasons", {})


@pytest.mark.parametrize("kind", sorted(used()))
def test_the_stack_role_may_do_what_the_handlers_of_a_type_need(kind: str) -> None:
    excused = {action for actions in left_out(kind).values() for action in actions}
    assert needed(kind) - given() - excused == set()


@pytest.mark.parametrize("kind", sorted(NOT_GIVEN))
def test_what_is_not_given_is_asked_for_by_a_handler_and_by_no_property_that_is_set(kind: str) -> None:
    for actions in left_out(kind).values():
        assert set(actions) <= needed(kind) - given()
    assert [each for each in left_out(kind).get(NO_ACTION, ()) if named(each)] == []
    properties = set(NOT_GIVEN[kind].get("properties", {}))
    assert properties <= set(schema(kind)["properties"])
    assert properties & used()[kind] == set()


def test_the_stack_role_may_do_nothing_that_no_handler_needs() -> None:
    asked = {action for kind in used() for action in needed(kind)}
    assert given() - asked - BESIDE_HANDLERS.keys() == set()
    assert BESIDE_HANDLERS.keys() <= given()


def test_the_stack_role_passes_roles_to_the_services_that_run_as_one_and_to_no_other() -> None:
    [passing] = [each for each in statements() if "iam:PassRole" in listed(each["Action"])]
    trusted = {
        service
        for policy in policies()
        if policy.is_of_its_resource and policy.template not in ("bootstrap", "pipeline", "feeds-base")
        for statement in policy.statements
        for service in listed(statement["Principal"].get("Service", []))
    }
    assert set(passing["Condition"]["StringEquals"]["iam:PassedToService"]) == trusted
    assert trusted


def test_it_makes_no_keys_and_writes_no_policy_of_one() -> None:
    writing = {each.name for each in services()["kms"].actions.values() if each.name.startswith("kms:")}
    harmless = {
        "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ListAliases",
        "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:RevokeGrant",
    }  # fmt: skip
    assert given() & writing == harmless


def test_the_schemas_are_those_of_the_lock_and_have_handlers() -> None:
    """Else all of the above would hold of nothing."""
    assert len(used()) > 20
    assert json.dumps(schema("AWS::SNS::Subscription")["handlers"]).count("sns:") > 3

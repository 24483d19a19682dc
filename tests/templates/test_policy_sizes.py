"""Roles and policies stay well below IAM's sizes, with the longest names that a lake may have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.cloudformation.templates import load_template
from tests.templates.policies import TEMPLATES, options_of
from tests.templates.rendering import rendered

# IAM and AWS STS quotas; white space does not count.
MANAGED, INLINE, TRUST, ATTACHED = 6144, 10240, 2048, 10
# What is full at the first deployment cannot take the next action.
HEADROOM = 0.85
LONGEST = {"Lake": "lakelonglake", "Env": "production"}


def made(path: Path) -> dict[str, dict[str, Any]]:
    """The properties of roles and policies by logical id, whatever the options."""
    found: dict[str, dict[str, Any]] = {}
    for options in options_of(path):
        longest = {name: value for name, value in LONGEST.items() if name in load_template(path)["Parameters"]}
        for logical_id, each in rendered(path, "aws-us-gov", options | longest).items():
            if each["Type"].startswith("AWS::IAM::"):
                found[logical_id] = each["Properties"] | {"Type": each["Type"].removeprefix("AWS::IAM::")}
    return found


def size(document: Any) -> int:
    return len(json.dumps(document, separators=(",", ":")))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_roles_and_policies_leave_headroom(path: Path) -> None:
    every = made(path)
    for logical_id, given in every.items():
        if given["Type"] == "ManagedPolicy":
            assert size(given["PolicyDocument"]) < HEADROOM * MANAGED, logical_id
        if given["Type"] == "Role":
            beside = [each for each in every.values() if logical_id in each.get("Roles", ())]
            inline = [each["PolicyDocument"] for each in beside if each["Type"] == "Policy"]
            inline += [each["PolicyDocument"] for each in given.get("Policies", ())]
            assert sum(map(size, inline)) < HEADROOM * INLINE, logical_id
            assert size(given["AssumeRolePolicyDocument"]) < HEADROOM * TRUST, logical_id
            assert sum(each["Type"] == "ManagedPolicy" for each in beside) <= ATTACHED // 2, logical_id


def test_the_stack_roles_policies_are_among_those_that_are_measured() -> None:
    bootstrap = next(path for path in TEMPLATES if path.stem == "bootstrap")
    attached = [name for name, each in made(bootstrap).items() if each.get("Roles") == ["StackRole"]]
    named = ("Stores", "Messages", "Work", "Roles", "LakeFormation")
    assert attached == [f"StackRole{each}" for each in named]

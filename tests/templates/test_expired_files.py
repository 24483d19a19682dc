"""Staged files end by age. S3 says that one is gone to whoever may list the bucket, and to others that they may not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.templates.policies import policies, stored

TEAMS_OWN = {"TransformRole"}
"""It may list its dataset's folders alone: others' names are none of its business."""


def staged() -> str:
    return f"arn:aws:s3:::{stored()['staging-bucket']}"


def actions(statement: Mapping[str, Any]) -> list[str]:
    named: str | list[str] = statement["Action"]
    return [named] if isinstance(named, str) else named


def test_every_role_that_reads_staged_files_is_told_of_those_that_are_gone():
    readers, listers = set(), set()
    for policy in policies():
        for statement in () if policy.is_of_its_resource else policy.statements:
            for resource in statement.get("Resource", ()):
                path = resource.removeprefix(f"{staged()}/")
                if "s3:GetObject" in actions(statement) and path != resource and not path.startswith("_"):
                    readers.add(policy.logical_id)
                # A condition on the prefix is never met by GetObject, which has none.
                if "s3:ListBucket" in actions(statement) and resource == staged() and "Condition" not in statement:
                    listers.add(policy.logical_id)
    assert {"PollFunctionRole", "TransformFunctionRole", "ConvertJobRole", "StandardJobRole"} <= readers
    assert readers - listers == TEAMS_OWN

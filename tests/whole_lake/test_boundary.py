"""Every role of the lake has the boundary of its environment, which takes nothing from what the role is given."""

from __future__ import annotations

from fnmatch import fnmatchcase

from pipeline.core.clients import client

from .conftest import RunningLake
from .roles import granted

CSV = {"stage_a": {"format": "csv", "columns": {"id": "string"}}}


def test_the_boundary_of_an_environment_holds_all_that_its_roles_are_given(lake: RunningLake) -> None:
    lake.define(CSV)
    grants = granted()
    arn = client("ssm").get_parameter(Name=f"/sluice/{lake.connected.env}/boundary-arn")["Parameter"]["Value"]
    version = client("iam").get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = client("iam").get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    limits, denied = (
        [pair for each in document["Statement"] if each["Effect"] == effect for pair in pairs(each)]
        for effect in ("Allow", "Deny")
    )
    outside = [
        (grant.logical_role, grant.action, resource)
        for grant in grants
        for resource in grant.resources
        if not any(grant.action == action and fnmatchcase(resource, limit) for action, limit in limits)
        or any(fnmatchcase(grant.action, action) and fnmatchcase(resource, limit) for action, limit in denied)
    ]
    assert outside == []
    assert {role_boundary(grant.role) for grant in grants} == {arn}


def pairs(statement: dict[str, list[str] | str]) -> list[tuple[str, str]]:
    actions, resources = (
        each if isinstance(each, list) else [each] for each in (statement["Action"], statement["Resource"])
    )
    return [(action, resource) for action in actions for resource in resources]


def role_boundary(role: str) -> str | None:
    found = client("iam").get_role(RoleName=role)["Role"].get("PermissionsBoundary", {})
    return found.get("PermissionsBoundaryArn")

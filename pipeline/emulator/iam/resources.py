"""IAM roles and policies. They are recorded as on AWS; the embedded AWS does not enforce them."""

from __future__ import annotations

import json

from pipeline.emulator.cloudformation.reasons import IAM
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Resource, resource_type
from pipeline.emulator.cloudformation.tags import listed, retag


def _role_name(aws: Aws, resource: Resource) -> str:
    return resource.name("RoleName")


def _delete_role(aws: Aws, resource: Resource, made: Made) -> None:
    _forget_policies(aws, made.reference)
    aws.call("iam", "delete_role", RoleName=made.reference)


@resource_type(
    "AWS::IAM::Role",
    "RoleName Path Description MaxSessionDuration PermissionsBoundary AssumeRolePolicyDocument.* Tags.* "
    "Policies[].PolicyName Policies[].PolicyDocument.* ManagedPolicyArns",
    without_effect={
        "AssumeRolePolicyDocument": IAM,
        "Policies": IAM,
        "PermissionsBoundary": IAM,
        # The policies that AWS keeps are not in the embedded IAM and cannot be attached there.
        "ManagedPolicyArns": IAM,
    },
    resets={"Description": "", "MaxSessionDuration": 3600},
    delete=_delete_role,
    find=_role_name,
)
def role(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A role with its policies."""
    name = previous.reference if previous else _role_name(aws, resource)
    trust = json.dumps(resource.properties["AssumeRolePolicyDocument"])
    described = resource.only("Description", "MaxSessionDuration")
    if previous is None:
        given = described | resource.only("Path", "PermissionsBoundary")
        tags = listed(resource.tags())
        aws.call("iam", "create_role", RoleName=name, AssumeRolePolicyDocument=trust, Tags=tags, **given)
    else:
        aws.call("iam", "update_assume_role_policy", RoleName=name, PolicyDocument=trust)
        if described:
            aws.call("iam", "update_role", RoleName=name, **described)
        for boundary in resource.only("PermissionsBoundary").values():
            aws.call("iam", "put_role_permissions_boundary", RoleName=name, PermissionsBoundary=boundary)
        if resource.left_out("PermissionsBoundary"):
            aws.call("iam", "delete_role_permissions_boundary", RoleName=name)
        retag(aws, resource, "iam", RoleName=name)
        _forget_policies(aws, name, [each["PolicyName"] for each in resource.before.get("Policies", [])])
    for policy in resource.properties.get("Policies", []):
        _put_policy(aws, name, policy["PolicyName"], policy["PolicyDocument"])
    found = aws.call("iam", "get_role", RoleName=name)["Role"]
    return Made(name, {"Arn": found["Arn"], "RoleId": found["RoleId"]})


def _forget_policies(aws: Aws, role_name: str, only: list[str] | None = None) -> None:
    for policy_name in aws.call("iam", "list_role_policies", RoleName=role_name)["PolicyNames"]:
        if only is None or policy_name in only:
            aws.call("iam", "delete_role_policy", RoleName=role_name, PolicyName=policy_name)


def _put_policy(aws: Aws, role_name: str, policy_name: str, document: object) -> None:
    aws.call("iam", "put_role_policy", RoleName=role_name, PolicyName=policy_name, PolicyDocument=json.dumps(document))


def _policy_name(aws: Aws, resource: Resource) -> str:
    return resource.name("PolicyName", longest=128)


def _delete_policy(aws: Aws, resource: Resource, made: Made) -> None:
    for role_name in resource.properties["Roles"]:
        _forget_policies(aws, role_name, [made.reference])


@resource_type(
    "AWS::IAM::Policy",
    "PolicyName PolicyDocument.* Roles",
    without_effect={"PolicyDocument": IAM},
    delete=_delete_policy,
    find=_policy_name,
)
def policy(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A policy within roles."""
    name, roles = _policy_name(aws, resource), resource.properties["Roles"]
    for role_name in resource.before.get("Roles", []):
        if previous and (role_name not in roles or previous.reference != name):
            _forget_policies(aws, role_name, [previous.reference])
    for role_name in roles:
        _put_policy(aws, role_name, name, resource.properties["PolicyDocument"])
    return Made(name)


def _managed_arn(aws: Aws, resource: Resource) -> str:
    path = resource.properties.get("Path", "/")
    name = resource.name("ManagedPolicyName", longest=128)
    return f"arn:{aws.partition}:iam::{aws.account}:policy{path}{name}"


def _delete_managed(aws: Aws, resource: Resource, made: Made) -> None:
    for entity in aws.call("iam", "list_entities_for_policy", PolicyArn=made.reference)["PolicyRoles"]:
        aws.call("iam", "detach_role_policy", RoleName=entity["RoleName"], PolicyArn=made.reference)
    _keep_default_version(aws, made.reference)
    aws.call("iam", "delete_policy", PolicyArn=made.reference)


def _keep_default_version(aws: Aws, arn: str) -> None:
    """IAM keeps five versions of a policy and refuses a sixth."""
    for version in aws.call("iam", "list_policy_versions", PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            aws.call("iam", "delete_policy_version", PolicyArn=arn, VersionId=version["VersionId"])


@resource_type(
    "AWS::IAM::ManagedPolicy",
    "ManagedPolicyName Path Description PolicyDocument.* Roles",
    without_effect={"PolicyDocument": IAM},
    delete=_delete_managed,
    find=_managed_arn,
)
def managed_policy(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A policy of its own, attached to roles."""
    document = json.dumps(resource.properties["PolicyDocument"])
    if previous is None:
        name = resource.name("ManagedPolicyName", longest=128)
        given = resource.only("Path", "Description")
        arn = aws.call("iam", "create_policy", PolicyName=name, PolicyDocument=document, **given)["Policy"]["Arn"]
    else:
        arn = previous.reference
        _keep_default_version(aws, arn)
        aws.call("iam", "create_policy_version", PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    roles, before = resource.properties.get("Roles", []), resource.before.get("Roles", [])
    for role_name in [each for each in before if each not in roles]:
        aws.call("iam", "detach_role_policy", RoleName=role_name, PolicyArn=arn)
    for role_name in [each for each in roles if each not in before]:
        aws.call("iam", "attach_role_policy", RoleName=role_name, PolicyArn=arn)
    return Made(arn, {"PolicyArn": arn})

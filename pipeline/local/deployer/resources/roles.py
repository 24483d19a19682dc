"""IAM roles and policies. They are recorded as on AWS; the embedded AWS does not enforce them."""

from __future__ import annotations

import json

from pipeline.local.deployer.resources.reasons import IAM
from pipeline.local.deployer.types import Aws, Made, Resource, resource_type


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
    fixed="RoleName Path",
)
def role(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    name = previous.reference if previous else resource.name("RoleName")
    trust = json.dumps(resource.properties["AssumeRolePolicyDocument"])
    if previous is None:
        given = resource.only("Path", "Description", "MaxSessionDuration", "PermissionsBoundary")
        tags = [{"Key": key, "Value": value} for key, value in resource.tags().items()]
        aws.call("iam", "create_role", RoleName=name, AssumeRolePolicyDocument=trust, Tags=tags, **given)
    else:
        aws.call("iam", "update_assume_role_policy", RoleName=name, PolicyDocument=trust)
        _forget_policies(aws, name)
    for policy in resource.properties.get("Policies", []):
        _put_policy(aws, name, policy["PolicyName"], policy["PolicyDocument"])
    found = aws.call("iam", "get_role", RoleName=name)["Role"]
    return Made(name, {"Arn": found["Arn"], "RoleId": found["RoleId"]})


def _forget_policies(aws: Aws, role_name: str) -> None:
    for policy_name in aws.call("iam", "list_role_policies", RoleName=role_name)["PolicyNames"]:
        aws.call("iam", "delete_role_policy", RoleName=role_name, PolicyName=policy_name)


def _put_policy(aws: Aws, role_name: str, policy_name: str, document: object) -> None:
    aws.call("iam", "put_role_policy", RoleName=role_name, PolicyName=policy_name, PolicyDocument=json.dumps(document))


@resource_type("AWS::IAM::Policy", "PolicyName PolicyDocument.* Roles", without_effect={"PolicyDocument": IAM})
def policy(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    name = resource.name("PolicyName", longest=128)
    for role_name in resource.properties["Roles"]:
        _put_policy(aws, role_name, name, resource.properties["PolicyDocument"])
    return Made(name)


@resource_type(
    "AWS::IAM::ManagedPolicy",
    "ManagedPolicyName Path Description PolicyDocument.* Roles",
    without_effect={"PolicyDocument": IAM},
    updates=False,
)
def managed_policy(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    document = json.dumps(resource.properties["PolicyDocument"])
    given = resource.only("Path", "Description")
    name = resource.name("ManagedPolicyName", longest=128)
    arn = aws.call("iam", "create_policy", PolicyName=name, PolicyDocument=document, **given)["Policy"]["Arn"]
    for role_name in resource.properties.get("Roles", []):
        aws.call("iam", "attach_role_policy", RoleName=role_name, PolicyArn=arn)
    return Made(arn, {"PolicyArn": arn})

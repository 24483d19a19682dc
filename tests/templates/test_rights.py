"""Whoever deploys makes roles within the boundary and nothing beyond it, and reads neither keys nor passwords.

The policies of the administrator's set-up are evaluated as IAM would, for every action that IAM has, on what there is.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.templates.authorization import services
from tests.templates.evaluation import Principal
from tests.templates.policies import HERE
from tests.templates.rights import ACCOUNT, BOUNDARIES, BOUNDARY, DEPLOYMENT, LAKE, STACKS, boundary, principal

OWN = f"{ACCOUNT}:role/{LAKE}-stage-a-RouteFunctionRole-1A2B"
"""A role of the lake, which the stack role made."""
FOREIGN = (
    f"{ACCOUNT}:role/Administrator",
    f"{ACCOUNT}:role/sluice-dev2-x",
    f"{ACCOUNT}:role/sluice-prod-x",
    f"{ACCOUNT}:role/delivery/sluice-prod-stacks",
    f"{ACCOUNT}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS",
    STACKS,
    DEPLOYMENT,
)
"""Roles that whoever deploys is not to touch; its own are among them."""
POLICIES = (
    *BOUNDARIES,
    f"{ACCOUNT}:policy/delivery/{LAKE}-stacks-roles",
    f"{ACCOUNT}:policy/x",
    "arn:aws:iam::aws:policy/AdministratorAccess",
)
OTHER_BOUNDARY = f"{ACCOUNT}:policy/delivery/sluice-prod-boundary"
OTHERS = (
    OTHER_BOUNDARY,
    f"{ACCOUNT}:policy/delivery/sluice-prod-feeds-boundary",
    f"{ACCOUNT}:policy/{LAKE}-feeds-boundary",
    f"{BOUNDARY}-2",
    *(each for each in POLICIES if each not in BOUNDARIES),
)
"""What no role of the lake is ever made with, or given: not even by the name of one of its boundaries."""
SECRETS = tuple(
    f"arn:aws:secretsmanager:{HERE}:secret:{name}"
    for name in (
        f"{LAKE}-feeds-keyring-AbCdEf",
        f"{LAKE}-feeds-writer-AbCdEf",
        "rds!db-0a1b-AbCdEf",
        f"{LAKE}-log-headers-AbCdEf",
    )
)
DEPLOYING = ("StackRole", "DeploymentRole")
ANYTHING = ({"Effect": "Allow", "Action": "*", "Resource": "*"},)
# What the stack role may do with a role of the lake, whatever its boundary: IAM knows no boundary for these.
WHATEVER_ITS_BOUNDARY = {
    f"iam:{action}"
    for action in (
        "DeleteRole", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListRolePolicies", "TagRole",
        "UntagRole", "UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription",
    )
}  # fmt: skip
WITHIN_THE_BOUNDARY = {
    f"iam:{action}" for action in ("CreateRole", "DeleteRolePolicy", "PutRolePermissionsBoundary", "PutRolePolicy")
}


def actions(prefix: str) -> list[str]:
    return sorted(each.name for each in services()[prefix].actions.values())


@pytest.fixture(params=DEPLOYING)
def deploying(request: pytest.FixtureRequest) -> Principal:
    return principal("bootstrap", request.param)


def allowed_of_iam(who: Principal, resource: str, **context: str) -> set[str]:
    return {action for action in actions("iam") if who.may(action, resource, **context)}


def test_the_stack_role_makes_roles_with_the_boundary_alone() -> None:
    stacks = principal("bootstrap", "StackRole")
    for its in BOUNDARIES:
        assert allowed_of_iam(stacks, OWN, iam__PermissionsBoundary=its) == WHATEVER_ITS_BOUNDARY | WITHIN_THE_BOUNDARY
    for context in ({}, *({"iam__PermissionsBoundary": each} for each in OTHERS)):
        assert allowed_of_iam(stacks, OWN, **context) == WHATEVER_ITS_BOUNDARY, context


def test_no_boundary_is_taken_away_or_swapped(deploying: Principal) -> None:
    for boundary_of_it in ("", *BOUNDARIES, *OTHERS):
        assert not deploying.may("iam:DeleteRolePermissionsBoundary", OWN, iam__PermissionsBoundary=boundary_of_it)
    # The key of the request is the boundary that the role would get.
    for new in OTHERS:
        assert not deploying.may("iam:PutRolePermissionsBoundary", OWN, iam__PermissionsBoundary=new)


def test_no_managed_policy_is_attached_to_any_role(deploying: Principal) -> None:
    for role in (OWN, *FOREIGN):
        for policy in POLICIES:
            for its in (BOUNDARY, OTHER_BOUNDARY):
                context = {"iam__PolicyARN": policy, "iam__PermissionsBoundary": its}
                for action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
                    assert not deploying.may(action, role, **context), (action, role, policy)


@pytest.mark.parametrize(
    "resource", [*FOREIGN, *POLICIES, f"{ACCOUNT}:user/x", f"{ACCOUNT}:group/x", f"{ACCOUNT}:oidc-provider/x"]
)
@pytest.mark.parametrize("its_boundary", [BOUNDARY, OTHER_BOUNDARY])
def test_what_is_not_the_lakes_is_not_touched_by_any_action_of_iam(
    deploying: Principal, resource: str, its_boundary: str
) -> None:
    found = allowed_of_iam(
        deploying, resource, iam__PermissionsBoundary=its_boundary, iam__PassedToService="lambda.amazonaws.com"
    )
    assert found == set()


def passable(who: Principal, roles: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    every = (
        "cloudformation",
        "codedeploy",
        "ec2",
        "ecs-tasks",
        "glue",
        "lakeformation",
        "lambda",
        "rds",
        "scheduler",
        "states",
    )
    for role in roles:
        for service in every:
            if who.may("iam:PassRole", role, iam__PassedToService=f"{service}.amazonaws.com"):
                yield role, service


def test_roles_are_passed_only_if_they_are_the_lakes_and_the_deployment_passes_the_stack_role_to_cloudformation() -> (
    None
):
    stacks, deployment = (principal("bootstrap", each) for each in DEPLOYING)
    assert {role for role, _ in passable(stacks, (OWN, *FOREIGN))} == {OWN}
    assert {service for _, service in passable(stacks, (OWN,))} == {
        "codedeploy", "glue", "lakeformation", "lambda", "scheduler", "states",
    }  # fmt: skip
    assert list(passable(deployment, (OWN, *FOREIGN))) == [(STACKS, "cloudformation")]
    assert not stacks.may("iam:PassRole", OWN), "a service that is not told"


def test_nobody_who_deploys_assumes_a_role(deploying: Principal) -> None:
    for role in (OWN, *FOREIGN):
        assert [each for each in actions("sts") if deploying.may(each, role)] == []


def test_neither_keys_nor_passwords_are_read_written_or_opened(deploying: Principal) -> None:
    for secret in SECRETS:
        assert [each for each in actions("secretsmanager") if deploying.may(each, secret)] == []
    for user in ("sluice_owner", "sluice_writer", "*"):
        assert not deploying.may("rds-db:connect", f"arn:aws:rds-db:{HERE}:dbuser:prx-0a/{user}")


def test_the_database_is_the_administrators(deploying: Principal) -> None:
    database = f"arn:aws:rds:{HERE}:db:{LAKE}-feeds"
    assert [each for each in actions("rds") if deploying.may(each, database)] == []


@pytest.mark.parametrize("its", ["Boundary", "FeedsBoundary", "ForecastsBoundary"])
def test_a_role_of_the_lake_can_do_nothing_with_roles_whatever_a_template_gives_it(its: str) -> None:
    """Its own policies are whatever is pushed: the boundary decides."""
    anything = Principal(ANYTHING, boundary(its))
    for resource in (OWN, *FOREIGN, *POLICIES):
        assert allowed_of_iam(anything, resource, iam__PermissionsBoundary=BOUNDARY) == set()
        assert [each for each in actions("sts") if anything.may(each, resource)] == []
    of_others = [each for each in SECRETS if LAKE not in each] + [
        f"arn:aws:secretsmanager:{HERE}:secret:sluice-prod-feeds-keyring-AbCdEf"
    ]
    for secret in of_others:
        assert [each for each in actions("secretsmanager") if anything.may(each, secret)] == []
    for secret in SECRETS:
        assert {each for each in actions("secretsmanager") if anything.may(each, secret)} <= {
            "secretsmanager:GetSecretValue"
        }


def test_a_flows_boundary_bounds_it_to_what_is_its_own() -> None:
    """Whatever a template gives a role: what one flow may, another may not."""
    lake, feeds, forecasts = (
        Principal(ANYTHING, boundary(each)) for each in ("Boundary", "FeedsBoundary", "ForecastsBoundary")
    )
    keyring, _, _, headers = SECRETS
    assert [each.may("secretsmanager:GetSecretValue", keyring) for each in (lake, feeds, forecasts)] == [
        False, True, False,
    ]  # fmt: skip
    assert [each.may("secretsmanager:GetSecretValue", headers) for each in (lake, feeds, forecasts)] == [
        True, False, False,
    ]  # fmt: skip
    user, payments = f"arn:aws:rds-db:{HERE}:dbuser:prx-0a/sluice_writer", f"arn:aws:dynamodb:{HERE}:table/payments"
    assert [each.may("rds-db:connect", user) for each in (lake, feeds, forecasts)] == [False, True, False]
    assert [each.may("dynamodb:Scan", payments) for each in (lake, feeds, forecasts)] == [False, True, False]
    curated = f"arn:aws:s3:::{LAKE}-curated-111122223333-eu-west-1/weather/stations/data/1.parquet"
    assert [each.may("s3:GetObject", curated, aws__ResourceAccount="111122223333") for each in (lake, feeds)] == [
        True, False,
    ]  # fmt: skip
    exported = f"arn:aws:s3:::{LAKE}-exports-111122223333-eu-west-1/payments/AWSDynamoDB/1/data/1.json.gz"
    may_read = [
        each.may("s3:GetObject", exported, aws__ResourceAccount="111122223333") for each in (lake, feeds, forecasts)
    ]
    assert may_read == [False, True, False]


def test_a_table_of_anybodys_is_neither_written_nor_made_but_as_a_copy() -> None:
    feeds = Principal(ANYTHING, boundary("FeedsBoundary"))
    table = f"arn:aws:dynamodb:{HERE}:table/payments"
    reading = {"DescribeExport", "DescribeStream", "DescribeTable", "ExportTableToPointInTime", "GetRecords"}
    reading |= {"GetShardIterator", "ListStreams", "Scan"}
    assert {each for each in actions("dynamodb") if feeds.may(each, table)} == {f"dynamodb:{each}" for each in reading}
    copying = {f"dynamodb:{each}" for each in ("BatchWriteItem", "CreateTable", "DeleteTable")}
    copy = f"{table}.sluice-copy"
    assert {each for each in actions("dynamodb") if feeds.may(each, copy)} == copying | {
        f"dynamodb:{each}" for each in reading
    }


def test_the_evaluation_sees_what_is_allowed() -> None:
    """Else all of the above would hold of nothing."""
    stacks, deployment = (principal("bootstrap", each) for each in DEPLOYING)
    bucket = "arn:aws:s3:::sluice-dev-raw-111122223333-eu-west-1"
    assert stacks.may("s3:CreateBucket", bucket)
    assert not stacks.may("s3:CreateBucket", bucket.replace("dev", "prod"))
    assert not stacks.may("s3:DeleteBucketPolicy", "arn:aws:s3:::sluice-dev-artefacts-111122223333-eu-west-1")
    assert deployment.may("cloudformation:ExecuteChangeSet", f"arn:aws:cloudformation:{HERE}:stack/{LAKE}-storage/1")
    assert len(actions("iam")) > 100

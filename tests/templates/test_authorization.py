"""Every action of every policy is one that AWS has, on what it takes, under conditions that its requests carry."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.templates.authorization import named, overlap, problems
from tests.templates.policies import TEMPLATES, policies
from tests.templates.rights import boundary_of, made
from tests.templates.rules import UNSCOPED_ACTIONS

# What the reference says is wrong, and is not, with the reason.
EITHER = "the reference marks all types that the action can be about, and a request is about one"
OLDER = "the action, or that it takes this, is newer than the reference"
EXCEPTIONS = {
    "codestar-connections:PassConnection: is given no Connection": "the older prefix holds for newer connections, too",
    "kms:Describe*: its requests carry no kms:EncryptionContext:aws:logs:arn": (
        "CloudWatch Logs documents the statement so; the rest of its actions carry it"
    ),
    "lambda:GetFunctionScalingConfig: there is no such action": OLDER,
    "s3:GetBucketAbac: there is no such action": OLDER,
    "states:DescribeExecution: is given no express": EITHER,
    "states:ListExecutions: is given no maprun": EITHER,
} | {
    f"s3:{action}: is given no accessgrant, accessgrantsinstance, accessgrantslocation, storagelensgroup": OLDER
    for action in ("ListTagsForResource", "TagResource", "UntagResource")
}
# No service authorises this type in the reference; CloudFormation does, for a template with a transform.
TRANSFORM = "arn:aws:cloudformation:eu-west-1:aws:transform/Serverless-2016-10-31"
OF_THE_LIST = (
    ("sns:Unsubscribe", "arn:aws:sns:eu-west-1:111122223333:topic", "takes no resource, only *"),
    ("s3:GetObject", "arn:aws:s3:::bucket", "none of them takes arn:aws:s3:::bucket"),
    ("s3:GetObjects", "arn:aws:s3:::bucket/*", "there is no such action"),
    ("sqs:SendMessage", "arn:aws:sns:eu-west-1:111122223333:topic", "none of them takes"),
    ("glue:GetTable", "arn:aws:glue:eu-west-1:111122223333:table/d/t", "is given no database"),
)


def problems_of_all() -> set[tuple[str, str]]:
    return {
        (f"{policy.template}.{policy.logical_id}", problem)
        for policy in policies()
        for problem in problems(policy.statements, has_resources=not policy.is_of_its_resource)
        if not problem.endswith(f"none of them takes {TRANSFORM}")
    }


def test_every_action_is_known_on_what_it_takes_under_conditions_that_are_sent() -> None:
    found = problems_of_all()
    assert sorted(f"{where}: {problem}" for where, problem in found if problem not in EXCEPTIONS) == []
    assert EXCEPTIONS.keys() - {problem for _, problem in found} == set()


def test_every_reason_for_a_wildcard_is_still_needed() -> None:
    asked = [
        action
        for policy in policies()
        for each in policy.statements
        if each["Effect"] == "Allow" and "*" in each.get("Resource", ())
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    ]
    assert UNSCOPED_ACTIONS.keys() - set(asked) == set()


def test_no_role_of_the_lake_is_granted_what_its_boundary_leaves_out() -> None:
    """IAM refuses it then, and the template says that it is allowed."""
    granted: dict[str, set[str]] = defaultdict(set)
    bounds: dict[str, str] = {}
    for path in TEMPLATES:
        if path.parent.name == "stacks":
            given = {name: each.get("Properties", {}) for name, each in made(path.stem).items()}
            bounds |= {f"{path.stem}.{name}": its for name, each in given.items() if (its := boundary_of(each))}
    for policy in policies():
        of_role = f"{policy.template}.{policy.logical_id}"
        for each in policy.statements if of_role in bounds or policy.logical_id in bounds.values() else ():
            if each["Effect"] == "Allow" and "Principal" not in each:
                actions = [each["Action"]] if isinstance(each["Action"], str) else each["Action"]
                granted[of_role] |= {action.name for pattern in actions for action in named(pattern)}
    assert set(bounds.values()) == {"Boundary", "FeedsBoundary", "ForecastsBoundary"}
    beyond = {role: granted[role] - granted[f"bootstrap.{its}"] for role, its in bounds.items()}
    assert len(beyond) > 30
    assert {role: each for role, each in beyond.items() if each} == {}


@pytest.mark.parametrize(("action", "resource", "complaint"), OF_THE_LIST)
def test_what_would_grant_nothing_is_found(action: str, resource: str, complaint: str) -> None:
    statement = {"Effect": "Allow", "Action": action, "Resource": [resource]}
    assert any(complaint in each for each in problems([statement]))


@pytest.mark.parametrize(
    ("action", "key"),
    [
        ("sqs:SendMessage", "iam:PermissionsBoundary"),
        ("iam:DeleteRole", "iam:PermissionsBoundary"),
        ("s3:GetObject", "aws:SorceArn"),
        ("lambda:GetEventSourceMapping", "lambda:FunctionArn2"),
    ],
)
def test_a_condition_that_never_holds_is_found(action: str, key: str) -> None:
    statement = {"Effect": "Allow", "Action": [action], "Resource": "*", "Condition": {"StringEquals": {key: "x"}}}
    assert f"{action}: its requests carry no {key}" in list(problems([statement]))


def test_patterns_overlap_where_some_text_is_of_both() -> None:
    for one, other in (("a*c", "ab*"), ("*", "x"), ("a?c", "abc"), ("", ""), ("a*", "a"), ("*b*", "*a*")):
        assert overlap(one, other), (one, other)
    for one, other in (("a*c", "b*"), ("a", "b"), ("a", ""), ("a?", "a"), ("dev-*", "dev2-*")):
        assert not overlap(one, other), (one, other)

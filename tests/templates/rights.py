"""The roles of an administrator's set-up and of the lake's stacks, as principals that `evaluation` decides for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from tests.templates.evaluation import Principal, listed
from tests.templates.policies import HERE, OPTIONS, TEMPLATES, arn
from tests.templates.rendering import rendered

ACCOUNT = "arn:aws:iam::111122223333"
LAKE = "sluice-dev"
BOUNDARY, FEEDS_BOUNDARY, FORECASTS_BOUNDARY = BOUNDARIES = tuple(
    f"{ACCOUNT}:policy/delivery/{LAKE}-{each}" for each in ("boundary", "feeds-boundary", "forecasts-boundary")
)
STACKS = f"{ACCOUNT}:role/delivery/{LAKE}-stacks"
DEPLOYMENT = f"{ACCOUNT}:role/delivery/{LAKE}-deployment"
KEYRING, WRITER = (f"arn:aws:secretsmanager:{HERE}:secret:{LAKE}-feeds-{each}-AbCdEf" for each in ("keyring", "writer"))
FEED_FAILURES = f"arn:aws:sqs:{HERE}:{LAKE}-feed-failures-payments"
# By the parameter that has its ARN, which roles name.
_BOUNDARY_OF = {
    "boundary-arn": "Boundary",
    "feeds-boundary-arn": "FeedsBoundary",
    "forecasts-boundary-arn": "ForecastsBoundary",
}
# By the ARN that `policies.arn` gives a resource, which has its logical id for a name.
_NAMED = {
    f"{ACCOUNT}:policy/Boundary": BOUNDARY,
    f"{ACCOUNT}:policy/FeedsBoundary": FEEDS_BOUNDARY,
    f"{ACCOUNT}:policy/ForecastsBoundary": FORECASTS_BOUNDARY,
    f"{ACCOUNT}:role/StackRole": STACKS,
    f"{ACCOUNT}:role/DeploymentRole": DEPLOYMENT,
    "arn:aws:s3:::ArtefactBucket": f"arn:aws:s3:::{LAKE}-artefacts-111122223333-eu-west-1",
    "arn:aws:s3:::Exports": f"arn:aws:s3:::{LAKE}-exports-111122223333-eu-west-1",
    f"arn:aws:secretsmanager:{HERE}:secret:KeyringSecret": KEYRING.removesuffix("-AbCdEf"),
    f"arn:aws:secretsmanager:{HERE}:secret:WriterSecret": WRITER.removesuffix("-AbCdEf"),
    f"arn:aws:sqs:{HERE}:FailuresQueue": FEED_FAILURES,
}


@cache
def made(template: str) -> Mapping[str, Any]:
    """The resources of a template, with every option."""
    from pipeline.cloudformation.templates import load_template

    [path] = [each for each in TEMPLATES if each.stem == template]
    declared = load_template(path).get("Parameters", {})
    return rendered(path, given={name: value for name, value in OPTIONS[0].items() if name in declared})


@cache
def principal(template: str, role: str) -> Principal:
    """A role of a template with all policies that the template gives it, and with its boundary."""
    every = made(template)
    own = every[role]["Properties"]
    documents = [each["PolicyDocument"] for each in own.get("Policies", ())]
    for resource in every.values():
        given = resource.get("Properties", {})
        if resource["Type"] in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy") and role in given.get("Roles", ()):
            documents.append(given["PolicyDocument"])
    statements = tuple(statement for each in documents for statement in _statements(each, every))
    its = boundary_of(own)
    return Principal(statements, boundary(its) if its else None)


def boundary_of(role: Mapping[str, Any]) -> str | None:
    """The logical id of the boundary of an environment that a role's properties name; None where they name none."""
    named = role.get("PermissionsBoundary")
    return _BOUNDARY_OF.get(str(named).rpartition("/")[2].removesuffix("}}"))


@cache
def boundary(logical_id: str = "Boundary") -> tuple[Any, ...]:
    """What a role may do at most that has it."""
    every = made("bootstrap")
    return tuple(_statements(every[logical_id]["Properties"]["PolicyDocument"], every))


def roles(template: str) -> list[str]:
    return [name for name, each in made(template).items() if each["Type"] == "AWS::IAM::Role"]


def _statements(document: Mapping[str, Any], every: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for statement in listed(document["Statement"]):
        # A statement that AWS::NoValue stands for is none.
        if statement:
            yield _physical(statement, every)


def _physical(value: Any, every: Mapping[str, Any], key: str = "") -> Any:
    """References as ARNs, in resources and in conditions."""
    if isinstance(value, dict):
        return {name: _physical(each, every, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_physical(each, every, key) for each in value]
    if not isinstance(value, str) or key in ("Action", "Effect", "Sid"):
        return value
    found = arn(value, every)
    for logical, name in _NAMED.items():
        found = name + found.removeprefix(logical) if found.startswith(logical) else found
    return found

"""What functions of feeds may do: the one that loads reads one secret and one stream, and is one user of the database.

Every role of every template is asked, for every action that IAM has on what feeds have.
"""

from __future__ import annotations

import pytest

from tests.templates.authorization import services
from tests.templates.evaluation import Principal
from tests.templates.policies import HERE, TEMPLATES
from tests.templates.rendering import GIVEN
from tests.templates.rights import ACCOUNT, BOUNDARY, FEED_FAILURES, KEYRING, LAKE, WRITER, principal, roles

OWNER = f"arn:aws:secretsmanager:{HERE}:secret:rds!db-0123"
SECRETS = (KEYRING, WRITER, OWNER, f"arn:aws:secretsmanager:{HERE}:secret:{LAKE}-log-headers-AbCdEf")
STREAM = GIVEN["Stream"]
STREAMS = (
    STREAM,
    STREAM.replace("2026-01-01", "2026-02-02"),
    STREAM.replace("table/payments/", "table/others/"),
    STREAM.replace("table/payments/", "table/payments.sluice-copy/"),
)
USERS = f"arn:aws:rds-db:{HERE}:dbuser:prx-0123"
READS_KEYS = {
    ("feed", "LoadFunctionRole"),
    ("feed", "ImportFunctionRole"),
    ("feeds", "MigrateFunctionRole"),
    ("feeds", "AdministerFunctionRole"),
}


def actions(prefix: str) -> list[str]:
    return sorted(each.name for each in services()[prefix].actions.values())


def allowed(who: Principal, service: str, resource: str, **context: str) -> set[str]:
    return {action for action in actions(service) if who.may(action, resource, **context)}


@pytest.fixture
def loading() -> Principal:
    return principal("feed", "LoadFunctionRole")


def test_the_function_that_loads_reads_one_secret(loading: Principal) -> None:
    found = {secret: allowed(loading, "secretsmanager", secret) for secret in SECRETS}
    assert {secret: each for secret, each in found.items() if each} == {KEYRING: {"secretsmanager:GetSecretValue"}}


def test_it_reads_one_stream_and_no_table(loading: Principal) -> None:
    found = {stream: allowed(loading, "dynamodb", stream) - {"dynamodb:ListStreams"} for stream in STREAMS}
    reading = {f"dynamodb:{each}" for each in ("DescribeStream", "GetRecords", "GetShardIterator")}
    assert {stream: each for stream, each in found.items() if each} == {STREAM: reading}
    table = STREAM.partition("/stream/")[0]
    assert allowed(loading, "dynamodb", table) - {"dynamodb:ListStreams"} == set()


def test_it_connects_as_the_writer_and_as_nobody_else(loading: Principal) -> None:
    users = ("sluice_writer", "sluice_owner", "sluice_analyst", "postgres", "*")
    assert [user for user in users if allowed(loading, "rds-db", f"{USERS}/{user}")] == ["sluice_writer"]
    assert not allowed(loading, "rds-db", f"{USERS}4/sluice_writer"), "another database"


def test_it_writes_into_its_queue_of_failures_alone(loading: Principal) -> None:
    others = FEED_FAILURES.replace("payments", "others")
    assert [allowed(loading, "sqs", each) for each in (FEED_FAILURES, others)] == [{"sqs:SendMessage"}, set()]


def test_nobody_but_the_functions_of_feeds_reads_the_keys() -> None:
    """Of no stack: neither who deploys, nor who reads tables, nor another function."""
    every = [(path.stem, role) for path in TEMPLATES for role in roles(path.stem)]
    found = {each: allowed(principal(*each), "secretsmanager", KEYRING) for each in every}
    reading = {"secretsmanager:GetSecretValue"}
    assert {each: may for each, may in found.items() if may} == dict.fromkeys(READS_KEYS, reading)


def test_nobody_who_deploys_widens_or_becomes_a_role_of_feeds() -> None:
    """Its boundary stays. What a function does they can change: docs/feeds.md says what follows of it."""
    its = f"{ACCOUNT}:role/{LAKE}-feed-payments-LoadFunctionRole-1A2B"
    proxys = f"{ACCOUNT}:role/delivery/{LAKE}-feeds-base-ProxyRole-1A2B"
    for who in (principal("bootstrap", "StackRole"), principal("bootstrap", "DeploymentRole")):
        assert allowed(who, "sts", its) == set()
        assert allowed(who, "iam", proxys, iam__PermissionsBoundary=BOUNDARY) == set()
        for boundary in ("", f"{ACCOUNT}:policy/wider"):
            found = allowed(who, "iam", its, iam__PermissionsBoundary=boundary)
            assert found & {"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"} == set()
            assert found & {"iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"} == set()


def test_the_set_up_of_an_administrator_is_not_the_deployers() -> None:
    """Database, network, keys: by their own APIs, and by their stack."""
    stack = f"arn:aws:cloudformation:{HERE}:stack/{LAKE}-feeds-base/1"
    things = {
        "rds": (f"arn:aws:rds:{HERE}:db:{LAKE}-feeds", f"arn:aws:rds:{HERE}:db-proxy:prx-0123"),
        "ec2": (f"arn:aws:ec2:{HERE}:security-group/sg-1", f"arn:aws:ec2:{HERE}:vpc/vpc-1"),
    }
    changing = ("Create", "Update", "Delete", "Execute", "Set", "Cancel", "Continue", "Rollback", "Import")
    for who in (principal("bootstrap", "StackRole"), principal("bootstrap", "DeploymentRole")):
        found = allowed(who, "cloudformation", stack)
        assert {each for each in found if each.partition(":")[2].startswith(changing)} == set()
        for service, resources in things.items():
            may = {action for resource in resources for action in allowed(who, service, resource)}
            assert {each for each in may if not each.startswith("ec2:Describe")} == set()

"""What functions of feeds may do: the one that loads reads one secret and one stream, and is one user of the database.

Every role of every template is asked, for every action that IAM has on what feeds have.
"""

from __future__ import annotations

import pytest

from tests.templates.authorization import services
from tests.templates.evaluation import Principal
from tests.templates.policies import HERE, TEMPLATES
from tests.templates.rendering import GIVEN
from tests.templates.rights import ACCOUNT, BOUNDARIES, FEED_FAILURES, KEYRING, LAKE, WRITER, made, principal, roles

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


def test_it_reads_the_streams_of_one_table_and_of_its_copy_and_no_table(loading: Principal) -> None:
    found = {stream: allowed(loading, "dynamodb", stream) - {"dynamodb:ListStreams"} for stream in STREAMS}
    reading = {f"dynamodb:{each}" for each in ("DescribeStream", "GetRecords", "GetShardIterator")}
    copys = STREAM.replace("table/payments/", "table/payments.sluice-copy/")
    assert {stream: each for stream, each in found.items() if each} == {STREAM: reading, copys: reading}
    table = STREAM.partition("/stream/")[0]
    assert allowed(loading, "dynamodb", table) - {"dynamodb:ListStreams"} == set()


def test_the_function_that_imports_makes_a_copy_and_exports_of_its_table_and_touches_no_other() -> None:
    importing, table = principal("feed", "ImportFunctionRole"), STREAM.partition("/stream/")[0]
    reading = {"DescribeTable", "Scan"}
    expected = {
        table: reading | {"ExportTableToPointInTime"},
        f"{table}.sluice-copy": reading | {"BatchWriteItem", "CreateTable", "DeleteTable"},
        f"{table}/export/01-ab": {"DescribeExport"},
        f"{table}-2": set(),
        f"{table}-2.sluice-copy": set(),
        f"{table}-2/export/01-ab": set(),
    }
    found = {each: allowed(importing, "dynamodb", each) for each in expected}
    assert found == {each: {f"dynamodb:{action}" for action in may} for each, may in expected.items()}
    writing = {f"s3:{each}" for each in ("AbortMultipartUpload", "GetObject", "PutObject", "PutObjectAcl")}
    exports = f"arn:aws:s3:::{LAKE}-exports-111122223333-eu-west-1"
    may = [allowed(importing, "s3", f"{exports}/{each}/x") for each in ("payments", "payments2", "others")]
    assert may == [writing, set(), set()]


def test_it_has_the_copys_stream_read_by_the_function_of_its_feed_and_by_no_other() -> None:
    importing, mapping = principal("feed", "ImportFunctionRole"), f"arn:aws:lambda:{HERE}:event-source-mapping:1"
    mine = f"arn:aws:lambda:{HERE}:function:LoadFunction"
    for action in ("lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping"):
        assert not importing.may(action, mapping, lambda__FunctionArn=f"arn:aws:lambda:{HERE}:function:other")
        assert not importing.may(action, mapping)
        assert not importing.may("lambda:UpdateEventSourceMapping", mapping, lambda__FunctionArn=mine)


def test_nobody_but_functions_of_feeds_reads_exports() -> None:
    """Those of the lake's roles, and who deploys: the bucket's own policy says it of everybody."""
    exported = f"arn:aws:s3:::{LAKE}-exports-111122223333-eu-west-1/payments/AWSDynamoDB/1/data/1.json.gz"
    every = [(path.stem, role) for path in TEMPLATES for role in roles(path.stem)]
    reading = {each for each in every if principal(*each).may("s3:GetObject", exported)}
    assert reading == {("feed", "ImportFunctionRole")}


def test_it_connects_as_the_writer_and_as_nobody_else(loading: Principal) -> None:
    users = ("sluice_writer", "sluice_owner", "sluice_analyst", "postgres", "*")
    assert [user for user in users if allowed(loading, "rds-db", f"{USERS}/{user}")] == ["sluice_writer"]
    assert not allowed(loading, "rds-db", f"{USERS}4/sluice_writer"), "another database"


def test_the_proxy_signs_in_as_the_writer_by_iam_and_reads_the_owners_password_alone() -> None:
    proxy = principal("feeds-base", "ProxyRole")
    database = f"arn:aws:rds-db:{HERE}:dbuser:Database.DbiResourceId"
    users = ("sluice_writer", "sluice_owner", "sluice_analyst", "*")
    assert [user for user in users if allowed(proxy, "rds-db", f"{database}/{user}")] == ["sluice_writer"]
    found = {secret: allowed(proxy, "secretsmanager", secret) for secret in SECRETS}
    assert {secret: each for secret, each in found.items() if each} == {OWNER: {"secretsmanager:GetSecretValue"}}


def test_with_a_network_no_user_has_a_password_that_somebody_has_to_change() -> None:
    """The owner's RDS changes; the writer has none, and so there is no secret with one."""
    every = made("feeds-base")
    assert [name for name, each in every.items() if each["Type"] == "AWS::SecretsManager::Secret"] == ["KeyringSecret"]
    assert every["Proxy"]["Properties"]["DefaultAuthScheme"] == "IAM_AUTH"
    assert len(every["Proxy"]["Properties"]["Auth"]) == 1
    assert every["Database"]["Properties"]["ManageMasterUserPassword"] is True
    assert every["WriterParameter"]["Properties"]["Value"] == "none"


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
        for boundary in BOUNDARIES:
            assert allowed(who, "iam", proxys, iam__PermissionsBoundary=boundary) == set()
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

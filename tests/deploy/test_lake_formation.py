"""What stands in a lake's way in Lake Formation, against moto, which enforces nothing."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from pipeline.core.clients import client
from pipeline.deploy.lake_formation import EVERYBODY, Finding, Question, findings, role_name

ACCOUNT = "123456789012"
STACK_ROLE = f"arn:aws:iam::{ACCOUNT}:role/delivery/sluice-dev-stacks"
DEPLOYMENT = f"arn:aws:sts::{ACCOUNT}:assumed-role/sluice-dev-deployment/build"
DATABASE = "sluice_dev_shop"
DEPLOYERS = [f"arn:aws:iam::{ACCOUNT}:role/delivery/sluice-dev-deployment"]
ASKED = Question(False, STACK_ROLE, [DATABASE, "sluice_dev_weather"], DEPLOYMENT, DEPLOYERS)
USES = Question(True, STACK_ROLE, [DATABASE], DEPLOYMENT, DEPLOYERS)


@pytest.fixture
def formation(aws: None) -> Any:
    return client("lakeformation")


def ask(asked: Question) -> list[Finding]:
    return findings(client("lakeformation"), client("glue"), asked)


def close(formation: Any, *kinds: str) -> None:
    """As "Use only IAM access control" switched off leaves an account's settings."""
    settings = formation.get_data_lake_settings()["DataLakeSettings"]
    closed: dict[str, Any] = {f"Create{kind}DefaultPermissions": [] for kind in kinds or ("Database", "Table")}
    formation.put_data_lake_settings(DataLakeSettings={**settings, **closed})


def make_database(**given: Any) -> None:
    client("glue").create_database(DatabaseInput={"Name": DATABASE, **given})


def open_database(formation: Any) -> None:
    formation.grant_permissions(
        Principal={"DataLakePrincipalIdentifier": EVERYBODY},
        Resource={"Database": {"Name": DATABASE}},
        Permissions=["ALL"],
    )


def test_an_account_as_it_begins_has_nothing_against_a_lake(formation: Any) -> None:
    assert ask(ASKED) == []


@pytest.mark.parametrize(
    ("kinds", "named"),
    [(("Database",), "new databases of"), (("Table",), "new tables of"), ((), "new databases and tables of")],
)
def test_an_account_that_grants_to_nobody_stops_a_first_deployment(
    formation: Any, kinds: tuple[str, ...], named: str
) -> None:
    close(formation, *kinds)
    [found] = ask(ASKED)
    assert found.stops
    assert named in found.text
    assert "settings set lake-formation on" in found.hint


def test_a_lake_that_is_open_already_is_told_and_not_stopped(formation: Any) -> None:
    make_database()
    open_database(formation)
    close(formation)
    [found] = ask(ASKED)
    assert not found.stops
    assert "each new table" in found.text


def test_a_database_that_is_not_open_is_named(formation: Any) -> None:
    make_database()
    [found] = ask(ASKED)
    assert found.text.startswith(f"{DATABASE}: no grant to {EVERYBODY}")
    assert not found.stops
    open_database(formation)
    assert ask(ASKED) == []


def test_a_database_keeps_what_its_new_tables_are_granted_to(formation: Any) -> None:
    make_database(CreateTableDefaultPermissions=[])
    open_database(formation)
    assert [found.text.partition(":")[0] for found in ask(ASKED)] == [DATABASE]


def administer(formation: Any, *arns: str) -> None:
    settings = formation.get_data_lake_settings()["DataLakeSettings"]
    admins = [{"DataLakePrincipalIdentifier": arn} for arn in arns]
    formation.put_data_lake_settings(DataLakeSettings={**settings, "DataLakeAdmins": admins})


def let_make_databases(formation: Any, arn: str) -> None:
    principal = {"DataLakePrincipalIdentifier": arn}
    formation.grant_permissions(Principal=principal, Resource={"Catalog": {}}, Permissions=["CREATE_DATABASE"])


def test_stacks_that_grant_need_an_administrator_to_make_them(formation: Any) -> None:
    close(formation)
    let_make_databases(formation, DEPLOYERS[0])
    [found] = ask(USES)
    assert found.stops
    assert found.text.startswith(f"{STACK_ROLE} is not a data lake administrator")
    administer(formation, STACK_ROLE)
    assert ask(USES) == []


def test_a_pipeline_that_may_make_no_database_is_told_with_the_command_that_lets_it(formation: Any) -> None:
    administer(formation, STACK_ROLE)
    [found] = ask(USES)
    assert (found.stops, "CREATE_DATABASE" in found.text) == (False, True)
    assert found.hint.endswith(f"--principal DataLakePrincipalIdentifier={DEPLOYERS[0]}")
    let_make_databases(formation, DEPLOYERS[0])
    assert ask(USES) == []


def test_a_person_to_whom_nothing_is_granted_is_told(formation: Any) -> None:
    administer(formation, STACK_ROLE, f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/Admin_0f")
    someone, admin = (f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/me" for role in ("Engineer", "Admin_0f"))
    [found] = ask(Question(True, STACK_ROLE, [], someone, DEPLOYERS))
    assert (found.stops, someone in found.text) == (False, True)
    assert ask(Question(True, STACK_ROLE, [], admin)) == []


@pytest.mark.parametrize("asked", [ASKED, USES])
def test_what_may_not_be_looked_at_is_not_taken_for_good(asked: Question) -> None:
    refusing = boto3.client("lakeformation", "eu-west-1")
    with Stubber(refusing) as answers:
        answers.add_client_error("get_data_lake_settings", "AccessDeniedException", "not authorized")
        [found] = findings(refusing, None, asked)
    assert not found.stops
    assert found.text.startswith("could not be looked at:")
    assert "lakeformation:GetDataLakeSettings" in found.hint


def test_grants_that_may_not_be_listed_are_not_taken_for_there(formation: Any) -> None:
    make_database()
    refusing = boto3.client("lakeformation", "eu-west-1")
    with Stubber(refusing) as answers:
        everybody = [{"Principal": {"DataLakePrincipalIdentifier": EVERYBODY}, "Permissions": ["ALL"]}]
        defaults = {"CreateDatabaseDefaultPermissions": everybody, "CreateTableDefaultPermissions": everybody}
        answers.add_response("get_data_lake_settings", {"DataLakeSettings": defaults})
        answers.add_client_error("list_permissions", "AccessDeniedException", "not authorized")
        [found] = findings(refusing, client("glue"), ASKED)
    assert found.text.startswith("could not be looked at:")


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::1:role/delivery/sluice-dev-stacks", "sluice-dev-stacks"),
        ("arn:aws-cn:sts::1:assumed-role/sluice-dev-deployment/build", "sluice-dev-deployment"),
        ("arn:aws:iam::1:user/me", "me"),
    ],
)
def test_a_role_is_known_by_its_own_arn_and_by_a_sessions(arn: str, name: str) -> None:
    assert role_name(arn) == name

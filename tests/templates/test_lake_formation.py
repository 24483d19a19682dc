"""What the stacks grant where Lake Formation guards the tables, beside what the roles do in the catalog."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pipeline.cloudformation.templates import load_template
from pipeline.deploy.datasets.grants import Whereabouts
from pipeline.deploy.datasets.grants import grants as dataset_grants
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.transform import MOST_READS
from tests.conftest import ROOT
from tests.templates.rendering import GIVEN, rendered

STACKS = {path.stem: path for path in sorted((ROOT / "definitions" / "stacks").glob("*.yaml"))}
DEPLOYMENT = "arn:aws:iam::111122223333:role/delivery/sluice-dev-deployment"
ON = {"LakeFormation": "on", "DeploymentRole": DEPLOYMENT}
GRANT = "AWS::LakeFormation::PrincipalPermissions"
# What Lake Formation asks for, by the action that IAM asks for (its developer guide, "Lake Formation permissions").
ASKED = {"glue:GetTable": "DESCRIBE", "glue:UpdateTable": "ALTER"}


def roles() -> dict[str, set[str]]:
    """What the roles that ask the catalog for tables have to be granted, by their names in Parameter Store."""
    found: dict[str, set[str]] = {}
    for stack, path in STACKS.items():
        made = rendered(path)
        for logical_id, each in made.items():
            if each["Type"] != "AWS::IAM::Role":
                continue
            wanted = {asked for action, asked in ASKED.items() if f'"{action}"' in json.dumps(each)}
            if wanted:
                found[published(made, logical_id, stack)] = wanted
    return found


def published(made: dict[str, Any], role: str, stack: str) -> str:
    names = [
        each["Properties"]["Name"]
        for each in made.values()
        if each["Type"] == "AWS::SSM::Parameter" and each["Properties"]["Value"] == f"{role}.Arn"
    ]
    assert len(names) == 1, f"{role} of {stack} asks the catalog for tables, and nothing names it to who grants them"
    return str(names[0])


def grants(stack: str, given: dict[str, str]) -> list[tuple[str, str, set[str]]]:
    """Who is granted, on what kind of resource, and what."""
    found = []
    for each in rendered(STACKS[stack], given=given).values():
        if each["Type"] == GRANT:
            properties = each["Properties"]
            [kind] = properties["Resource"]
            principal = properties["Principal"]["DataLakePrincipalIdentifier"]
            name = re.fullmatch(r"\{\{resolve:ssm:(.*)\}\}", principal)
            found.append((name[1] if name else principal, kind, set(properties["Permissions"])))
    return found


def test_every_role_that_asks_for_tables_is_granted_them_and_nobody_else() -> None:
    tables = {who: what for who, kind, what in grants("team", ON) if kind == "Table" and who != DEPLOYMENT}
    assert len(tables) > 5
    assert tables == roles()


def test_every_role_that_changes_tables_may_point_them_to_the_bucket() -> None:
    places = {who for who, kind, _ in grants("lake_formation", ON) if kind == "DataLocation"}
    assert places == {who for who, what in roles().items() if "ALTER" in what} | {DEPLOYMENT}


def test_the_role_of_a_transform_is_granted_its_own_table_and_those_that_it_reads() -> None:
    reads = ["shop/orders", "weather/models as m", "weather/stations as before"]
    given = {"team": GIVEN["Team"], "dataset": GIVEN["Dataset"], "stage_a": {"format": "csv"}}
    dataset = Dataset.model_validate({**given, "transform": {"sql": "s.sql", "reads": reads}})
    at = Whereabouts("aws", "eu-west-1", "111122223333", lake_formation="on")
    made = rendered(STACKS["dataset"], given=dataset_grants(dataset, "sluice", "dev", at))
    granted = {}
    for each in made.values():
        if each["Type"] == GRANT:
            assert each["Properties"]["Principal"] == {"DataLakePrincipalIdentifier": "TransformRole.Arn"}
            [(kind, resource)] = each["Properties"]["Resource"].items()
            where = resource["ResourceArn"] if kind == "DataLocation" else (resource["DatabaseName"], resource["Name"])
            granted[where] = set(each["Properties"]["Permissions"])
    assert granted == {
        ("sluice_dev_weather", "stations"): {"DESCRIBE", "ALTER"},
        ("sluice_dev_shop", "orders"): {"DESCRIBE"},
        ("sluice_dev_weather", "models"): {"DESCRIBE"},
        "arn:aws:s3:::{{resolve:ssm:/sluice/dev/curated-bucket}}/weather/stations": {"DATA_LOCATION_ACCESS"},
    }
    # What the role asks of the catalog is what is granted.
    asked = {each for action, each in ASKED.items() if f'"{action}"' in json.dumps(made["TransformRole"])}
    assert asked == {"DESCRIBE", "ALTER"}


def test_there_is_a_grant_for_as_many_tables_as_a_transform_may_read() -> None:
    places = [name for name in load_template(STACKS["dataset"])["Resources"] if re.fullmatch(r"Read\d\d", name)]
    assert len(places) == MOST_READS


def test_who_applies_datasets_may_make_tables_and_change_them() -> None:
    mine = [(kind, what) for who, kind, what in grants("team", ON) if who == DEPLOYMENT]
    assert ("Database", {"DESCRIBE", "CREATE_TABLE"}) in mine
    assert ("Table", {"DESCRIBE", "ALTER"}) in mine
    people = {who for stack in ("team", "lake_formation") for who, _, _ in grants(stack, {"LakeFormation": "on"})}
    assert people == set(roles())


def test_a_grant_names_the_database_that_applying_makes() -> None:
    made = rendered(STACKS["team"], given=ON)
    named = {each["Properties"]["Resource"]["Table"]["DatabaseName"] for each in made.values()
             if each["Type"] == GRANT and "Table" in each["Properties"]["Resource"]}  # fmt: skip
    prefix = rendered(STACKS["stage_b"])["DatabasePrefixParameter"]["Properties"]["Value"]
    assert named == {f"{prefix}weather"}


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_of_it_is_made_unasked(stack: str) -> None:
    types = {
        each["Type"]
        for each in rendered(
            STACKS[stack], given={"LakeFormation": "off"} if stack in ("team", "lake_formation") else {}
        ).values()
    }
    assert not {each for each in types if "LakeFormation" in each}


def test_the_location_is_the_curated_bucket_and_its_role_reaches_nothing_else() -> None:
    made = rendered(STACKS["lake_formation"], given=ON)
    location = made["CuratedLocation"]["Properties"]
    assert location["HybridAccessEnabled"] is True
    assert location["ResourceArn"] == "arn:aws:s3:::{{resolve:ssm:/sluice/dev/curated-bucket}}"
    [policy] = made["CuratedLocationRole"]["Properties"]["Policies"]
    reached = {resource for each in policy["PolicyDocument"]["Statement"] for resource in [each["Resource"]]}
    bucket = location["ResourceArn"]
    assert reached == {bucket, f"{bucket}/*", "{{resolve:ssm:/sluice/dev/key-arn}}"}

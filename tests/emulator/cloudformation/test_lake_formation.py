"""What the setting lake-formation adds to the stacks, which only AWS has: it is planned all the same."""

from __future__ import annotations

from pipeline.emulator.cloudformation import Deployer
from tests.conftest import ROOT
from tests.emulator.cloudformation.conftest import Clients

ROLES = (
    "standard-job",
    "commit",
    "register",
    "quarantine",
    "fail",
    "mark-stage-b-failed",
    "poll",
    "crawler",
    "quality-job",
    "upkeep-job",
)
STORED = {f"/sluice/plan/{name}-role-arn": f"arn:aws:iam::1:role/{name}" for name in ROLES} | {
    "/sluice/plan/curated-bucket": "curated",
    "/sluice/plan/key-arn": "arn:aws:kms:eu-west-1:1:key/k",
    "/sluice/plan/boundary-arn": "arn:aws:iam::1:policy/boundary",
}


def test_the_plan_says_what_only_aws_has_of_it(deployer: Deployer, clients: Clients) -> None:
    for name, value in STORED.items():
        clients("ssm").put_parameter(Name=name, Value=value, Type="String")
    template = ROOT / "definitions" / "stacks" / "lake_formation.yaml"
    for setting, expected in (("off", set()), ("on", {"CuratedLocation", "CommitLocation", "StandardJobLocation"})):
        planned = deployer.planner().plan("plan", template, {"Env": "plan", "LakeFormation": setting})
        marked = {each.logical_id for each in planned.changes if each.without_effect}
        assert expected <= marked
        assert bool(marked) == bool(expected)
        assert "LakeFormationParameter" in {each.logical_id for each in planned.changes} - marked

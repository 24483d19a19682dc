"""What is deployed is written by who deploys, and by no role that a template made; packages are read by who deploys."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.templates.authorization import named, overlap
from tests.templates.policies import HERE, TEMPLATES, Policy, options_of, policies, policies_of
from tests.templates.rendering import rendered

BOOTSTRAP, PIPELINE = (next(path for path in TEMPLATES if path.stem == stem) for stem in ("bootstrap", "pipeline"))
BUCKET = "arn:aws:s3:::sluice-dev-artefacts-111122223333-eu-west-1"
PLACES = (BUCKET, f"{BUCKET}/packages/library.zip", f"{BUCKET}/*")
WRITING = re.compile(r"s3:(Abort|Create|Delete|Put|Replicate|Restore|Tag|Untag|Update)\w+")
ROLES_OF_LAKES = (
    "role/sluice-dev-stage-a-RouteFunctionRole-1A", "role/sluice-dev-dataset-x", "role/delivery/sluice-dev-stacks",
)  # fmt: skip


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def of_the_bucket(resource: str) -> str:
    """The bucket by its name: a policy that is rendered here names it by its logical id."""
    return resource.replace("arn:aws:s3:::ArtefactBucket", BUCKET)


def matching(policy: Policy, effect: str, place: str) -> Iterator[str]:
    """The actions that statements of an effect speak of at a place, without those that a condition narrows."""
    for each in policy.statements:
        if each["Effect"] != effect or "Condition" in each:
            continue
        if any(overlap(of_the_bucket(resource), place) for resource in each["Resource"]):
            yield from (action.name for pattern in listed(each["Action"]) for action in named(pattern))


def allowed_at(policy: Policy, place: str) -> set[str]:
    return set(matching(policy, "Allow", place)) - set(matching(policy, "Deny", place))


@pytest.mark.parametrize(
    ("logical_id", "place"),
    [
        ("StackRoleStores", BUCKET),
        *(("Boundary", place) for place in PLACES),
        *(("ForecastsBoundary", place) for place in PLACES),
    ],
)
def test_whatever_may_write_into_buckets_of_the_lake_may_not_into_that_of_the_artefacts(
    logical_id: str, place: str
) -> None:
    [policy] = [each for each in policies_of(BOOTSTRAP, {}) if each.logical_id == logical_id]
    allowed = {action for action in matching(policy, "Allow", place) if WRITING.fullmatch(action)}
    assert allowed
    assert allowed - set(matching(policy, "Deny", place)) == set()


def test_the_boundary_lets_artefacts_be_read() -> None:
    """Jobs read their scripts and libraries."""
    [boundary] = [each for each in policies_of(BOOTSTRAP, {}) if each.logical_id == "Boundary"]
    assert "s3:GetObject" not in set(matching(boundary, "Deny", PLACES[1]))
    assert "s3:GetObject" in set(matching(boundary, "Allow", PLACES[1]))


def test_the_bucket_itself_refuses_what_roles_of_a_lake_would_write() -> None:
    policy = rendered(BOOTSTRAP)["ArtefactBucketPolicy"]["Properties"]["PolicyDocument"]
    [refusing] = [each for each in policy["Statement"] if each["Sid"] == "WrittenByWhoDeploys"]
    assert (refusing["Effect"], refusing["Principal"]) == ("Deny", "*")
    refused = {action.name for pattern in refusing["Action"] for action in named(pattern)}
    assert {"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectTagging"} <= refused
    patterns = refusing["Condition"]["ArnLike"]["aws:PrincipalArn"]
    whole = re.compile("|".join(fnmatch.translate(each) for each in patterns))
    for role in ROLES_OF_LAKES:
        assert whole.match(f"arn:aws:iam::111122223333:{role}"), role
    for role in ("role/delivery/sluice-dev-deployment", "role/Administrator", "user/an-administrator"):
        assert not whole.match(f"arn:aws:iam::111122223333:{role}"), role


@pytest.mark.parametrize(("template", "key"), [(BOOTSTRAP, "ArtefactKey"), (PIPELINE, "PipelineKey")])
def test_whoever_may_put_artefacts_may_use_the_key_that_they_are_encrypted_with(template: Path, key: str) -> None:
    """S3 uses it with the rights of who asks: a data key to put an object, Decrypt to look at one that is there."""
    by_holder: dict[str, list[Policy]] = {}
    for options in options_of(template):
        for policy in policies_of(template, options):
            if all("Resource" in each and "Principal" not in each for each in policy.statements):
                by_holder.setdefault(policy.logical_id, []).append(policy)
    putting = {
        holder
        for holder, held in by_holder.items()
        if any("s3:PutObject" in allowed_at(policy, f"{BUCKET}/sluice-pipeline/Packaged/a1b2c3") for policy in held)
    }
    assert putting
    for holder in sorted(putting):
        used = {
            action for policy in by_holder[holder] for action in allowed_at(policy, f"arn:aws:kms:{HERE}:key/{key}")
        }
        assert {"kms:Decrypt", "kms:GenerateDataKey"} <= used, holder


def readers(artefact: str) -> set[str]:
    """The pipeline's roles that may read what a pipeline keeps under the name of an artefact."""
    place = f"arn:aws:s3:::ArtefactBucket/sluice-pipeline/{artefact}/a1b2c3"
    return {
        policy.logical_id
        for policy in policies()
        if policy.template == "pipeline" and not policy.is_of_its_resource
        for each in policy.statements
        if each["Effect"] == "Allow" and "s3:GetObject" in listed(each["Action"])
        if any(overlap(resource, place) for resource in each["Resource"])
    }


def test_packages_are_read_by_who_deploys_them_and_sources_by_who_tests_and_packages() -> None:
    deploying = {"DeployDevRole", "DeployTestRole", "DeployProductionRole"}
    # The boundary is the most that any of them may do, and CodePipeline hands all artefacts on.
    everything = {"PipelineBoundary", "PipelineRole"}
    assert readers("Packaged") - everything == deploying
    assert readers("Checkout") - everything == {"TestRole", "PackageRole"}


def test_artefacts_are_called_in_keys_what_they_are_called_in_the_pipeline() -> None:
    """CodePipeline keeps `<pipeline>/<artefact>/<random>`, of the artefact's name the first ten characters."""
    [pipeline] = [each for name, each in rendered(PIPELINE).items() if name == "Pipeline"]
    made = {
        artefact["Name"]
        for stage in pipeline["Properties"]["Stages"]
        for action in stage["Actions"]
        for artefact in action.get("OutputArtifacts", ())
    }
    assert made == {"Checkout", "Packaged"}
    assert max(map(len, made)) <= 10

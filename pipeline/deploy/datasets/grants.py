"""What the stack of a dataset is told of its transform: what the role of the team's code may read of other teams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.core.definitions.problems import Problem
from pipeline.deploy.datasets.wheels import wheels_key
from pipeline.deploy.glue_versions import GLUE_5_1, GlueVersion
from pipeline.lake.datasets.files import Definition
from pipeline.lake.datasets.model import Dataset

MOST_OF_A_PARAMETER = 4096
"""Bytes of a parameter's value (CloudFormation quotas)."""

MOST_OF_INLINE_POLICIES = 10_240
"""Characters of a role's inline policies (IAM and STS quotas)."""

OF_THE_ROLE = 5_000
"""Characters that the policy of a transform's role has beside what it reads, with the longest names."""

LONGEST_ENV = "production"
"""Of which a lake's names are reckoned to be."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a lake is: what its ARNs begin with."""

    partition: str
    region: str
    account: str
    glue: GlueVersion = GLUE_5_1
    """What its jobs run on."""


def grants(dataset: Dataset, lake: str, env: str, at: Whereabouts) -> dict[str, str]:
    """The parameters of a dataset's stack about its transform, if it has one.

    Lists have the dataset's own table, too, so that none is empty.
    """
    transform = dataset.transform
    key = wheels_key(dataset, at.glue)
    names = sorted({dataset.name, *(transform.views.values() if transform else ())})
    bucket = f"arn:{at.partition}:s3:::{lake}-{env}-curated-{at.account}-{at.region}"
    glue = f"arn:{at.partition}:glue:{at.region}:{at.account}"
    databases = sorted({f"{lake}_{env}_{name.team}" for name in names})
    tables = [f"{glue}:table/{lake}_{env}_{name.team}/{name.dataset}" for name in names]
    return {
        "Transform": transform.kind if transform else "none",
        "TransformMinutes": str(transform.timeout_minutes if transform else 60),
        "TransformWheelsUri": f"s3://{lake}-{env}-artefacts-{at.account}-{at.region}/{key}" if key else "",
        # An Iceberg table has its data and metadata there. Which of them a branch has alone, no path says.
        "ReadableObjects": ",".join(f"{bucket}/{name}/*" for name in names),
        "ReadableFolders": ",".join(f"{name}/*" for name in names),
        "ReadableTables": ",".join([f"{glue}:catalog", *(f"{glue}:database/{each}" for each in databases), *tables]),
    }


def too_long(definition: Definition) -> Iterator[Problem]:
    """That its transform reads so many tables, of such long names, that AWS would not take its stack anywhere."""
    dataset = definition.dataset
    if dataset.transform is None or not dataset.transform.reads:
        return
    farthest = Whereabouts("aws-us-gov", "ap-northeast-1", "0" * 12)
    lists = [each for name, each in grants(dataset, "sluice", LONGEST_ENV, farthest).items() if "Readable" in name]
    # Each entry gets its quotes and a comma there.
    of_policy = sum(len(each) + 3 * len(each.split(",")) for each in lists)
    for takes, allowed, of in (
        (max(map(len, lists)), MOST_OF_A_PARAMETER, "a parameter of its stack"),
        (of_policy, MOST_OF_INLINE_POLICIES - OF_THE_ROLE, "its role's policy"),
    ):
        if takes > allowed:
            what = f"the names of {len(dataset.transform.reads)} tables take {takes:,} characters of {of}, where"
            yield definition.problem(("transform", "reads"), f"{what} {allowed:,} are allowed; read fewer tables")
            return

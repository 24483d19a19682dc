"""What the stack of a dataset is told of its transform: what the role of the team's code may read of other teams."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.deploy.datasets.wheels import wheels_key
from pipeline.deploy.glue_versions import GLUE_5_1, GlueVersion
from pipeline.lake.datasets.model import Dataset


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
        "ReadableObjects": ",".join(f"{bucket}/{name}/{part}/*" for name in names for part in ("data", "metadata")),
        "ReadableFolders": ",".join(f"{name}/*" for name in names),
        "ReadableTables": ",".join([f"{glue}:catalog", *(f"{glue}:database/{each}" for each in databases), *tables]),
    }

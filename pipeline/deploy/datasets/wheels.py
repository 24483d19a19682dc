"""The packages that a team's transform imports, as a zip of wheels that Glue installs without an index.

What is in it follows from the requirements, which name each package with version and hashes, and from the Python that
is to import it: so the zip's place is known before it is made, and one that is there is not made again.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.deploy.packaging.archives import zip_folder
from pipeline.deploy.packaging.wheels import FOLDER, REQUIREMENTS, SUFFIX, fetch_wheels, pins

if TYPE_CHECKING:
    from pipeline.deploy.glue_versions import GlueVersion
    from pipeline.lake.datasets.model import Dataset

_DIGITS = 32


def wheels_key(dataset: Dataset, glue: GlueVersion) -> str | None:
    """Where the zip lies in the bucket of the artefacts; None for a dataset that needs none.

    Below the dataset's own folder: its role reads no other.
    """
    transform = dataset.transform
    if transform is None or not transform.wheels.strip():
        return None
    made_for = f"{transform.wheels}\n# Python {glue.python}, {glue.platforms}"
    digest = hashlib.sha256(made_for.encode()).hexdigest()[:_DIGITS]
    return f"transforms/{dataset.name}/{digest}/transform{SUFFIX}"


def upload_wheels(dataset: Dataset, glue: GlueVersion, s3: Any, bucket: str, account: str) -> str:
    """Make sure that the zip is in `bucket`, which `account` has to own; its s3:// URI, empty for none.

    Only wheels whose hash stands in the requirements are taken. `Misconfigured` if there is none of a package for the
    jobs' Python and platform.
    """
    key = wheels_key(dataset, glue)
    if key is None or dataset.transform is None:
        return ""
    owner = {"Bucket": bucket, "ExpectedBucketOwner": account}
    if not s3.list_objects_v2(Prefix=key, MaxKeys=1, **owner).get("KeyCount"):
        with tempfile.TemporaryDirectory(prefix="wheels-") as folder:
            archive = _archive(Path(folder), dataset.transform.wheels, glue)
            with archive.open("rb") as content:
                s3.put_object(Key=key, Body=content, **owner)
    return f"s3://{bucket}/{key}"


def _archive(folder: Path, text: str, glue: GlueVersion) -> Path:
    listed, inside = folder / REQUIREMENTS, folder / "zip"
    (inside / FOLDER).mkdir(parents=True)
    listed.write_text(text, encoding="utf-8")
    fetch_wheels(listed, inside / FOLDER, glue)
    (inside / FOLDER / REQUIREMENTS).write_text(pins(inside / FOLDER), encoding="utf-8")
    archive = folder / f"transform{SUFFIX}"
    zip_folder(inside, archive)
    return archive

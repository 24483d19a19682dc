"""The artefact bucket: content-addressed, so that what did not change is not uploaded and does not update a stack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pipeline.packaging.archives import digest


@dataclass(frozen=True, slots=True)
class Location:
    """Where an artefact lies."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class Artefacts:
    """Puts artefacts into one bucket, each under the digest of its content."""

    def __init__(self, s3: Any, bucket: str, account: str | None = None, *, upload: bool = True) -> None:
        """`account` is the bucket's expected owner: a bucket of that name in other hands is refused.

        Without `upload` artefacts only get their names, which a plan needs.
        """
        self.bucket = bucket
        self._upload = upload
        self._s3 = s3
        self._owner = {"ExpectedBucketOwner": account} if account else {}

    def put(self, kind: str, name: str, content: bytes) -> Location:
        """Store `content` as `<kind>/<digest>/<name>`."""
        location = Location(self.bucket, f"{kind}/{digest(content)}/{name}")
        if self._upload and not self._is_there(location.key):
            self._s3.put_object(Bucket=self.bucket, Key=location.key, Body=content, **self._owner)
        return location

    def put_file(self, kind: str, path: Path) -> Location:
        """Store a file under its own name."""
        return self.put(kind, path.name, path.read_bytes())

    def _is_there(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self.bucket, Key=key, **self._owner)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True

"""A package's artefacts: content-addressed, so that what did not change is not uploaded and does not update a stack."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pipeline.core.errors import Refused
from pipeline.deploy.packaging.manifest import ARTEFACTS, Artefact, Manifest, read_manifest

# Hex digits of SHA-256 that a key holds.
_DIGITS = 32
# Kinds whose files are built or fetched, and replaced as a whole.
_LINKED = ("layers", "jars", "wheels")


class Artefacts:
    """The artefacts of the package that is being made in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / ARTEFACTS
        self.made: dict[str, Artefact] = {}

    def put(self, kind: str, name: str, content: bytes) -> str:
        """Keep `content`; its key is `<kind>/<digest>/<name>`."""
        key, path = self._place(kind, name, Artefact(hashlib.sha256(content).hexdigest(), len(content)))
        path.write_bytes(content)
        return key

    def put_file(self, kind: str, source: Path) -> str:
        """Keep a file under its own name. A large one that nobody edits is linked where the file system can.

        A file of the checkout is copied: what is edited in place later must not change what was packaged.
        """
        with source.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        key, path = self._place(kind, source.name, Artefact(sha256, source.stat().st_size))
        path.unlink(missing_ok=True)
        if kind in _LINKED:
            with contextlib.suppress(OSError):
                os.link(source, path)
                return key
        shutil.copyfile(source, path)
        return key

    def _place(self, kind: str, name: str, artefact: Artefact) -> tuple[str, Path]:
        key = f"{kind}/{artefact.sha256[:_DIGITS]}/{name}"
        self.made[key] = artefact
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return key, path


def upload(folder: Path, s3: Any, bucket: str, account: str) -> dict[str, str]:
    """Upload what `bucket` lacks of the package in `folder`; answers the parameters to deploy its templates with.

    `account` is the bucket's expected owner: a bucket of that name in other hands is refused, by S3. `Refused` before
    anything is uploaded if an artefact is not what the manifest says.
    """
    manifest = read_manifest(folder)
    _verify(folder, manifest)
    owner = {"Bucket": bucket, "ExpectedBucketOwner": account}
    for key in sorted(manifest.artefacts):
        if not _is_there(s3, key, owner):
            with (folder / ARTEFACTS / key).open("rb") as content:
                s3.put_object(Key=key, Body=content, **owner)
    return manifest.stack_parameters(bucket)


def _verify(folder: Path, manifest: Manifest) -> None:
    for key, artefact in manifest.artefacts.items():
        path = folder / ARTEFACTS / key
        try:
            with path.open("rb") as opened:
                same = hashlib.file_digest(opened, "sha256").hexdigest() == artefact.sha256
        except FileNotFoundError:
            raise Refused(f"{path} is not there, and the package's manifest names it") from None
        if not same or path.stat().st_size != artefact.size:
            raise Refused(f"{path} is not what was packaged: its checksum differs", hint="Package again.")


def _is_there(s3: Any, key: str, owner: dict[str, str]) -> bool:
    try:
        s3.head_object(Key=key, **owner)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True

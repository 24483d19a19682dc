"""The message on a dataset's Stage B queue that says that an object is staged. A hint: the catalog is the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.objects import ObjectVersion


@dataclass(frozen=True, slots=True)
class StagedMessage:
    """An object that waits for a batch. In JSON its `id` is the digest by which logs name it."""

    object: ObjectVersion

    def to_json(self) -> dict[str, Any]:
        """The body of the message."""
        return {
            "id": self.object.digest,
            "bucket": self.object.bucket,
            "key": self.object.key,
            "version_id": self.object.version_id,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> StagedMessage:
        """Bucket, key and version are the identity; the `id` follows from them."""
        return cls(ObjectVersion(document["bucket"], document["key"], document["version_id"]))

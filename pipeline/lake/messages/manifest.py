"""The manifest of a batch: exactly which staged files its Stage B execution loads. Jobs read it without pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.objects import ObjectVersion


def manifest_folder(dataset: str) -> str:
    """What the keys of a dataset's manifests begin with, in the staging bucket. No team's name starts so."""
    return f"_manifests/{dataset}/"


@dataclass(frozen=True, slots=True)
class StagedObject:
    """One object of a batch. `staged` is the s3:// URI of its Parquet, `etag` that file's, `rows` how many it has.

    In JSON its `id` is the digest by which logs and the staged message name it.
    """

    object: ObjectVersion
    order: str
    staged: str
    etag: str
    rows: int

    def to_json(self) -> dict[str, Any]:
        """One object of the manifest."""
        return {
            "id": self.object.digest,
            "bucket": self.object.bucket,
            "key": self.object.key,
            "version_id": self.object.version_id,
            "order": self.order,
            "staged": self.staged,
            "etag": self.etag,
            "rows": self.rows,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> StagedObject:
        """Bucket, key and version are the identity; the `id` follows from them."""
        return cls(
            object=ObjectVersion(document["bucket"], document["key"], document["version_id"]),
            order=document["order"],
            staged=document["staged"],
            etag=document["etag"],
            rows=document["rows"],
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """A batch. `definition` is the dataset's as JSON, as it was when the batch was sealed, without defaults.

    `loaded` are other versions of the objects' keys that are in the table. `was_transformed` says that code of the
    team's own may have written the table's metadata, also under an earlier definition.
    """

    batch: str
    definition: Mapping[str, Any]
    table: str
    objects: tuple[StagedObject, ...]
    loaded: tuple[StagedObject, ...] = ()
    was_transformed: bool = False

    @property
    def format(self) -> str:
        """What the table is made of."""
        found: str = self._table.get("format", "iceberg")
        return found

    @property
    def write(self) -> str:
        """The table's write mode."""
        found: str = self._table.get("write", "append")
        return found

    @property
    def key(self) -> tuple[str, ...]:
        """The columns by which an upsert finds the row that it replaces."""
        return tuple(self._table.get("key", ()))

    @property
    def partition_by(self) -> tuple[str, ...]:
        """The columns that the table is partitioned by."""
        return tuple(self._table.get("partition_by", ()))

    @property
    def judges_table(self) -> bool:
        """Whether the dataset's rules are about all rows of the table, as it would become."""
        return (self.definition.get("quality") or {}).get("scope") == "table"

    @property
    def _table(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.definition.get("table", {})
        return found

    def to_json(self) -> dict[str, Any]:
        """The manifest as it is written to S3."""
        return {
            "batch": self.batch,
            "dataset": dict(self.definition),
            "table": self.table,
            "objects": [staged.to_json() for staged in self.objects],
            "loaded": [staged.to_json() for staged in self.loaded],
            **({"was_transformed": True} if self.was_transformed else {}),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Manifest:
        """Reads what `to_json` wrote, and what an earlier release did."""
        return cls(
            batch=document["batch"],
            definition=document["dataset"],
            table=document["table"],
            objects=tuple(StagedObject.from_json(each) for each in document["objects"]),
            # An earlier release did not look for them.
            loaded=tuple(StagedObject.from_json(each) for each in document.get("loaded", ())),
            was_transformed=document.get("was_transformed", "transform" in document["dataset"]),
        )

"""Objects, which are versions of keys, and the names that follow from them. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

SEQUENCER_WIDTH = 32


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """The identity of an object: a version of a key in a bucket. Its order is not its identity."""

    bucket: str
    key: str
    version_id: str

    @property
    def path(self) -> str:
        """`bucket/key`: the catalog's partition key."""
        return f"{self.bucket}/{self.key}"

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def versioned_path(self) -> str:
        """`bucket/key#version_id`."""
        return f"{self.path}#{self.version_id}"

    @property
    def digest(self) -> str:
        """32 hex digits of SHA-256 over key and version, safe in any name (PROTOCOL, Stage A 3)."""
        return hashlib.sha256(f"{self.key}\0{self.version_id}".encode()).hexdigest()[:32]

    @property
    def file_name(self) -> str:
        return self.key.rpartition("/")[2]


def order_of(event_ms: int, sequencer: str | None, obj: ObjectVersion) -> str:
    """Which of two rows of one key wins: compare as text, the greater is the newer (PROTOCOL, Identity 2).

    S3 orders sequencers of one key by padding the shorter with zeros on the right and comparing as text.
    """
    padded = (sequencer or "").upper().ljust(SEQUENCER_WIDTH, "0")
    return f"{event_ms:013d}|{padded}|{obj.key}|{obj.version_id}"


def key_of(order: str) -> str:
    """The key of the object whose order it is. A version id has no bar, a key may have some."""
    return order.split("|", 2)[2].rpartition("|")[0]


def event_ms_of(order: str) -> int:
    """The event time that an order starts with, in milliseconds."""
    return int(order.partition("|")[0])


def dated_key(prefix: str, moment: datetime, name: str) -> str:
    """`<prefix>/<yyyy>/<mm>/<dd>/<name>`, the day in UTC."""
    return f"{prefix}/{moment.astimezone(UTC):%Y/%m/%d}/{name}"


def staged_key(dataset: str, obj: ObjectVersion, generation: int, event_ms: int) -> str:
    """Where an object's Parquet goes. The day is the event's, so that a retry finds the same name.

    Raw names are not mirrored: they break S3's 1,024 bytes, Spark ignores names that start with `.` or `_`,
    and `*{}[]` are patterns to it.
    """
    day = datetime.fromtimestamp(event_ms / 1000, UTC)
    return dated_key(dataset, day, f"{obj.digest}-{generation}.parquet")


def set_aside_folder(bucket: str, dataset: str, batch: str, run: str) -> str:
    """The s3:// folder, in the quarantine bucket, of the rows that one run of a batch's job could not load."""
    return f"s3://{bucket}/{dataset}/_batches/{batch}/{run}"

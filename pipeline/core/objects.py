"""Objects (versions of keys) and the names that are derived from them. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

SEQUENCER_WIDTH = 32

PART = "~rows-"
"""Between the version id and the number of a part. S3's version ids have no tilde."""


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """The identity of an object: a version of a key in a bucket."""

    bucket: str
    key: str
    version_id: str

    @property
    def path(self) -> str:
        """`bucket/key`: the catalog's partition key."""
        return f"{self.bucket}/{self.key}"

    @property
    def uri(self) -> str:
        """`s3://bucket/key`, without the version."""
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
        """The key after its last slash."""
        return self.key.rpartition("/")[2]

    @property
    def is_part(self) -> bool:
        """Whether it is not a version that was dropped but some rows of one, which are sent again."""
        return PART in self.version_id

    @property
    def whole(self) -> ObjectVersion:
        """The version that was dropped: itself, unless it is a part of it."""
        return ObjectVersion(self.bucket, self.key, self.version_id.partition(PART)[0])

    def part(self, number: int) -> ObjectVersion:
        """The part of this number of the whole version, counted from 1."""
        return ObjectVersion(self.bucket, self.key, f"{self.whole.version_id}{PART}{number}")

    @property
    def part_number(self) -> int:
        """Of a part; 0 of a whole version."""
        return int(self.version_id.partition(PART)[2] or 0)


def order_of(event_ms: int, sequencer: str | None, obj: ObjectVersion) -> str:
    """Which of two rows of one key wins: orders are compared as text, the greater is newer (PROTOCOL, Identity 2).

    S3 orders sequencers of one key by padding the shorter with zeros on the right and comparing as text.
    """
    padded = (sequencer or "").upper().ljust(SEQUENCER_WIDTH, "0")
    return f"{event_ms:013d}|{padded}|{obj.key}|{obj.version_id}"


def key_of(order: str) -> str:
    """The key in an order. A key may contain bars, a version id has none."""
    return order.split("|", 2)[2].rpartition("|")[0]


def event_ms_of(order: str) -> int:
    """The event time in an order, in milliseconds since 1970."""
    return int(order.partition("|")[0])


def dated_key(prefix: str, moment: datetime, name: str) -> str:
    """`<prefix>/<yyyy>/<mm>/<dd>/<name>`, the day in UTC."""
    return f"{prefix}/{moment.astimezone(UTC):%Y/%m/%d}/{name}"


def staged_key(dataset: str, obj: ObjectVersion, generation: int, event_ms: int) -> str:
    """The key of an object's staged Parquet file. Its day is that of the event, so that a retry has the same key.

    It does not contain the raw key, which could exceed S3's 1,024 bytes, start with `.` or `_` (Spark ignores such
    files) or contain `*{}[]` (patterns to Spark).
    """
    day = datetime.fromtimestamp(event_ms / 1000, UTC)
    return dated_key(dataset, day, f"{obj.digest}-{generation}.parquet")


METADATA_BYTES = 2048
"""What S3 keeps of a file's own metadata."""


def named_in(obj: ObjectVersion) -> dict[str, str]:
    """The metadata by which a file says which object it was made from; none where the key is too long for S3."""
    found = {"raw": quote(obj.uri), "version": quote(obj.version_id)}
    return found if sum(len(name) + len(value) for name, value in found.items()) < METADATA_BYTES // 2 else {}


def set_aside_folder(bucket: str, dataset: str, batch: str, run: str) -> str:
    """The folder (s3://) in the quarantine bucket for the rows that one run of a batch's job could not load."""
    return f"s3://{bucket}/{dataset}/_batches/{batch}/{run}"

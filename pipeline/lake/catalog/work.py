"""What Stage A is to do with an object, and what it says once that is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.objects import ObjectVersion


@dataclass(frozen=True, slots=True)
class Registered:
    """An object that Stage A has to transform: its row's identity and what the transform needs of it.

    `size` is in bytes, 0 where whoever asks does not need it.
    """

    object: ObjectVersion
    generation: int
    event_ms: int
    size: int = 0

    def to_input(self) -> dict[str, Any]:
        """As one item of a Stage A input. No timestamps of ours: equal objects make equal executions."""
        o = self.object
        return {
            "bucket": o.bucket,
            "key": o.key,
            "version_id": o.version_id,
            "generation": self.generation,
            "event_ms": self.event_ms,
            "size": self.size,
        }

    @classmethod
    def from_input(cls, item: Mapping[str, Any]) -> Registered:
        obj = ObjectVersion(item["bucket"], item["key"], item["version_id"])
        # An input of the routing before this one does not tell the size.
        return cls(obj, int(item["generation"]), int(item["event_ms"]), int(item.get("size", 0)))


@dataclass(frozen=True, slots=True)
class Staging:
    """That an object was read and its Parquet written, and what its row is to say of it.

    `checksum` is the SHA-256 of its bytes. `once` (append datasets): the same content under the same key is loaded
    once, and a repetition becomes DUPLICATE.
    """

    work: Registered
    checksum: str
    once: bool
    facts: Mapping[str, Any]

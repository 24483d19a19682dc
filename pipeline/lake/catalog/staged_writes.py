"""What Stage A writes of the objects that it has read: as one transaction, and one by one where that fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.lake.messages.stage_a import StageAWork


@dataclass(frozen=True, slots=True)
class Staging:
    """That an object was read and its Parquet written, and what its row is to say of it.

    `checksum` is the SHA-256 of its bytes. `once` (append datasets): the same content under the same key is loaded
    once, and a repetition becomes DUPLICATE.
    """

    work: StageAWork
    checksum: str
    once: bool
    facts: Mapping[str, Any]

"""What an import says of itself before and while it runs."""

from __future__ import annotations

from dataclasses import dataclass

RETENTION_HOURS = 24
"""How long a stream keeps a record (Developer Guide, "Change data capture for DynamoDB Streams")."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """About how much there is to read (DynamoDB counts every six hours), and how long it takes at most."""

    items: int
    bytes: int
    hours: float

    @property
    def within_retention(self) -> bool:
        """Whether it is done before a stream's records end. A copy table's stream must be drained before they do."""
        return self.hours < RETENTION_HOURS


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: `step` in words, items written, and how many of its parts are done.

    `surplus` are rows that have no item in the source, and are kept at its end because they are many (`removal.py`).
    """

    step: str
    items: int
    done: int
    parts: int
    surplus: int = 0

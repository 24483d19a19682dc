"""Readings of a source, numbered, so that what was read is never written over what is newer, and no clock is asked.

Whoever reads the source to repair or to compare takes a number before (`begin`) and reads consistently. Each row keeps
the number of the newest reading that had begun when it was written (`target.READING`). A row whose number is smaller
than a reading's was written before that reading began, from a state of its item that was older still: what the reading
found of the item is that state or a newer one.
"""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import Connection

LATEST: LiteralString = "(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM sluice_feeds.reading)"
"""The number of the newest reading that has begun, 0 before the first."""

ERASED = 2**63 - 1
"""What the row of somebody who was erased has for a number: no reading of the source brings it back."""


def begin(connection: Connection[Any]) -> int:
    """The number of a reading that begins now. To be taken before the source is asked."""
    [(number,)] = connection.execute("SELECT nextval('sluice_feeds.reading')").fetchall()
    return int(number)

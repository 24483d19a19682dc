"""What batches of a stream were loaded lately, and how far behind the source they were. Kept in the target.

Each database session has a row of its own, so that batches that are loaded at once do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from pipeline.feeds.definition import Feed
from pipeline.feeds.writer import Written

_KEPT = "30 days"
"""How long the row of a session that loads no more is kept."""


@dataclass(frozen=True, slots=True)
class Loads:
    """What was loaded: `at` is the newest batch, `lag_s` how many seconds before that its newest record was made.

    `lag_s` is None where the records did not say when they were made. `changed`, `older` and `refused` count what
    sessions of the last 30 days did: rows changed, changes that were no news, and records that were no rows.
    """

    at: datetime
    lag_s: float | None
    changed: int
    older: int
    refused: int


def note(connection: Connection[Any], feed: Feed, records: Iterable[Mapping[str, Any]], written: Written) -> None:
    """Note a batch that was written; in its transaction, so that nothing is counted that was not."""
    seconds = [
        made for record in records if (made := record["dynamodb"].get("ApproximateCreationDateTime")) is not None
    ]
    newest = datetime.fromtimestamp(max(seconds), UTC) if seconds else None
    connection.execute(
        "INSERT INTO sluice_feeds.loaded AS there (feed, session, at, newest, changed, older, refused)"
        " VALUES (%s, pg_backend_pid(), now(), %s, %s, %s, %s) ON CONFLICT (feed, session) DO UPDATE SET at = now(),"
        " newest = excluded.newest, changed = there.changed + excluded.changed,"
        " older = there.older + excluded.older, refused = there.refused + excluded.refused",
        (feed.feed, newest, written.changed, written.older, written.refused),
    )


def loads_of(connection: Connection[Any], feed: Feed) -> Loads | None:
    """What was loaded of a feed's stream; None where nothing was."""
    query = (
        "SELECT max(at), (array_agg(extract(epoch FROM at - newest)::float ORDER BY at DESC))[1],"
        " sum(changed)::bigint, sum(older)::bigint, sum(refused)::bigint"
        f" FROM sluice_feeds.loaded WHERE feed = %s AND at > now() - interval '{_KEPT}'"
    )
    row = connection.execute(query, (feed.feed,)).fetchone()
    return None if row is None or row[0] is None else Loads(*row)


def tidy(connection: Connection[Any]) -> None:
    """Forget the sessions that have long ended."""
    connection.execute(f"DELETE FROM sluice_feeds.loaded WHERE at <= now() - interval '{_KEPT}'")

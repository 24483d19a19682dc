"""What a row of the catalog holds, and which status may follow which (PROTOCOL, Catalog). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pipeline.core.objects import ObjectVersion, event_ms_of, order_of

ERROR_BYTES = 1024
HISTORY_KEPT = 20


class Status(StrEnum):
    """Where an object stands."""

    REGISTERED = "REGISTERED"
    UNROUTED = "UNROUTED"
    DELETE_MARKER = "DELETE_MARKER"
    STAGED = "STAGED"
    CLAIMED = "CLAIMED"
    COMMITTED = "COMMITTED"
    QUARANTINED = "QUARANTINED"
    FAILED = "FAILED"
    GONE = "GONE"
    DUPLICATE = "DUPLICATE"
    SUPERSEDED = "SUPERSEDED"


_S = Status
OPEN = frozenset({_S.REGISTERED, _S.UNROUTED, _S.STAGED, _S.CLAIMED, _S.QUARANTINED, _S.FAILED})
"""Not finished: these stand in the index of that name."""
FINISHED = frozenset(Status) - OPEN
IN_FLIGHT = frozenset({_S.REGISTERED, _S.STAGED, _S.CLAIMED})
FROZEN = frozenset({_S.CLAIMED, _S.COMMITTED})
"""From the claim on, an object's order does not change."""

PREDECESSORS: dict[Status, frozenset[Status]] = {
    # Not from COMMITTED: a redrive whose message comes late, after that of the whole batch, would load it twice.
    _S.REGISTERED: frozenset({_S.UNROUTED, _S.FAILED, _S.QUARANTINED, _S.DUPLICATE}),
    _S.STAGED: frozenset({_S.REGISTERED, _S.CLAIMED, _S.FAILED, _S.QUARANTINED}),
    _S.CLAIMED: frozenset({_S.STAGED}),
    _S.COMMITTED: frozenset({_S.CLAIMED}),
    _S.QUARANTINED: frozenset({_S.REGISTERED, _S.CLAIMED}),
    # From STAGED only a marker or a manifest, whose delivery did not become whole in time.
    _S.FAILED: frozenset({_S.REGISTERED, _S.STAGED, _S.CLAIMED}),
    _S.GONE: frozenset({_S.REGISTERED}),
    _S.DUPLICATE: frozenset({_S.REGISTERED}),
    # From CLAIMED too: only the overwrite job sees which partitions an object contains.
    _S.SUPERSEDED: frozenset({_S.REGISTERED, _S.STAGED, _S.CLAIMED}),
}


def shorten(text: str, limit: int = ERROR_BYTES) -> str:
    """`text` in at most `limit` bytes of UTF-8; what is cut is marked."""
    raw = text.encode()
    return text if len(raw) <= limit else raw[: limit - 3].decode(errors="ignore") + "…"


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """An object version as its row says. Counts are rows of data; `order` decides which row of a key is newer.

    `checksum` is the SHA-256 of its bytes, known once they were read; `etag` is S3's, which may be no checksum.
    `rows_in`, `rows_out` and `rows_bad` are Stage A's; `rows_set_aside` are those of `rows_out` that its batch could
    not load, and `rows_repeated` those that other versions of its key had brought to the table before, None if they
    were not compared. `nulled` counts, by column, values of rows out that are null because the column cannot hold them
    and the dataset says so. `shares_key`: other versions of its key were registered.

    Rows of it that were set aside and are sent again are *parts*, objects with rows of their own: `parts` is how many
    were made of it, `absorbed` the last whose outcome its own numbers have, and `rows_again` how many rows they brought
    to the table. Of a part, `selection` is the s3:// URI that says which rows it has, `left_uri` and `rows_left` are
    the rows of the whole version that are still set aside once it is loaded, and `absorbs` the earlier parts whose rows
    set aside by a batch are among them.
    """

    object: ObjectVersion
    status: Status
    dataset: str | None
    generation: int
    size: int
    etag: str
    event_ms: int
    sequencer: str | None
    order: str
    since: str
    history: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    hint: str | None = None
    duplicate_of: str | None = None
    staged: str | None = None
    staged_etag: str | None = None
    checksum: str | None = None
    bad_rows_uri: str | None = None
    rows_in: int | None = None
    rows_out: int | None = None
    rows_bad: int | None = None
    rows_set_aside: int = 0
    rows_repeated: int | None = None
    nulled: Mapping[str, int] = field(default_factory=dict)
    batch: str | None = None
    execution: str | None = None
    shares_key: bool = False
    control: str | None = None
    """`marker` or `manifest` of an object that completes a delivery and has no rows of its own."""
    parts: int = 0
    absorbed: int = 0
    rows_again: int = 0
    selection: str | None = None
    left_uri: str | None = None
    rows_left: int | None = None
    absorbs: tuple[str, ...] = ()
    dismissed: tuple[str, str, str] | None = None
    """When somebody said that nothing more is to be done about the object as it stands, who and why."""

    @property
    def bad(self) -> int:
        """All rows of it that were set aside, by Stage A or by its batch."""
        return (self.rows_bad or 0) + self.rows_set_aside

    @property
    def good(self) -> int | None:
        """The rows of it that are in its table, or can be; None before they were read."""
        return None if self.rows_out is None else self.rows_out - self.rows_set_aside

    @property
    def is_flawed(self) -> bool:
        """Whether rows of it are not in its table or will not be, or are there twice."""
        return bool(self.bad or self.rows_repeated)

    @property
    def id(self) -> str:
        """`bucket/key#version`."""
        return self.object.versioned_path

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> ObjectRow:
        """The row as DynamoDB has it, as a value."""
        bucket, _, key = row["path"].partition("/")
        optional = ("reason", "hint", "duplicate_of", "staged", "staged_etag", "checksum", "bad_rows_uri")
        more = ("rows_in", "rows_out", "rows_bad", "rows_repeated", "batch", "execution", "control")
        of_a_part = ("selection", "left_uri", "rows_left")
        return cls(
            object=ObjectVersion(bucket, key, row["version_id"]),
            status=Status(row["status"]),
            dataset=row.get("dataset"),
            generation=row["generation"],
            size=row["size"],
            etag=row["etag"],
            event_ms=row["event_ms"],
            sequencer=row.get("sequencer"),
            order=row["order"],
            since=row["since"],
            history=tuple((status, at) for status, at in row.get("history", [])),
            rows_set_aside=row.get("rows_set_aside", 0),
            nulled=row.get("nulled", {}),
            shares_key=row.get("shares_key", False),
            dismissed=_dismissed(row),
            absorbs=tuple(row.get("absorbs", ())),
            parts=row.get("parts", 0),
            absorbed=row.get("absorbed", 0),
            rows_again=row.get("rows_again", 0),
            **{name: row.get(name) for name in (*optional, *more, *of_a_part)},
        )


def _dismissed(row: dict[str, Any]) -> tuple[str, str, str] | None:
    """It was said of the object in one status: one that went on since is to be looked at again."""
    said = row.get("dismissed")
    return (said["at"], said["by"], said["why"]) if said and said["since"] == row["since"] else None


def lifted(rows: Iterable[ObjectRow]) -> dict[ObjectVersion, str]:
    """New orders for those of one key's versions whose order contradicts the sequencers.

    The sequencer wins: a version's event time is lifted to its predecessors' greatest, but never above that of a
    successor that is already frozen. The result depends on the versions alone, not on the order of their events.
    """
    ordered = sorted((r for r in rows if r.sequencer), key=lambda r: order_of(0, r.sequencer, r.object))
    ceilings: list[int | None] = []
    ceiling: int | None = None
    for row in reversed(ordered):
        ceilings.append(ceiling)
        if row.status in FROZEN:
            own = event_ms_of(row.order)
            ceiling = own if ceiling is None else min(ceiling, own)
    changes: dict[ObjectVersion, str] = {}
    floor = 0
    for row, ceiling in zip(ordered, reversed(ceilings), strict=True):
        if row.status in FROZEN:
            floor = max(floor, event_ms_of(row.order))
            continue
        floor = max(floor, row.event_ms) if ceiling is None else min(max(floor, row.event_ms), ceiling)
        order = order_of(floor, row.sequencer, row.object)
        if order != row.order:
            changes[row.object] = order
    return changes

"""Parts: rows of a loaded version that were set aside and are sent through the lake again, as objects of their own.

The whole version's row says how many parts there are and is the lock on its rows: a part is made only while none is on
its way. What a part left behind becomes the whole version's rows set aside when the part is loaded (PROTOCOL, Parts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.dynamo import Change, encode, transact, update_if
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog.index_keys import bad_rows_partition, partition, placing
from pipeline.lake.catalog.reads import key_of
from pipeline.lake.catalog.rows import ObjectRow, Status
from pipeline.lake.catalog.transitions import Transitions

ENDED = frozenset({Status.COMMITTED, Status.SUPERSEDED})
"""What has become of the rows of a part is known: they are in the table, or newer ones are."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rows set aside of a version a part has: the s3:// URI that lists them, and the earlier parts (version ids)
    of which a batch had set some aside."""

    uri: str
    absorbs: tuple[str, ...] = ()


class Parts(Transitions):
    """The parts of one lake's objects. Doing any of this twice is doing it once."""

    def make_part(self, whole: ObjectRow, chosen: Chosen) -> ObjectVersion | None:
        """Make the next part of a COMMITTED version, REGISTERED. None if somebody else made one since it was read.

        It has the order of the whole: its rows are the version's own, come late (PROTOCOL, Parts).
        """
        part, now = whole.object.part(whole.parts + 1), self._now()
        item = {
            **key_of(part),
            "status": Status.REGISTERED.value,
            "generation": 1,
            "dataset": whole.dataset,
            "size": whole.size,
            "etag": whole.etag,
            "event_ms": whole.event_ms,
            "order": whole.order,
            "since": now,
            "history": [[Status.REGISTERED.value, now]],
            **_said(chosen),
            **placing(part, Status.REGISTERED, whole.dataset, {}, now).set,
        }
        put = {
            "TableName": self.table,
            "Item": encode(item),
            "ConditionExpression": "attribute_not_exists(#path)",
            "ExpressionAttributeNames": {"#path": "path"},
        }
        counted = Change(
            key=key_of(whole.object),
            set={"parts": part.part_number},
            condition="#status = :committed AND #generation = :generation AND "
            + ("#parts = :parts" if whole.parts else "attribute_not_exists(#parts)"),
            values={"committed": Status.COMMITTED.value, "generation": whole.generation}
            | ({"parts": whole.parts} if whole.parts else {}),
        )
        return None if transact(self._dynamodb, [{"Put": put}, {"Update": counted.request(self.table)}]) else part

    def choose_again(self, part: ObjectRow, chosen: Chosen) -> bool:
        """Say anew which rows a part has that failed, before it is sent again; False if it went on meanwhile."""
        change = Change(
            key=key_of(part.object),
            set=_said(chosen),
            condition="#status = :status AND #generation = :generation",
            values={"status": part.status.value, "generation": part.generation},
        )
        return update_if(self._dynamodb, self.table, change) is None

    def absorb(self, parts: Sequence[ObjectVersion]) -> None:
        """Note at whole versions what their parts, which are loaded, left of the rows set aside."""
        rows = {row.object: row for row in self.get_many([*parts, *dict.fromkeys(part.whole for part in parts)])}
        for part in parts:
            row, whole = rows.get(part), rows.get(part.whole)
            if row and whole and row.status in ENDED and row.rows_left is not None:
                self._absorb(row, whole)

    def _absorb(self, part: ObjectRow, whole: ObjectRow) -> None:
        for version in part.absorbs:
            self._clear(ObjectVersion(part.object.bucket, part.object.key, version), part.dataset)
        left, number = part.rows_left or 0, part.object.part_number
        came = part.good or 0 if part.status is Status.COMMITTED else 0
        kept: dict[str, Any] = {"bad_rows_uri": part.left_uri} if left else {}
        gone = ["rows_set_aside", *([] if left else ["bad_rows_uri"])]
        moved: dict[str, str] = {}
        if not left and not whole.rows_repeated:
            moved = {"outcome_pk": partition(whole.dataset, whole.status)}
            gone.append("flawed")
        elif whole.dismissed and left > whole.bad:
            # More is set aside of it now than whoever dismissed it has seen.
            there = bad_rows_partition(str(whole.dataset))
            moved = {"outcome_pk": there, "flawed": there}
            gone.append("dismissed")
        change = Change(
            key=key_of(whole.object),
            set={"absorbed": number, "rows_bad": left, "rows_again": whole.rows_again + came, **kept, **moved},
            condition="#parts = :number AND (attribute_not_exists(#absorbed) OR #absorbed < :number)",
            values={"number": number},
            remove=gone,
        )
        update_if(self._dynamodb, self.table, change)

    def _clear(self, part: ObjectVersion, dataset: str | None) -> None:
        """Rows of an earlier part that its batch had set aside are another part's now."""
        change = Change(
            key=key_of(part),
            set={"outcome_pk": partition(dataset, Status.COMMITTED)},
            condition="#status = :committed AND attribute_exists(#rows_set_aside)",
            values={"committed": Status.COMMITTED.value},
            remove=["rows_set_aside", "flawed"],
        )
        update_if(self._dynamodb, self.table, change)


def _said(chosen: Chosen) -> dict[str, Any]:
    return {"selection": chosen.uri, "absorbs": list(chosen.absorbs)}

"""Why rows of a dataset were set aside: by reason, told without values, with the first of each to look at.

Pages ask again and again. A file of bad rows never changes, so each is read once; and of a dataset only the files of
its newest objects are, so that a page costs a few calls however many rows were set aside.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import Any

from pipeline.console.pages import link
from pipeline.lake.catalog import ObjectRow
from pipeline.lake.services import Lake
from pipeline.operate.rows_aside import Reason, grouped, rows_aside

OBJECTS = 20
"""The newest objects of a dataset whose rows are counted."""
ROWS = 50_000
"""Of one object's rows that are counted."""
SHOWN = 25
KEPT = 256
"""Files whose reasons are remembered."""


@dataclass(frozen=True, slots=True)
class _Counted:
    reasons: tuple[Reason, ...]
    rows: int


_kept: OrderedDict[tuple[str, ...], _Counted] = OrderedDict()
_lock = Lock()


def of_dataset(lake: Lake, dataset: str) -> dict[str, Any] | None:
    """The reasons of a dataset's rows; None where none are set aside. `is_all` is False where some were not counted."""
    places = lake.catalog.flawed(dataset, OBJECTS + 1)
    rows = lake.catalog.get_many([place.object for place in places[:OBJECTS]])
    return _document(lake, [row for row in rows if row.bad and not row.dismissed], is_all=len(places) <= OBJECTS)


def of_object(lake: Lake, row: ObjectRow) -> dict[str, Any] | None:
    """The reasons of an object's rows; None where none are set aside."""
    return _document(lake, [row] if row.bad else [], is_all=True)


def _document(lake: Lake, rows: Sequence[ObjectRow], *, is_all: bool) -> dict[str, Any] | None:
    if not rows:
        return None
    counted = [_counted(lake, row) for row in rows]
    found = _together([reason for each in counted for reason in each.reasons])
    number = sum(each.rows for each in counted)
    return {
        "rows": sum(row.bad for row in rows),
        "counted": number,
        "is_all": is_all and number >= sum(row.bad for row in rows),
        "number": len(found),
        "reasons": [
            {**each.to_json(), "to": f"{link('/object', uri=each.uri, version=each.version)}#bad"}
            for each in found[:SHOWN]
        ],
    }


def _counted(lake: Lake, row: ObjectRow) -> _Counted:
    """Of one object, read once: the name of its file, and its batch, change with what is in them."""
    key = (row.id, row.bad_rows_uri or "", row.batch or "", str(row.rows_set_aside))
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    found = list(islice(rows_aside(lake, [row]), ROWS))
    counted = _Counted(tuple(grouped(found)), len(found))
    with _lock:
        _kept[key] = counted
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return counted


def _together(reasons: Sequence[Reason]) -> list[Reason]:
    """Equal reasons of several objects as one, the most frequent first."""
    first: dict[str, Reason] = {}
    for each in reasons:
        known = first.get(each.reason)
        first[each.reason] = known.and_of(each) if known else each
    return sorted(first.values(), key=lambda each: (-each.rows, each.reason))

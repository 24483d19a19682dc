"""Which objects a lake has, kept in memory by who is asked often: found by any part of a name, and counted at once.

DynamoDB finds no part of a name, and counts by reading. So the catalog is read once, and then what has changed since,
from its indexes: the whole index `open`, and of each dataset what was finished since and what is flawed. Only which
objects are looked at comes from here: what is shown of them is read from their rows, which alone decide.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any

from pipeline.core.clock import iso
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.catalog.index_keys import Place
from pipeline.lake.catalog.indexes import Span
from pipeline.lake.catalog.rows import FINISHED, OPEN
from pipeline.lake.services import Lake
from pipeline.operate.catalog_state import Counts, each
from pipeline.operate.missing_rows import TROUBLED
from pipeline.operate.object_filter import DIGEST, ObjectFilter, folded

MOST = 500_000
"""Objects that are kept, in about 400 bytes each. Of a lake that has more none are: it is asked each time."""
OVERLAP = timedelta(minutes=5)
"""What was changed so long before the last reading is read again: indexes lag, and clocks differ. AWS refuses requests
of a clock that is further off (Signature Version 4)."""
WHOLE = timedelta(hours=6)
"""After which everything is read anew."""
READ = 2_000
"""Rows that one renewal reads of objects that are new, or that no index tells of any more."""
ARRIVALS = 10_000
"""Objects of which it is known when they arrived: those that changed last. No index tells that."""
PAGE = 5_000
"""Entries of an index, or objects, that are read at a time."""

_TABLE = """
    CREATE TABLE objects (
        at TEXT, bucket TEXT, key TEXT, folded TEXT, version TEXT, digest TEXT UNIQUE, dataset TEXT, status TEXT,
        flawed INTEGER DEFAULT 0, arrived INTEGER, doubtful INTEGER DEFAULT 0, PRIMARY KEY (at, digest)
    ) WITHOUT ROWID;
"""
_CHANGED = """
    INSERT INTO objects (at, bucket, key, folded, version, digest, dataset, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (digest) DO UPDATE SET
        at = max(excluded.at, objects.at), doubtful = excluded.at < objects.at,
        status = iif(excluded.at < objects.at, objects.status, excluded.status),
        dataset = iif(excluded.at < objects.at, objects.dataset, excluded.dataset)
    WHERE excluded.at > objects.at OR excluded.status <> objects.status
"""
"""Of two entries the one with the later time counts. Where they differ, an index lags or a clock is behind: the row
decides then, see `_SETTLED`."""
_SETTLED = "UPDATE objects SET at = ?, status = ?, dataset = ?, arrived = ?, doubtful = 0 WHERE digest = ?"


class KeptObjects:
    """The objects of one lake as of `at`, which is None until all were read. Safe for threads.

    `is_too_much`: there are more than `MOST`, and none is kept.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._renewing = threading.Lock()
        self._lock = threading.Lock()
        self._begin(None)

    def _begin(self, lake: Lake | None) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.executescript(_TABLE)
        self._of = lake
        self._whole_at: datetime | None = None
        self.at: datetime | None = None
        self.is_too_much = False

    def is_of(self, lake: Lake) -> bool:
        """Whether it is this lake's objects that are kept, all or those that were read until now."""
        return self._of is lake and not self.is_too_much

    def renew(self, lake: Lake) -> None:
        """Read what has changed; the first time, and now and then, everything."""
        with self._renewing:
            now = lake.clock()
            if self._of is not lake:
                with self._lock:
                    self._begin(lake)
            if self._whole_at is None or now - self._whole_at > WHOLE:
                self._read_all(lake, now)
                self._whole_at = now
            elif self.at is not None:
                self._read_changes(lake, self.at - OVERLAP)
            if self.read() > self._most:
                self._give_up()
            self.at = None if self.is_too_much else now

    def _read_all(self, lake: Lake, now: datetime) -> None:
        # Unfinished ones first: who ends meanwhile is seen in both.
        places = chain(lake.catalog.unfinished(), lake.catalog.ended())
        seen: set[str] = set()
        while some := list(islice(places, PAGE)):
            self._take(some)
            seen.update(place.object.digest for place in some)
            if len(seen) > self._most:
                self._give_up()
                return
        known = self._rows("SELECT bucket, key, version, digest FROM objects")
        unseen = [ObjectVersion(*row[:3]) for row in known if row[3] not in seen]
        self.is_too_much = False
        self._settle(lake, unseen)
        # And who moves within an index that is being read may be seen nowhere.
        self._read_changes(lake, now - OVERLAP)

    def _give_up(self) -> None:
        self.is_too_much = True
        self._write("DELETE FROM objects", [()])

    def _read_changes(self, lake: Lake, since: datetime) -> None:
        known = {name for (name,) in self._rows("SELECT DISTINCT dataset FROM objects") if name}
        names = sorted(known | {str(registration.name) for registration in lake.registry.all()})
        found = list(each(names, lambda name: _finished(lake, name, Span(iso(since)))))
        deleted = lake.catalog.changed(None, Status.DELETE_MARKER, Span(iso(since)), PAGE)
        unfinished = list(lake.catalog.unfinished())
        self._take([*(place for places, _ in found for place in places), *deleted, *unfinished])
        self._note_flawed({place.object.digest for _, flawed in found for place in flawed})
        self._read_rows(lake, {place.object.digest for place in unfinished})

    def _note_flawed(self, flawed: set[str]) -> None:
        before = {digest for (digest,) in self._rows("SELECT digest FROM objects WHERE flawed")}
        changed = [(int(digest in flawed), digest) for digest in flawed ^ before]
        self._write("UPDATE objects SET flawed = ? WHERE digest = ?", changed)

    def _read_rows(self, lake: Lake, unfinished: set[str]) -> None:
        """What became of those that no index has any more, or that two entries contradict each other of; and when those
        arrived that changed last."""
        open_ = self._rows(
            f"SELECT bucket, key, version, digest, doubtful FROM objects WHERE doubtful OR {_among(OPEN)}"
        )
        left = [ObjectVersion(*row[:3]) for row in open_ if row[4] or row[3] not in unfinished]
        last = f"SELECT bucket, key, version, arrived FROM objects ORDER BY at DESC LIMIT {ARRIVALS}"
        new = self._rows(f"SELECT bucket, key, version FROM ({last}) WHERE arrived IS NULL LIMIT {READ}")
        self._settle(lake, list(dict.fromkeys([*left[:READ], *(ObjectVersion(*row) for row in new)])))

    def _settle(self, lake: Lake, asked: list[ObjectVersion]) -> None:
        """Have of these objects what their rows say, and none that has no row any more."""
        for first in range(0, len(asked), PAGE):
            some = asked[first : first + PAGE]
            rows = lake.catalog.get_many(some)
            self._write(_SETTLED, [_settled(row) for row in rows])
            gone = set(some) - {row.object for row in rows}
            self._write("DELETE FROM objects WHERE digest = ?", [(obj.digest,) for obj in gone])

    def _take(self, places: Iterable[Place]) -> None:
        self._write(_CHANGED, [_entry(place) for place in places])

    def read(self) -> int:
        """How many objects are kept."""
        return int(self._rows("SELECT count(*) FROM objects")[0][0])

    def places(self, wanted: ObjectFilter, after: str | None) -> Iterator[Place]:
        """Where objects stand that may be meant, as far as no row is needed: those that changed last first."""
        size = 100
        while True:
            where, values = _where(wanted, after)
            sql = f"SELECT bucket, key, version, dataset, status, at FROM objects WHERE {where} ORDER BY at DESC"
            rows = self._rows(f"{sql} LIMIT {size}", values)
            for bucket, key, version, dataset, status, at in rows:
                yield Place(ObjectVersion(bucket, key, version), dataset, Status(status), at.partition("#")[0])
            if len(rows) < size:
                return
            after, size = rows[-1][5], PAGE

    def number(self, wanted: ObjectFilter) -> int:
        """How many of these there are."""
        where, values = _where(wanted, None)
        return int(self._rows(f"SELECT count(*) FROM objects WHERE {where}", values)[0][0])

    def counts(self, names: Iterable[str]) -> Counts:
        """How many objects there are, by dataset and status, also of those of `names` that have none."""
        found: dict[str | None, Counter[str]] = {name: Counter() for name in names}
        for dataset, status, number in self._rows("SELECT dataset, status, count(*) FROM objects GROUP BY 1, 2"):
            found.setdefault(dataset, Counter())[status] += number
        return dict(sorted(found.items(), key=lambda item: (item[0] is None, item[0] or "")))

    def arrivals(self) -> Iterator[tuple[int, str, int]]:
        """How many objects arrived in which minute since 1970, by their status; of `ARRIVALS`, in a few renewals."""
        sql = "SELECT arrived / 60000, status, count(*) FROM objects WHERE arrived IS NOT NULL GROUP BY 1, 2"
        yield from self._rows(sql)

    def _rows(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        with self._lock:
            return self._database.execute(sql, tuple(values)).fetchall()

    def _write(self, sql: str, values: list[Any]) -> None:
        for first in range(0, len(values), PAGE):
            with self._lock, self._database:
                self._database.execute("BEGIN")
                self._database.executemany(sql, values[first : first + PAGE])


def _finished(lake: Lake, name: str, span: Span) -> tuple[list[Place], list[Place]]:
    """What of a dataset was finished, and what is flawed, finished or not."""
    flawed = lake.catalog.flawed(name)
    statuses = sorted(FINISHED - {Status.DELETE_MARKER})
    places = [place for status in statuses for place in lake.catalog.changed(name, status, span, PAGE)]
    return [*places, *(place for place in flawed if place.status in FINISHED)], flawed


def _settled(row: ObjectRow) -> tuple[Any, ...]:
    return f"{row.since}#{row.object.digest}", row.status.value, row.dataset, row.event_ms, row.object.digest


def _entry(place: Place) -> tuple[Any, ...]:
    obj, digest = place.object, place.object.digest
    alike = folded(obj.key)
    other = alike if alike != obj.key else None
    at = f"{place.since}#{digest}"
    return at, obj.bucket, obj.key, other, obj.version_id, digest, place.dataset, place.status.value


def _where(wanted: ObjectFilter, after: str | None) -> tuple[str, list[Any]]:
    """The condition in SQL of `ObjectFilter.span`, `may_be` and the statuses, and its values."""
    span = wanted.span(after)
    conditions = ["at >= ?", "at < ?"]
    values: list[Any] = [span.since or "0", span.until or "~"]
    if wanted.dataset:
        prefix = f"{wanted.dataset}/"
        conditions.append("(dataset = ? OR (dataset IS NULL AND substr(key, 1, ?) = ?))")
        values += [str(wanted.dataset), len(prefix), prefix]
    if wanted.name:
        conditions.append("(instr(coalesce(folded, key), ?) OR digest = ?)")
        values += [folded(wanted.name), wanted.name if len(wanted.name) == DIGEST else ""]
    conditions.append(_of_statuses(wanted))
    return " AND ".join(conditions), values


def _of_statuses(wanted: ObjectFilter) -> str:
    statuses = wanted.statuses
    if wanted.is_of_flawed:
        return f"(flawed AND {_among(statuses)})"
    if wanted.attention:
        troubled = statuses & {*TROUBLED, Status.REGISTERED}
        return f"({_among(troubled)} OR (flawed AND {_among(statuses & FINISHED)}))"
    return _among(statuses)


def _among(statuses: Iterable[Status]) -> str:
    return f"status IN ({', '.join(repr(status.value) for status in sorted(statuses))})"

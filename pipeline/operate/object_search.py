"""Objects that somebody asks for, found by the indexes of the catalog: those that changed last first, page after page.

An index holds the objects of a dataset and a status by when they changed. A page merges those partitions that may have
some, and reads of each no more than it shows; names are told by the index, reasons by the rows, of which a bounded
number is read.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeGuard

from pipeline.core.errors import BadInput
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.catalog.index_keys import Place
from pipeline.lake.catalog.indexes import Span
from pipeline.lake.catalog.rows import FINISHED
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.registry import Tables
from pipeline.lake.services import Lake
from pipeline.operate.attention import Issue
from pipeline.operate.catalog_state import Counts, each
from pipeline.operate.kept_objects import KeptObjects
from pipeline.operate.missing_rows import TROUBLED
from pipeline.operate.object_filter import Flaw, ObjectFilter
from pipeline.operate.open_issues import left_over

PLACES = 20_000
"""Entries of indexes that one search looks at."""
ROWS = 2_000
"""Rows that one search reads, where an index cannot tell what is asked for."""
PARTITIONS = 1_000
"""Datasets times statuses whose objects are merged. Those that are known to have none do not count."""
CHUNK = 100
"""Rows of one question to the catalog (BatchGetItem, AWS quota)."""
PAGE = 5_000
"""Entries of an index that are read at a time by who looks through many."""


@dataclass(frozen=True, slots=True)
class FoundObjects:
    """`after` is where the next page begins, None where there is none. `is_cut`: the search ended before it had found
    enough, at an object that changed at the time which `after` begins with."""

    rows: tuple[ObjectRow, ...]
    after: str | None
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """How many objects are meant. `more`: there are more than were counted."""

    objects: int
    more: bool = False


def search(
    lake: Lake,
    wanted: ObjectFilter,
    limit: int,
    *,
    after: str | None = None,
    there: Counts | None = None,
    kept: KeptObjects | None = None,
) -> FoundObjects:
    """At most `limit` objects, those that changed last first. `there` says which datasets and statuses have any; `kept`
    which objects there are, if somebody keeps that.

    `BadInput` where too many datasets and statuses would have to be looked at.
    """
    size = CHUNK if wanted.needs_rows else min(limit + 1, CHUNK)
    walk = _walk(lake, wanted, after, there, kept, PAGE if wanted.name else size)
    tables = Tables(lake.registry.all()) if wanted.attention else {}
    rows: list[tuple[Place, ObjectRow]] = []
    places = iter(walk)
    for _ in range(max(ROWS, limit) // size + 1):
        if not (some := list(islice(places, size))):
            break
        known = {row.object: row for row in lake.catalog.get_many([place.object for place in some])}
        fitting = [row for row in known.values() if wanted.fits(row)]
        left = {row.object: row for row in (left_over(lake, fitting, tables) if wanted.attention else fitting)}
        rows += [(place, left[place.object]) for place in some if place.object in left]
        if len(rows) > limit:
            last, _ = rows[limit - 1]
            return FoundObjects(tuple(row for _, row in rows[:limit]), last.at)
    return FoundObjects(tuple(row for _, row in rows), walk.at if walk.goes_on() else None, is_cut=walk.goes_on())


def total(
    lake: Lake,
    wanted: ObjectFilter,
    there: Counts | None = None,
    kept: KeptObjects | None = None,
    issues: Iterable[Issue] | None = None,
) -> Total:
    """How many objects are meant: as they are counted already, by dataset and status or in `issues`, or found and
    counted."""
    if wanted.is_plain and there is not None:
        mine = [of_it for name, of_it in there.items() if wanted.dataset is None or name == str(wanted.dataset)]
        return Total(sum(of_it[status.value] for of_it in mine for status in wanted.statuses))
    if issues is not None and (number := _in_issues(wanted, issues)) is not None:
        return Total(number)
    if wanted.needs_rows:
        found = search(lake, wanted, ROWS, there=there, kept=kept)
        return Total(len(found.rows), found.after is not None)
    if looks_at_kept(kept, lake, wanted):
        return Total(kept.number(wanted), kept.at is None)
    walk = _Walk(_of_indexes(lake, wanted, None, there, PAGE), wanted)
    return Total(sum(1 for _ in walk), walk.goes_on())


def _in_issues(wanted: ObjectFilter, issues: Iterable[Issue]) -> int | None:
    """How many objects need attention; None where that is not what is asked for, or one may be in several issues."""
    given = {name: value for name, value in wanted.to_json().items() if value}
    same = [issue.objects for issue in issues if issue.filters == given]
    if len(same) == 1:
        return same[0]
    if given.pop("attention", None) is None or given.keys() - {"dataset", "status"}:
        return None
    mine = [
        issue
        for issue in issues
        if issue.filters
        and wanted.status in (None, issue.status)
        and (wanted.dataset is None or issue.dataset == str(wanted.dataset))
    ]
    # An object with bad rows may have repeated ones, too.
    apart = not {Flaw.REPEATED_ROWS} & {issue.status for issue in mine}
    return sum(issue.objects for issue in mine) if apart and wanted.status is not Status.UNROUTED else None


def looks_at_kept(kept: KeptObjects | None, lake: Lake, wanted: ObjectFilter) -> TypeGuard[KeptObjects]:
    """Whether a search looks at what is kept. For all of one dataset the indexes themselves are asked: it is quick."""
    return kept is not None and kept.is_of(lake) and (wanted.dataset is None or bool(wanted.name))


def _walk(
    lake: Lake, wanted: ObjectFilter, after: str | None, there: Counts | None, kept: KeptObjects | None, page: int
) -> _Walk:
    if looks_at_kept(kept, lake, wanted):
        return _Walk(kept.places(wanted, after), wanted)
    return _Walk(_of_indexes(lake, wanted, after, there, page), wanted)


def _of_indexes(
    lake: Lake, wanted: ObjectFilter, after: str | None, there: Counts | None, page: int
) -> Iterator[Place]:
    sources = list(_sources(lake, wanted, after, there, page))
    if len(sources) > PARTITIONS:
        raise BadInput(
            "this asks of too many datasets at once, while nobody knows which have objects",
            hint="Choose a dataset or a status, or ask again in a minute.",
        )
    begun = each(sources, _begun)
    return heapq.merge(*begun, key=lambda place: place.at, reverse=True)


class _Walk:
    """The places of objects that may be meant, those that changed last first.

    It ends after `PLACES` of them; then it `goes_on`, from the place `at`. An object that moves meanwhile, which may be
    met in two places, is had once.
    """

    def __init__(self, places: Iterator[Place], wanted: ObjectFilter) -> None:
        self._places = places
        self._wanted = wanted
        self.at: str | None = None

    def __iter__(self) -> Iterator[Place]:
        had: set[ObjectVersion] = set()
        for place in islice(self._places, PLACES):
            self.at = place.at
            if place.object not in had and self._wanted.may_be(place.object):
                had.add(place.object)
                yield place

    def goes_on(self) -> bool:
        """Whether there are more places than were looked at."""
        following = next(self._places, None)
        self._places = chain([following], self._places) if following else iter(())
        return following is not None


def _begun(places: Iterator[Place]) -> Iterator[Place]:
    """The same places, of which the first have been read: those of several partitions at a time."""
    first = next(places, None)
    return chain([first], places) if first else iter(())


def _sources(
    lake: Lake, wanted: ObjectFilter, after: str | None, there: Counts | None, page: int
) -> Iterator[Iterator[Place]]:
    """Of each partition that may have such objects, its places. What is of one dataset is asked for whatever was
    counted: it may be newer."""
    span, catalog = wanted.span(after), lake.catalog
    names = [str(wanted.dataset)] if wanted.dataset else [str(r.name) for r in lake.registry.all()]
    statuses = wanted.statuses & {*TROUBLED, *FINISHED, Status.REGISTERED} if wanted.attention else wanted.statuses
    by_status = sorted(frozenset() if wanted.is_of_flawed else statuses - FINISHED if wanted.attention else statuses)
    for status in by_status:
        if status is Status.UNROUTED and wanted.dataset is None:
            yield _unrouted(lake, span)
        elif status is Status.DELETE_MARKER:
            yield (place for place in catalog.changed(None, status, span, page) if _is_under(place, wanted.dataset))
        elif status is Status.UNROUTED:
            unrouted = catalog.changed(str(wanted.dataset), status, span, page)
            yield (place for place in unrouted if _is_under(place, wanted.dataset))
        else:
            some = [n for n in names if wanted.dataset or there is None or there.get(n, Counter())[status.value]]
            yield from (catalog.changed(name, status, span, page) for name in some)
    kept = statuses if wanted.is_of_flawed else statuses & FINISHED
    for name in names if kept else ():
        yield (place for place in catalog.changed_flawed(name, span, page) if place.status in kept)


def _unrouted(lake: Lake, span: Span) -> Iterator[Place]:
    """Those of no dataset, which stand in as many partitions as there are beginnings of keys: the whole index `open`
    is read, as it is to count what goes on in a lake."""
    until, since = span.until or "~", span.since or "0"
    some = (place for place in islice(lake.catalog.unfinished(), PLACES) if place.status is Status.UNROUTED)
    return iter(sorted((p for p in some if since <= p.at < until), key=lambda place: place.at, reverse=True))


def _is_under(place: Place, dataset: DatasetName | None) -> bool:
    return dataset is None or place.object.key.startswith(f"{dataset}/")

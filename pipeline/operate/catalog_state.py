"""What the indexes of the catalog say of a lake, or of one dataset: read once, for whoever counts, lists or looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.catalog.index_keys import Place
from pipeline.lake.catalog.rows import FINISHED
from pipeline.lake.datasets import DatasetName
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting

AT_ONCE = 8
"""Questions to the catalog at a time: there are several of each dataset, and AWS answers each in milliseconds."""

Counts = Mapping[str | None, Counter[str]]
"""How many objects there are, by dataset and status; None stands for those of no dataset."""

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Standing:
    """`dataset` is the one that was asked for, None for all; `names` are those of these that are registered.

    `unfinished` and `flawed` are as `Indexes` has them: an object may be in both.
    """

    dataset: DatasetName | None
    names: list[str]
    unfinished: list[Place]
    flawed: list[Place]

    @property
    def known(self) -> Iterator[Place]:
        """Each object that is read already, once."""
        yield from self.unfinished
        yield from (place for place in self.flawed if place.status in FINISHED)


def standing(lake: Lake, dataset: DatasetName | None, names: Iterable[DatasetName]) -> Standing:
    """Of all datasets of these `names`, or of the one that is asked for. Also what is of no dataset, if its key is one
    that `dataset` would have."""
    mine = [str(name) for name in names if dataset in (None, name)]
    unfinished = [place for place in lake.catalog.unfinished(dataset) if dataset is None or _belongs(place, dataset)]
    flawed = list(chain.from_iterable(each(mine, lake.catalog.flawed)))
    return Standing(dataset, mine, unfinished, flawed)


def belongs_to(row: ObjectRow, dataset: DatasetName) -> bool:
    """Whether an object is of the dataset, or would be if that were registered."""
    return row.dataset == str(dataset) if row.dataset else row.object.key.startswith(f"{dataset}/")


def _belongs(place: Place, dataset: DatasetName) -> bool:
    # Unrouted ones stand by the first two segments of their key, which may be all of it.
    return bool(place.dataset) or place.object.key.startswith(f"{dataset}/")


def counts(lake: Lake, found: Standing) -> Counts:
    """How many objects there are of each status, by dataset; None is for those of none."""
    all_: dict[str | None, Counter[str]] = {name: Counter() for name in found.names}
    finished = zip(found.names, each(found.names, lake.catalog.count_finished), strict=True)
    for name, statuses in finished:
        all_[name].update({status.value: number for status, number in statuses.items()})
    for place in found.known:
        all_.setdefault(place.dataset, Counter())[place.status.value] += 1
    prefix = f"{lake.settings[Setting.RAW_BUCKET]}/{found.dataset}/" if found.dataset else ""
    if deleted := lake.catalog.count_deleted(prefix):
        all_.setdefault(None, Counter())[Status.DELETE_MARKER.value] += deleted
    return dict(sorted(all_.items(), key=lambda item: (item[0] is None, item[0] or "")))


def each(names: Iterable[S], ask: Callable[[S], T]) -> Iterator[T]:
    """What `ask` answers of each, in their order."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="standing") as threads:
        yield from threads.map(ask, names)

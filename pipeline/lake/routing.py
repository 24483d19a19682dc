"""Decide which dataset a raw object belongs to, and how routed objects are grouped. No AWS here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.lake.datasets import DatasetName
from pipeline.lake.messages.stage_a import StageAInput, StageAWork

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Dataset

GROUP_BYTES = 100_000
"""Groups are cut here, well under the 256 KiB that a state may carry (PROTOCOL, Stage A 2)."""
GROUP_OBJECTS = 40
"""So few that a group whose every object is throttled to the last fits into a history of 25,000 events."""
SMALL_BYTES = 256 * 1024
"""Up to this size several objects are transformed by one call: it costs more than reading them."""
TOGETHER = 10
"""So many: one that cannot be transformed has all of its call tried again, one by one."""
ALONE_OBJECTS = 20
"""Larger objects are a call each, and of these half as many make a group: each is a call first, and one by one then."""
BIG_OBJECTS = 5
"""Objects that are too big for a call are a run of a job each, which takes hours at most: few make a group."""
UNROUTED = "~unrouted"
"""Begins the open index's partitions of unrouted objects. No team's name does."""


OF_OTHER_FLOWS = re.compile(r"(forecasts)/[a-z0-9_]+/[0-9a-f]{16}/[^/]+")
"""Keys of what a flow beside the lake's keeps in the raw bucket: that flow, and what it makes of its names."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where an object goes: a dataset, or nowhere and why, and what to do about it; nothing where a flow keeps it."""

    dataset: DatasetName | None
    reason: str | None = None
    hint: str | None = None
    kept_by: str | None = None


def is_folder(key: str) -> bool:
    """Consoles make an empty object that ends in `/` when a person makes a folder."""
    return key.endswith("/")


def dataset_in(key: str) -> DatasetName | None:
    """The dataset that the first two segments of `key` name, registered or not."""
    team, _, rest = key.partition("/")
    dataset, slash, file = rest.partition("/")
    if not (slash and file):
        return None
    try:
        return DatasetName.parse(f"{team}/{dataset}")
    except ValueError:
        return None


def route(key: str, datasets: Mapping[DatasetName, str | None]) -> Route:
    """Choose the dataset named by the first two segments of `key`.

    `datasets` are those registered, and since when each is retired, None if it is in use. A key without a dataset, or
    of one that nobody registered or that is retired, is routed nowhere with a reason that `sluice why` shows as it is;
    it is never dropped.
    """
    name = dataset_in(key)
    if name is None:
        return Route(None, f"{key!r} does not lie in <team>/<dataset>/ (lower case, digits, underscores)")
    if name not in datasets:
        kept = OF_OTHER_FLOWS.fullmatch(key)
        return Route(None, f"no dataset {name} is registered", kept_by=kept[1] if kept else None)
    if (since := datasets[name]) is None:
        return Route(name)
    return Route(
        None,
        f"dataset {name} is retired since {since}: its file is gone",
        f"Put definitions/datasets/{name}.yaml back and run `sluice datasets apply`: it is picked up then.",
    )


def unrouted_partition(key: str, digest: str) -> str:
    """Where an unrouted object stands in the open index, so that applying its dataset finds it.

    `~unrouted#<first two key segments>#<0-9>`: ten partitions, because each takes 1,000 writes a second.
    """
    prefix = "/".join(key.split("/")[:2])[:200]
    return f"{UNROUTED}#{prefix}#{int(digest, 16) % 10}"


def unrouted_partitions(dataset: DatasetName) -> list[str]:
    """The partitions of the index `open` that hold what waits for a dataset to be applied."""
    return [f"{UNROUTED}#{dataset}#{n}" for n in range(10)]


@dataclass(frozen=True, slots=True)
class Group:
    """Objects of one execution, and how many of them a call transforms; `by_job` if a run of a job does each."""

    objects: tuple[StageAWork, ...]
    together: int
    by_job: bool = False


def groups(objects: Iterable[StageAWork], limit: int = GROUP_BYTES, *, big_bytes: int | None = None) -> Iterator[Group]:
    """Cut objects into groups whose JSON stays under `limit` bytes; an object is never split or dropped.

    Small objects keep their order, and so do large ones, and those of more than `big_bytes`, which are too big for a
    function; none of one kind is in a group of another.
    """
    every = list(objects)
    big = [work for work in every if big_bytes is not None and work.size > big_bytes]
    others = [work for work in every if big_bytes is None or work.size <= big_bytes]
    small = [work for work in others if work.size <= SMALL_BYTES]
    large = [work for work in others if work.size > SMALL_BYTES]
    yield from (Group(cut, TOGETHER) for cut in _cut(small, limit, GROUP_OBJECTS))
    yield from (Group(cut, 1) for cut in _cut(large, limit, ALONE_OBJECTS))
    yield from (Group(cut, 1, by_job=True) for cut in _cut(big, limit, BIG_OBJECTS))


def _cut(objects: list[StageAWork], limit: int, most: int) -> Iterator[tuple[StageAWork, ...]]:
    group: list[StageAWork] = []
    size = 0
    for work in objects:
        length = len(json.dumps(work.to_json()).encode()) + 2
        if group and (size + length > limit or len(group) >= most):
            yield tuple(group)
            group, size = [], 0
        group.append(work)
        size += length
    if group:
        yield tuple(group)


def stage_a_input(dataset: Dataset, queue_url: str, group: Group) -> StageAInput:
    """The input of a group's Stage A execution."""
    start = dataset.stage_b.by_delivery
    works = group.objects
    if start:
        works = tuple(replace(work, control=start.control_of(work.object.key)) for work in works)
    return StageAInput(
        dataset=str(dataset.name),
        write=dataset.table.write,
        stage_a=dataset.stage_a.model_dump(mode="json", exclude_defaults=True),
        contract={n: c.model_dump(mode="json", exclude_defaults=True) for n, c in dataset.contract.items()},
        queue_url=queue_url,
        objects=works,
        together=group.together,
        by_job=group.by_job,
    )

"""Imports the history of a feed's source, a while at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import Refused
from pipeline.feeds.imports.progress import Estimate as Estimate
from pipeline.feeds.imports.requests import SECONDS
from pipeline.operate.feeds.functions import Ask
from pipeline.operate.formatting import counted


@dataclass(frozen=True, slots=True)
class Step:
    """How far an import is: items read, and how many of its parts are done. `surplus` are rows without an item in the
    source that are kept, at its end: too many to be removed without being told to."""

    what: str
    items: int
    done: int
    parts: int
    is_finished: bool
    surplus: int = 0


def estimate(ask: Ask, *, units: float, way: str | None = None) -> Estimate:
    """How much there is, and how long it takes at so many read units a second.

    `way` is one of `WAYS`: None is the one that was begun, and a scan in place where none was.
    """
    told = ask(_request("estimate", units, way))
    return Estimate(told["items"], told["bytes"], told["hours"])


def run(
    ask: Ask,
    *,
    units: float,
    way: str | None = None,
    anew: bool = False,
    remove_surplus: bool = False,
    seconds: float = SECONDS,
) -> Iterator[Step]:
    """Import to the end, and say how far it is after each `seconds`; stopped anywhere, the next run goes on there.

    `Refused` where it is done already, unless it is to begin `anew`. With `remove_surplus` rows without an item are
    removed however many they are.
    """
    if anew:
        ask(_request("forget", units, way))
    is_finished = False
    while not is_finished:
        told = ask({**_request("run", units, way), "seconds": seconds, "remove_surplus": remove_surplus})
        is_finished, progress = told["finished"], told["progress"]
        if progress:
            # A function of an earlier version does not tell of the surplus.
            how_far = (progress["step"], progress["items"], progress["done"], progress["parts"])
            yield Step(*how_far, is_finished, progress.get("surplus", 0))


def check_surplus(feed: str, last: Step | None) -> None:
    """`Refused` where an import's last step kept rows without an item."""
    if last and last.surplus:
        have = "has" if last.surplus == 1 else "have"
        raise Refused(
            f"{counted(last.surplus, 'row')} of {feed} {have} no item in the source, more than an import removes"
            " unasked: what was found is written, and nothing is removed",
            hint="Look at the source: was it emptied or restored, may the import read all of it? If the items are gone"
            f" for good: `sluice feed import {feed} --way in-place --anew --remove-surplus`.",
        )


def compare(ask: Ask, *, units: float, way: str | None = None) -> dict[str, Any]:
    """Counts and checksums by day of the source and of the target, and whether they agree."""
    return ask(_request("compare", units, way))


def _request(what: str, units: float, way: str | None) -> dict[str, Any]:
    return {"ask": what, "units": units, **({"way": way} if way else {})}

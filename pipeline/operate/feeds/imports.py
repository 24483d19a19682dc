"""Imports the history of a feed's source, a while at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.feeds.imports.progress import Estimate as Estimate
from pipeline.feeds.imports.requests import SECONDS
from pipeline.operate.feeds.functions import Ask


@dataclass(frozen=True, slots=True)
class Step:
    """How far an import is: items read, and how many of its parts are done."""

    what: str
    items: int
    done: int
    parts: int
    is_finished: bool


def estimate(ask: Ask, *, units: float) -> Estimate:
    """How much there is, and how long it takes at so many read units a second."""
    told = ask({"ask": "estimate", "units": units})
    return Estimate(told["items"], told["bytes"], told["hours"])


def run(ask: Ask, *, units: float, anew: bool = False, seconds: float = SECONDS) -> Iterator[Step]:
    """Import to the end, and say how far it is after each `seconds`; stopped anywhere, the next run goes on there.

    `Refused` where it is done already, unless it is to begin `anew`.
    """
    if anew:
        ask({"ask": "forget", "units": units})
    is_finished = False
    while not is_finished:
        told = ask({"ask": "run", "units": units, "seconds": seconds})
        is_finished, progress = told["finished"], told["progress"]
        if progress:
            yield Step(progress["step"], progress["items"], progress["done"], progress["parts"], is_finished)


def compare(ask: Ask, *, units: float) -> dict[str, Any]:
    """Counts and checksums by day of the source and of the target, and whether they agree."""
    return ask({"ask": "compare", "units": units})

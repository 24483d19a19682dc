"""How the feeds of a lake are: their rows, what was put aside, what was loaded and imported, and their keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.feeds.states import STATES
from pipeline.feeds.states import FeedState as FeedState
from pipeline.operate.feeds.functions import Ask


def states(ask: Ask) -> list[FeedState]:
    """All feeds of the lake's database, by name."""
    return STATES.validate_python(ask({"ask": "states"})["states"])


def state_json(state: FeedState) -> dict[str, Any]:
    """As programs get it."""
    (found,) = STATES.dump_python([state], mode="json")
    return found  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Privacy:
    """The privacy report of a feed: what becomes of each attribute, and how well its rows hide people.

    `k` is the size of the smallest group of rows that are alike in all quasi-identifiers (k-anonymity); None without
    rows or quasi-identifiers. `rows_in_small_groups` are in groups of fewer than five.
    """

    treatments: list[Mapping[str, str]]
    dropped: list[str]
    quasi_identifiers: list[str]
    k: int | None
    rows: int
    rows_in_small_groups: int


def privacy(ask: Ask, feed: str) -> Privacy:
    """The report of a feed that is deployed; `NotThere` for another."""
    told = ask({"ask": "privacy", "feed": feed})
    return Privacy(told["treatments"], told["dropped"], told["quasi_identifiers"], **told["anonymity"])

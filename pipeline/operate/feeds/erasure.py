"""Erases a person, and proves it without a word that leads to them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pipeline.core.clock import iso
from pipeline.core.errors import BadInput
from pipeline.feeds.erasure import UNREACHED, Erased
from pipeline.operate.feeds.functions import Ask


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was found or erased, by feed; `left` are rows that a look afterwards found. `unreached` still has them."""

    feed: str
    namespace: str
    at: str
    dry_run: bool
    erased: tuple[Erased, ...]
    left: int
    unreached: tuple[str, ...] = UNREACHED

    @property
    def rows(self) -> int:
        """Those of all feeds."""
        return sum(each.rows for each in self.erased)

    def to_json(self) -> dict[str, Any]:
        """As programs get it, and as whoever has to prove it keeps it: there is nothing personal in it."""
        return asdict(self)


def erase(ask: Ask, feed: str, namespace: str, identifier: str, now: datetime, *, dry_run: bool) -> Erasure:
    """Erase a person's rows in the targets of all feeds that have the namespace; in a dry run they are counted."""
    request = {"ask": "erase", "feed": feed, "namespace": namespace, "identifier": identifier, "dry_run": dry_run}
    told = ask(request)
    erased = tuple(Erased(**each) for each in told["erased"])
    return Erasure(feed, namespace, iso(now), dry_run, erased, told["left"])


def identifier_of(text: str) -> str:
    """The one identifier that was written to standard input; `BadInput`, which never quotes it, for anything else."""
    # As it is written but for the end of the line: spaces count where a namespace says so.
    lines = text.removesuffix("\n").removesuffix("\r").split("\n")
    if len(lines) != 1:
        raise BadInput(
            f"{len(lines)} identifiers were given, and one is erased at a time",
            hint="Write one line to standard input.",
        )
    return lines[0]

"""Which objects somebody asks for: by dataset, status, time, name and reason. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.core.clock import iso
from pipeline.core.errors import WrongUsage
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.redrive import REDRIVABLE
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.catalog.indexes import Span
from pipeline.lake.datasets import DatasetName
from pipeline.operate.arguments import dataset_name, status_of, time_of
from pipeline.operate.missing_rows import TROUBLED

FIELDS = ("dataset", "status", "from", "to", "name", "reason", "attention", "stage")
"""What a filter is written in, as parameters of a page."""

DIGEST = 32
"""Characters of the id of an object (`ObjectVersion.digest`)."""
WITHOUT_REASON = frozenset({Status.REGISTERED, Status.STAGED, Status.CLAIMED, Status.COMMITTED})
"""Statuses that say all by themselves."""


class Flaw(StrEnum):
    """What is asked for like a status: rows of an object are not in its table, or are there twice."""

    BAD_ROWS = "BAD_ROWS"
    REPEATED_ROWS = "REPEATED_ROWS"


def status_or_flaw(text: str | None) -> Status | Flaw | None:
    """Read an object's status or flaw in any case; `WrongUsage` lists the statuses."""
    upper = (text or "").upper()
    return Flaw(upper) if upper in list(Flaw) else status_of(text)


def folded(text: str) -> str:
    """Equal for texts that people take for the same: in any case, and however marks are composed with their letters
    (Unicode's canonical caseless matching)."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())


@dataclass(frozen=True, slots=True)
class ObjectFilter:
    """Objects that changed last `since` and `until`, both included, with `name` in their key, and so on.

    `name` and `reason` are parts, in any case of letters; a reason in double quotes is all of it. With `attention`
    only those at which somebody has to look; with `stage`, a or b, those of which that stage set rows aside.
    """

    dataset: DatasetName | None = None
    status: Status | Flaw | None = None
    since: datetime | None = None
    until: datetime | None = None
    name: str = ""
    reason: str = ""
    attention: bool = False
    stage: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> ObjectFilter:
        """Read from texts, those of `FIELDS`; `WrongUsage` for what is no dataset, status or time."""
        text = {field: given.get(field, "").strip() for field in FIELDS}
        if text["stage"].lower() not in ("", "a", "b"):
            raise WrongUsage(f"{text['stage']!r} is not a stage that sets rows aside", hint="One of a, b.")
        return cls(
            dataset=dataset_name(text["dataset"]) if text["dataset"] else None,
            status=status_or_flaw(text["status"] or None),
            since=time_of(text["from"]) if text["from"] else None,
            until=time_of(text["to"]) if text["to"] else None,
            name=text["name"],
            reason=text["reason"],
            attention=bool(text["attention"]),
            stage=text["stage"].lower(),
        )

    def to_json(self) -> dict[str, str]:
        """As it is written in parameters; what is not asked for is empty."""
        return {
            "dataset": str(self.dataset or ""),
            "status": self.status.value if self.status else "",
            "from": iso(self.since) if self.since else "",
            "to": iso(self.until) if self.until else "",
            "name": self.name,
            "reason": self.reason,
            "attention": "yes" if self.attention else "",
            "stage": self.stage,
        }

    @property
    def is_plain(self) -> bool:
        """Whether only a dataset and a status are asked for, by which objects are counted already."""
        more = (self.since, self.until, self.name, self.reason, self.attention, self.stage)
        return not any(more) and not isinstance(self.status, Flaw)

    @property
    def needs_rows(self) -> bool:
        """Whether an index cannot tell which objects are meant: their rows have to be read."""
        return bool(self.reason or self.attention or self.stage or self.status is Flaw.REPEATED_ROWS)

    @property
    def statuses(self) -> frozenset[Status]:
        """The statuses that such objects may have."""
        if isinstance(self.status, Status):
            return frozenset({self.status})
        wanted = frozenset(Status) - {Status.DELETE_MARKER}
        wanted -= WITHOUT_REASON if self.reason else frozenset()
        return wanted - frozenset(TROUBLED) if self.status and self.attention else wanted

    @property
    def is_of_flawed(self) -> bool:
        """Whether only objects are meant of which rows were set aside or came twice."""
        return isinstance(self.status, Flaw) or bool(self.stage)

    @property
    def can_be_redriven(self) -> bool:
        """Whether there may be quarantined or failed ones among them."""
        return self.status is None or self.status in REDRIVABLE

    def span(self, after: str | None) -> Span:
        """The part of an index to read; of a later page only what comes `after` the last object of the one before."""
        until = f"{iso(self.until)}~" if self.until else None
        last = min((each for each in (until, after) if each), default=None)
        return Span(iso(self.since) if self.since else None, last)

    def may_be(self, obj: ObjectVersion) -> bool:
        """Whether an object is meant, as far as its name tells. The id by which logs name it is one, too."""
        return folded(self.name) in folded(obj.key) or (len(self.name) == DIGEST and self.name == obj.digest)

    def fits(self, row: ObjectRow) -> bool:
        """Whether an object is meant, as far as its row tells."""
        if row.status not in self.statuses or not self.may_be(row.object):
            return False
        if (self.status is Flaw.BAD_ROWS and not row.bad) or (
            self.status is Flaw.REPEATED_ROWS and not row.rows_repeated
        ):
            return False
        if self.stage and not (row.bad and bool(row.rows_set_aside) == (self.stage == "b")):
            return False
        return self._has_reason(row.reason or "")

    def _has_reason(self, reason: str) -> bool:
        wanted = self.reason
        if len(wanted) > 1 and wanted[0] == wanted[-1] == '"':
            return reason == wanted[1:-1]
        return folded(wanted) in folded(reason)

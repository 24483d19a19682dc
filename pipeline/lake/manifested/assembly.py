"""Whether a delivery is whole: what each of its members is, and what is to be done about the delivery. Pure.

What is decided here is a function of the catalog's rows alone, so that the order in which events came is no matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pipeline.core.clock import parse_iso
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog.rows import ObjectRow, Status
from pipeline.lake.messages.delivery import Delivery, Member

NAMED = 3
"""So many members are named where a delivery says what it lacks."""

Versions = Mapping[str, Sequence[ObjectRow]]
"""The rows of each key of interest."""


class Standing(StrEnum):
    """What a member is for its delivery."""

    READY = "ready"
    LOADED = "loaded before"
    OLD = "only versions that were loaded before"
    COMING = "not there yet"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Found:
    """A member and what was found of it; `why` is in words where it is neither ready nor loaded."""

    member: Member
    standing: Standing
    row: ObjectRow | None = None
    why: str | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.member.key.rpartition("/")[2]


class Turn(StrEnum):
    """What is to be done about a delivery now."""

    OPEN = "open"
    WAIT = "wait"
    OVER = "over"
    """All that it names was loaded before."""
    FAIL = "fail"
    """It waited too long, or can never be loaded."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A delivery that waits. `controls` are the rows of the files that complete it, the newest first: where a marker
    corrects an earlier one, those of both."""

    controls: tuple[ObjectRow, ...]
    found: tuple[Found, ...]

    @property
    def control(self) -> ObjectRow:
        """The marker or manifest."""
        return self.controls[0]

    @property
    def candidates(self) -> list[ObjectVersion]:
        """All that its batch claims: its members, and what completes it."""
        members = [each.row.object for each in self.found if each.row and each.standing is Standing.READY]
        return [*members, *(row.object for row in self.controls)]

    @property
    def lacking(self) -> list[Found]:
        """The members for which it waits."""
        return [each for each in self.found if each.standing not in (Standing.READY, Standing.LOADED)]

    def __str__(self) -> str:
        there = len(self.found) - len(self.lacking)
        if not self.lacking:
            return f"all {len(self.found)} files are there"
        named = "; ".join(f"{each.name}: {each.why}" for each in self.lacking[:NAMED])
        more = f"; and {len(self.lacking) - NAMED} more" if len(self.lacking) > NAMED else ""
        return f"{there} of {len(self.found)} files are there; {named}{more}"


def turn(pending: Pending, now: datetime, within: timedelta, most: int) -> Turn:
    """What is to be done about a delivery. `most` is how many objects a batch may have."""
    standings = {each.standing for each in pending.found}
    if len(pending.found) > most:
        return Turn.FAIL
    if standings <= {Standing.LOADED}:
        return Turn.OVER
    if standings <= {Standing.READY, Standing.LOADED}:
        return Turn.OPEN
    if parse_iso(pending.control.since) + within > now:
        return Turn.WAIT
    return Turn.OVER if standings <= {Standing.LOADED, Standing.OLD} else Turn.FAIL


def look(member: Member, versions: Sequence[ObjectRow]) -> Found:
    """What a member is, by the rows of its key: all of them, or those of one version and its duplicate's holder."""
    mine = [row for row in versions if row.status is not Status.DELETE_MARKER and not row.object.is_part]
    if member.version_id is not None:
        mine = _with_holder([row for row in mine if row.object.version_id == member.version_id], mine)
    mine.sort(key=lambda row: row.order, reverse=True)
    staged = [row for row in mine if row.status is Status.STAGED]
    for row in staged:
        if _differs(member, row) is None:
            return Found(member, Standing.READY, row)
    loaded = [row for row in mine if row.status in (Status.COMMITTED, Status.SUPERSEDED)]
    certain = member.version_id is not None or member.sha256 is not None
    if certain and any(_differs(member, row) is None for row in loaded):
        return Found(member, Standing.LOADED)
    if any(row.status in (Status.REGISTERED, Status.CLAIMED) for row in mine):
        return Found(member, Standing.COMING, why="it is in Stage A")
    return _amiss(member, mine, staged)


def _with_holder(wanted: list[ObjectRow], every: Sequence[ObjectRow]) -> list[ObjectRow]:
    """A duplicate is loaded by whichever version holds the content."""
    holders = {row.duplicate_of for row in wanted if row.status is Status.DUPLICATE}
    return [*wanted, *(row for row in every if row.object.version_id in holders)]


def _amiss(member: Member, mine: Sequence[ObjectRow], staged: Sequence[ObjectRow]) -> Found:
    if staged:
        return Found(member, Standing.WRONG, staged[0], _differs(member, staged[0]))
    failed = [row for row in mine if row.status in (Status.QUARANTINED, Status.FAILED, Status.GONE)]
    if failed:
        row = failed[0]
        return Found(member, Standing.WRONG, row, f"it is {row.status} ({row.reason or 'without a reason'})")
    if mine:
        return Found(member, Standing.OLD, why="only versions of it that were loaded before are there")
    return Found(member, Standing.COMING, why="it has not come")


def _differs(member: Member, row: ObjectRow) -> str | None:
    """How an object's bytes are other than was said, in words."""
    if member.sha256 is not None and row.checksum != member.sha256:
        return f"its SHA-256 is {row.checksum}, and the manifest says {member.sha256}"
    if member.size is not None and row.size != member.size:
        return f"it has {row.size} bytes, and {member.size} were said"
    return None


@dataclass(frozen=True, slots=True)
class Awaited:
    """The row of a marker or manifest that waits, and the delivery that Stage A made of it."""

    row: ObjectRow
    delivery: Delivery


def chains(awaited: Iterable[Awaited]) -> Iterator[tuple[tuple[Awaited, ...], tuple[Member, ...]]]:
    """Deliveries, oldest first: the files that complete each, newest first, and its members.

    A newer version of a manifest takes the place of one that waits still, which is in none of them. A newer marker
    corrects an earlier one of its folder if it brings a newer version of a file of it: both are one delivery then.
    """
    by_key: dict[str, list[Awaited]] = {}
    for each in sorted(awaited, key=lambda each: each.row.order, reverse=True):
        by_key.setdefault(each.row.object.key, []).append(each)
    found = [chain for versions in by_key.values() for chain in _chains_of_key(versions)]
    yield from sorted(found, key=lambda chain: chain[0][0].row.order)


def _chains_of_key(versions: Sequence[Awaited]) -> Iterator[tuple[tuple[Awaited, ...], tuple[Member, ...]]]:
    if versions[0].delivery.kind == "manifest":
        yield (versions[0],), versions[0].delivery.members
        return
    chain, members = [versions[0]], {member.key: member for member in versions[0].delivery.members}
    for older in versions[1:]:
        own = {member.key: member for member in older.delivery.members}
        if members.keys() & own.keys():
            chain.append(older)
            members = own | members
        else:
            yield tuple(chain), tuple(members.values())
            chain, members = [older], own
    yield tuple(chain), tuple(members.values())


def replaced(awaited: Sequence[Awaited]) -> dict[ObjectVersion, ObjectVersion]:
    """The manifests that wait in vain, and the newer version of each."""
    newest: dict[str, Awaited] = {}
    for each in sorted((each for each in awaited if each.delivery.kind == "manifest"), key=lambda each: each.row.order):
        newest[each.row.object.key] = each
    return {
        each.row.object: newest[each.row.object.key].row.object
        for each in awaited
        if each.delivery.kind == "manifest" and newest[each.row.object.key] is not each
    }

"""Sending rows again that were set aside of loaded objects, once what did not take them was mended.

Each object's rows become its next part (PROTOCOL, Parts), which goes the way of every object. Doing it twice, or two at
once, sends nothing twice: a part is made only while none of its object is on its way.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from shlex import quote
from typing import Any, BinaryIO

from pipeline.core.clients import client
from pipeline.core.errors import BadInput, NotThere, Refused
from pipeline.core.events.s3 import SendAgain
from pipeline.core.objects import ObjectVersion, named_in
from pipeline.lake.batches.redrive import REDRIVABLE
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.catalog.parts import ENDED, Chosen
from pipeline.lake.catalog.rows import IN_FLIGHT
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.messages.selection import FOLDER, RowAside, SelectionHead, lines_of
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.arguments import known
from pipeline.operate.open_issues import needing
from pipeline.operate.rows_aside import Aside, Grouping, Reason, of_batches, of_stage_a, told

_EXPIRED = "drop the rows mended, as a file of another name, or dismiss it"


@dataclass(frozen=True, slots=True)
class Held:
    """Rows of an object that are not sent, and why."""

    object: ObjectVersion
    rows: int
    why: str


@dataclass(frozen=True, slots=True)
class RowsSent:
    """What was sent again, or would be: rows and their objects; `left` of those that could be sent, by reason; `moving`
    are rows on their way since before; `held` those that cannot be sent."""

    rows: int = 0
    objects: int = 0
    sent: tuple[Reason, ...] = ()
    left: tuple[Reason, ...] = ()
    moving: int = 0
    held: tuple[Held, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return {
            "rows": self.rows,
            "objects": self.objects,
            "sent": [each.to_json() for each in self.sent],
            "left": [each.to_json() for each in self.left],
            "on_the_way": self.moving,
            "not_sent": [
                {"uri": each.object.uri, "version_id": each.object.version_id, "rows": each.rows, "why": each.why}
                for each in self.held
            ],
        }


@dataclass
class _Tally:
    sent: Grouping = field(default_factory=Grouping)
    left: Grouping = field(default_factory=Grouping)
    objects: int = 0
    moving: int = 0
    held: list[Held] = field(default_factory=list)


def send_rows(lake: Lake, dataset: DatasetName, reason: str | None = None, *, dry_run: bool = False) -> RowsSent:
    """Send the rows of a dataset that were set aside, those whose reason has `reason` in it if it is given.

    They are read anew from the raw object, by the contract as it is now. `NotThere` for a dataset that is not
    registered, `Refused` for a retired one or where late rows have no place in the table, `BadInput` if no reason is
    like the one that is given.
    """
    registration = lake.registry.get(dataset)
    if registration is None:
        raise NotThere(f"no dataset {dataset} is registered", hint=known(lake))
    if registration.is_closed:
        raise Refused(f"dataset {dataset} is retired, and has no queue any more", hint="Apply it again first.")
    _check_write(registration)
    tally = _Tally()
    ready = list(_ready(lake, dataset, tally, dry_run=dry_run))
    of_batch: dict[ObjectVersion, list[Aside]] = defaultdict(list)
    for each in of_batches(lake, [owner for one in ready for owner in one.owners]):
        of_batch[each.owner.object.whole].append(each)
    for one in ready:
        asides = [*(each for owner in one.owners for each in of_stage_a(owner)), *of_batch[one.whole.object]]
        _send(lake, registration, one, asides, reason, tally, dry_run=dry_run)
    if reason and not tally.sent.rows and tally.left.rows and not tally.moving:
        there = "; ".join(each.reason for each in tally.left.reasons()[:5])
        raise BadInput(f"no row of {dataset} was set aside for a reason like {reason!r}", hint=f"There are: {there}")
    return RowsSent(
        tally.sent.rows,
        tally.objects,
        tuple(tally.sent.reasons()),
        tuple(tally.left.reasons()),
        tally.moving,
        tuple(tally.held),
    )


def _check_write(registration: Registration) -> None:
    """`Refused` where some rows of a version cannot be loaded beside its others."""
    dataset, name = registration.dataset, registration.name
    write, why = dataset.table.write, None
    if write != "append" and dataset.table.format == "parquet":
        why = f"a Parquet table with `write: {write}` takes whole files only"
    elif write in ("replace", "overwrite") and dataset.transform is not None:
        why = f"with `write: {write}` its transform makes what takes a version's place of all rows of the version"
    if why:
        raise Refused(
            f"rows of {name} cannot be sent on their own: {why}", hint="Drop the file again: it is read whole."
        )


@dataclass(frozen=True, slots=True)
class _Ready:
    """A version whose rows may be sent. `owners` are it and those parts of which its batch set rows aside."""

    whole: ObjectRow
    owners: tuple[ObjectRow, ...]
    last: ObjectRow | None


def _by_whole(lake: Lake, wholes: Sequence[ObjectRow]) -> dict[ObjectVersion, list[ObjectRow]]:
    """The versions of which rows may be sent, and those of them and their parts that have rows set aside.

    Where somebody dismissed one of these, its rows are not sent; the next part has to know them all the same, for its
    account takes the place of the version's (PROTOCOL, Parts 2).
    """
    objects = [each for whole in wholes for each in (whole.object, *map(whole.object.part, range(1, whole.parts + 1)))]
    found: dict[ObjectVersion, list[ObjectRow]] = defaultdict(list)
    for row in lake.catalog.get_many(objects):
        if row.bad:
            found[row.object.whole].append(row)
    return {whole: rows for whole, rows in found.items() if not all(row.dismissed for row in rows)}


def _ready(lake: Lake, dataset: DatasetName, tally: _Tally, *, dry_run: bool) -> Iterator[_Ready]:
    places = [place.object for place in lake.catalog.flawed(str(dataset))]
    # The versions first: what is set aside of one, if it was read before its part was loaded and the version after
    # that, would be sent once more.
    wholes = lake.catalog.get_many(list(dict.fromkeys(place.whole for place in places)))
    lasts = {row.object: row for row in lake.catalog.get_many([w.object.part(w.parts) for w in wholes if w.parts])}
    by_whole = _by_whole(lake, wholes)
    wanted = {row.object for row in needing(lake, dataset)} if by_whole else set()
    for whole in (whole for whole in wholes if whole.object in by_whole):
        owners = by_whole[whole.object]
        last = lasts.get(whole.object.part(whole.parts)) if whole.parts else None
        if last and last.status in ENDED and whole.absorbed < whole.parts and not dry_run:
            # Whoever ended its batch may have died before this.
            lake.catalog.absorb([last.object])
            objects = dict.fromkeys([whole.object, *(owner.object for owner in owners)])
            current = lake.catalog.get_many(list(objects))
            whole, owners = current[0], [row for row in current if row.bad]
        rows = sum(owner.bad for owner in owners)
        if last and last.status in IN_FLIGHT:
            tally.moving += rows
            if last.status is Status.REGISTERED and not dry_run:
                # Whoever made it may have died before this.
                lake.send_again([SendAgain(last.object, last.generation)])
        elif why := _why_not(whole, wanted.isdisjoint(owner.object for owner in owners)):
            tally.held.append(Held(whole.object, rows, why))
        elif rows:
            yield _Ready(whole, tuple(owners), last)


def _why_not(whole: ObjectRow, stood_for: bool) -> str | None:
    """Why rows of an object cannot be sent on their own; None if they can."""
    if whole.status in REDRIVABLE:
        uri = quote(whole.object.uri)
        return f"it is {whole.status} itself: `sluice redrive {uri}` sends all of it, these rows, too"
    if whole.status in IN_FLIGHT:
        return f"it is {whole.status}, and not loaded yet: wait until it is"
    if whole.status is not Status.COMMITTED:
        return f"it is {whole.status}: its other rows are not in the table either"
    if stood_for:
        return "something newer has taken its place in the table, or has the same content"
    return None


def _send(
    lake: Lake,
    registration: Registration,
    one: _Ready,
    asides: Sequence[Aside],
    reason: str | None,
    tally: _Tally,
    *,
    dry_run: bool,
) -> None:
    rows = sum(owner.bad for owner in one.owners)
    if len(asides) != rows:
        # A part that has not all of them would leave the others out of every account.
        why = f"of its {rows:,} rows set aside {len(asides):,} are still in the quarantine bucket; {_EXPIRED}"
        tally.held.append(Held(one.whole.object, rows, why))
        return
    asked = [each for each in asides if not each.owner.dismissed]
    chosen = [each for each in asked if _matches(each, reason)]
    tally.left.add(each for each in asked if not _matches(each, reason))
    if not chosen:
        return
    if not dry_run and not _make(lake, registration, one, asides, {each.row.line for each in chosen}):
        tally.moving += len(chosen)
        return
    tally.sent.add(chosen)
    tally.objects += 1


def _matches(aside: Aside, reason: str | None) -> bool:
    return reason is None or reason.lower() in told(aside.row.reason).lower()


def _make(
    lake: Lake, registration: Registration, one: _Ready, asides: Sequence[Aside], lines: set[int]
) -> ObjectVersion | None:
    """Make the next part of an object, or let its last one that failed be read again, and send it; None if somebody
    else did just now."""
    table = registration.dataset.table
    head = SelectionHead(one.whole.rows_in or 0, table.key if table.write == "upsert" else ())
    rows = {each.row.line: replace(each.row, again=each.row.line in lines) for each in asides}
    uri = _stored(lake, registration.name, one.whole.object, head, rows.values())
    chosen = Chosen(uri, tuple(owner.object.version_id for owner in one.owners if owner.object.is_part))
    made: ObjectVersion | None
    if one.last and one.last.status in REDRIVABLE:
        generation = one.last.generation + 1
        made = one.last.object if lake.catalog.choose_again(one.last, chosen) else None
    else:
        generation, made = 1, lake.catalog.make_part(one.whole, chosen)
    if made:
        lake.send_again([SendAgain(made, generation)])
    return made


def _stored(
    lake: Lake, dataset: DatasetName, whole: ObjectVersion, head: SelectionHead, rows: Iterable[RowAside]
) -> str:
    """The s3:// URI of a selection. Its name follows from its content: nobody's takes the place of another's."""
    with tempfile.TemporaryFile() as file:
        digest = _write(file, lines_of(head, rows))
        bucket = lake.settings[Setting.STAGING_BUCKET]
        key = f"{FOLDER}/{dataset}/{whole.digest}-{digest}.jsonl"
        about = {"ContentType": "application/x-ndjson", "Metadata": named_in(whole)}
        client("s3").put_object(Bucket=bucket, Key=key, Body=file, **about)
    return f"s3://{bucket}/{key}"


def _write(file: BinaryIO, lines: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for line in lines:
        found.update(line)
        file.write(line)
    file.seek(0)
    return found.hexdigest()[:16]

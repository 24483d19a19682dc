"""The deliveries of a dataset that wait: which is whole, which waits in vain, and which files no delivery names."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline.core.clock import Clock, iso, parse_iso, system_clock
from pipeline.core.dynamo import transact
from pipeline.core.events.s3 import SendAgain
from pipeline.core.objects import ObjectVersion
from pipeline.core.telemetry.metrics import emit
from pipeline.core.telemetry.names import Metric
from pipeline.lake.batches.records import BatchRecords
from pipeline.lake.catalog import Catalog, ObjectRow, Status
from pipeline.lake.catalog.rows import shorten
from pipeline.lake.manifested.assembly import Awaited, Pending, Turn, chains, look, replaced, turn
from pipeline.lake.messages.delivery import Delivery, Member

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import StartWhen

MOST = 300
"""Objects of a batch (`datasets.model.MOST_OBJECTS`, which needs pydantic)."""

Waiting = Sequence[tuple[ObjectVersion, str]]
"""Objects that are STAGED, and since when, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Looks at what waits, and ends what waits in vain. `tell_team` tells a team what to look at, at least once;
    `send_again` sends objects through Stage A again."""

    catalog: Catalog
    records: BatchRecords
    dynamodb: Any
    s3: Any
    tell_team: Callable[[str, str, dict[str, Any]], None]
    send_again: Callable[[Sequence[SendAgain]], None]
    clock: Clock = system_clock

    def pending(self, start: StartWhen, waiting: Waiting) -> list[Pending]:
        """The deliveries that wait, oldest first, as they stand."""
        return [self._pending(*chain, waiting) for chain in chains(self._awaited(start, waiting))]

    def next(self, dataset: str, start: StartWhen, waiting: Waiting) -> Pending | None:
        """The oldest delivery that is whole, if there is one. What waits in vain ends here, and its team is told.

        Everything that ends, ends only while nobody has the dataset's lock: what a batch was opened with stays as it
        was when the batch looks (`Sealer.cancel_unless_whole`).
        """
        awaited = self._awaited(start, waiting)
        for row in self._unread(start, waiting, awaited):
            self._fail_unread(dataset, start, row)
        for old, new in replaced(awaited).items():
            reason = f"version {new.version_id} of it came before its delivery was whole"
            self._end(dataset, [old], Status.SUPERSEDED, reason, None)
        for chain, members in chains(awaited):
            pending = self._pending(chain, members, waiting)
            match turn(pending, self.clock(), start.within, MOST):
                case Turn.OPEN:
                    return pending
                case Turn.OVER:
                    controls = [row.object for row in pending.controls]
                    self._end(dataset, controls, Status.SUPERSEDED, "all that it names was loaded before", None)
                case Turn.FAIL:
                    self._fail(dataset, start, pending)
        return None

    def strays(self, start: StartWhen, waiting: Waiting, told: str | None) -> list[tuple[ObjectVersion, str]]:
        """Objects that have waited longer than a delivery may, named by none; but for those since before `told`."""
        since = self.clock() - start.within
        late = [
            (obj, at)
            for obj, at in waiting
            if parse_iso(at) <= since and (told is None or at > told)
            if start.control_of(obj.key) is None and not obj.is_part
        ]
        if not late:
            return []
        members = [member for each in self._awaited(start, waiting) for member in each.delivery.members]
        named = {(member.key, member.version_id) for member in members}
        return [(o, at) for o, at in late if not {(o.key, o.version_id), (o.key, None)} & named]

    def tell_strays(self, dataset: str, start: StartWhen, waiting: Waiting, told: str | None) -> None:
        """Tell the team once of objects that no delivery names. They stay as they are."""
        if late := self.strays(start, waiting, told):
            first = late[0][0]
            self.tell_team(
                "files without a delivery",
                dataset,
                {
                    "objects": len(late),
                    "uri": first.uri,
                    "since": late[0][1],
                    "look": f"sluice why {first.uri}",
                    "hint": f"Upload {_completes(start)}: they are loaded with it.",
                },
            )
            self.records.told_strays(dataset, late[-1][1])

    def _awaited(self, start: StartWhen, waiting: Waiting) -> list[Awaited]:
        controls = self.catalog.get_many(_controls(start, waiting))
        rows = [row for row in controls if row.status is Status.STAGED and row.control]
        read = [(row, self._delivery(row)) for row in rows]
        return [Awaited(row, delivery) for row, delivery in read if delivery]

    def _unread(self, start: StartWhen, waiting: Waiting, awaited: Sequence[Awaited]) -> list[ObjectRow]:
        """Markers and manifests of which no members are known: what Stage A made is gone, for a poller stood still for
        weeks; or it took them for data, before the definition said what they are."""
        known = {each.row.object for each in awaited}
        left = [obj for obj in _controls(start, waiting) if obj not in known]
        return [row for row in self.catalog.get_many(left) if row.status is Status.STAGED]

    def _fail_unread(self, dataset: str, start: StartWhen, row: ObjectRow) -> None:
        hint = f"Send it again with `sluice redrive {row.object.uri}`: nothing is lost."
        if row.control:
            reason = "what was read of it has expired before its delivery was whole"
            self._end(dataset, [row.object], Status.FAILED, reason, hint)
            return
        reason = f"it was read as data, and is a {start.control_of(row.object.key)} since start_when says so"
        if self._end(dataset, [row.object], Status.FAILED, reason, hint):
            # Stage A reads it as what it is now. What dies before that leaves it FAILED, with what to do.
            others = self.catalog.release_content(replace(row, status=Status.FAILED))
            self.send_again([SendAgain(each.object, each.generation + 1) for each in (row, *others)])

    def _delivery(self, row: ObjectRow) -> Delivery | None:
        place = urlsplit(row.staged or "")
        try:
            body = self.s3.get_object(Bucket=place.netloc, Key=place.path[1:])["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return None
        return Delivery.from_json(json.loads(body))

    def _pending(self, chain: Sequence[Awaited], members: Sequence[Member], waiting: Waiting) -> Pending:
        versions = self._versions(members, waiting)
        return Pending(
            tuple(each.row for each in chain), tuple(look(member, versions[member.key]) for member in members)
        )

    def _versions(self, members: Sequence[Member], waiting: Waiting) -> dict[str, list[ObjectRow]]:
        """The rows that decide of each member, read consistently: one question for a hundred, and one a key of which
        nothing waits."""
        bucket = waiting[0][0].bucket
        keys = {member.key for member in members if member.version_id is None}
        wanted = [ObjectVersion(bucket, each.key, each.version_id) for each in members if each.version_id is not None]
        wanted += [obj for obj, _ in waiting if obj.key in keys]
        found: dict[str, list[ObjectRow]] = defaultdict(list)
        for row in self.catalog.get_many(list(dict.fromkeys(wanted))):
            found[row.object.key].append(row)
        for member in members:
            rows = found[member.key]
            is_clear = any(row.status is Status.STAGED for row in rows) or (member.version_id is not None and rows)
            if not is_clear or any(row.status is Status.DUPLICATE for row in rows):
                found[member.key] = self.catalog.history(f"{bucket}/{member.key}")
        return found

    def _fail(self, dataset: str, start: StartWhen, pending: Pending) -> None:
        control = pending.control
        if len(pending.found) > MOST:
            reason = f"the delivery has {len(pending.found)} files with those of the marker that it corrects, and a "
            reason += f"batch at most {MOST}"
        else:
            reason = f"the delivery was not whole within {start.within}: {pending}"
        hint = f"Nothing is lost. {_correct(control)}."
        told = {"uri": control.object.uri, "version_id": control.object.version_id, "object": control.object.digest}
        # First: what dies between tells it again, and not never.
        self.tell_team("delivery incomplete", dataset, {**told, "look": f"sluice why {control.object.uri}"})
        if self._end(dataset, [row.object for row in pending.controls], Status.FAILED, reason, hint):
            emit(dataset, {Metric.OBJECTS_FAILED: 1}, control.object.digest)

    def _end(self, dataset: str, controls: Iterable[ObjectVersion], to: Status, reason: str, hint: str | None) -> bool:
        """Whether they ended by this; not if a batch was opened meanwhile, or somebody else ended one."""
        facts = {"reason": shorten(reason), **({"hint": shorten(hint)} if hint else {})}
        moves = [self.catalog.moving(obj, to, dataset, facts=facts, only_from=Status.STAGED) for obj in controls]
        return not transact(self.dynamodb, [self.records.is_free(dataset), *moves])


def _controls(start: StartWhen, waiting: Waiting) -> list[ObjectVersion]:
    """Markers and manifests, without late rows of files that were loaded when the definition did not call them so."""
    return [obj for obj, _ in waiting if start.control_of(obj.key) and not obj.is_part]


def replaced_versions(catalog: Catalog, dataset: str, members: Iterable[ObjectRow]) -> int:
    """End the older versions of a delivery's files that wait still: the delivery is what its folder was in the end."""
    count = 0
    for row in members:
        for older in catalog.history(row.object.path) if row.shares_key and row.control is None else ():
            if older.status is Status.STAGED and older.order < row.order and not older.object.is_part:
                reason = f"version {row.object.version_id} took its place before the delivery was whole"
                count += catalog.move(older.object, Status.SUPERSEDED, dataset, reason=reason) is None
    return count


def overdue_at(pending: Pending, start: StartWhen) -> str:
    """When a delivery that waits is given up."""
    return iso(parse_iso(pending.control.since) + start.within)


def _completes(start: StartWhen) -> str:
    return f"the marker {start.marker} into their folder" if start.marker else f"a manifest {start.manifest}"


def _correct(control: ObjectRow) -> str:
    again = f"`sluice redrive {control.object.uri}`"
    if control.control == "manifest":
        return (
            f"Upload what is missing or wrong, then {again}; or upload a corrected manifest of the same name, which "
            "takes its place"
        )
    # A marker has the versions that were there when it was written.
    return f"Upload the mended files and the marker again; or redrive what failed of them, then {again}"

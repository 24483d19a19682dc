"""Deliveries as a function of the catalog's rows, whatever the order in which they came to be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.clock import iso
from pipeline.core.objects import ObjectVersion, order_of
from pipeline.lake.catalog.rows import ObjectRow, Status
from pipeline.lake.manifested.assembly import Awaited, Pending, Standing, Turn, chains, look, replaced, turn
from pipeline.lake.messages.delivery import Delivery, Member
from tests.examples import examples

START = datetime(2026, 1, 1, tzinfo=UTC)
WITHIN = timedelta(hours=2)
SHA, OTHER = "ab" * 32, "cd" * 32


def row(name: str, version: str = "v1", status: Status = Status.STAGED, **facts: object) -> ObjectRow:
    obj = ObjectVersion("raw", f"shop/orders/{name}", version)
    number = int(version[1:])
    made = ObjectRow(obj, status, "shop/orders", 1, 1, "", number, None, order_of(number, None, obj), iso(START))
    return replace(made, checksum=SHA, **facts)  # type: ignore[arg-type]


def awaited(name: str, *members: Member, version: str = "v1", kind: str = "manifest") -> Awaited:
    return Awaited(row(name, version, control=kind), Delivery(kind, members))


def member(name: str, **said: object) -> Member:
    return Member(f"shop/orders/{name}", **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "said", "standing", "why"),
    [
        ([], {}, Standing.COMING, "it has not come"),
        ([row("a", status=Status.DELETE_MARKER)], {}, Standing.COMING, "it has not come"),
        ([row("a", status=Status.REGISTERED)], {}, Standing.COMING, "it is in Stage A"),
        ([row("a")], {}, Standing.READY, None),
        ([row("a")], {"sha256": SHA, "size": 1, "version_id": "v1"}, Standing.READY, None),
        ([row("a")], {"sha256": OTHER}, Standing.WRONG, f"its SHA-256 is {SHA}, and the manifest says {OTHER}"),
        ([row("a")], {"size": 7}, Standing.WRONG, "it has 1 bytes, and 7 were said"),
        ([row("a")], {"version_id": "v2"}, Standing.COMING, "it has not come"),
        ([row("a", status=Status.QUARANTINED, reason="no CSV")], {}, Standing.WRONG, "it is QUARANTINED (no CSV)"),
        ([row("a", status=Status.QUARANTINED), row("a", "v2")], {}, Standing.READY, None),
        ([row("a", status=Status.COMMITTED)], {}, Standing.OLD, "only versions of it that were loaded before are"),
        ([row("a", status=Status.COMMITTED)], {"sha256": SHA}, Standing.LOADED, None),
        ([row("a", status=Status.COMMITTED)], {"version_id": "v1"}, Standing.LOADED, None),
        ([row("a", status=Status.COMMITTED), row("a", "v2")], {}, Standing.READY, None),
        (
            [row("a"), row("a", "v2", Status.DUPLICATE, duplicate_of="v1")],
            {"version_id": "v2"},
            Standing.READY,
            None,
        ),
        (
            [row("a", status=Status.COMMITTED), row("a", "v2", Status.DUPLICATE, duplicate_of="v1")],
            {"version_id": "v2"},
            Standing.LOADED,
            None,
        ),
    ],
)
def test_what_a_member_is(rows: list[ObjectRow], said: dict[str, object], standing: Standing, why: str | None):
    found = look(member("a", **said), rows)
    assert found.standing is standing
    assert (found.why or "").startswith(why or "")
    assert bool(found.why) == bool(why)


def pending(*members: Member, rows: dict[str, list[ObjectRow]]) -> Pending:
    found = tuple(look(each, rows.get(each.key, [])) for each in members)
    return Pending((row("m", control="manifest"),), found)


def test_a_delivery_waits_for_all_of_its_members_and_fails_when_they_take_too_long():
    one = pending(member("a"), member("b"), rows={"shop/orders/a": [row("a")]})
    assert turn(one, START, WITHIN, 300) is Turn.WAIT
    assert turn(one, START + WITHIN, WITHIN, 300) is Turn.FAIL
    assert str(one) == "1 of 2 files are there; b: it has not come"
    both = pending(member("a"), member("b"), rows={f"shop/orders/{n}": [row(n)] for n in "ab"})
    assert turn(both, START + 9 * WITHIN, WITHIN, 300) is Turn.OPEN
    assert [obj.file_name for obj in both.candidates] == ["a", "b", "m"]


def test_a_delivery_that_cannot_be_a_batch_fails_at_once():
    assert turn(pending(*(member(str(n)) for n in range(4)), rows={}), START, WITHIN, 3) is Turn.FAIL


def test_a_manifest_of_files_that_were_loaded_before_is_over():
    loaded = {f"shop/orders/{n}": [row(n, status=Status.COMMITTED)] for n in "ab"}
    known = pending(member("a", sha256=SHA), member("b", version_id="v1"), rows=loaded)
    assert turn(known, START, WITHIN, 300) is Turn.OVER
    unknown = pending(member("a"), member("b", version_id="v1"), rows=loaded)
    assert turn(unknown, START, WITHIN, 300) is Turn.WAIT, "newer versions may come"
    assert turn(unknown, START + WITHIN, WITHIN, 300) is Turn.OVER


def test_a_newer_manifest_takes_the_place_of_one_that_waits():
    old, new = awaited("m", member("a")), awaited("m", member("b"), version="v2")
    other = awaited("n", member("a"))
    assert [chain for chain, _ in chains([old, new, other])] == [(other,), (new,)]
    assert replaced([old, new, other]) == {old.row.object: new.row.object}


def test_a_newer_marker_corrects_an_earlier_one_whose_file_it_brings_again():
    old = awaited("_OK", member("a", version_id="v1"), member("b", version_id="v1"), kind="marker")
    new = awaited("_OK", member("a", version_id="v2"), version="v2", kind="marker")
    apart = awaited("_OK", member("c", version_id="v1"), version="v3", kind="marker")
    found = [(chain, {(m.key[-1], m.version_id) for m in members}) for chain, members in chains([old, new, apart])]
    assert found == [((new, old), {("a", "v2"), ("b", "v1")}), ((apart,), {("c", "v1")})]
    assert replaced([old, new, apart]) == {}


@dataclass
class World:
    """A catalog and a poller without AWS: rows by object, and the batches that were opened of what was whole."""

    deliveries: dict[str, Delivery]
    rows: dict[ObjectVersion, ObjectRow] = field(default_factory=dict)
    batches: list[list[ObjectVersion]] = field(default_factory=list)

    def arrive(self, name: str, status: Status) -> None:
        """An event, however often: a status never goes back."""
        obj = ObjectVersion("raw", f"shop/orders/{name}", "v1")
        rank = [Status.REGISTERED, Status.STAGED, Status.COMMITTED]
        have = self.rows.get(obj)
        if have is None or rank.index(status) > rank.index(have.status):
            control = self.deliveries[name].kind if name in self.deliveries else None
            self.rows[obj] = row(name, status=status, control=control)

    def poll(self) -> None:
        controls = [each for each in self.rows.values() if each.control and each.status is Status.STAGED]
        for chain, members in chains([Awaited(each, self.deliveries[each.object.file_name]) for each in controls]):
            versions = {m.key: [each for each in self.rows.values() if each.object.key == m.key] for m in members}
            one = Pending(tuple(each.row for each in chain), tuple(look(m, versions[m.key]) for m in members))
            if turn(one, START, WITHIN, 300) is Turn.OPEN:
                self.batches.append(one.candidates)
                for obj in one.candidates:
                    self.rows[obj] = replace(self.rows[obj], status=Status.COMMITTED)
                return


FILES = {"m1": ["a", "b", "c"], "m2": ["d", "e"], "_OK": ["f"]}
EVENTS = [(name, s) for m, files in FILES.items() for name in (m, *files) for s in (Status.REGISTERED, Status.STAGED)]


@settings(max_examples=examples(300), deadline=None)
@given(data=st.data())
def test_in_whatever_order_events_come_each_delivery_is_one_whole_batch(data: st.DataObject):
    """Doubled, reordered, and polls between any two of them; what is lost comes at last, as healing brings it."""
    kinds = {"m1": "manifest", "m2": "manifest", "_OK": "marker"}
    world = World(
        {
            name: Delivery(
                kinds[name], tuple(member(f, version_id="v1" if kinds[name] == "marker" else None) for f in fs)
            )
            for name, fs in FILES.items()
        }
    )
    events = data.draw(st.permutations(EVENTS + data.draw(st.lists(st.sampled_from(EVENTS), max_size=8))))
    polls = data.draw(st.lists(st.integers(0, len(events)), max_size=12))
    lost = data.draw(st.sets(st.integers(0, len(events) - 1)))
    for place, (name, status) in enumerate(events):
        if place not in lost:
            world.arrive(name, status)
        for _ in range(polls.count(place)):
            world.poll()
    for name, status in EVENTS:
        world.arrive(name, status)
        world.poll()
    for _ in FILES:
        world.poll()
    opened = Counter(frozenset(obj.file_name for obj in batch) for batch in world.batches)
    assert opened == {frozenset({name, *files}): 1 for name, files in FILES.items()}

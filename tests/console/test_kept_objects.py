"""What is kept of a lake's objects says the same as its indexes, whatever has changed since, for a few calls."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import timedelta

import pytest

from pipeline.core.clients import client
from pipeline.core.clock import system_clock
from pipeline.lake.catalog import Catalog, Status
from pipeline.lake.catalog.index_keys import Place
from pipeline.lake.settings import Setting
from pipeline.operate import kept_objects
from pipeline.operate.kept_objects import KeptObjects
from pipeline.operate.object_filter import ObjectFilter
from pipeline.operate.object_search import search, total
from pipeline.operate.status import gather
from tests.console.large_lake import OBJECTS, Calls, fill_dataset

FILTERS = [
    {},
    {"name": "EXPORT-03"},
    {"name": "straße"},
    {"name": "%"},
    {"name": "'"},
    {"status": "FAILED"},
    {"status": "BAD_ROWS"},
    {"status": "DELETE_MARKER"},
    {"status": "UNROUTED"},
    {"attention": "yes"},
    {"reason": "no such"},
    {"dataset": "shop/orders", "name": ".csv", "status": "COMMITTED"},
    {"name": "0333", "from": "2020-01-01", "to": "2999-01-01"},
    {"name": "0333", "to": "2020-01-01"},
    {"from": "2999-01-01", "to": "2020-01-01"},
    {"dataset": "shop/orders", "status": "FAILED", "from": "2999-01-01", "to": "2020-01-01"},
]


@pytest.fixture(scope="module")
def filled(lake, orders, front):
    fill_dataset(lake, orders.name, front.endpoint)
    orders.register(orders.drop("2026/Große STRASSE 'a' 100%.csv"))
    return lake


def assert_same(lake, kept):
    """As the indexes say, which are asked where nothing is kept."""
    for given in FILTERS:
        wanted = ObjectFilter.of(given)
        there, here = (search(lake, wanted, 3000, kept=each) for each in (None, kept))
        assert {row.object for row in here.rows} == {row.object for row in there.rows}, given
        assert (total(lake, wanted, kept=kept).objects, here.after) == (len(there.rows), None), given
    counted = {name: +counts for name, counts in kept.counts(["shop/orders"]).items() if +counts}
    assert counted == {name: +counts for name, counts in gather(lake).objects.items() if +counts}


def test_what_changed_is_found_again_whatever_it_became(filled, orders, monkeypatch):
    lake, kept = filled, KeptObjects()
    kept.renew(lake)
    assert kept.read() == OBJECTS + 1
    assert_same(lake, kept)
    moved = orders.register(orders.drop("moved.csv"))
    failed = orders.register(orders.drop("failed.csv"))
    duplicate = orders.register(orders.drop("duplicate.csv"))
    gone = orders.register(orders.drop("gone.csv"))
    lake.catalog.move(failed, Status.FAILED, orders.name, reason="broken: no such column")
    kept.renew(lake)
    assert_same(lake, kept)
    lake.catalog.move(duplicate, Status.DUPLICATE, orders.name)
    lake.catalog.move(gone, Status.GONE, orders.name)
    orders.stage("odd.csv", bad=[{"line": 3, "reason": "x", "raw": "1,x"}])
    orders.drop("elsewhere.csv")
    kept.renew(lake)
    assert_same(lake, kept)
    flawed = search(lake, ObjectFilter.of({"status": "BAD_ROWS"}), 1).rows[0]
    lake.catalog.dismiss(flawed, "somebody", "seen")
    lake.catalog.move(moved, Status.GONE, orders.name)
    # As if the index had told nothing of it.
    monkeypatch.setattr(kept_objects, "OVERLAP", timedelta(hours=-1))
    kept.renew(lake)
    assert_same(lake, kept)


def test_names_are_found_in_any_case_and_as_they_are_written(filled):
    kept = KeptObjects()
    kept.renew(filled)
    for part, number in {"große strasse": 1, "STRASSE": 1, "100%": 1, "'a'": 1, "_": 0, "%": 1}.items():
        assert total(filled, ObjectFilter(name=part), kept=kept).objects == number, part


def test_pages_of_what_is_kept_follow_each_other_without_gap_or_repetition(filled):
    kept = KeptObjects()
    kept.renew(filled)
    wanted, after, rows = ObjectFilter(name="export-"), None, []
    calls = Calls("dynamodb")
    while (found := search(filled, wanted, 400, after=after, kept=kept)).after:
        rows += found.rows
        after = found.after
    rows += found.rows
    assert len({row.object for row in rows}) == len(rows) == OBJECTS
    # The rows that are shown, and nothing else.
    assert set(calls.take()) == {"BatchGetItem"}


def test_a_renewal_reads_what_has_changed_and_no_more(filled):
    kept = KeptObjects()
    calls = Calls("dynamodb")
    kept.renew(filled)
    first = calls.take()
    # Both indexes, and what has changed meanwhile.
    assert (first.count("Scan"), first.count("Query")) == (4, 6), first
    kept.renew(filled)
    made = calls.take()
    # The datasets, the open ones, and five partitions of the one dataset besides the delete markers.
    assert (made.count("Scan"), made.count("Query")) == (2, 6), made


def test_of_a_lake_with_too_many_objects_none_is_kept(filled):
    kept = KeptObjects(most=100)
    for _ in range(2):
        kept.renew(filled)
        assert (kept.is_of(filled), kept.read(), kept.at) == (False, 0, None)
    assert total(filled, ObjectFilter(name="0333"), kept=kept).objects == 1


def test_when_objects_arrived_is_known_of_those_that_changed_last(filled, monkeypatch):
    monkeypatch.setattr(kept_objects, "ARRIVALS", 20)
    monkeypatch.setattr(kept_objects, "READ", 15)
    kept = KeptObjects()
    for known in (15, 20, 20):
        kept.renew(filled)
        assert sum(number for _, _, number in kept.arrivals()) == known


def test_of_an_object_that_two_clocks_wrote_its_row_decides(filled, orders):
    """The function that staged it has a clock behind that of the one which registered it."""
    kept, obj = KeptObjects(), orders.register(orders.drop("two-clocks.csv"))
    kept.renew(filled)
    table = filled.settings[Setting.OBJECTS_TABLE]
    behind = Catalog(client("dynamodb"), table, lambda: system_clock() - timedelta(seconds=90))
    for status in (Status.FAILED, Status.REGISTERED, Status.GONE):
        behind.move(obj, status, orders.name)
        kept.renew(filled)
        assert [place.status for place in kept.places(ObjectFilter(name="two-clocks"), None)] == [status]


def test_what_moves_while_everything_is_read_is_neither_lost_nor_old(filled, orders, monkeypatch):
    staged, moved = orders.register(orders.drop("reading-1.csv")), orders.register(orders.drop("reading-2.csv"))
    kept, ended, unfinished = KeptObjects(), filled.catalog.ended, filled.catalog.unfinished

    def then_ends() -> Iterator[tuple[Place, bool]]:
        yield from ended()
        filled.catalog.move(staged, Status.GONE, orders.name)

    def without_one() -> Iterator[Place]:
        # It goes to a part of the index that was read already.
        yield from (place for place in unfinished() if place.object != moved)
        monkeypatch.undo()

    for _ in range(2):
        monkeypatch.setattr(filled.catalog, "ended", then_ends)
        monkeypatch.setattr(filled.catalog, "unfinished", without_one)
        kept.renew(filled)
        monkeypatch.undo()
        assert_same(filled, kept)
        found = {place.object: place.status for place in kept.places(ObjectFilter(name="reading-"), None)}
        assert found == {staged: Status.GONE, moved: Status.REGISTERED}
        monkeypatch.setattr(kept_objects, "WHOLE", timedelta(0))


def test_what_is_deleted_is_kept_no_more_once_everything_is_read_again(filled, orders, monkeypatch):
    kept, obj = KeptObjects(), orders.register(orders.drop("deleted.csv"))
    filled.catalog.move(obj, Status.GONE, orders.name)
    kept.renew(filled)
    key = {"path": {"S": obj.path}, "version_id": {"S": obj.version_id}}
    client("dynamodb").delete_item(TableName=filled.settings[Setting.OBJECTS_TABLE], Key=key)
    monkeypatch.setattr(kept_objects, "WHOLE", timedelta(0))
    kept.renew(filled)
    assert_same(filled, kept)


def test_a_renewal_that_fails_is_made_up_for_by_the_next(filled, orders, monkeypatch):
    kept = KeptObjects()
    kept.renew(filled)
    before = kept.at
    orders.register(orders.drop("after-a-failure.csv"))
    broken = client("dynamodb").exceptions.ProvisionedThroughputExceededException({}, "Scan")

    def fails(*_: object) -> Iterator[Place]:
        raise broken

    with monkeypatch.context() as patched:
        patched.setattr(filled.catalog, "unfinished", fails)
        with pytest.raises(type(broken)):
            kept.renew(filled)
        # What cannot be kept breaks off a write in its middle.
        with pytest.raises(ValueError, match="surrogates"):
            kept._write("DELETE FROM objects WHERE digest = ?", [("none",), ("\ud800",)])
    assert kept.at == before
    kept.renew(filled)
    assert_same(filled, kept)
    assert kept.number(ObjectFilter(name="after-a-failure")) == 1


def test_a_lake_that_has_too_many_objects_by_now_or_no_more_is_noticed(filled, orders, monkeypatch):
    kept = KeptObjects()
    kept.renew(filled)
    assert kept.is_of(filled)
    kept._most = kept.read()
    orders.register(orders.drop("one-more.csv"))
    kept.renew(filled)
    assert (kept.is_of(filled), kept.read(), kept.at) == (False, 0, None)
    kept._most += 100
    monkeypatch.setattr(kept_objects, "WHOLE", timedelta(0))
    kept.renew(filled)
    assert kept.is_of(filled)
    assert_same(filled, kept)


def test_names_are_found_however_their_letters_are_composed(filled, orders):
    """File systems of macOS take letters and their marks apart; who types does not."""
    for form in ("NFC", "NFD"):
        orders.register(orders.drop(unicodedata.normalize(form, f"Übung-Ångström-{form}.csv")))
    kept = KeptObjects()
    kept.renew(filled)
    for text in ("übung-å", unicodedata.normalize("NFD", "ÜBUNG-Å"), "ubung-a"):
        for each in (kept, None):
            number = total(filled, ObjectFilter(name=text), kept=each).objects
            assert number == (2 if not text.isascii() else 0), (text, each)


def test_an_object_that_an_index_has_twice_is_shown_once(filled, monkeypatch):
    changed = filled.catalog.changed

    def twice(*asked):
        for place in changed(*asked):
            yield from (place, place)

    monkeypatch.setattr(filled.catalog, "changed", twice)
    for given in ({"status": "FAILED"}, {"status": "FAILED", "name": "export"}):
        wanted = ObjectFilter.of({"dataset": "shop/orders", **given})
        rows = search(filled, wanted, 100).rows
        assert rows
        assert len({row.object for row in rows}) == len(rows) == total(filled, wanted).objects

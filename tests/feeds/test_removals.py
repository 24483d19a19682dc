"""What an import in place removes: what has no item in its source, unless it is so much that the source is doubted."""

from __future__ import annotations

import threading

import pytest

from pipeline.core.errors import Refused
from pipeline.feeds import history
from pipeline.feeds.erasure import erase
from pipeline.feeds.imports import runs
from pipeline.feeds.imports.removal import is_too_much
from pipeline.feeds.imports.ways import WAYS
from tests.feeds.contracts import KEYRING, item
from tests.feeds.test_ways import BOB, TABLE, Source, job, source, source_state, target_state
from tests.feeds.test_writer import migrated
from tests.patience import PATIENCE_S, until

__all__ = ["source"]


@pytest.mark.parametrize(
    ("gone", "rows", "expected"),
    [
        (0, 0, False),
        (1, 2, False),
        (1, 1, True),
        (2, 3, True),
        (100, 201, False),
        (101, 2_020, False),
        (101, 2_019, True),
        (500_000, 10_000_000, False),
        (500_001, 10_000_000, True),
    ],
)
def test_how_much_is_too_much(gone: int, rows: int, expected: bool):
    assert is_too_much(gone, rows) is expected


def empty(source: Source, *, but: int = 0) -> None:
    """Take the items away, and the stream does not tell of it: as a table that was restored, or read in part."""
    for number, key in enumerate(source_state(source)):
        if number >= but:
            source.dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": key}})
    source.forget_stream()


def test_a_source_that_was_emptied_takes_no_row_away_unless_that_is_said(source: Source):
    source.fill(6)
    source.load_all()
    empty(source, but=1)
    [(left, _)] = source_state(source).items()
    source.dynamodb.put_item(TableName=TABLE, Item=item(left, amount={"N": "777"}))
    source.forget_stream()
    in_place = WAYS["in-place"](job(source))
    *_, last = in_place.run()
    assert (last.surplus, last.done) == (5, last.parts)
    # What was found is written.
    assert len(target_state(source)) == 6
    assert target_state(source)[left] == 777
    compared = in_place.compare()
    assert (compared.agrees, compared.surplus, compared.missing, compared.different) == (False, 5, 0, 0)
    with pytest.raises(Refused, match="is imported"):
        next(in_place.run())
    in_place.forget()
    again = WAYS["in-place"](job(source, remove_surplus=True))
    *_, last = again.run()
    assert last.surplus == 0
    assert target_state(source) == {left: 777}
    assert again.compare().agrees


def test_an_empty_source_takes_away_nothing_either_and_an_empty_target_has_nothing_to_keep(source: Source):
    *_, last = WAYS["in-place"](job(source)).run()
    assert last.surplus == 0
    source.fill(1)
    source.load_all()
    empty(source)
    WAYS["in-place"](job(source)).forget()
    *_, last = WAYS["in-place"](job(source)).run()
    assert last.surplus == 1
    assert len(target_state(source)) == 1


@pytest.mark.parametrize("way", WAYS)
def test_what_is_left_of_an_import_that_was_forgotten_does_not_count_for_the_one_that_was_begun_anew(
    source: Source, way: str
):
    source.fill()
    source.load_all()
    left = WAYS[way](job(source)).run()
    next(left)
    WAYS[way](job(source)).forget()
    anew = WAYS[way](job(source)).run()
    next(anew)
    with pytest.raises(Refused, match="was forgotten, or begun anew"):
        list(left)
    list(anew)
    source.load_all()
    assert target_state(source) == source_state(source)


def test_who_was_erased_before_rows_had_numbers_does_not_come_back(source: Source):
    source.fill(3)
    source.dynamodb.put_item(TableName=TABLE, Item=item("t00", amount={"N": "1"}, customer=BOB))
    source.load_all()
    erase(source.target, source.contract, "person", "bob@x", KEYRING, dry_run=False)
    source.target.execute("ALTER TABLE sluice_feeds.bi_transactions DROP COLUMN sluice_reading")
    migrated(source.target)
    # A function of the earlier version still runs, and knows no number.
    source.target.execute(
        "UPDATE sluice_feeds.bi_transactions SET sluice_deleted = true, sluice_reading = NULL"
        " WHERE transaction_id = 't01'"
    )
    in_place = WAYS["in-place"](job(source))
    list(in_place.run())
    assert target_state(source) == {"t02": 2}
    compared = in_place.compare()
    assert (compared.agrees, compared.erased) == (True, 2)


@pytest.mark.parametrize("way", WAYS)
def test_a_table_that_was_restored_under_its_name_has_a_stream_of_its_own_that_somebody_must_read(
    source: Source, way: str
):
    source.dynamodb.delete_table(TableName=TABLE)
    source.create()
    with pytest.raises(Refused, match="reads an earlier stream of transactions"):
        next(WAYS[way](job(source)).run())


def test_a_page_that_is_being_written_and_who_forgets_its_import_do_not_block_each_other(source: Source):
    source.fill(3)
    next(WAYS["in-place"](job(source)).run())
    part = history.segments_of(source.target, source.contract)[0]
    [(token,)] = source.target.execute("SELECT token FROM sluice_feeds.import_run").fetchall()
    forgetting = threading.Thread(target=runs.forget, args=(source.loading, source.contract))
    with source.target.transaction():
        runs.hold(source.target, source.contract, token)
        forgetting.start()
        waiting = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        until(lambda: source.target.execute(waiting, (source.loading.info.backend_pid,)).fetchone())
        history.keep(source.target, source.contract, part, token)
    forgetting.join(timeout=PATIENCE_S)
    assert source.target.execute("SELECT count(*) FROM sluice_feeds.import").fetchone() == (0,)
    with pytest.raises(Refused, match="was forgotten"):
        history.keep(source.target, source.contract, part, token)

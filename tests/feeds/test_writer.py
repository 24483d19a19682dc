"""What stands in PostgreSQL is what the newest record of each key says, whatever the order and however often."""

from __future__ import annotations

import itertools
import random
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from pipeline.core.errors import Misconfigured, NotThere, Refused
from pipeline.emulator.rds.server import PostgresServer
from pipeline.feeds.changes import Change, Decoder
from pipeline.feeds.definition import Feed
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.migrations import apply, plan
from pipeline.feeds.rotation import advance
from pipeline.feeds.writer import Writer, Written, versions_of
from tests.feeds.conftest import connect
from tests.feeds.contracts import KEYRING, TRANSACTIONS, feed, item, record

FIRST = Keyring({1: KEYRING.keys[1]}, KEYRING.legacy)


def migrated(target: psycopg.Connection[Any], contract: Feed | None = None, keyring: Keyring = FIRST) -> Feed:
    contract = contract or feed()
    apply(target, plan(target, contract, keyring))
    return contract


def write(target: psycopg.Connection[Any], contract: Feed, *records: dict[str, Any]) -> Written:
    with target.transaction():
        decoder = Decoder(contract, KEYRING, versions_of(target, contract))
        return Writer(contract).write(target, decoder.decode(records))


def rows(target: psycopg.Connection[Any], columns: str = "*") -> list[tuple[Any, ...]]:
    return target.execute(f"SELECT {columns} FROM bi.transactions ORDER BY transaction_id").fetchall()


def test_a_record_is_a_row_that_analysts_read(target: psycopg.Connection[Any]):
    contract = migrated(target)
    assert write(target, contract, record(5)) == Written(1, 0, 0)
    ((key, person, card, amount, band, booked, month, area),) = rows(target)
    assert (key, amount, band, area) == ("t1", Decimal("12.50"), "0 to below 100", "NE")
    assert (booked, month) == (datetime(2026, 4, 1, 1, 30, tzinfo=UTC), date(2026, 4, 1))
    assert {len(person), len(card)} == {64}


HISTORY = [
    record(1, amount={"N": "1"}),
    record(2, amount={"N": "2"}),
    record(3, event="REMOVE"),
    record(4, amount={"N": "4"}),
    record(5, event="REMOVE"),
]


@pytest.mark.parametrize("length", [4, 5])
def test_any_order_and_any_repetition_ends_as_the_newest_record_says(target: psycopg.Connection[Any], length: int):
    contract = migrated(target)
    expected = [(Decimal("4.00"),)] if length == 4 else []
    for order in itertools.permutations(HISTORY[:length]):
        target.execute("TRUNCATE sluice_feeds.bi_transactions")
        for told in (*order, order[0]):
            write(target, contract, told)
        assert rows(target, "amount") == expected, order


def of_stream(made: str, *records: dict[str, Any]) -> list[dict[str, Any]]:
    arn = f"arn:aws:dynamodb:eu-central-1:123456789012:table/transactions/stream/{made}"
    return [{**each, "eventSourceARN": arn} for each in records]


BEFORE, RESTORED = "2026-03-01T08:00:00.123", "2026-03-02T08:00:00.001"
EPOCHS = [
    *of_stream(BEFORE, record(10**39, amount={"N": "1"}), record(10**39 + 1, amount={"N": "2"})),
    *of_stream(RESTORED, record(7, amount={"N": "3"}), record(8, event="REMOVE")),
]


@pytest.mark.parametrize("length", range(1, len(EPOCHS) + 1))
def test_what_the_stream_of_a_restored_table_tells_is_newer_whatever_its_numbers(
    target: psycopg.Connection[Any], length: int
):
    """Only the numbers of one stream can be compared: AWS says nothing of those of another."""
    contract = migrated(target)
    for order in itertools.permutations(EPOCHS[:length]):
        target.execute("TRUNCATE sluice_feeds.bi_transactions")
        for each in order:
            write(target, contract, each)
        expected = [] if length == 4 else [(Decimal(EPOCHS[length - 1]["dynamodb"]["NewImage"]["amount"]["N"]),)]
        assert rows(target, "amount") == expected


def test_what_is_put_aside_keeps_the_number_that_its_stream_gave_it(target: psycopg.Connection[Any]):
    write(target, migrated(target), *of_stream(RESTORED, record(7, amount={"BOOL": True})))
    assert target.execute("SELECT sequence FROM sluice_feeds.refused").fetchall() == [(7,)]


def test_an_import_never_takes_the_place_of_what_the_stream_told(target: psycopg.Connection[Any]):
    contract = migrated(target)
    decoder = Decoder(contract, KEYRING, versions_of(target, contract))
    scanned = decoder.of_item(item(amount={"N": "0"}))
    assert isinstance(scanned, Change)
    for before, after in itertools.permutations([lambda: Writer(contract).write(target, [scanned]), lambda: None]):
        for told, expected in ((HISTORY[0], [(Decimal("1.00"),)]), (HISTORY[2], [])):
            target.execute("TRUNCATE sluice_feeds.bi_transactions")
            before()
            write(target, contract, told)
            after()
            assert rows(target, "amount") == expected
    target.execute("TRUNCATE sluice_feeds.bi_transactions")
    assert Writer(contract).write(target, [scanned]) == Written(1, 0, 0)
    assert rows(target, "amount") == [(Decimal("0.00"),)]


def test_a_poison_record_is_put_aside_without_its_value_and_the_good_ones_are_written(target: psycopg.Connection[Any]):
    contract = migrated(target)
    poison = record(6, "bad", amount={"N": "canary".replace("canary", "1.2345")})
    assert write(target, contract, record(5), poison, record(7, "t2")) == Written(2, 0, 1)
    assert [row[0] for row in rows(target)] == ["t1", "t2"]
    found = target.execute("SELECT feed, sequence, key, column_name, reason FROM sluice_feeds.refused").fetchall()
    assert found == [("transactions", 6, ["bad"], "amount", "has more than 2 digits behind the point")]
    write(target, contract, poison)
    assert len(target.execute("SELECT 1 FROM sluice_feeds.refused").fetchall()) == 1


def test_half_of_a_character_and_the_longest_key_fail_no_batch(target: psycopg.Connection[Any]):
    key = ["id", "sort"]
    columns = {"id": "text", "sort": "text", "said": "text"}
    contract = migrated(
        target,
        feed(
            columns=columns, namespaces={}, source={"table": "long", "key": key}, target={"table": "long", "key": key}
        ),
    )

    def told(sequence: int, id_: str, sort: str, said: str = "x") -> dict[str, Any]:
        keys = {"id": {"S": id_}, "sort": {"S": sort}}
        image = {**keys, "said": {"S": said}}
        return {
            "eventName": "MODIFY",
            "dynamodb": {"Keys": keys, "NewImage": image, "SequenceNumber": str(sequence)},
        }

    # Text that PostgreSQL cannot make shorter.
    chance = random.Random(1)
    texts = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=count)) for count in (1476, 1024, 2048)]
    good, long = told(1, texts[0], texts[1]), told(2, texts[2], texts[1])
    assert write(target, contract, good, long, told(3, "c", "c", "half \ud83d"), told(4, "d", "d")) == Written(2, 0, 2)
    # What fits is put aside with its key as well.
    assert write(target, contract, told(5, texts[0], texts[1], "\ud83d")) == Written(0, 0, 1)


def test_each_poison_item_of_an_import_is_put_aside(target: psycopg.Connection[Any]):
    contract = migrated(target)
    decode = Decoder(contract, KEYRING, versions_of(target, contract)).of_item
    for _ in range(2):
        found = [decode(item(key, amount={"N": "1.234"})) for key in ("a", "b")]
        assert Writer(contract).write(target, found) == Written(0, 0, 2)
    assert len(target.execute("SELECT 1 FROM sluice_feeds.refused").fetchall()) == 2


def test_a_batch_that_fails_changes_nothing(target: psycopg.Connection[Any]):
    contract = migrated(target)
    target.execute("ALTER TABLE sluice_feeds.bi_transactions ADD CHECK (area <> 'XX')")
    with pytest.raises(psycopg.errors.CheckViolation):
        write(target, contract, record(1), record(2, "t2", postcode={"S": "XX1"}))
    assert rows(target) == []
    write(target, contract, record(1))
    assert len(rows(target)) == 1


def test_writers_at_once_neither_deadlock_nor_go_back(target: psycopg.Connection[Any], postgres: PostgresServer):
    contract = migrated(target)
    count, keys, failures = 6, [f"t{n}" for n in range(40)], list[Exception]()

    def run(writer: int) -> None:
        order = keys if writer % 2 else keys[::-1]
        try:
            with connect(postgres, target.info.dbname) as own:
                for turn in range(5):
                    sequence = turn * count + writer
                    write(own, contract, *(record(sequence, key, amount={"N": str(sequence)}) for key in order))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(writer,)) for writer in range(1, count + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {amount for (amount,) in rows(target, "amount")} == {Decimal(5 * count)}


def test_a_new_key_leaves_all_rows_joining_with_those_to_come(target: psycopg.Connection[Any]):
    contract = migrated(target)
    other = migrated(target, feed(feed="payments", target={"table": "payments", "key": ["transaction_id"]}))
    write(target, contract, record(1), record(2, "t2"), record(3, "t3", event="REMOVE"))
    write(target, other, record(1))
    before = rows(target, "person")
    assert advance(target, "person", KEYRING) == 2
    write(target, contract, record(4, "t4"))
    found = {person for (person,) in rows(target, "person")}
    assert len(found) == 1
    assert found.isdisjoint(person for (person,) in before)
    assert target.execute("SELECT person FROM bi.payments").fetchall() == [(found.pop(),)]
    with pytest.raises(Refused, match="no newer key"):
        advance(target, "person", KEYRING)
    with pytest.raises(NotThere):
        advance(target, "patient", KEYRING)


def test_what_was_pseudonymised_elsewhere_can_be_brought_to_our_keys(target: psycopg.Connection[Any]):
    crm = {"identifier": "exact", "method": "sha256", "secret": "crm"}
    contract = migrated(target, feed(namespaces={**TRANSACTIONS["namespaces"], "person": crm}))
    write(target, contract, record(1))
    assert advance(target, "person", KEYRING) == 1
    write(target, contract, record(2, "t2"))
    assert len(set(rows(target, "person"))) == 1


def test_a_target_that_was_not_migrated_is_said(target: psycopg.Connection[Any]):
    migrated(target, feed(namespaces={"person": {"identifier": "email"}, "card": {}, "more": {}}))
    with pytest.raises(Misconfigured, match="knows no namespace other"):
        versions_of(target, feed(namespaces={"person": {}, "card": {}, "other": {}}))

"""An import and the live stream end as the source is, however their pages and records meet; a stop loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.clients import client
from pipeline.core.errors import Refused
from pipeline.feeds.changes import Decoder
from pipeline.feeds.definition import Feed
from pipeline.feeds.history import estimate, forget, import_history, segments_of
from pipeline.feeds.writer import Writer, versions_of
from tests.examples import examples
from tests.feeds.contracts import KEYRING, item, record
from tests.feeds.test_writer import migrated, rows, write


def decoder(contract: Feed) -> Any:
    return lambda versions: Decoder(contract, KEYRING, versions)


def empty_table() -> Any:
    """A client of DynamoDB, where the table of the contract is and has no items."""
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName="transactions",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return dynamodb


@pytest.fixture
def table(aws: None) -> Any:
    dynamodb = empty_table()
    for number in range(40):
        # Pages of a scan end at a megabyte.
        dynamodb.put_item(TableName="transactions", Item=item(f"t{number:02}", note={"S": "x" * 300_000}))
    return dynamodb


def test_an_import_that_was_stopped_goes_on(table: Any, target: psycopg.Connection[Any]):
    contract = migrated(target)
    pages = import_history(target, table, contract, decoder(contract), units=1e9)
    first = next(pages)
    pages.close()
    assert 0 < first.items < 40
    assert len(rows(target)) == first.items
    rest = list(import_history(target, table, contract, decoder(contract), units=1e9))
    assert len(rows(target)) == 40
    assert sum(segment.items for segment in segments_of(target, contract)) == 40
    assert len(rest) > 1
    with pytest.raises(Refused, match="is imported"):
        next(import_history(target, table, contract, decoder(contract), units=1e9))
    forget(target, contract)
    list(import_history(target, table, contract, decoder(contract), units=1e9))
    assert len(rows(target)) == 40


def test_the_rate_is_kept_and_known_before(table: Any, target: psycopg.Connection[Any]):
    contract = migrated(target)
    slept: list[float] = []
    list(import_history(target, table, contract, decoder(contract), units=0.5, sleep=slept.append))
    assert sum(slept) > 0
    found = estimate(table, contract, 10)
    assert found.items == 40
    assert found.hours == pytest.approx(found.bytes / 4096 / 10 / 3600)


STEP = st.one_of(
    st.tuples(st.just("put"), st.sampled_from("ab"), st.integers(1, 99)),
    st.tuples(st.just("delete"), st.sampled_from("ab"), st.just(0)),
    st.tuples(st.just("scan"), st.sampled_from("ab"), st.just(0)),
    st.tuples(st.just("tell"), st.just(""), st.integers(1, 3)),
    st.tuples(st.just("write scanned"), st.just(""), st.just(0)),
)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, min_size=1, max_size=10))
def test_in_any_order_the_target_ends_as_the_source_is(
    target: psycopg.Connection[Any], steps: list[tuple[str, str, int]]
):
    contract = migrated(target)
    target.execute("TRUNCATE sluice_feeds.bi_transactions")
    source: dict[str, int] = {"a": 7, "b": 8}
    told: list[dict[str, Any]] = []
    read: list[Mapping[str, Any]] = []
    at, decode = 0, decoder(contract)(versions_of(target, contract))

    def write_scanned() -> None:
        Writer(contract).write(target, map(decode.of_item, read))
        read.clear()

    rest = [("scan", "a", 0), ("scan", "b", 0), ("tell", "", 99), ("write scanned", "", 0)]
    for kind, key, number in [*steps, *rest]:
        if kind == "put":
            source[key] = number
            told.append(record(len(told) + 1, key, amount={"N": str(number)}))
        elif kind == "delete" and source.pop(key, None) is not None:
            told.append(record(len(told) + 1, key, event="REMOVE"))
        elif kind == "scan" and key in source:
            read.append(item(key, amount={"N": str(source[key])}))
        elif kind == "tell" and told[at : at + number]:
            # The last batch comes twice, as after a lost answer.
            write(target, contract, *told[max(0, at - 1) : at + number])
            at = min(at + number, len(told))
        elif kind == "write scanned":
            write_scanned()
    # The oldest record comes once more, after all others.
    write(target, contract, *told[:1])
    assert dict(rows(target, "transaction_id, amount")) == source

"""A key that was exchanged under its version is refused wherever it is used, and says nothing of itself."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from pipeline.core.errors import Misconfigured
from pipeline.emulator.rds.server import PostgresServer
from pipeline.feeds.erasure import erase
from pipeline.feeds.key_checks import verify
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.rotation import advance
from pipeline.feeds.writer import versions_of
from tests.feeds.conftest import connect
from tests.feeds.contracts import KEYRING, TRANSACTIONS, VERSIONS, feed, record
from tests.feeds.test_writer import migrated, rows, write

OTHER = bytes(range(100, 132))
EXCHANGED = Keyring({1: OTHER, 2: KEYRING.keys[2]}, KEYRING.legacy)
NOT_THE_ONE = "the key of version 1 in the secret of pseudonyms is not the one that the namespace"
NAMESPACES = feed().namespaces


def checks(target: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return target.execute("SELECT namespace, version FROM sluice_feeds.key_check ORDER BY 1, 2").fetchall()


def test_a_key_that_was_exchanged_under_its_version_is_refused(target: psycopg.Connection[Any]):
    migrated(target)
    for _ in range(2):
        verify(target, NAMESPACES, KEYRING, VERSIONS)
    assert checks(target) == [("card", 1), ("person", 1)]
    with pytest.raises(Misconfigured, match=NOT_THE_ONE) as refused:
        verify(target, NAMESPACES, EXCHANGED, VERSIONS)
    assert "AWSPREVIOUS" in str(refused.value.hint)
    values = [value for (value,) in target.execute("SELECT value FROM sluice_feeds.key_check")]
    assert len(set(values)) == 2
    assert not any(value[:8] in f"{refused.value} {refused.value.hint}" for value in values)
    # One that was never used may be another.
    verify(target, NAMESPACES, Keyring({1: KEYRING.keys[1], 2: OTHER}), VERSIONS)


def test_each_version_that_a_pseudonym_is_made_with_counts(target: psycopg.Connection[Any]):
    migrated(target)
    verify(target, NAMESPACES, KEYRING, {"person": 2, "card": 1})
    for changed in (1, 2):
        keys = {**KEYRING.keys, changed: OTHER}
        with pytest.raises(Misconfigured, match=f"the key of version {changed} "):
            verify(target, NAMESPACES, Keyring(keys), {"person": 2, "card": 1})
    crm = {"identifier": "exact", "method": "sha256", "secret": "crm"}
    foreign = feed(namespaces={**TRANSACTIONS["namespaces"], "person": crm}).namespaces
    target.execute("TRUNCATE sluice_feeds.key_check")
    verify(target, foreign, KEYRING, {"person": 0, "card": 1})
    with pytest.raises(Misconfigured, match="the foreign secret in"):
        verify(target, foreign, Keyring(KEYRING.keys, {"crm": "another"}), {"person": 0, "card": 1})


def test_of_two_who_begin_at_once_with_two_keys_one_is_refused(
    target: psycopg.Connection[Any], postgres: PostgresServer
):
    migrated(target)
    failures: list[Misconfigured] = []

    def begin() -> None:
        with connect(postgres, target.info.dbname) as other, other.transaction():
            try:
                verify(other, NAMESPACES, EXCHANGED, VERSIONS)
            except Misconfigured as error:
                failures.append(error)

    with target.transaction():
        verify(target, NAMESPACES, KEYRING, VERSIONS)
        thread = threading.Thread(target=begin)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive(), "it waits for what the first one writes"
    thread.join()
    assert len(failures) == 1


def test_nobody_is_erased_and_no_key_advanced_with_another_key(target: psycopg.Connection[Any]):
    contract = migrated(target)
    write(target, contract, record(1))
    with target.transaction():
        verify(target, NAMESPACES, KEYRING, versions_of(target, contract))
    before = rows(target)
    with pytest.raises(Misconfigured, match=NOT_THE_ONE):
        erase(target, contract, "person", "ada@example.org", EXCHANGED, dry_run=False)
    with pytest.raises(Misconfigured, match=NOT_THE_ONE):
        advance(target, "person", EXCHANGED)
    assert rows(target) == before
    assert advance(target, "person", KEYRING) == 2
    assert ("person", 2) in checks(target)
    with pytest.raises(Misconfigured, match="the key of version 2"):
        erase(target, contract, "person", "a", Keyring({**KEYRING.keys, 2: OTHER}), dry_run=True)

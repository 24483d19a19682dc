"""Each way of an import ends as the source is: whatever happens meanwhile, and wherever it was stopped."""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pipeline.core.clients import client
from pipeline.core.errors import Broken, Misconfigured, Refused
from pipeline.emulator.dynamodb.patches import calls
from pipeline.emulator.dynamodb.patches.streams import stream_of
from pipeline.emulator.rds.server import PostgresServer
from pipeline.feeds import readings
from pipeline.feeds.changes import Decoder, copy_of
from pipeline.feeds.definition import Feed
from pipeline.feeds.erasure import erase
from pipeline.feeds.imports.jobs import Job
from pipeline.feeds.imports.live import read_since
from pipeline.feeds.imports.ways import WAYS
from pipeline.feeds.migrations import plan
from pipeline.feeds.writer import Writer, versions_of
from tests.feeds.conftest import connect
from tests.feeds.contracts import KEYRING, TRANSACTIONS, feed, item, record
from tests.feeds.test_writer import migrated, rows, write

TABLE = "transactions"
COUNT = 30
BOB = {"M": {"email": {"S": "bob@x"}}}


def zipped(name: str, text: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(name, text)
    return written.getvalue()


class Killed(BaseException):
    """The process ends here."""


class Source:
    """A table with a stream, in moto; its streams are loaded when something waits, as by the function: by a connection
    of its own, `loading`."""

    def __init__(self, target: psycopg.Connection[Any], loading: psycopg.Connection[Any], contract: Feed) -> None:
        self.target, self.loading, self.contract = target, loading, contract
        self.dynamodb = client("dynamodb")
        self.create()
        role = client("iam").create_role(RoleName="load", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = {"ZipFile": zipped("load.py", "def handler(event, context): pass")}
        client("lambda").create_function(
            FunctionName="load", Runtime="python3.11", Role=role, Handler="load.handler", Code=code
        )
        client("lambda").create_event_source_mapping(
            FunctionName="load", EventSourceArn=self.stream, StartingPosition="TRIM_HORIZON"
        )
        client("s3").create_bucket(Bucket="exports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def create(self) -> None:
        made = self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )["TableDescription"]
        self.arn, self.stream = made["TableArn"], made["LatestStreamArn"]
        self.dynamodb.update_continuous_backups(
            TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    def fill(self, count: int = COUNT) -> None:
        for number in range(count):
            self.dynamodb.put_item(TableName=TABLE, Item=item(f"t{number:02}", amount={"N": str(number)}))

    def forget_stream(self) -> None:
        """The table was there before its stream."""
        with calls.changed:
            stream_of(self.stream).stream.undo(0)

    def load(self, arn: str) -> None:
        """Load all that a stream tells, as the function does."""
        with calls.changed:
            found = stream_of(arn)
            told = [entry.record.to_json() for shard in found.stream.shards().values() for entry in shard.entries]
        if told:
            records = json.loads(json.dumps([{**each, "eventSourceARN": arn} for each in told], default=str))
            write(self.loading, self.contract, *records)

    def load_all(self) -> None:
        self.load(self.stream)
        table = f"{self.arn.rpartition('/')[0]}/{copy_of(TABLE)}"
        streams = client("dynamodbstreams").list_streams(TableName=copy_of(TABLE))["Streams"]
        for each in streams:
            assert each["StreamArn"].startswith(table)
            self.load(each["StreamArn"])


@pytest.fixture
def source(aws: None, target: psycopg.Connection[Any], postgres: PostgresServer) -> Iterator[Source]:
    with connect(postgres, target.info.dbname) as loading:
        yield Source(target, loading, migrated(target))


def job(source: Source, *, kill_at: int = 0, **changed: Any) -> Job:
    """Whatever waits lets the function load what the streams tell."""
    given: dict[str, Any] = {"function": "load", "bucket": "exports", "prefix": "history"}
    clients = Calls(kill_at)
    return Job(
        source.contract,
        source.target,
        lambda versions: Decoder(source.contract, KEYRING, versions),
        1e9,
        **{**given, "client": clients.client, "sleep": lambda seconds: source.load_all(), **changed},
    )


class Calls:
    """Clients whose calls are counted. At the call `kill_at` the process ends: odd ones before it, even ones after."""

    def __init__(self, kill_at: int) -> None:
        self._kill_at, self._count = kill_at, 0

    def client(self, service: str) -> Any:
        return Counted(client(service), self)

    def called(self, call: Callable[..., Any], given: dict[str, Any]) -> Any:
        self._count += 1
        if self._count != self._kill_at:
            return call(**given)
        if self._count % 2:
            raise Killed
        with contextlib.suppress(Exception):
            call(**given)
        raise Killed


class Counted:
    def __init__(self, real: Any, calls: Calls) -> None:
        self._real, self._calls = real, calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name in ("exceptions", "get_paginator", "get_waiter"):
            return found
        return lambda **given: self._calls.called(found, given)


def target_state(source: Source) -> dict[str, int]:
    return {key: int(amount) for key, amount in rows(source.target, "transaction_id, amount")}


def source_state(source: Source) -> dict[str, int]:
    items = source.dynamodb.scan(TableName=TABLE)["Items"]
    return {each["id"]["S"]: int(each["amount"]["N"]) for each in items}


@pytest.mark.parametrize("way", WAYS)
def test_an_import_beside_the_live_stream_ends_as_the_source_is(source: Source, way: str):
    source.fill()
    source.forget_stream()
    found = WAYS[way](job(source))
    estimate = found.estimate()
    assert (estimate.items, estimate.within_retention) == (COUNT, True)
    assert estimate.bytes > 0
    for number, _ in enumerate(found.run()):
        source.dynamodb.put_item(TableName=TABLE, Item=item(f"t{number:02}", amount={"N": "777"}))
        source.dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": f"t{COUNT - 1 - number:02}"}})
    source.load_all()
    assert target_state(source) == source_state(source)
    assert found.compare().agrees
    assert source.dynamodb.list_tables()["TableNames"] == [TABLE]
    with pytest.raises(Refused, match="is imported"):
        next(found.run())
    found.forget()
    assert list(found.run())
    assert target_state(source) == source_state(source)


def give_up(source: Source) -> None:
    """Rows that the stream wrote, and changes of them that it told of in vain."""
    source.fill(6)
    source.load_all()
    source.forget_stream()
    for number in range(2):
        source.dynamodb.put_item(TableName=TABLE, Item=item(f"t{number:02}", amount={"N": "777"}))
    source.dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": "t02"}})
    source.dynamodb.put_item(TableName=TABLE, Item=item("new"))
    # What it was is on its row, and what it is now fits no column.
    source.dynamodb.put_item(TableName=TABLE, Item=item("t04", amount={"N": "1.234"}))
    source.forget_stream()


def test_what_the_stream_gave_up_is_told_by_day_and_repaired_in_place(source: Source):
    give_up(source)
    for way in ("copy", "export"):
        found = WAYS[way](job(source))
        list(found.run())
        compared = found.compare()
        assert not compared.agrees, way
        assert (compared.missing, compared.different, compared.surplus, compared.in_motion) == (0, 2, 2, 0)
        assert [(day.wrong, day.agrees) for day in compared.days] == [(4, False)]
        found.forget()
    in_place = WAYS["in-place"](job(source))
    list(in_place.run())
    assert target_state(source) == {"t00": 777, "t01": 777, "t03": 3, "t04": 4, "t05": 5, "new": 12}
    compared = in_place.compare()
    # An item that is no row leaves the row that it was.
    assert (compared.missing, compared.different, compared.surplus, compared.refused) == (0, 0, 1, 1)
    source.dynamodb.put_item(TableName=TABLE, Item=item("t04", amount={"N": "5"}))
    source.load_all()
    assert in_place.compare().agrees
    # Only what the stream told of stays as the stream told it: the next change of a repaired row is newer.
    source.dynamodb.put_item(TableName=TABLE, Item=item("t02", amount={"N": "8"}))
    source.dynamodb.put_item(TableName=TABLE, Item=item("t00", amount={"N": "9"}))
    source.load_all()
    assert {**target_state(source), "new": 12} == {
        "t00": 9,
        "t01": 777,
        "t02": 8,
        "t03": 3,
        "t04": 5,
        "t05": 5,
        "new": 12,
    }


def test_what_is_on_its_way_is_waited_for_and_what_comes_meanwhile_is_in_motion(source: Source):
    source.fill(3)
    list(WAYS["in-place"](job(source)).run())
    source.dynamodb.put_item(TableName=TABLE, Item=item("t00", amount={"N": "777"}))
    assert WAYS["in-place"](job(source)).compare().agrees
    source.dynamodb.put_item(TableName=TABLE, Item=item("t01", amount={"N": "777"}))

    def change_and_load(seconds: float) -> None:
        source.dynamodb.put_item(TableName=TABLE, Item=item("t02", amount={"N": "777"}))
        source.load_all()

    compared = WAYS["in-place"](job(source, sleep=change_and_load)).compare()
    assert (compared.agrees, compared.in_motion) == (True, 1)
    assert [(day.agrees, day.wrong) for day in compared.days] == [(False, 0)]


def test_who_was_erased_does_not_come_back_with_an_import(source: Source):
    source.fill(3)
    source.load_all()
    source.dynamodb.put_item(TableName=TABLE, Item=item("t00", amount={"N": "1"}, customer=BOB))
    source.load_all()
    assert [each.rows for each in erase(source.target, source.contract, "person", "bob@x", KEYRING, dry_run=False)] == [
        1
    ]
    in_place = WAYS["in-place"](job(source))
    list(in_place.run())
    assert target_state(source) == {"t01": 1, "t02": 2}
    compared = in_place.compare()
    assert (compared.agrees, compared.erased, compared.different) == (True, 1, 0)
    # The source says so, and it does: what it has is written at its next change.
    source.dynamodb.put_item(TableName=TABLE, Item=item("t00", amount={"N": "2"}, customer=BOB))
    source.load_all()
    assert len(target_state(source)) == 3


def test_an_import_in_place_fills_a_column_that_is_new(source: Source):
    source.fill(3)
    source.load_all()
    source.dynamodb.put_item(TableName=TABLE, Item=item("t00", amount={"N": "0"}, tariff={"S": "night"}))
    source.load_all()
    columns = {name: said for name, said in TRANSACTIONS["columns"].items() if name != "area"}
    source.contract = migrated(source.target, feed(columns={**columns, "tariff": "text"}))
    assert rows(source.target, "tariff") == [(None,)] * 3
    in_place = WAYS["in-place"](job(source))
    list(in_place.run())
    assert rows(source.target, "tariff") == [("night",), (None,), (None,)]
    assert in_place.compare().agrees
    # What a column that is gone held stays in rows that have not changed.
    stored = source.target.execute("SELECT area FROM sluice_feeds.bi_transactions ORDER BY transaction_id").fetchall()
    assert stored == [(None,), ("NE",), ("NE",)]


def test_rows_that_an_earlier_version_wrote_are_repaired_and_none_that_it_writes_meanwhile(source: Source):
    give_up(source)
    earlier = "ALTER TABLE sluice_feeds.bi_transactions DROP COLUMN sluice_reading"
    for statement in (
        earlier,
        "DROP SEQUENCE sluice_feeds.reading",
        "ALTER TABLE sluice_feeds.import_run DROP COLUMN reading",
    ):
        source.target.execute(statement)
    upgrade = plan(source.target, source.contract, KEYRING).statements
    assert len(upgrade) == 5, "sequence, two columns, no default, tombstones"
    migrated(source.target)
    assert plan(source.target, source.contract, KEYRING).statements == ()
    in_place = WAYS["in-place"](job(source))
    steps = in_place.run()
    next(steps)
    # A function of the earlier version changes a row while the import runs: it knows no number.
    source.target.execute(
        "UPDATE sluice_feeds.bi_transactions SET amount = 5, sluice_reading = NULL WHERE transaction_id = 't05'"
    )
    list(steps)
    assert target_state(source) == {"t00": 777, "t01": 777, "t03": 3, "t04": 4, "t05": 5, "new": 12}


@pytest.mark.thorough
@pytest.mark.parametrize("way", WAYS)
def test_an_import_that_is_killed_at_any_call_goes_on(source: Source, way: str):
    source.fill(5)
    source.forget_stream()
    for kill_at in itertools.count(1):
        WAYS[way](job(source)).forget()
        source.target.execute("TRUNCATE sluice_feeds.bi_transactions")
        try:
            list(WAYS[way](job(source, kill_at=kill_at)).run())
            break
        except Killed:
            list(WAYS[way](job(source)).run())
        assert target_state(source) == source_state(source), kill_at
        assert source.dynamodb.list_tables()["TableNames"] == [TABLE]
    assert kill_at > 5


def test_one_way_at_a_time(source: Source):
    source.fill(3)
    next(WAYS["in-place"](job(source)).run())
    with pytest.raises(Refused, match="under way: in-place"):
        next(WAYS["export"](job(source)).run())
    with pytest.raises(Misconfigured, match="needs the function"):
        next(WAYS["copy"](job(source, function=None)).run())


def test_an_import_needs_a_stream_that_is_read(source: Source):
    source.fill(3)
    lambda_ = client("lambda")
    [mapping] = lambda_.list_event_source_mappings(FunctionName="load")["EventSourceMappings"]
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    for way in WAYS:
        with pytest.raises(Refused, match="its mapping is Disabled"):
            next(WAYS[way](job(source)).run())
        WAYS[way](job(source)).forget()
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(Refused, match="changes between are lost"):
        next(WAYS["in-place"](job(source, clock=lambda: long_ago)).run())
    lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
    with pytest.raises(Misconfigured, match="does not read the stream"):
        next(WAYS["in-place"](job(source)).run())


def test_a_table_without_point_in_time_recovery_is_not_exported_and_another_way_is_open(source: Source):
    source.fill(3)
    off = {"PointInTimeRecoveryEnabled": False}
    source.dynamodb.update_continuous_backups(TableName=TABLE, PointInTimeRecoverySpecification=off)
    with pytest.raises(Refused, match="point-in-time recovery of transactions is off"):
        next(WAYS["export"](job(source)).run())
    WAYS["export"](job(source)).forget()
    assert list(WAYS["in-place"](job(source)).run())


def test_since_when_a_mapping_reads():
    day, hour = datetime(2026, 1, 2, tzinfo=UTC), timedelta(hours=1)
    arn = "arn:aws:dynamodb:eu-west-1:1:table/t/stream/2026-01-01T12:00:00.000"
    found = {"EventSourceArn": arn, "StartingPosition": "TRIM_HORIZON", "LastModified": day}
    assert read_since(found) == day - 12 * hour
    assert read_since({**found, "LastModified": day + 24 * hour}) == day
    assert read_since({**found, "StartingPosition": "LATEST"}) > day


@pytest.mark.parametrize("damage", ["more bytes", "fewer items", "no manifest"])
def test_an_export_that_was_damaged_is_not_taken_for_whole(source: Source, damage: str):
    source.fill()
    way = WAYS["export"](job(source))
    next(way.run())
    s3 = client("s3")
    for each in s3.list_objects_v2(Bucket="exports")["Contents"]:
        body = s3.get_object(Bucket="exports", Key=each["Key"])["Body"].read()
        if each["Key"].endswith("manifest-files.json" if damage == "no manifest" else ".json.gz"):
            changed = gzip.compress(b"") if damage == "fewer items" else body + b" "
            s3.put_object(Bucket="exports", Key=each["Key"], Body=changed)
    with pytest.raises(Broken, match="is not"):
        list(way.run())
    with pytest.raises(Broken, match="is not"):
        way.compare()


CONTRACT = feed(columns={"transaction_id": {"from": "id"}, "amount": "bigint"}, namespaces={})
OPERATIONS = ("put", "delete", "page", "tell", "reorder")
Piece = tuple[int | None, dict[str, Any]]
"""A record (without a reading's number), or what a page had of the item, and the number of its reading."""


class Interleaving:
    """What happens to one item, and what of it reaches the writer with each operation.

    A record that is given up ("lose") never comes: not the next that is told of, nor when it is told of again.
    """

    def __init__(self, way: str, name: str) -> None:
        self.way, self.name = way, name
        self.value: int | None = 7
        self.log: list[dict[str, Any]] = []
        self.lost: list[dict[str, Any]] = []
        self.told = 0
        self.read: list[Piece] = []

    def put(self, reading: int) -> list[Piece]:
        self.value = reading
        self.log.append(record(len(self.log) + 1, self.name, amount={"N": str(reading)}))
        return []

    def delete(self, reading: int) -> list[Piece]:
        if self.value is not None:
            self.log.append(record(len(self.log) + 1, self.name, event="REMOVE"))
        self.value = None
        return []

    def page(self, reading: int) -> list[Piece]:
        """Read what is there, and write what was read with the page before. Of an export, the first page is all."""
        before = self.read[-1:]
        if self.way == "export" and self.read:
            return before
        self.read.append((reading if self.way == "in-place" else None, self._seen()))
        return before

    def tell(self, reading: int) -> list[Piece]:
        """Tell of the next change, and of the one before it again."""
        self.told += 1
        return self._records(self.log[max(self.told - 2, 0) : self.told])

    def lose(self, reading: int) -> list[Piece]:
        self.lost += self.log[self.told : self.told + 1]
        self.told += 1
        return []

    def reorder(self, reading: int) -> list[Piece]:
        return self._records(self.log[-1:])

    def first(self, reading: int) -> list[Piece]:
        return self._records(self.log[:1])

    def all(self, reading: int) -> list[Piece]:
        return self._records(self.log)

    def last_page(self, reading: int) -> list[Piece]:
        return self.read[-1:]

    def first_page(self, reading: int) -> list[Piece]:
        return self.read[:1]

    def _records(self, told: list[dict[str, Any]]) -> list[Piece]:
        return [(None, each) for each in told if each not in self.lost]

    def _seen(self) -> dict[str, Any]:
        if self.value is None:
            return {}
        found = item(self.name, amount={"N": str(self.value)})
        if self.way != "copy":
            return found
        arn = f"arn:aws:dynamodb:eu-west-1:1:table/{copy_of(TABLE)}/stream/x"
        # The copy's numbers are its own, and may be greater than all of the live stream.
        return {**record(10**30, self.name, event="INSERT", amount=found["amount"]), "eventSourceARN": arn}


def write_pieces(target: psycopg.Connection[Any], contract: Feed, told: list[tuple[str, Piece]]) -> None:
    """Write what came of many items at once; an item that a reading did not find is gone by its end."""
    decoder, writer = Decoder(contract, KEYRING, versions_of(target, contract)), Writer(contract)
    for number in sorted({each for _, (each, _) in told}, key=lambda each: each or 0):
        found = [piece for _, (each, piece) in told if each == number and piece]
        changes = (
            next(iter(decoder.decode([each]))) if "dynamodb" in each else decoder.of_item(each) for each in found
        )
        writer.write(target, changes, number)
        gone = [name for name, (each, piece) in told if each == number and not piece]
        if number is not None and gone:
            with target.cursor() as cursor:
                query = writer.removal(cursor) + sql.SQL(" AND transaction_id = ANY(%s)")
                cursor.execute(query, (number, number, gone))


@pytest.mark.thorough
@pytest.mark.parametrize("way", WAYS)
def test_all_interleavings_of_six_operations_end_as_one_import_at_once(target: psycopg.Connection[Any], way: str):
    """With records that are given up among them where the import repairs."""
    contract = migrated(target, CONTRACT)
    operations = (*OPERATIONS, "lose") if way == "in-place" else OPERATIONS
    sequences = [each for length in range(7) for each in itertools.product(operations, repeat=length)]
    found = [Interleaving(way, f"{number}") for number in range(len(sequences))]

    def step(names: list[str | None]) -> None:
        # What is read in a step is read before it is written in a later one.
        reading = readings.begin(target)
        said = [(each, getattr(each, name)(reading)) for each, name in zip(found, names, strict=True) if name]
        write_pieces(target, contract, [(each.name, piece) for each, pieces in said for piece in pieces])

    for place in range(6):
        step([said[place] if place < len(said) else None for said in sequences])
    # The last page is read before or after all records have come; where some never come, after: that import repairs.
    # What is late comes last: the last page again, the first one, the first change.
    rest = ["all", "page", "last_page", "last_page", "first_page", "first", "all"]
    if way != "in-place":
        rest = ["page", *rest]
    for name in rest:
        step([name] * len(found))
    expected = {each.name: each.value for each in found if each.value is not None}
    assert dict(rows(target, "transaction_id, amount")) == expected

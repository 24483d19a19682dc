"""Each way of an import ends as the source is: whatever happens meanwhile, and wherever it was stopped."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from pipeline.core.clients import client
from pipeline.core.errors import Broken, Misconfigured, Refused
from pipeline.emulator.dynamodb.patches import calls
from pipeline.emulator.dynamodb.patches.streams import stream_of
from pipeline.feeds.changes import Decoder, copy_of
from pipeline.feeds.definition import Feed
from pipeline.feeds.imports.jobs import Job
from pipeline.feeds.imports.live import read_since
from pipeline.feeds.imports.ways import WAYS
from pipeline.feeds.writer import Writer, versions_of
from tests.feeds.contracts import KEYRING, feed, item, record
from tests.feeds.test_writer import migrated, rows, write

TABLE = "transactions"
COUNT = 30


def zipped(name: str, text: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(name, text)
    return written.getvalue()


class Killed(BaseException):
    """The process ends here."""


class Source:
    """A table with a stream, in moto; its streams are loaded when something waits, as by the function."""

    def __init__(self, target: psycopg.Connection[Any], contract: Feed) -> None:
        self.target, self.contract = target, contract
        self.dynamodb = client("dynamodb")
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
        role = client("iam").create_role(RoleName="load", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = {"ZipFile": zipped("load.py", "def handler(event, context): pass")}
        client("lambda").create_function(
            FunctionName="load", Runtime="python3.11", Role=role, Handler="load.handler", Code=code
        )
        client("lambda").create_event_source_mapping(
            FunctionName="load", EventSourceArn=self.stream, StartingPosition="TRIM_HORIZON"
        )
        client("s3").create_bucket(Bucket="exports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

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
            write(self.target, self.contract, *records)

    def load_all(self) -> None:
        self.load(self.stream)
        table = f"{self.arn.rpartition('/')[0]}/{copy_of(TABLE)}"
        streams = client("dynamodbstreams").list_streams(TableName=copy_of(TABLE))["Streams"]
        for each in streams:
            assert each["StreamArn"].startswith(table)
            self.load(each["StreamArn"])


@pytest.fixture
def source(aws: None, target: psycopg.Connection[Any]) -> Source:
    return Source(target, migrated(target))


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


class Interleaving:
    """What happens to one item, and what of it reaches the writer with each operation."""

    def __init__(self, way: str, name: str) -> None:
        self.way, self.name = way, name
        self.value: int | None = 7
        self.log: list[dict[str, Any]] = []
        self.told = 0
        self.read: list[dict[str, Any]] = []

    def put(self, number: int) -> list[Any]:
        self.value = number
        self.log.append(record(len(self.log) + 1, self.name, amount={"N": str(number)}))
        return []

    def delete(self, number: int) -> list[Any]:
        if self.value is not None:
            self.log.append(record(len(self.log) + 1, self.name, event="REMOVE"))
        self.value = None
        return []

    def page(self, number: int) -> list[Any]:
        """Read what is there, and write what was read with the page before. Of an export, the first page is all."""
        before = self.read[-1:]
        if self.way == "export" and self.read:
            return before
        self.read.append(self._seen())
        return before

    def tell(self, number: int) -> list[Any]:
        """Tell of the next change, and of the one before it again."""
        self.told += 1
        return self.log[max(self.told - 2, 0) : self.told]

    def reorder(self, number: int) -> list[Any]:
        return self.log[-1:]

    def rest(self) -> list[list[Any]]:
        """Read and write the last page, and tell of all changes."""
        return [self.page(0), self.read[-1:], self.log]

    def _seen(self) -> dict[str, Any]:
        if self.value is None:
            return {}
        found = item(self.name, amount={"N": str(self.value)})
        if self.way != "copy":
            return found
        arn = f"arn:aws:dynamodb:eu-west-1:1:table/{copy_of(TABLE)}/stream/x"
        # The copy's numbers are its own, and may be greater than all of the live stream.
        return {**record(10**30, self.name, event="INSERT", amount=found["amount"]), "eventSourceARN": arn}


@pytest.mark.thorough
@pytest.mark.parametrize("way", WAYS)
def test_all_interleavings_of_six_operations_end_as_one_import_at_once(target: psycopg.Connection[Any], way: str):
    contract = migrated(target, CONTRACT)
    decoder, writer = Decoder(contract, KEYRING, versions_of(target, contract)), Writer(contract)
    sequences = [each for length in range(7) for each in itertools.product(OPERATIONS, repeat=length)]
    found = [Interleaving(way, f"{number}") for number in range(len(sequences))]

    def write_all(pieces: list[list[Any]]) -> None:
        told = [each for piece in pieces for each in piece if each]
        changes = (next(iter(decoder.decode([each]))) if "dynamodb" in each else decoder.of_item(each) for each in told)
        writer.write(target, changes)

    for place in range(6):
        steps = zip(found, sequences, strict=True)
        write_all([getattr(each, said[place])(place) for each, said in steps if place < len(said)])
    for pieces in zip(*(each.rest() for each in found), strict=True):
        write_all(list(pieces))
    expected = {each.name: each.value for each in found if each.value is not None}
    assert dict(rows(target, "transaction_id, amount")) == expected

"""DynamoDB streams as event sources: order, filters, splits, retries, age, and where given-up changes go."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.core.clock import system_clock
from pipeline.emulator.awslambda.event_sources.mappings import all_mappings
from pipeline.emulator.awslambda.event_sources.stream_poller import StreamPoller
from pipeline.emulator.awslambda.patches import functions
from pipeline.emulator.dynamodb import streams
from pipeline.emulator.dynamodb.patches import calls
from pipeline.emulator.dynamodb.patches.streams import stream_of
from pipeline.emulator.dynamodb.streams import place_of
from tests.emulator.awslambda.lambda_parts import ACCOUNT, REGION, Parts
from tests.patience import until

# Each invocation prints the ids of its batch; `bad` is whether the batch holds the change of that name.
RECORD = """
import time
def handler(event, context):
    records = event["Records"]
    ids = [record["dynamodb"]["Keys"]["id"]["S"] for record in records]
    print("BATCH", " ".join(ids))
    bad = "bad" in ids
    %s
"""


class Streamed:
    """A table with a stream, a function on it, and what the function got."""

    def __init__(self, parts: Parts, name: str, body: str = "return None", view: str = "NEW_AND_OLD_IMAGES") -> None:
        self._parts = parts
        self.name = name
        self.function = parts.create(name, RECORD % body, Timeout=120)
        answer = parts.aws("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
        )
        self.stream = answer["TableDescription"]["LatestStreamArn"]

    def map(self, **settings: Any) -> str:
        given = {"StartingPosition": "TRIM_HORIZON", **settings}
        answer = self._parts.aws("lambda").create_event_source_mapping(
            EventSourceArn=self.stream, FunctionName=self.name, **given
        )
        return str(answer["UUID"])

    def put(self, *ids: str, **attributes: Any) -> None:
        for each in ids:
            self._parts.aws("dynamodb").put_item(TableName=self.name, Item={"id": {"S": each}, **attributes})

    def batches(self) -> list[str]:
        lines = self._parts.log_lines(f"/aws/lambda/{self.name}")
        return [line.removeprefix("BATCH ") for line in lines if line.startswith("BATCH")]

    def settled(self) -> bool:
        """Whether everything in the stream is done with."""
        [mapping] = [found for found in all_mappings() if found.event_source_arn == self.stream]
        with calls.changed:
            return bool(mapping.position.is_drained(stream_of(self.stream).stream))

    def records(self) -> list[Any]:
        reader = self._parts.aws("dynamodbstreams")
        shard = reader.describe_stream(StreamArn=self.stream)["StreamDescription"]["Shards"][0]["ShardId"]
        iterator = reader.get_shard_iterator(StreamArn=self.stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]
        found: list[Any] = reader.get_records(ShardIterator=iterator)["Records"]
        return found


def lost(parts: Parts, url: str) -> Any:
    return json.loads(parts.received(url)["Body"])


def on_failure(queue: str) -> dict[str, Any]:
    return {"OnFailure": {"Destination": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"}}


def test_changes_come_in_order_in_batches_of_the_asked_size(parts: Parts) -> None:
    streamed = Streamed(parts, "ordered")
    streamed.put(*"abcde")
    streamed.map(BatchSize=2)
    until(streamed.settled)
    assert streamed.batches() == ["a b", "c d", "e"]
    streamed.put("f")
    until(lambda: streamed.batches()[-1] == "f")


def test_a_record_has_the_shape_that_aws_gives_it(parts: Parts) -> None:
    streamed = Streamed(parts, "shaped", "import json; print('RECORD', json.dumps(records[-1]))")
    streamed.put("a", n={"N": "1"})
    streamed.put("a", n={"N": "2"})
    streamed.map()
    [text] = until(lambda: [x for x in parts.log_lines("/aws/lambda/shaped") if x.startswith("RECORD")])
    record = json.loads(text.removeprefix("RECORD "))
    assert record["eventName"] == "MODIFY"
    assert record["eventVersion"] == "1.1"
    assert record["eventSource"] == "aws:dynamodb"
    assert record["awsRegion"] == REGION
    assert record["eventSourceARN"] == streamed.stream
    data = record["dynamodb"]
    assert data["Keys"] == {"id": {"S": "a"}}
    assert (data["OldImage"]["n"], data["NewImage"]["n"]) == ({"N": "1"}, {"N": "2"})
    assert data["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert abs(data["ApproximateCreationDateTime"] - time.time()) < 60
    assert data["SequenceNumber"].isdecimal()


def test_latest_leaves_out_what_was_written_before(parts: Parts) -> None:
    streamed = Streamed(parts, "latest")
    streamed.put("before")
    streamed.map(StartingPosition="LATEST")
    streamed.put("after")
    until(streamed.settled)
    assert streamed.batches() == ["after"]


def test_a_window_gathers_until_the_batch_is_full(parts: Parts) -> None:
    streamed = Streamed(parts, "gathered")
    streamed.map(MaximumBatchingWindowInSeconds=100, BatchSize=2)
    streamed.put("a")
    time.sleep(0.3)
    assert streamed.batches() == []
    streamed.put("b")
    until(streamed.settled)
    assert streamed.batches() == ["a b"]


def test_a_batch_that_does_not_fill_goes_when_the_window_closes(parts: Parts) -> None:
    streamed = Streamed(parts, "closing")
    streamed.map(MaximumBatchingWindowInSeconds=1, BatchSize=10)
    began = time.monotonic()
    streamed.put("a")
    until(streamed.settled)
    assert time.monotonic() - began > 0.9
    assert streamed.batches() == ["a"]


def test_filters_choose_changes_and_the_others_are_passed_over(parts: Parts) -> None:
    streamed = Streamed(parts, "filtered")
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": [{"anything-but": "noise"}]}}}}
    streamed.map(FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    streamed.put("a", "b", kind={"S": "noise"})
    until(streamed.settled)
    assert streamed.batches() == []
    streamed.put("c", kind={"S": "word"})
    streamed.put("c", kind={"S": "changed"})
    until(streamed.settled)
    assert streamed.batches() == ["c"]


def test_a_batch_that_fails_holds_up_its_shard_until_it_is_given_up(parts: Parts) -> None:
    streamed, url = Streamed(parts, "held", "assert not bad"), parts.queue("held-lost")
    streamed.put("a", "bad", "b")
    streamed.map(BatchSize=2, MaximumRetryAttempts=2, DestinationConfig=on_failure("held-lost"))
    until(streamed.settled)
    assert streamed.batches() == ["a bad", "a bad", "a bad", "b"]
    record = lost(parts, url)
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestContext"]["functionArn"] == streamed.function
    assert record["responseContext"]["functionError"] == "Unhandled"
    first, last = streamed.records()[:2]
    assert record["DDBStreamBatchInfo"] == {
        "shardId": record["DDBStreamBatchInfo"]["shardId"],
        "startSequenceNumber": first["dynamodb"]["SequenceNumber"],
        "endSequenceNumber": last["dynamodb"]["SequenceNumber"],
        "approximateArrivalOfFirstRecord": f"{first['dynamodb']['ApproximateCreationDateTime']:%Y-%m-%dT%H:%M:%SZ}",
        "approximateArrivalOfLastRecord": f"{last['dynamodb']['ApproximateCreationDateTime']:%Y-%m-%dT%H:%M:%SZ}",
        "batchSize": 2,
        "streamArn": streamed.stream,
    }


def test_splitting_finds_the_bad_change_and_the_others_succeed(parts: Parts) -> None:
    streamed, url = Streamed(parts, "split", "assert not bad"), parts.queue("split-lost")
    streamed.put("a", "b", "bad", "c")
    streamed.map(BisectBatchOnFunctionError=True, MaximumRetryAttempts=0, DestinationConfig=on_failure("split-lost"))
    until(streamed.settled)
    assert streamed.batches() == ["a b bad c", "a b", "bad c", "bad", "c"]
    assert lost(parts, url)["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_reported_failure_is_where_the_batch_goes_on(parts: Parts) -> None:
    report = """numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    failed = [number for number, name in zip(numbers, ids) if name in ("bad", "c")] if bad else []
    return {"batchItemFailures": [{"itemIdentifier": number} for number in reversed(failed)]}
"""
    streamed, url = Streamed(parts, "reported", report), parts.queue("reported-lost")
    streamed.put("a", "bad", "b", "c")
    streamed.map(
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=1,
        DestinationConfig=on_failure("reported-lost"),
    )
    until(streamed.settled)
    assert streamed.batches() == ["a bad b c", "bad b c"]
    assert lost(parts, url)["DDBStreamBatchInfo"]["batchSize"] == 3


def test_a_report_that_cannot_be_understood_repeats_the_batch(parts: Parts) -> None:
    streamed = Streamed(parts, "garbled", "return {'batchItemFailures': [{'itemIdentifier': 'who'}]}")
    streamed.put("a", "b")
    streamed.map(FunctionResponseTypes=["ReportBatchItemFailures"], MaximumRetryAttempts=1)
    until(streamed.settled)
    assert streamed.batches() == ["a b", "a b"]


def test_changes_that_are_too_old_are_given_up_untried(parts: Parts) -> None:
    streamed, url = Streamed(parts, "stale"), parts.queue("stale-lost")
    streamed.put("a", "b")
    source = streamed.map(Enabled=False, MaximumRecordAgeInSeconds=60, DestinationConfig=on_failure("stale-lost"))
    # A copy: the lake's own poller, by today's clock, must not find the mapping enabled.
    [mapping] = [copy.copy(found) for found in all_mappings() if found.uuid == source]
    mapping.enabled = True
    in_an_hour = StreamPoller(
        mapping,
        parts.front.endpoint,
        lambda arn, event: parts.workers.invoke(functions.resolve(arn), event),
        clock=lambda: system_clock() + timedelta(hours=1),
    )
    try:
        record = lost(parts, url)
    finally:
        in_an_hour.stop()
        parts.aws("lambda").delete_event_source_mapping(UUID=source)
    assert record["requestContext"]["condition"] == "RecordAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["DDBStreamBatchInfo"]["batchSize"] == 2
    assert "responseContext" not in record
    assert streamed.batches() == []


def test_a_throttled_batch_is_not_tried_and_not_given_up(parts: Parts) -> None:
    streamed = Streamed(parts, "narrow")
    client = parts.aws("lambda")
    client.put_function_concurrency(FunctionName="narrow", ReservedConcurrentExecutions=0)
    streamed.put("a")
    streamed.map(MaximumRetryAttempts=0)
    time.sleep(0.5)
    assert not streamed.settled()
    client.delete_function_concurrency(FunctionName="narrow")
    until(streamed.settled)
    assert streamed.batches() == ["a"]


def test_a_source_that_was_disabled_goes_on_where_it_was(parts: Parts) -> None:
    streamed = Streamed(parts, "resumed")
    source = streamed.map()
    streamed.put("a")
    until(streamed.settled)
    client = parts.aws("lambda")
    poller = parts.poller(source)
    client.update_event_source_mapping(UUID=source, Enabled=False)
    until(lambda: not poller.is_alive())
    streamed.put("b")
    time.sleep(0.3)
    assert streamed.batches() == ["a"]
    client.update_event_source_mapping(UUID=source, Enabled=True)
    until(streamed.settled)
    assert streamed.batches() == ["a", "b"]


def test_writing_does_not_wait_for_the_function(parts: Parts, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    streamed = Streamed(parts, "slow", f"import os\n    while not os.path.exists({str(go_on)!r}): time.sleep(0.05)")
    streamed.map()
    streamed.put("a", "b", "c")
    assert not streamed.settled()
    go_on.touch()
    until(streamed.settled)


def test_changes_too_large_for_one_invocation_are_parted(parts: Parts) -> None:
    streamed = Streamed(parts, "heavy", view="NEW_IMAGE")
    streamed.put(*(f"{n:02}" for n in range(20)), data={"S": "x" * 390_000})
    streamed.map()
    until(streamed.settled)
    assert [len(batch.split()) for batch in streamed.batches()] == [16, 4]


# Who is first waits for the other: neither ends if they do not run at once.
MEET = """import pathlib
    mine, other = ids[0], {"%s": "%s", "%s": "%s"}.get(ids[0])
    pathlib.Path(%r, mine).touch()
    while other and not pathlib.Path(%r, other).exists(): time.sleep(0.02)"""


def meeting(folder: Path, one: str, two: str) -> str:
    return MEET % (one, two, two, one, str(folder), str(folder))


def keys_of(place: Callable[[str], int]) -> tuple[str, str]:
    """A key of each of two places."""
    names = [f"k{number}" for number in range(40)]
    return next(name for name in names if place(name) == 0), next(name for name in names if place(name) == 1)


def test_a_shard_is_read_to_its_end_before_its_children_which_are_read_at_once(parts: Parts, tmp_path: Path) -> None:
    low, high = keys_of(lambda name: place_of({"S": name}) >> 63)
    streamed = Streamed(parts, "sharded", meeting(tmp_path, low, high))
    streamed.put("a", "b", "c")
    with calls.changed:
        [shard] = stream_of(streamed.stream).stream.shards()
        stream_of(streamed.stream).stream.split(shard)
    for number in range(2):
        streamed.put(low, high, number={"N": str(number)})
    streamed.map(BatchSize=2)
    until(streamed.settled)
    batches = streamed.batches()
    assert batches[:2] == ["a b", "c"]
    assert sorted(batches[2:]) == sorted([f"{low} {low}", f"{high} {high}"])


def test_a_shard_is_read_by_several_at_once_each_key_in_its_order(parts: Parts, tmp_path: Path) -> None:
    one, two = keys_of(lambda name: place_of(json.dumps({"id": {"S": name}})) % 2)
    streamed = Streamed(parts, "parallel", meeting(tmp_path, one, two) + "\n    assert mine != 'x'")
    for number in range(3):
        streamed.put(one, two, number={"N": str(number)})
    source = streamed.map(ParallelizationFactor=2)
    until(streamed.settled)
    assert sorted(streamed.batches()) == sorted([f"{one} {one} {one}", f"{two} {two} {two}"])
    parts.aws("lambda").update_event_source_mapping(UUID=source, ParallelizationFactor=1)
    streamed.put("a", "b")
    until(lambda: streamed.settled() and {"a", "b"} <= set(" ".join(streamed.batches()).split()))


def test_records_that_end_before_they_succeed_are_given_up(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    streamed, url = Streamed(parts, "ended", "assert not bad"), parts.queue("ended-lost")
    streamed.put("bad")
    streamed.map(DestinationConfig=on_failure("ended-lost"))
    until(lambda: len(streamed.batches()) > 1)
    monkeypatch.setattr(streams, "clock", lambda: system_clock() + timedelta(hours=25))
    streamed.put("good")
    until(lambda: streamed.settled() and streamed.batches()[-1] == "good")
    assert lost(parts, url)["requestContext"]["condition"] == "RecordAgeExceeded"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"StartingPosition": "AT_TIMESTAMP"}, "TRIM_HORIZON or LATEST"),
        ({"ParallelizationFactor": 11}, "between 1 and 10"),
        ({"TumblingWindowInSeconds": 5}, "does not honour TumblingWindowInSeconds"),
        ({"ScalingConfig": {"MaximumConcurrency": 2}}, "not a setting of a stream"),
        ({"MaximumRecordAgeInSeconds": 5}, "between 60 and 604800"),
        ({"MaximumRetryAttempts": 20_000}, "between -1 and 10000"),
        ({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::bucket"}}}, "sqs, sns only"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}, "Invalid filter pattern"),
    ],
)
def test_a_stream_that_would_not_be_read_as_on_aws_is_refused(
    parts: Parts, settings: dict[str, Any], message: str
) -> None:
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/refused/stream/2026-01-01T00:00:00.000"
    parts_settings = {"StartingPosition": "LATEST", **settings}
    with pytest.raises(ClientError, match=message):
        parts.aws("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName="ordered", **parts_settings)

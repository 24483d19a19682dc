from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.awslambda.lambda_parts import ACCOUNT, REGION, Parts
from tests.patience import until

# Each invocation leaves the event it got in a bucket that the test reads.
RECORD = """
import json, time, uuid, boto3
s3 = boto3.client("s3")
def handler(event, context):
    s3.put_object(Bucket="seen", Key=f"{context.function_name}/{time.time_ns()}", Body=json.dumps(event))
    bodies = [record["body"] for record in event["Records"]]
    %s
"""


@pytest.fixture(scope="module", autouse=True)
def seen(parts: Parts) -> None:
    parts.aws("s3").create_bucket(Bucket="seen", CreateBucketConfiguration={"LocationConstraint": REGION})


def recorder(parts: Parts, name: str, body: str = "return None", **settings: Any) -> None:
    parts.create(name, RECORD % body, **{"Timeout": 30, "MemorySize": 256, **settings})
    # Warm, so that times below are those of the source.
    parts.invoke(name, {"Records": []})


def batches(parts: Parts, name: str) -> list[list[dict[str, Any]]]:
    """The records of every invocation so far, the warming one left out."""
    s3 = parts.aws("s3")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket="seen", Prefix=f"{name}/").get("Contents", [])]
    events = [json.loads(s3.get_object(Bucket="seen", Key=key)["Body"].read()) for key in sorted(keys)]
    return [event["Records"] for event in events if event["Records"]]


def send(parts: Parts, url: str, *bodies: str) -> list[str]:
    sqs = parts.aws("sqs")
    return [sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"] for body in bodies]


def depth(parts: Parts, url: str) -> tuple[int, int]:
    """Messages that wait, and that are in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = parts.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


def source_calls(parts: Parts) -> Counter[str]:
    return Counter({c.operation: n for c, n in parts.front.calls.snapshot().items() if c.caller == "event-source"})


def test_ten_messages_cost_one_receive_one_invocation_and_one_delete(parts: Parts) -> None:
    recorder(parts, "ten")
    url = parts.queue("ten")
    source = parts.map("ten", "ten", BatchSize=10, Enabled=False)
    send(parts, url, *"abcdefghij")
    before = source_calls(parts)
    parts.aws("lambda").update_event_source_mapping(UUID=source, Enabled=True)
    until(lambda: depth(parts, url) == (0, 0))
    assert source_calls(parts) - before == {"ReceiveMessage": 1, "DeleteMessageBatch": 1}
    assert [len(batch) for batch in batches(parts, "ten")] == [10]


def test_an_empty_queue_costs_no_calls(parts: Parts) -> None:
    recorder(parts, "idle")
    parts.queue("idle")
    parts.poller(parts.map("idle", "idle"))
    seen = source_calls(parts)
    while time.sleep(1) or seen != source_calls(parts):
        seen = source_calls(parts)
    before, cpu = source_calls(parts), time.process_time()
    time.sleep(1.5)
    assert source_calls(parts) == before
    assert time.process_time() - cpu < 0.3


def test_a_record_has_the_shape_that_aws_gives_it(parts: Parts) -> None:
    recorder(parts, "shape")
    url = parts.queue("shape")
    parts.map("shape", "shape")
    attributes = {
        "word": {"DataType": "String", "StringValue": "é"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    sent = parts.aws("sqs").send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=attributes)
    [[record]] = until(lambda: batches(parts, "shape"))
    assert record["messageId"] == sent["MessageId"]
    assert record["body"] == "hello"
    assert record["md5OfBody"] == sent["MD5OfMessageBody"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:shape"
    assert record["awsRegion"] == REGION
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= record["attributes"].keys()
    assert record["messageAttributes"]["word"] == {
        "stringValue": "é", "stringListValues": [], "binaryListValues": [], "dataType": "String",
    }  # fmt: skip
    assert record["messageAttributes"]["bytes"]["binaryValue"] == "AAE="
    assert record["receiptHandle"]


def test_one_bad_message_of_ten_comes_back_alone(parts: Parts) -> None:
    bad = "[{'itemIdentifier': r['messageId']} for r in event['Records'] if r['body'] == 'bad']"
    recorder(parts, "partial", f"return {{'batchItemFailures': {bad}}}", Timeout=1)
    url = parts.queue("partial", VisibilityTimeout="1")
    source = parts.map("partial", "partial", FunctionResponseTypes=["ReportBatchItemFailures"], Enabled=False)
    ids = send(parts, url, "1", "2", "3", "bad", *"456789")
    parts.aws("lambda").update_event_source_mapping(UUID=source, Enabled=True)
    first, second = until(lambda: (found := batches(parts, "partial"))[1:] and found[:2])
    assert len(first) == 10
    assert [(r["messageId"], r["attributes"]["ApproximateReceiveCount"]) for r in second] == [(ids[3], "2")]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("raises", "raise ValueError"),
        ("times-out", "time.sleep(20)"),
        ("crashes", "import os; os._exit(1)"),
        ("nonsense", "return 'nonsense'"),
        ("unknown-id", "return {'batchItemFailures': [{'itemIdentifier': 'who'}]}"),
        ("no-id", "return {'batchItemFailures': [{'id': 'x'}]}"),
    ],
)
def test_a_function_that_fails_or_answers_nonsense_gets_the_whole_batch_again(
    parts: Parts, name: str, body: str
) -> None:
    recorder(parts, name, f"if bodies: {body}", Timeout=1)
    url = parts.queue(name, VisibilityTimeout="1")
    source = parts.map(name, name, FunctionResponseTypes=["ReportBatchItemFailures"], Enabled=False)
    ids = set(send(parts, url, "a", "b", "c"))
    parts.aws("lambda").update_event_source_mapping(UUID=source, Enabled=True)
    again = until(lambda: [r for batch in batches(parts, name)[1:] for r in batch][2:])
    assert again
    parts.aws("lambda").delete_event_source_mapping(UUID=source)
    assert {r["messageId"] for batch in batches(parts, name) for r in batch} == ids
    assert sum(depth(parts, url)) == 3


def test_a_message_that_keeps_failing_reaches_the_dead_letter_queue(parts: Parts) -> None:
    recorder(parts, "poison", "if bodies: raise ValueError", Timeout=1)
    dead = parts.queue("poison-dead")
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:poison-dead", "maxReceiveCount": 2}
    url = parts.queue("poison", VisibilityTimeout="1", RedrivePolicy=json.dumps(policy))
    parts.map("poison", "poison")
    send(parts, url, "poison")
    until(lambda: depth(parts, dead) == (1, 0))
    assert len(batches(parts, "poison")) == 2
    assert depth(parts, url) == (0, 0)


def test_a_batch_over_ten_is_gathered_within_the_window(parts: Parts) -> None:
    recorder(parts, "wide")
    url = parts.queue("wide")
    parts.map("wide", "wide", BatchSize=25, MaximumBatchingWindowInSeconds=60)
    send(parts, url, *(str(n) for n in range(25)))
    until(lambda: depth(parts, url) == (0, 0), 30)
    assert [len(batch) for batch in batches(parts, "wide")] == [25]


def test_a_batch_that_does_not_fill_goes_when_the_window_closes(parts: Parts) -> None:
    recorder(parts, "window")
    url = parts.queue("window")
    parts.map("window", "window", BatchSize=10, MaximumBatchingWindowInSeconds=1)
    began = time.monotonic()
    send(parts, url, "a", "b")
    until(lambda: batches(parts, "window"))
    assert time.monotonic() - began > 0.9
    assert [len(batch) for batch in batches(parts, "window")] == [2]


def test_messages_too_large_for_one_invocation_are_parted(parts: Parts) -> None:
    recorder(parts, "large", MemorySize=1024)
    url = parts.queue("large")
    source = parts.map("large", "large", BatchSize=10, Enabled=False)
    send(parts, url, *("x" * 900_000 for _ in range(10)))
    parts.aws("lambda").update_event_source_mapping(UUID=source, Enabled=True)
    until(lambda: depth(parts, url) == (0, 0))
    assert [len(batch) for batch in batches(parts, "large")] == [6, 4]


def test_maximum_concurrency_bounds_the_batches_that_run_at_once(parts: Parts, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    recorder(parts, "narrow", f"import os\n    while bodies and not os.path.exists({str(go_on)!r}): time.sleep(0.02)")
    url = parts.queue("narrow")
    source = parts.map("narrow", "narrow", BatchSize=1, ScalingConfig={"MaximumConcurrency": 2}, Enabled=False)
    send(parts, url, *"abcdef")
    parts.aws("lambda").update_event_source_mapping(UUID=source, Enabled=True)
    until(lambda: depth(parts, url) == (4, 2))
    # Time enough for a third.
    time.sleep(0.5)
    assert depth(parts, url) == (4, 2)
    go_on.touch()
    until(lambda: depth(parts, url) == (0, 0))


def test_filters_choose_messages_and_the_others_leave_the_queue(parts: Parts) -> None:
    recorder(parts, "choosy")
    url = parts.queue("choosy")
    patterns = ({"body": {"size": [{"numeric": [">", 5]}]}}, {"body": {"kind": [{"prefix": "urgent"}]}})
    criteria = {"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]}
    source = parts.map("choosy", "choosy", FilterCriteria=criteria, Enabled=False)
    bodies = ['{"size": 5}', '{"size": 6}', "text", '{"kind": "urgently", "size": 1}', "[1]"]
    send(parts, url, *bodies)
    parts.aws("lambda").update_event_source_mapping(UUID=source, Enabled=True)
    until(lambda: depth(parts, url) == (0, 0))
    assert [[r["body"] for r in batch] for batch in batches(parts, "choosy")] == [[bodies[1], bodies[3]]]


def test_a_batch_of_which_nothing_passes_invokes_nothing(parts: Parts) -> None:
    recorder(parts, "aloof")
    url = parts.queue("aloof")
    before = parts.workers.invocations["aloof"]
    parts.map("aloof", "aloof", FilterCriteria={"Filters": [{"Pattern": '{"body": ["this"]}'}]})
    send(parts, url, "that", "those")
    until(lambda: depth(parts, url) == (0, 0))
    assert parts.workers.invocations["aloof"] == before
    send(parts, url, "this")
    until(lambda: batches(parts, "aloof"))


def test_a_throttled_batch_waits_and_is_not_lost(parts: Parts) -> None:
    recorder(parts, "crowded", "time.sleep(0.5)")
    url = parts.queue("crowded")
    parts.aws("lambda").put_function_concurrency(FunctionName="crowded", ReservedConcurrentExecutions=1)
    source = parts.map("crowded", "crowded", BatchSize=1, Enabled=False)
    send(parts, url, *"abc")
    parts.aws("lambda").update_event_source_mapping(UUID=source, Enabled=True)
    until(lambda: depth(parts, url) == (0, 0))
    received = [r for batch in batches(parts, "crowded") for r in batch]
    assert sorted(r["body"] for r in received) == ["a", "b", "c"]
    assert {r["attributes"]["ApproximateReceiveCount"] for r in received} == {"1"}


def test_messages_of_a_function_that_never_has_room_come_back(parts: Parts) -> None:
    recorder(parts, "closed", Timeout=1)
    url = parts.queue("closed", VisibilityTimeout="1")
    parts.aws("lambda").put_function_concurrency(FunctionName="closed", ReservedConcurrentExecutions=0)
    source = parts.map("closed", "closed")
    send(parts, url, "a")
    time.sleep(1.5)
    parts.aws("lambda").delete_event_source_mapping(UUID=source)
    until(lambda: depth(parts, url) == (1, 0))
    assert batches(parts, "closed") == []


def test_a_source_that_is_disabled_or_deleted_receives_no_more(parts: Parts) -> None:
    recorder(parts, "paused")
    url = parts.queue("paused")
    client = parts.aws("lambda")
    source = parts.map("paused", "paused")
    poller = parts.poller(source)
    client.update_event_source_mapping(UUID=source, Enabled=False)
    until(lambda: not poller.is_alive())
    send(parts, url, "a")
    time.sleep(0.3)
    assert depth(parts, url) == (1, 0)
    client.update_event_source_mapping(UUID=source, Enabled=True)
    until(lambda: depth(parts, url) == (0, 0))
    poller = parts.poller(source)
    client.delete_event_source_mapping(UUID=source)
    until(lambda: not poller.is_alive())
    send(parts, url, "b")
    time.sleep(0.3)
    assert depth(parts, url) == (1, 0)


def test_a_delayed_message_is_taken_when_its_delay_ends(parts: Parts) -> None:
    recorder(parts, "delayed")
    url = parts.queue("delayed")
    parts.map("delayed", "delayed")
    began = time.monotonic()
    parts.aws("sqs").send_message(QueueUrl=url, MessageBody="later", DelaySeconds=1)
    until(lambda: batches(parts, "delayed"))
    assert time.monotonic() - began > 0.9


def test_a_source_that_is_disabled_and_enabled_again_at_once_goes_on(parts: Parts) -> None:
    recorder(parts, "blinked")
    url = parts.queue("blinked")
    client = parts.aws("lambda")
    source = parts.map("blinked", "blinked")
    for turn in range(3):
        client.update_event_source_mapping(UUID=source, Enabled=False)
        send(parts, url, f"{turn}")
        time.sleep(0.05)
        client.update_event_source_mapping(UUID=source, Enabled=True)
        until(lambda: depth(parts, url) == (0, 0))

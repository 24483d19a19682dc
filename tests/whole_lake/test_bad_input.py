"""Each of these leaves its neighbours alone, keeps the original file, and shows in `sluice why` what happened."""

from __future__ import annotations

import gzip
import json

import pytest

from pipeline.cli.drop import EXIT_ATTENTION
from pipeline.core.clients import client
from pipeline.lake.catalog import Status
from pipeline.lake.settings import Setting

from .conftest import Datasetup, RunningLake, csv_text, gzipped, pointed_at, values

CSV = {"stage_a": {"format": "csv", "columns": {"id": "string"}}}
JSON = {"stage_a": {"format": "json", "columns": {"id": "int"}}}
JSONL = {"stage_a": {"format": "jsonl", "columns": {"id": "int"}}}


def why(lake: RunningLake, key: str) -> str:
    done = lake.sluice("why", key)
    return " ".join((done.stdout + done.stderr).split())


BAD_FILES = [
    # dataset, file name, content, what the reason says
    (CSV, "empty.csv", b"", "empty"),
    (CSV, "picture.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xfe", ""),
    (CSV, "cut.csv.gz", gzipped(csv_text("id", *map(str, range(50_000))))[:2000], "gzip"),
    (CSV, "not-gzip.csv.gz", b"id\n1\n", "gzip"),
    (CSV, "twice.csv", csv_text("id,a,A", "1,2,3"), "'a'|a, A|A"),
    (CSV, "other-columns.csv", csv_text("name", "x"), "id"),
    (JSON, "neither.json", "hello, this is text", ""),
    (JSON, "scalar.json", "42", ""),
    (JSON, "cut.json", '[{"id": 1}, {"id": 2', ""),
    (JSON, "without-column.json", '[{"name": "x"}]', "id"),
]


@pytest.fixture(scope="module")
def dropped(running_lake: RunningLake) -> dict[str, tuple[Datasetup, str]]:
    """All BAD_FILES, dropped at once into a dataset for each definition: the dataset and the version of each, by name.

    A lake takes as long for one of them as for all.
    """
    with pointed_at(running_lake):
        made = {kind["stage_a"]["format"]: running_lake.define(kind) for kind in (CSV, JSON)}
        found = {}
        for definition, file, content, _ in BAD_FILES:
            dataset = made[definition["stage_a"]["format"]]
            found[file] = (dataset, dataset.drop(file, content))
        running_lake.settle()
    return found


@pytest.mark.parametrize(("file", "content", "reason"), [bad[1:] for bad in BAD_FILES], ids=[b[1] for b in BAD_FILES])
def test_a_file_that_cannot_be_read_is_quarantined_with_its_reason(
    dropped: dict[str, tuple[Datasetup, str]], lake: RunningLake, file, content, reason
):
    dataset, version = dropped[file]
    row = dataset.row(file)
    assert row.status is Status.QUARANTINED
    assert any(part.lower() in row.reason.lower() for part in reason.split("|")), row.reason
    original = client("s3").get_object(Bucket=lake.raw, Key=dataset.key(file), VersionId=version)["Body"].read()
    assert original == (content.encode() if isinstance(content, str) else content)
    told = why(lake, dataset.key(file))
    assert "QUARANTINED" in told
    assert row.reason[:30] in told
    assert f"{row.hint or ''} If the file is right" in told


def test_a_bad_file_leaves_its_neighbours_alone(lake: RunningLake):
    dataset = lake.define(CSV)
    dataset.drop("a.csv", csv_text("id", "a"))
    dataset.drop("bad.csv.gz", b"id\n1\n")
    dataset.drop("b.csv", csv_text("id", "b"))
    lake.settle()
    assert values(dataset.rows(), "id") == ["a", "b"]


def test_csv_with_a_byte_order_mark_quoted_newlines_and_ragged_rows(lake: RunningLake):
    dataset = lake.define({"stage_a": {"format": "csv", "columns": {"id": "string", "t": "string"}}})
    dataset.drop("a.csv", b"\xef\xbb\xbf" + b'id,t\r\n1,"two\r\nlines"\r\n2\r\n3,x,y\r\n4,""\r\n5,\r\n')
    lake.settle()
    assert values(dataset.rows(), "id", "t") == [("1", "two\r\nlines"), ("4", ""), ("5", None)]
    row = dataset.row("a.csv")
    bucket, _, key = row.bad_rows_uri.removeprefix("s3://").partition("/")
    bad = [json.loads(line) for line in client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()]
    assert [b["line"] for b in bad] == [4, 5]


def test_a_value_that_does_not_convert_is_a_bad_row(lake: RunningLake):
    dataset = lake.define(JSONL)
    dataset.drop("a.jsonl", '{"id": 1}\n{"id": "one"}\n{"id": 1.5}\nnonsense\n{"id": 2}\n')
    lake.settle()
    assert values(dataset.rows(), "id") == [1, 2]
    assert dataset.row("a.jsonl").rows_bad == 3


def test_objects_of_an_unregistered_prefix_wait_and_are_loaded_when_their_dataset_is_applied(lake: RunningLake):
    dataset = lake.define(CSV, apply=False)
    dataset.drop("early.csv", csv_text("id", "1"))
    lake.settle()
    row = dataset.row("early.csv")
    assert (row.status, row.reason) == (Status.UNROUTED, f"no dataset {dataset.name} is registered")
    assert "sluice datasets" in why(lake, dataset.key("early.csv"))
    lake.apply(dataset)
    lake.settle()
    assert values(dataset.rows(), "id") == ["1"]
    assert dataset.row("early.csv").generation == 2


def test_a_key_outside_any_team_is_catalogued(lake: RunningLake):
    lake.put("lonely.csv", "x")
    lake.settle()
    [row] = lake.versions("lonely.csv")
    assert row.status is Status.UNROUTED
    assert "<team>/<dataset>/" in row.reason


def test_a_folder_marker_is_no_object(lake: RunningLake):
    dataset = lake.define(CSV)
    dataset.drop("2026/", b"")
    lake.settle()
    assert lake.versions(dataset.key("2026/")) == []


POISON = [
    "poison",
    "[]",
    "{}",
    "[" * 50_000,
    '{"Records": 3}',
    '{"Records": [{"eventName": "ObjectCreated:Put"}]}',
    '{"sluice": {"send_again": {"bucket": "b", "key": "k", "version_id": "v", "generation": []}}}',
    '{"source": "aws.s3", "detail": null}',
    '{"Type": "Notification", "TopicArn": "t", "Message": 1}',
    '{"Records": [{"eventName": 1, "eventTime": 2, "s3": {"bucket": {"name": 3}, "object": {"key": 4}}}]}',
]


def test_ten_messages_that_are_no_events_are_put_aside_at_once_and_their_neighbours_go_on(lake: RunningLake):
    sqs, settings = client("sqs"), lake.lake.settings
    for body in [*POISON, '{"Service": "Amazon S3", "Event": "s3:TestEvent"}']:
        sqs.send_message(QueueUrl=settings[Setting.RAW_QUEUE_URL], MessageBody=body)
    lake.put("nobody/knows/beside-poison.csv", "x")
    lake.settle()
    [row] = lake.versions("nobody/knows/beside-poison.csv")
    assert row.status is Status.UNROUTED
    status = json.loads(lake.sluice("status", "--json").stdout)
    waited = lake.sluice("wait", "--json")
    assert status["settled"]
    assert json.loads(waited.stdout)["settled"]
    assert waited.returncode == EXIT_ATTENTION
    assert json.loads(waited.stdout)["needs_attention"] == sum(each["objects"] for each in status["attention"])
    assert [each["objects"] for each in status["attention"] if each["status"] == "DEAD_LETTERS"] == [len(POISON)]
    sqs.purge_queue(QueueUrl=settings[Setting.RAW_DEAD_LETTER_QUEUE_URL])


def test_the_same_file_twice_is_loaded_once_and_new_content_is_a_new_delivery(lake: RunningLake):
    dataset = lake.define(CSV)
    dataset.drop("a.csv", csv_text("id", "1"))
    lake.settle()
    dataset.drop("a.csv", csv_text("id", "1"))
    lake.settle()
    assert values(dataset.rows(), "id") == ["1"]
    assert dataset.row("a.csv").status is Status.DUPLICATE
    dataset.drop("a.csv", csv_text("id", "1", "2"))
    lake.settle()
    assert values(dataset.rows(), "id") == ["1", "1", "2"]
    told = why(lake, dataset.key("a.csv"))
    assert "DUPLICATE" in told
    assert "1 of its 2 rows repeats a row of an earlier version of this key" in told


def test_the_same_content_dropped_twice_at_once_is_loaded_once(lake: RunningLake):
    dataset = lake.define(CSV)
    for _ in range(4):
        dataset.drop("a.csv", csv_text("id", "1"))
    lake.settle()
    assert values(dataset.rows(), "id") == ["1"]
    statuses = sorted(row.status for row in lake.versions(dataset.key("a.csv")))
    assert statuses == [Status.COMMITTED, *[Status.DUPLICATE] * 3]


KEYS = [
    "with space.csv",
    "a+b.csv",
    "per%2Fcent.csv",
    "ünï cödé €.csv",
    "star*.csv",
    "[brackets]{braces}.csv",
    ".hidden.csv",
    "_underscore.csv",
    "1/same.csv",
    "2/same.csv",
    "line\nbreak.csv",
]


def test_keys_of_every_kind_are_loaded_and_do_not_collide(lake: RunningLake):
    dataset = lake.define(CSV)
    long = "x" * (1024 - len(f"{dataset.name}/.csv".encode())) + ".csv"
    for n, key in enumerate([*KEYS, long]):
        dataset.drop(key, csv_text("id", str(n)))
    lake.settle()
    assert values(dataset.rows(), "id") == sorted(str(n) for n in range(len(KEYS) + 1))
    for key in [*KEYS, long]:
        assert dataset.row(key).status is Status.COMMITTED
    assert "COMMITTED" in why(lake, dataset.key("[brackets]{braces}.csv"))


def test_an_object_deleted_before_it_is_read_is_gone_and_says_so(lake: RunningLake):
    dataset = lake.define(CSV)
    function = mapping_of(lake)
    client("lambda").update_event_source_mapping(UUID=function, Enabled=False)
    try:
        version = dataset.drop("a.csv", csv_text("id", "1"))
        dataset.drop("b.csv", csv_text("id", "2"))
        client("s3").delete_object(Bucket=lake.raw, Key=dataset.key("a.csv"), VersionId=version)
    finally:
        client("lambda").update_event_source_mapping(UUID=function, Enabled=True)
    lake.settle()
    assert dataset.row("a.csv").status is Status.GONE
    assert values(dataset.rows(), "id") == ["2"]
    assert "GONE" in why(lake, dataset.key("a.csv"))


def test_deleting_a_raw_object_removes_no_rows_and_is_catalogued(lake: RunningLake):
    dataset = lake.define(CSV)
    dataset.drop("a.csv", csv_text("id", "1"))
    lake.settle()
    client("s3").delete_object(Bucket=lake.raw, Key=dataset.key("a.csv"))
    lake.settle()
    assert values(dataset.rows(), "id") == ["1"]
    statuses = {row.status for row in lake.versions(dataset.key("a.csv"))}
    assert statuses == {Status.COMMITTED, Status.DELETE_MARKER}


def test_a_mended_definition_and_a_redrive_load_what_was_quarantined(lake: RunningLake):
    dataset = lake.define({"stage_a": {"format": "csv", "columns": {"id": "string", "n": "int"}}})
    dataset.drop("a.csv", csv_text("id", "1"))
    lake.settle()
    assert dataset.row("a.csv").status is Status.QUARANTINED
    path = lake.root / "definitions" / "datasets" / dataset.name.team / f"{dataset.name.dataset}.yaml"
    path.write_text(path.read_text().replace("n: int", "n: {type: int, optional: true}"))
    lake.apply(dataset)
    for _ in range(2):
        done = lake.sluice("redrive", "--dataset", str(dataset.name), "--json")
        assert done.returncode == 0, done.stderr
    lake.settle()
    assert values(dataset.rows(), "id") == ["1"]
    assert dataset.row("a.csv").generation == 2


def test_a_gzip_bomb_is_refused_or_read_without_filling_the_memory(lake: RunningLake):
    dataset = lake.define(JSONL)
    dataset.drop("bomb.jsonl.gz", gzip.compress(b'{"id": ' + b" " * 100_000_000 + b"1}\n"))
    dataset.drop("a.jsonl", '{"id": 1}\n')
    lake.settle()
    assert 1 in values(dataset.rows(), "id")
    row = dataset.row("bomb.jsonl.gz")
    assert row.status in (Status.COMMITTED, Status.QUARANTINED), (row.status, row.reason)


def mapping_of(lake: RunningLake) -> str:
    queue = lake.lake.settings[Setting.RAW_QUEUE_URL]
    arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    [mapping] = client("lambda").list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    return str(mapping["UUID"])

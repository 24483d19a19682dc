"""Bundles through the transform and the completion, with S3 and DynamoDB of moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.core.clients import client
from pipeline.core.errors import Broken, Transient
from pipeline.core.events.s3 import ObjectCreated, SendAgain
from pipeline.core.objects import ObjectVersion
from pipeline.core.settings import Settings
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.files.limits import Limits
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.objects import row_json
from stages.stage_a import staged_files, staged_uploads
from stages.stage_a.complete import complete_group
from stages.stage_a.transform import transform_objects

NAME = DatasetName("shop", "orders")
BUCKETS = {Setting.RAW_BUCKET: "raw", Setting.STAGING_BUCKET: "staging", Setting.QUARANTINE_BUCKET: "quarantine"}


@dataclass
class Shop:
    """A dataset without its stacks: files are dropped, registered and transformed by the handlers themselves."""

    lake: Lake
    write: str = "append"
    format: str = "csv"
    settings: dict[str, Any] = field(default_factory=dict)
    moments: Iterator[int] = field(default_factory=lambda: count(1))

    def drop(self, file: str, body: str = "id\n1\n") -> StageAWork:
        key, moment = f"{NAME}/{file}", next(self.moments)
        version = client("s3").put_object(Bucket="raw", Key=key, Body=body)["VersionId"]
        obj = ObjectVersion("raw", key, version)
        work = self.lake.catalog.register(ObjectCreated(obj, len(body), "", moment, f"{moment:08X}"), NAME)
        assert work
        return work

    def transform(self, *works: StageAWork) -> list[str]:
        event = {
            "objects": [work.to_json() for work in works],
            "dataset": str(NAME),
            "write": self.write,
            "stage_a": {"format": self.format, **self.settings},
            "contract": {"id": {"type": "bigint"}},
            "execution": "run-1",
        }
        statuses: list[str] = transform_objects.__wrapped__(event, self.lake)["statuses"]
        return statuses

    def status(self, work: StageAWork) -> Status:
        row = self.lake.catalog.get(work.object)
        assert row
        return row.status


@pytest.fixture
def shop(catalog_tables: dict[str, str]) -> Shop:
    s3 = client("s3")
    for bucket in BUCKETS.values():
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Enabled"})
    topics = client("sns").create_topic(Name="teams-shop")["TopicArn"].removesuffix("shop")
    known = {Setting.OBJECTS_TABLE: "ObjectsTable", Setting.TEAM_TOPICS: topics, **BUCKETS}
    return Shop(Lake(Settings(known, "the test")))


def test_a_transform_that_comes_after_a_redrive_is_superseded(shop: Shop):
    work = shop.drop("a.csv")
    shop.lake.catalog.move(work.object, Status.FAILED, str(NAME), generation=1)
    shop.lake.catalog.send_again(SendAgain(work.object, 2), NAME)
    assert shop.transform(work) == [Status.SUPERSEDED]
    assert shop.status(work) is Status.REGISTERED


@pytest.mark.parametrize("write", ["append", "upsert"])
def test_a_bundle_is_written_in_one_step_and_each_object_by_itself(shop: Shop, write: str):
    shop.write = write
    works = [shop.drop(f"{n}.csv", f"id\n{n}\n") for n in range(10)]
    asked: list[str] = []
    events = client("dynamodb").meta.events
    events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name), unique_id="asked")
    assert shop.transform(*works) == ["STAGED"] * 10
    events.unregister("before-call.dynamodb", unique_id="asked")
    assert asked == ["TransactWriteItems"]
    rows = [shop.lake.catalog.get(work.object) for work in works]
    assert len({row.staged for row in rows if row}) == 10
    assert {(row.status, row.rows_out, row.execution) for row in rows if row} == {(Status.STAGED, 1, "run-1")}
    assert shop.transform(*works) == ["STAGED"] * 10
    assert [shop.lake.catalog.get(work.object) for work in works] == rows


def test_a_column_that_is_renamed_between_two_files_holds_up_the_second_alone(shop: Shop):
    first, second = shop.drop("a.csv", "id,more\n1,x\n"), shop.drop("b.csv", "number,more\n2,y\n")
    assert shop.transform(first, second) == ["STAGED", "QUARANTINED"]
    row = shop.lake.catalog.get(second.object)
    assert row
    assert "lacks id" in (row.reason or "")
    assert "of one that was renamed, say its name by `from`" in (row.hint or "")


def test_each_object_of_a_bundle_has_its_own_end(shop: Shop):
    good, bad, gone, late, other = (shop.drop(f"{name}.csv") for name in ("good", "bad", "gone", "late", "other"))
    twin = shop.drop("good.csv")
    client("s3").put_object(Bucket="raw", Key=bad.object.key, Body=b"\xff\xfe\x00")
    bad = StageAWork(ObjectVersion("raw", bad.object.key, newest(bad)), 1, bad.event_ms)
    shop.lake.catalog.register(ObjectCreated(bad.object, 3, "", 99, "FFFFFFFF"), NAME)
    client("s3").delete_object(Bucket="raw", Key=gone.object.key, VersionId=gone.object.version_id)
    assert shop.transform(late) == ["STAGED"]
    shop.lake.catalog.move(late.object, Status.CLAIMED, str(NAME), batch="b")
    works = (good, bad, gone, late, other, twin)
    expected = ["STAGED", "QUARANTINED", "GONE", "CLAIMED", "STAGED", "DUPLICATE"]
    assert shop.transform(*works) == expected
    assert [shop.status(work) for work in works] == expected
    # Whatever was repeated says the same again.
    assert shop.transform(*works) == expected


def newest(work: StageAWork) -> str:
    version: str = client("s3").head_object(Bucket="raw", Key=work.object.key)["VersionId"]
    return version


@pytest.mark.parametrize("trouble", [Broken, Transient])
def test_what_befalls_one_object_leaves_the_others_to_be_tried_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, trouble: type[Exception]
):
    works = [shop.drop(f"{n}.csv") for n in range(3)]
    convert = staged_files.convert

    def fails(source: Any, *, file_name: str, **more: Any) -> Any:
        if file_name == "1.csv":
            raise trouble("in this file")
        return convert(source, file_name=file_name, **more)

    monkeypatch.setattr(staged_files, "convert", fails)
    with pytest.raises(trouble):
        shop.transform(*works)
    with pytest.raises(trouble):
        shop.transform(works[1])
    assert [shop.transform(work) for work in (works[0], works[2])] == [["STAGED"], ["STAGED"]]
    assert [shop.status(work) for work in works] == ["STAGED", "REGISTERED", "STAGED"]


def test_a_bundle_that_another_writer_meets_is_written_one_by_one(shop: Shop):
    works = [shop.drop(f"{n}.csv") for n in range(3)]
    shop.lake.catalog.move(works[1].object, Status.FAILED, str(NAME), generation=1)
    assert shop.transform(*works) == ["STAGED", "FAILED", "STAGED"]


def test_the_queue_hears_of_what_is_staged_and_of_nothing_else(shop: Shop):
    queue = client("sqs").create_queue(QueueName="orders")["QueueUrl"]
    works = [shop.drop(f"{n}.csv") for n in range(4)]
    items = [work.to_json() for work in works]
    event = {
        "bundles": [items[:3], items[3:]],
        "results": [{"statuses": ["STAGED", "DUPLICATE", "STAGED"]}, {"statuses": ["FAILED"]}],
        "queue_url": queue,
        "dataset": str(NAME),
        "execution": "run-1",
    }
    assert complete_group.__wrapped__(event, shop.lake) == {"staged": 2, "objects": 4}
    found = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(json.loads(message["Body"])["key"] for message in found) == [f"{NAME}/0.csv", f"{NAME}/2.csv"]


def test_a_team_hears_once_of_a_bad_file_whatever_befalls_its_neighbours(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    heard = client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=heard, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client("sns").subscribe(TopicArn=f"{shop.lake.settings[Setting.TEAM_TOPICS]}shop", Protocol="sqs", Endpoint=arn)
    works = [shop.drop("bad.csv", "\xff\x00"), shop.drop("1.csv"), shop.drop("2.csv")]
    convert, busy = staged_files.convert, iter([True, True])

    def fails(source: Any, *, file_name: str, **more: Any) -> Any:
        if file_name == "2.csv" and next(busy, False):
            raise Transient("in this file")
        return convert(source, file_name=file_name, **more)

    monkeypatch.setattr(staged_files, "convert", fails)
    for _ in range(2):
        with pytest.raises(Transient):
            shop.transform(*works)
    assert shop.transform(*works) == ["QUARANTINED", "STAGED", "STAGED"]
    assert len(client("sqs").receive_message(QueueUrl=heard, MaxNumberOfMessages=10)["Messages"]) == 1


def test_json_that_changes_its_schema_late_is_asked_for_again(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    small = Limits(block=64, first_sample=64, row_group=1)
    monkeypatch.setattr(staged_files, "convert", partial(staged_files.convert, limits=small))
    shop.format = "jsonl"
    rows = "".join(json.dumps({"id": n, "n": n}) + "\n" for n in range(50))
    steady, late = shop.drop("a.jsonl", rows), shop.drop("b.jsonl", rows + '{"id": 50, "n": "text"}\n')
    asked: list[str] = []
    events = client("s3").meta.events
    events.register("before-call.s3.GetObject", lambda params, **_: asked.append(params["url_path"]), unique_id="got")
    assert shop.transform(steady, late) == ["STAGED", "STAGED"]
    events.unregister("before-call.s3.GetObject", unique_id="got")
    assert [path.rpartition("/")[2] for path in asked] == ["a.jsonl", "b.jsonl", "b.jsonl"]
    row = shop.lake.catalog.get(late.object)
    assert row
    assert row.rows_out == 51


class Killed(BaseException):
    """What no code expects: the worker is gone."""


@contextmanager
def killed_at(call: int, moment: str) -> Iterator[None]:
    """The worker dies at that call to AWS, `before-call` or `after-call`: then what it asked for is done."""
    calls = count()

    def die(**_: Any) -> None:
        if next(calls) == call:
            raise Killed

    events = [client(service).meta.events for service in ("s3", "dynamodb", "sns")]
    for each in events:
        each.register(moment, die, unique_id="die")
    try:
        yield
    finally:
        for each in events:
            each.unregister(moment, unique_id="die")


@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_a_bundle_whose_worker_was_killed_at_any_call_ends_as_if_nothing_had_been(shop: Shop, moment: str):
    expected = ["STAGED", "QUARANTINED", "STAGED", "DUPLICATE"]
    for call in count():
        files = (("good", "id\n1\n"), ("bad", "\xff\x00"), ("flawed", "id\nx\n2\n"), ("good", "id\n1\n"))
        works = [shop.drop(f"{call}/{name}.csv", body) for name, body in files]
        with killed_at(call, moment):
            try:
                finished = shop.transform(*works) == expected
            except Killed:
                finished = False
        # Again as a bundle or, when that has failed too often, one by one.
        again = shop.transform(*works) if call % 2 else [status for work in works for status in shop.transform(work)]
        assert again == expected
        rows = [shop.lake.catalog.get(work.object) for work in works]
        assert [(row.status, row.rows_out, row.rows_bad) for row in rows if row] == [
            ("STAGED", 1, 0),
            ("QUARANTINED", None, None),
            ("STAGED", 1, 1),
            ("DUPLICATE", None, None),
        ]
        assert [place.object.key for place in shop.lake.catalog.flawed(str(NAME))].count(works[2].object.key) == 1
        if finished:
            assert call > 10
            return


def test_values_that_became_null_are_counted_by_column(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("METRICS_NAMESPACE", "sluice/dev")
    shop.settings = {"on_bad_value": "null"}
    work = shop.drop("some.csv", "id\n1\nx\n3\ny\n")
    for _ in range(2):
        assert shop.transform(work) == ["STAGED"]
        row = shop.lake.catalog.get(work.object)
        assert row
        assert (row.rows_out, row.rows_bad, row.nulled) == (4, 0, {"id": 2})
    assert row_json(row)["nulled"] == {"id": 2}
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"ValuesNulled"' in line]
    assert [each["ValuesNulled"] for each in told] == [[2.0], [2.0]]


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Staged files are too large for one call of S3; moto holds parts to S3's 5 MiB but for the last."""
    monkeypatch.setattr(staged_uploads, "AT_ONCE_BYTES", 100)


def test_a_staged_file_that_one_call_does_not_take_goes_up_in_parts(shop: Shop, in_parts: None):
    work = shop.drop("large.csv", "id\n1\nx\n2\n")
    assert shop.transform(work) == ["STAGED"]
    row = shop.lake.catalog.get(work.object)
    assert row
    assert row.staged
    found = client("s3").head_object(Bucket="staging", Key=row.staged.removeprefix("s3://staging/"))
    assert found["ETag"].strip('"').endswith("-1")
    assert found["Metadata"]["rows-out"] == "2"
    assert (row.rows_out, row.rows_bad) == (2, 1)
    # Again it finds its own, and leaves no parts of what it did not need.
    before = row
    assert shop.transform(work) == ["STAGED"]
    assert shop.lake.catalog.get(work.object) == before
    assert not client("s3").list_multipart_uploads(Bucket="staging").get("Uploads")


def test_parts_that_cannot_be_removed_do_not_hide_that_the_file_is_there(
    shop: Shop, in_parts: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def refuses(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "AbortMultipartUpload")

    large = tmp_path / "large.bin"
    large.write_bytes(b"x" * 101)
    assert staged_uploads.put_new("staging", "large.bin", large, {}) is not None
    monkeypatch.setattr(client("s3"), "abort_multipart_upload", refuses)
    assert staged_uploads.put_new("staging", "large.bin", large, {}) is None


def test_parts_of_an_upload_are_in_order_and_whole(shop: Shop, in_parts: None, tmp_path: Path):
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(range(256)) * 50_000)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(staged_uploads, "PART_BYTES", 5 * 1024**2)
        assert staged_uploads.put_new("staging", "large.bin", large, {}) is not None
        assert staged_uploads.put_new("staging", "large.bin", large, {}) is None
    found = client("s3").get_object(Bucket="staging", Key="large.bin")
    assert found["ETag"].strip('"').endswith("-3")
    assert found["Body"].read() == large.read_bytes()

"""`sluice why` of any file of the lake: what it is, and where it came from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.core.clients import client
from pipeline.core.objects import ObjectVersion
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from tests.cli.test_redrive_rows import BODY, Shop, definition


def keys(lake: Lake, setting: Setting, prefix: str) -> list[str]:
    bucket = lake.settings[setting]
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [f"s3://{bucket}/{item['Key']}" for page in pages for item in page.get("Contents", ())]


def asked(sluice: Any, uri: str) -> dict[str, Any]:
    shown = sluice("why", uri)
    assert shown.exit_code == 0, (uri, shown.exception)
    result = sluice("why", uri, "--json")
    assert result.exit_code == 0, result.exception
    found: dict[str, Any] = json.loads(result.stdout)["file"]
    assert found["kind"] in shown.stdout
    return found


def named(*objects: ObjectVersion) -> list[dict[str, str]]:
    return [{"uri": obj.uri, "version_id": obj.version_id} for obj in objects]


@pytest.fixture(scope="module")
def shop(lake: Lake) -> Shop:
    return Shop(lake, definition("files"))


def test_every_file_of_a_dataset_is_known_and_leads_to_its_batch_and_its_raw_object(sluice, lake, shop):
    first = shop.register(shop.drop("ä b.csv", BODY))
    second = shop.register(shop.drop("b.csv", b"id,price\n9,90\n"))
    for obj in (first, second):
        shop.transform(StageAWork(obj, 1, shop.clock_ms))
    batch = shop.load(first)
    later = shop.load(second)
    shop.mend(null_values=["n/a"])
    shop.again()
    shop.receive()
    part = first.part(1)

    [bad] = [uri for uri in keys(lake, Setting.QUARANTINE_BUCKET, shop.name) if first.digest in uri]
    for uri in (shop.row(first).staged, bad):
        found = asked(sluice, uri)
        assert (found["objects"], found["batches"], found["is_current"]) == (named(first), [batch], True)
    # Long after what was staged has expired, the rows that were set aside still say whose they are.
    staged = str(shop.row(first).staged)
    bucket, _, key = staged.removeprefix("s3://").partition("/")
    client("s3").delete_object(Bucket=bucket, Key=key)
    assert asked(sluice, bad)["objects"] == named(first)
    assert asked(sluice, staged)["note"].startswith("It has expired")
    assert asked(sluice, str(shop.row(part).staged))["objects"] == named(part)
    [selection] = keys(lake, Setting.STAGING_BUCKET, f"_rows/{shop.name}/")
    assert asked(sluice, selection)["objects"] == named(first)
    manifests = [asked(sluice, uri) for uri in keys(lake, Setting.STAGING_BUCKET, f"_manifests/{shop.name}/")]
    assert sorted((found["batches"], found["objects"]) for found in manifests) == [
        ([batch], named(first)),
        ([later], named(second)),
    ]

    stored = keys(lake, Setting.CURATED_BUCKET, f"{shop.name}/")
    data = {uri: asked(sluice, uri) for uri in stored if "/data/" in uri}
    assert sorted((found["batches"], found["objects"], found["is_current"]) for found in data.values()) == [
        ([batch], named(first), True),
        ([later], named(second), True),
    ]
    metadata = [asked(sluice, uri) for uri in stored if uri.endswith(".json")]
    assert [found["kind"] for found in metadata if found["is_current"]] == ["metadata of the table"]
    avro = [asked(sluice, uri) for uri in stored if uri.endswith(".avro")]
    assert {tuple(found["batches"]) for found in avro} == {(), (batch,), (later,)}

    # And back: from a raw object to the files that its rows are in.
    for obj, its in ((first, batch), (second, later)):
        versions = json.loads(sluice("why", obj.uri, "--files", "--json").stdout)["versions"]
        [of_it] = [version["data_files"] for version in versions if version["version_id"] == obj.version_id]
        assert [data[each["uri"]]["batches"] for each in of_it] == [[its]]
        assert of_it[0]["uri"] in sluice("why", obj.uri, "--files").stdout


def test_files_that_a_batch_leaves_elsewhere_name_it(sluice, lake, shop):
    batch = "01KB3M8Q5Z5V6W7X8Y9ZABCDEF"
    staging, quarantine, curated = (
        lake.settings[each] for each in (Setting.STAGING_BUCKET, Setting.QUARANTINE_BUCKET, Setting.CURATED_BUCKET)
    )
    for uri in (
        f"s3://{staging}/_gathered/{shop.name}/{batch}/run/0.parquet",
        f"s3://{quarantine}/_quality/{shop.name}/{batch}.json",
        f"s3://{quarantine}/{shop.name}/_batches/{batch}/run/part-0.txt",
        f"s3://{curated}/{shop.name}/data/batch_id={batch}/part-0.parquet",
    ):
        found = asked(sluice, uri)
        assert (found["dataset"], found["batches"]) == (shop.name, [batch])
        assert "history of a batch has ended" in found["note"]
    assert asked(sluice, f"s3://{staging}/_spark-events/standard/x")["kind"].endswith("standard")
    assert asked(sluice, f"s3://{curated}/{shop.name}/data/lost.parquet")["is_current"] is False
    assert asked(sluice, f"s3://{curated}/nobody/nothing/data/x.parquet")["dataset"] is None


def test_what_is_no_file_of_the_lake_is_told_as_before(sluice, lake):
    for uri in ("s3://elsewhere/x", f"s3://{lake.settings[Setting.STAGING_BUCKET]}/odd"):
        assert sluice("why", uri).exit_code == 1


def test_the_number_of_calls_does_not_grow_with_the_table(sluice, lake):
    shop = Shop(lake, definition("many"))
    first = shop.loaded("a.csv", b"id,price\n1,1\n")
    [data] = [uri for uri in keys(lake, Setting.CURATED_BUCKET, f"{shop.name}/") if "/data/" in uri]
    numbers = []
    for n in range(3):
        calls: list[str] = []
        clients = [client(name) for name in ("s3", "dynamodb", "glue")]
        for each in clients:
            each.meta.events.register("before-call", lambda model, calls=calls, **_: calls.append(model.name), "count")
        assert asked(sluice, data)["objects"] == named(first)
        for each in clients:
            each.meta.events.unregister("before-call", unique_id="count")
        numbers.append(len(calls) / 2)
        shop.loaded(f"{n}.csv", b"id,price\n2,2\n")
    # One manifest a batch, and no more than 100 of them, is all that comes on top.
    assert max(numbers) - min(numbers) <= 2 * 3

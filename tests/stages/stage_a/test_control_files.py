"""Markers and manifests through the transform, with S3 and DynamoDB of moto."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.core.clients import client
from pipeline.lake.catalog import Status
from pipeline.lake.messages.delivery import Delivery
from pipeline.lake.messages.stage_a import StageAWork
from stages.stage_a import control_files

from .test_transform import Shop
from .test_transform import shop as shop


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """S3 tells whole seconds: each drop is in a second of its own, without waiting for it."""
    from moto.s3 import models

    now, slept = [time.time()], []
    monkeypatch.setattr(models, "utcnow", lambda: _moment(now[0]))
    monkeypatch.setattr(control_files, "time", SimpleNamespace(sleep=slept.append))
    return now


def _moment(seconds: float) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None)


def drop(shop: Shop, clock: list[float], file: str, body: str = "id\n1\n") -> StageAWork:
    clock[0] += 10
    return shop.drop(file, body)


def control(shop: Shop, clock: list[float], file: str, kind: str, body: str = "") -> StageAWork:
    return replace(drop(shop, clock, file, body), control=kind)


def delivery(shop: Shop, work: StageAWork) -> Delivery:
    row = shop.lake.catalog.get(work.object)
    assert row
    assert row.staged
    assert (row.status, row.control, row.rows_out) == (Status.STAGED, work.control, 0)
    bucket, _, key = row.staged.removeprefix("s3://").partition("/")
    return Delivery.from_json(json.loads(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()))


def members(shop: Shop, work: StageAWork) -> list[tuple[str, str | None]]:
    named = delivery(shop, work).members
    return sorted((member.key.removeprefix("shop/orders/"), member.version_id) for member in named)


def test_a_marker_is_staged_as_the_files_of_its_folder(shop: Shop, clock: list[float]):
    old = drop(shop, clock, "day/a.csv")
    new, deep = drop(shop, clock, "day/a.csv"), drop(shop, clock, "day/part=1/b.csv")
    drop(shop, clock, "other/c.csv")
    marker = control(shop, clock, "day/_SUCCESS", "marker")
    drop(shop, clock, "day/late.csv")
    assert shop.transform(marker) == ["STAGED"]
    assert old.object.version_id != new.object.version_id
    wanted = [("day/a.csv", new.object.version_id), ("day/part=1/b.csv", deep.object.version_id)]
    assert members(shop, marker) == wanted
    assert shop.transform(marker) == ["STAGED"]
    assert members(shop, marker) == wanted, "a second run adopts what the first saw"


def test_a_later_marker_of_the_folder_takes_what_the_first_did_not(shop: Shop, clock: list[float]):
    drop(shop, clock, "day/a.csv")
    first = control(shop, clock, "day/_SUCCESS", "marker")
    b = drop(shop, clock, "day/b.csv")
    second = control(shop, clock, "day/_SUCCESS", "marker")
    assert shop.transform(second) == ["STAGED"], "in whatever order they are read"
    assert members(shop, second) == [("day/b.csv", b.object.version_id)]
    assert shop.transform(first) == ["STAGED"]
    assert [key for key, _ in members(shop, first)] == ["day/a.csv"]
    third = control(shop, clock, "day/_SUCCESS", "marker")
    assert shop.transform(third) == ["QUARANTINED"]
    row = shop.lake.catalog.get(third.object)
    assert row
    assert row.reason == "nothing came into the folder since the marker before this one"


def test_a_marker_takes_what_one_before_it_waited_for_in_vain(shop: Shop, clock: list[float]):
    drop(shop, clock, "day/a.csv")
    b = drop(shop, clock, "day/b.csv")
    first = control(shop, clock, "day/_SUCCESS", "marker")
    assert shop.transform(first) == ["STAGED"]
    shop.lake.catalog.move(first.object, Status.FAILED, "shop/orders", only_from=Status.STAGED)
    mended = drop(shop, clock, "day/a.csv", "id\n2\n")
    second = control(shop, clock, "day/_SUCCESS", "marker")
    assert shop.transform(second) == ["STAGED"]
    assert members(shop, second) == [("day/a.csv", mended.object.version_id), ("day/b.csv", b.object.version_id)]


def test_a_marker_without_files_is_quarantined_with_what_to_do(shop: Shop, clock: list[float]):
    marker = control(shop, clock, "day/_SUCCESS", "marker")
    assert shop.transform(marker) == ["QUARANTINED"]
    row = shop.lake.catalog.get(marker.object)
    assert row
    assert row.reason == "there is no file in shop/orders/day/ that the marker could complete"
    assert row.hint


def test_a_manifest_is_staged_as_what_it_names(shop: Shop, clock: list[float]):
    body = json.dumps({"files": [{"path": "a.csv", "sha256": "0" * 64}, "b.csv"]}).replace(
        '"b.csv"', '{"path":"b.csv"}'
    )
    manifest = control(shop, clock, "in/1.manifest", "manifest", body)
    data = drop(shop, clock, "in/a.csv")
    assert shop.transform(manifest, data) == ["STAGED", "STAGED"]
    assert members(shop, manifest) == [("in/a.csv", None), ("in/b.csv", None)]
    again = control(shop, clock, "in/1.manifest", "manifest", body)
    assert shop.transform(again) == ["STAGED"], "the same manifest once more is no duplicate: its files may be new"


@pytest.mark.parametrize(("body", "says"), [("{", "is no JSON"), (" " * 1024**2 + "[", "more than 1,048,576 bytes")])
def test_a_manifest_that_cannot_be_read_is_quarantined(shop: Shop, clock: list[float], body: str, says: str):
    manifest = control(shop, clock, "in/1.manifest", "manifest", body)
    assert shop.transform(manifest) == ["QUARANTINED"]
    row = shop.lake.catalog.get(manifest.object)
    assert row
    assert says in (row.reason or "")

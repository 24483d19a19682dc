"""The zones and the objects in them: what pages say of each, and what may be done about it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from urllib.parse import unquote

import boto3
import pyarrow as pa
import pytest
from botocore.config import Config
from playwright.sync_api import expect

from pipeline.console import browse, objects
from pipeline.console.counts import count
from pipeline.core.clients import client
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.lake.datasets.model import ORDER_COLUMN
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.routing import Group, stage_a_input
from pipeline.lake.settings import Setting
from pipeline.operate.health import HealthReader
from stages.stage_a import transform
from tests.cli.conftest import ORDERS, Actor
from tests.console import hostile_names
from tests.console.conftest import LooksEachTime


@pytest.fixture
def raw(lake) -> str:
    return lake.settings[Setting.RAW_BUCKET]


def quarantined(orders, file: str, reason: str = "broken") -> ObjectVersion:
    obj = orders.register(orders.drop(file))
    orders.lake.catalog.move(obj, Status.QUARANTINED, orders.name, reason=reason)
    return obj


def committed(orders, *staged: ObjectVersion) -> str:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    batch = orders.open(*staged)
    rows = pa.table({"id": [1], "price": [Decimal("1.10")], "at": [at]})
    is_ordered = orders.work.dataset.table.write != "append"
    orders.write(batch, rows.append_column(ORDER_COLUMN, [["1"]]) if is_ordered else rows)
    orders.commit(batch)
    return batch


def staged_for_real(orders, monkeypatch, file: str, body: bytes):
    """Have the transform of Stage A stage a file; its row."""
    obj = orders.register(orders.drop(file, body))
    work = StageAWork(obj, 1, orders.clock_ms)
    document = stage_a_input(orders.work.dataset, "queue", Group((work,), 1)).to_json()
    monkeypatch.setattr("pipeline.lake.services.lake", lambda: orders.lake)
    event = {**document, "execution": "run-1"}
    transform.transform_objects(event, SimpleNamespace(aws_request_id="request-1"))
    return orders.row(obj)


def test_the_zones_say_what_they_are_for(visitor, lake):
    zones = visitor.document("/browse")["zones"]
    assert [zone["name"] for zone in zones] == ["raw", "staging", "curated", "quarantine"]
    assert zones[0]["at"] == f"s3://{lake.settings[Setting.RAW_BUCKET]}/"


def test_a_folder_shows_folders_and_files_with_the_status_of_the_newest_version(visitor, orders, raw):
    quarantined(orders, "folder/one.csv", "old")
    quarantined(orders, "folder/one.csv", "<script>alert(3)</script>")
    orders.drop("folder/below/two.csv")
    orders.drop("folder/unknown.csv")
    orders.drop("folder/")
    document = visitor.document("/browse", at=f"s3://{raw}/shop/orders/folder/")
    assert [folder["name"] for folder in document["folders"]] == ["below/"]
    assert [(file["name"], file["status"], file["reason"]) for file in document["files"]] == [
        ("one.csv", "QUARANTINED", "<script>alert(3)</script>"),
        ("unknown.csv", None, None),
    ]
    assert [crumb["name"] for crumb in document["crumbs"]] == ["raw", "shop", "orders", "folder"]
    assert "<script>alert" not in visitor.get("/browse", params={"at": f"s3://{raw}/shop/orders/folder/"}).text


def test_a_long_folder_is_read_page_by_page_and_narrowed_by_how_names_begin(visitor, orders, raw, monkeypatch):
    monkeypatch.setattr(browse, "RAW_FILES", 2)
    for number in range(5):
        orders.drop(f"many/{number}.csv")
    found, token = [], None
    while found == [] or token:
        page = visitor.document("/browse", at=f"s3://{raw}/shop/orders/many", **({"token": token} if token else {}))
        found += [file["name"] for file in page["files"]]
        token = page["next"]
    assert found == [f"{number}.csv" for number in range(5)]
    narrowed = visitor.document("/browse", at=f"s3://{raw}/shop/orders/many/", begins="3")
    assert [file["name"] for file in narrowed["files"]] == ["3.csv"]


def test_a_page_of_a_folder_that_s3_does_not_know_is_an_error_that_says_so(visitor, raw, front, monkeypatch):
    impatient = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    s3 = boto3.client("s3", endpoint_url=front.endpoint, config=impatient)
    monkeypatch.setattr(browse, "client", lambda service: s3)
    told = visitor.get("/browse", params={"at": f"s3://{raw}/shop/", "token": "<script>"})
    assert told.status_code == 400
    assert "from its beginning" in told.text


def test_files_are_dropped_into_datasets_only_and_where_changes_are_allowed(visitor, raw, lake, console, monkeypatch):
    def zone(at: str) -> bool:
        return "data-drop-to" in visitor.get("/browse", params={"at": at}).text

    assert zone(f"s3://{raw}/shop/orders/2026/")
    assert not zone(f"s3://{raw}/shop/")
    assert not zone(f"s3://{lake.settings[Setting.STAGING_BUCKET]}/shop/orders/")
    monkeypatch.setattr(console, "can_change", lambda: False)
    assert not zone(f"s3://{raw}/shop/orders/2026/")


@pytest.mark.parametrize("name", hostile_names.NAMES)
def test_a_file_of_any_name_is_listed_has_a_page_and_is_downloaded(visitor, orders, name):
    obj = orders.register(orders.drop(name, b"id\n<script>alert(4)</script>\n"))
    at, file = f"{obj.uri.rpartition('/')[0]}/", obj.file_name
    listed = visitor.document("/browse", at=at, begins=file[:9])["files"]
    assert obj.uri in [file["uri"] for file in listed]
    document = visitor.document("/object", uri=obj.uri)
    assert document["shown"]["status"] == "REGISTERED"
    assert document["preview"]["lines"] == ["id", "<script>alert(4)</script>"]
    for html in (visitor.get("/object", params={"uri": obj.uri}).text, visitor.get("/browse", params={"at": at}).text):
        assert "<script>alert" not in html
        assert "\u202e" not in html
    got = visitor.get(document["download"])
    assert got.content == b"id\n<script>alert(4)</script>\n"
    exact = unquote(got.headers["content-disposition"].partition("filename*=UTF-8''")[2])
    assert exact == file.replace("\n", "_").replace("\\", "_").replace("\u202e", "_")


def test_no_page_of_hostile_names_and_text_is_larger_than_150_kb(visitor, orders):
    folder, nothing = "文" * 100, "\U000e0001" * 400
    for number in range(31):
        quarantined(orders, f"{folder}/{number:02}{'文' * 236}", nothing)
    for _ in range(11):
        obj = orders.register(orders.drop(f"{folder}/00{'文' * 236}", f"{nothing}\n".encode() * 10 + b"\"<&'" * 1000))
    bad = [{"line": 1, "reason": nothing, "raw": '"<' * 400}] * 40
    orders.stage(f"{folder}/bad{'文' * 235}", bad=bad)
    at = f"{obj.uri.rpartition('/')[0]}/"
    bad_uri = f"{at}bad{'文' * 235}"
    for path, query in (("/browse", {"at": at}), ("/object", {"uri": obj.uri}), ("/object", {"uri": bad_uri})):
        assert 20_000 < len(visitor.get(path, params=query).content) < 150_000


@pytest.fixture(scope="module")
def foreign_bucket(lake) -> str:
    name = "somebody-elses"
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client("s3").put_object(Bucket=name, Key="secret", Body=b"secret")
    return name


@pytest.mark.parametrize("path", ["/browse?at=", "/object?uri=", "/download?uri="])
def test_buckets_of_others_and_what_is_no_uri_are_refused(visitor, raw, foreign_bucket, path):
    foreign = visitor.get(f"{path}s3://{foreign_bucket}/secret")
    assert foreign.status_code == 404
    assert "no bucket of this lake" in foreign.text
    for text_ in ("file:///etc/passwd", "s3://", "s3:///key", "<script>alert(5)</script>", f"s3://{raw}/{'a' * 1025}"):
        refused = visitor.get(f"{path}{text_}")
        assert refused.status_code == 400
        assert "<script>alert" not in refused.text


def test_an_object_tells_its_versions_newest_first_and_its_way_to_the_table(visitor, orders):
    old = quarantined(orders, "told.csv", "old")
    new = orders.stage("told.csv", bad=[{"line": 7, "reason": "<b>bad</b>", "raw": '<script>alert(6)</script>,"'}])
    batch = committed(orders, new)
    document = visitor.document("/object", uri=new.uri)
    assert [version["version_id"] for version in document["versions"]] == [new.version_id, old.version_id]
    assert document["shown"]["version_id"] == new.version_id
    assert document["ended"]
    steps = {step["step"]: step for step in document["lineage"]}
    assert list(steps) == ["raw", "staged", "bad rows", "batch", "snapshot", "table"]
    assert steps["batch"]["to"] == f"/batches/{batch}"
    assert steps["batch"]["status"] == "COMMITTED"
    assert (steps["raw"]["rows"], steps["staged"]["rows"], steps["bad rows"]["rows"]) == (10, 9, 1)
    assert steps["table"]["to"] == "/datasets/shop/orders"
    html = visitor.get("/object", params={"uri": new.uri}).text
    assert "<script>alert" not in html
    assert "&lt;b&gt;bad&lt;/b&gt;" in html
    assert visitor.document("/object", uri=old.uri, version=old.version_id)["shown"]["reason"] == "old"


def test_rows_that_were_set_aside_are_read_page_by_page_from_anywhere(visitor, orders, monkeypatch):
    monkeypatch.setattr(objects, "BAD_ROWS", 4)
    bad = [{"line": n, "reason": f"reason {n}\n", "raw": "x" * n} for n in range(10)]
    uri = orders.stage("bad.csv", bad=bad).uri
    found, start = [], 0
    while start is not None:
        page = visitor.document("/object", uri=uri, bad=start)["bad_rows"]
        found += page["rows"]
        start = page["next"]
    assert found == bad
    assert len(visitor.document("/object", uri=uri, bad=3)["bad_rows"]["rows"]) == 3
    assert visitor.document("/object", uri=uri, bad=999_999)["bad_rows"]["rows"] == []
    assert visitor.document("/object", uri=uri, bad="none")["bad_rows"]["rows"] == bad[:4]
    assert visitor.get(page["download"]).text.count("\n") == 10


def test_what_stage_a_wrote_leads_back_to_the_raw_version_and_shows_its_first_rows(visitor, orders, monkeypatch):
    row = staged_for_real(orders, monkeypatch, "real <i>.csv", b"id,price,at\n1,2.50,2026-01-01T00:00:00Z\nx,1,\n")
    for uri in (row.staged, row.bad_rows_uri):
        document = visitor.document("/object", uri=uri)
        assert document["source"]["uri"] == row.object.uri
        assert document["source"]["version_id"] == row.object.version_id
        assert document["source"]["is_current"]
        assert document["lineage"][0]["name"] == "real <i>.csv"
    begins = visitor.document("/object", uri=row.staged)["preview"]
    assert [name for name, _ in begins["columns"]] == ["id", "price", "at", "_sluice_row"]
    assert begins["rows"][0][:2] == ["1", "2.50"]


def test_what_a_batch_wrote_leads_to_it(visitor, lake):
    put = client("s3").put_object
    batch, dataset = "01M88TDZ3D34HSXC8WYP3K0WE8", "shop/orders"
    keys = {
        Setting.STAGING_BUCKET: f"_manifests/{dataset}/{batch}-f897f355.json",
        Setting.QUARANTINE_BUCKET: f"_quality/{dataset}/{batch}.jsonl",
        Setting.CURATED_BUCKET: f"{dataset}/data/00000-4.parquet",
    }
    found = {}
    for setting, key in keys.items():
        put(Bucket=lake.settings[setting], Key=key, Body=b"PAR1 and then nothing of it")
        document = visitor.document("/object", uri=f"s3://{lake.settings[setting]}/{key}")
        assert "cannot be read as Parquet" in document["preview"]["note"]
        found[setting] = [step["to"] for step in document["lineage"]]
    assert (
        found[Setting.STAGING_BUCKET]
        == found[Setting.QUARANTINE_BUCKET]
        == [f"/batches/{batch}", "/datasets/shop/orders"]
    )
    assert found[Setting.CURATED_BUCKET] == ["/datasets/shop/orders"]


def test_a_key_that_the_catalog_does_not_know_says_why(visitor, orders, raw):
    never = visitor.get("/object.json", params={"uri": f"s3://{raw}/shop/orders/tolld.csv"}).json()
    assert "never dropped" in never["unknown"]["reason"]
    assert never["ended"]
    waits = visitor.document("/object", uri=orders.drop("waits.csv").uri)
    assert "it was dropped" in waits["unknown"]["reason"]
    assert not waits["ended"]


def test_a_new_version_of_a_known_key_is_followed_until_the_catalog_has_it(visitor, orders):
    quarantined(orders, "again.csv")
    new = orders.drop("again.csv")
    assert not visitor.document("/object", uri=new.uri, version=new.version_id)["ended"]
    orders.register(new)
    orders.lake.catalog.move(new, Status.FAILED, orders.name, reason="no")
    assert visitor.document("/object", uri=new.uri, version=new.version_id)["ended"]


def test_versions_that_are_not_there_are_errors_that_say_so(visitor, orders, lake):
    obj = quarantined(orders, "versions.csv")
    assert "has no version nothing" in visitor.get("/object", params={"uri": obj.uri, "version": "nothing"}).text
    for query in ({"uri": obj.uri, "version": "nothing"}, {"uri": f"{obj.uri}.gone"}):
        assert visitor.get("/download", params=query).status_code == 404
    gone = visitor.get("/object", params={"uri": f"s3://{lake.settings[Setting.STAGING_BUCKET]}/gone.parquet"})
    assert gone.status_code == 404
    assert "quarantine buckets expire" in gone.text


def test_a_quarantined_version_is_sent_back_by_its_button_and_awaited(visitor, orders):
    obj = quarantined(orders, "redriven.csv")
    queue = orders.lake.settings[Setting.RAW_QUEUE_URL]
    client("sqs").purge_queue(QueueUrl=queue)
    told = visitor.post("/object/redrive", uri=obj.uri, version=obj.version_id)
    assert "It is sent through Stage A again." in told.text
    assert "data-live" in told.text
    (message,) = client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert obj.version_id in message["Body"]


def test_what_waits_and_what_failed_in_a_batch_have_the_buttons_of_their_dataset_and_batch(visitor, orders):
    obj = orders.stage("in a batch.csv")
    waits = visitor.get("/object", params={"uri": obj.uri}).text
    assert 'action="/datasets/shop/orders/run"' in waits
    batch = orders.open(obj)
    orders.lake.finisher.fail(orders.name, batch, orders.work.table, "the job was killed")
    failed = visitor.get("/object", params={"uri": obj.uri}).text
    assert f'action="/batches/{batch}/redrive"' in failed
    assert "the job was killed" in failed


def test_what_needs_attention_is_dismissed_with_a_reason_and_by_nobody_without_one(visitor, orders):
    obj = quarantined(orders, "dismissed.csv")
    uri = {"uri": obj.uri}
    assert 'action="/object/dismiss"' in visitor.get("/object", params=uri).text
    refused = visitor.post("/object/dismiss", **uri, version=obj.version_id, reason=" ")
    assert (refused.status_code, "why nothing is to be done" in refused.text) == (400, True)
    told = visitor.post("/object/dismiss", **uri, version=obj.version_id, reason="it came <b>in</b> another file")
    assert "needs no more attention" in told.text
    document = visitor.document("/object", **uri)
    assert document["shown"]["dismissed"]["why"] == "it came <b>in</b> another file"
    assert not document["needs_attention"]
    html = visitor.get("/object", params=uri).text
    assert "it came &lt;b&gt;in&lt;/b&gt; another file" in html
    assert "/object/dismiss" not in html
    again = visitor.post("/object/dismiss", **uri, version=obj.version_id, reason="again")
    assert (again.status_code, "needs attention" in again.text) == (409, True)


def said(visitor, actor, obj):
    """What each page that names the object says: what the lists have of its dataset, and whether it needs attention."""
    [listed] = (each["attention"] for each in visitor.document("/datasets", find=actor.name)["datasets"])
    own = visitor.document(f"/datasets/{actor.name}")["attention"]
    summary = visitor.document("/")["summary"] or {"attention": []}
    home = [trouble for trouble in summary["attention"] if trouble["dataset"] == actor.name]
    files = visitor.document("/browse", at=f"s3://{obj.bucket}/{actor.name}/")["files"]
    [file] = [each for each in files if each["uri"] == obj.uri]
    page = visitor.document("/object", uri=obj.uri)["needs_attention"]
    shown = [None if found is None else [each["status"] for each in found] for found in (listed, own, home)]
    return [*shown, file["needs_attention"], page]


def test_bad_rows_need_attention_on_each_page_that_names_them_until_they_are_dismissed(visitor, console, monkeypatch):
    monkeypatch.setattr(console, "counts", LooksEachTime(partial(count, kept=console.objects)))
    monkeypatch.setattr(console, "health", LooksEachTime(HealthReader().read))
    actor = Actor(console.connected().lake, {**ORDERS, "dataset": "with_bad_rows"})
    obj = actor.stage("some.csv", bad=[{"line": 2, "reason": "no number", "raw": "x"}])
    committed(actor, obj)
    assert said(visitor, actor, obj) == [["BAD_ROWS"], ["BAD_ROWS"], ["BAD_ROWS"], True, True]
    visitor.post("/object/dismiss", uri=obj.uri, version=obj.version_id, reason="mended by hand")
    assert said(visitor, actor, obj) == [[], [], [], False, False]


def test_what_an_object_of_another_key_has_replaced_needs_attention_on_no_page(visitor, console, monkeypatch):
    monkeypatch.setattr(console, "counts", LooksEachTime(partial(count, kept=console.objects)))
    monkeypatch.setattr(console, "health", LooksEachTime(HealthReader().read))
    actor = Actor(console.connected().lake, {**ORDERS, "dataset": "whole", "table": {"write": "overwrite"}})
    obj = actor.stage("some.csv", bad=[{"line": 2, "reason": "no number", "raw": "x"}])
    committed(actor, obj)
    assert said(visitor, actor, obj) == [["BAD_ROWS"], ["BAD_ROWS"], ["BAD_ROWS"], True, True]
    committed(actor, actor.stage("other.csv"))
    assert said(visitor, actor, obj) == [[], [], [], False, False]


def test_what_did_not_fail_is_not_sent_back(visitor, orders):
    obj = orders.stage("fine.csv")
    told = visitor.post("/object/redrive", uri=obj.uri, version=obj.version_id)
    assert told.status_code == 409
    assert "is STAGED" in told.text
    assert "/object/redrive" not in visitor.get("/object", params={"uri": obj.uri}).text


def test_a_page_of_an_object_on_its_way_follows_it_until_it_rests(tab, orders):
    obj = orders.register(orders.drop("follow.csv"))
    tab.goto(f"/object?uri={obj.uri}")
    tab.locator("h2 .s-registered").wait_for()
    orders.lake.catalog.move(obj, Status.QUARANTINED, orders.name, reason="torn <i>apart</i>")
    tab.get_by_text("torn <i>apart</i>").wait_for()
    tab.get_by_role("button", name="Redrive").wait_for()
    expect(tab.locator("[data-live]")).to_have_count(0)

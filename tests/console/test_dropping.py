"""Files dropped onto a page, by what the server takes and by a real browser."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import pytest

from pipeline.clients import client
from pipeline.console.uploads import MOST_PART_BYTES, PART_BYTES, part_bytes, store
from pipeline.errors import BadInput, Refused
from pipeline.settings import Setting
from pipeline.views.dropping import raw_key

MB = 1_000_000
HOSTILE = (
    "<script>alert(1)</script>.csv",
    "a b+c%2Fd&e=f#g?.csv",
    ".hidden",
    "*{}[].csv",
    "héllo \u202eרעש 文.csv",
    'it\'s "quoted" \\ and new\nline.csv',
)


@pytest.fixture
def raw(lake) -> str:
    return lake.settings[Setting.RAW_BUCKET]


def send(visitor, to: str, name: str, body: bytes, **headers: str) -> httpx.Response:
    told = {"x-csrf-token": visitor.token(), "accept": "application/json", **headers}
    return visitor.http.post("/drop", params={"to": to, "name": name}, content=body, headers=told)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def uploads_of(bucket: str) -> list[dict[str, Any]]:
    return client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", [])


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_of_any_name_becomes_the_key_it_names(visitor, raw, name):
    told = send(visitor, "shop/orders", name, b"id\n1\n").json()
    assert told["uri"] == f"s3://{raw}/shop/orders/{name}"
    found = client("s3").get_object(Bucket=raw, Key=f"shop/orders/{name}", VersionId=told["version"])
    assert found["Body"].read() == b"id\n1\n"


def test_a_large_file_arrives_whole_in_parts(visitor, raw):
    body = bytes(range(256)) * 70_000
    told = send(visitor, "shop/orders/2026", "folder/large.csv", body).json()
    assert told["bytes"] == len(body)
    found = client("s3").get_object(Bucket=raw, Key="shop/orders/2026/folder/large.csv")
    assert found["ETag"].strip('"').endswith("-3")
    assert found["Body"].read() == body
    assert not uploads_of(raw)


def test_no_more_than_a_part_is_held_before_it_is_written(raw, front):
    parts: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(PART_BYTES)
            (upload,) = await anyio.to_thread.run_sync(uploads_of, raw)
            found = client("s3").list_parts(Bucket=raw, Key="shop/orders/slow.csv", UploadId=upload["UploadId"])
            parts.append(len(found["Parts"]))
        raise ConnectionError("the sender is gone")

    with pytest.raises(ConnectionError):
        anyio.run(lambda: store(body(), raw, "shop/orders/slow.csv", part=PART_BYTES))
    assert parts == [1, 2, 3]
    assert not uploads_of(raw)


def test_an_interrupted_upload_leaves_nothing(url, visitor, raw):
    token, cookie = visitor.token(), visitor.http.cookies["sluice"]
    host = urlsplit(url).netloc
    head = (
        f"POST /drop?to=shop/orders&name=cut.csv HTTP/1.1\r\nHost: {host}\r\nCookie: sluice={cookie}\r\n"
        f"x-csrf-token: {token}\r\nContent-Length: {50 * MB}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(host.partition(":")[2]))) as sender:
        sender.sendall(head.encode() + bytes(9 * MB))
        until(lambda: bool(uploads_of(raw)))
    until(lambda: not uploads_of(raw))
    assert "Contents" not in client("s3").list_objects_v2(Bucket=raw, Prefix="shop/orders/cut.csv")


def test_a_drop_without_the_pages_token_is_refused(visitor, raw):
    visitor.token()
    for headers in ({"x-csrf-token": ""}, {"x-csrf-token": "0" * 64}, {"origin": "http://evil.example"}):
        refused = send(visitor, "shop/orders", "forged.csv", bytes(MB), **headers)
        assert refused.status_code == 403
        assert refused.json()["hint"]
    assert "Contents" not in client("s3").list_objects_v2(Bucket=raw, Prefix="shop/orders/forged.csv")


def test_a_console_that_only_shows_takes_no_file(visitor, console, monkeypatch):
    monkeypatch.setattr(console, "can_change", lambda: False)
    assert send(visitor, "shop/orders", "a.csv", b"").status_code == 409


def test_a_name_that_s3_does_not_take_is_refused_after_the_body_was_read(visitor):
    refused = send(visitor, "shop/orders", "é" * 507, bytes(10 * MB))
    assert refused.status_code == 409
    assert "1,024 bytes" in refused.json()["error"]
    assert send(visitor, "shop/orders", "é" * 506, b"").status_code == 200


@pytest.mark.parametrize(
    ("to", "name"),
    [("shop", "a.csv"), ("", "a.csv"), ("Shop/orders", "a.csv"), ("shop/orders", ""), ("shop/orders", "a/"),
     ("shop/orders", "../a.csv"), ("shop/../orders", "a.csv")],
)  # fmt: skip
def test_a_place_that_is_no_dataset_and_a_name_that_is_none_are_refused(to, name):
    with pytest.raises(BadInput):
        raw_key(to, name)


def test_folders_keep_their_names():
    assert raw_key("shop/orders//2026/", "/mine/a.csv") == "shop/orders/2026/mine/a.csv"


def test_parts_grow_with_the_file_until_they_would_take_too_much_memory():
    assert part_bytes(None) == part_bytes(50 * MB) == PART_BYTES
    assert part_bytes(400_000 * MB) * 10_000 >= 400_000 * MB
    with pytest.raises(Refused):
        part_bytes(MOST_PART_BYTES * 10_000 + 1)

"""Files dropped onto a page, by what the server takes and by a real browser."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from playwright.sync_api import expect

from pipeline.console import drop
from pipeline.console.security import Tokens
from pipeline.console.uploads import MOST_PART_BYTES, PART_BYTES, StoredObject, part_bytes, store
from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Refused
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.lake.settings import Setting
from pipeline.operate.drop import raw_key
from tests.console import hostile_names
from tests.console.conftest import TOKEN
from tests.patience import until

MB = 1_000_000


@pytest.fixture
def raw(lake) -> str:
    return lake.settings[Setting.RAW_BUCKET]


def send(visitor, to: str, name: str, body: bytes, **headers: str) -> httpx.Response:
    told = {"x-csrf-token": visitor.token(), "accept": "application/json", **headers}
    return visitor.http.post("/drop", params={"to": to, "name": name}, content=body, headers=told)


def uploads_of(bucket: str) -> list[dict[str, Any]]:
    return client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", [])


@pytest.mark.parametrize("name", hostile_names.NAMES)
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

    # Not in this thread, where the browser's tests leave an event loop running.
    with ThreadPoolExecutor(1) as thread, pytest.raises(ConnectionError):
        thread.submit(anyio.run, lambda: store(body(), raw, "shop/orders/slow.csv", part=PART_BYTES)).result()
    assert parts == [1, 2, 3]
    assert not uploads_of(raw)


def test_an_interrupted_upload_leaves_nothing(url, visitor, raw):
    token, cookie = visitor.token(), visitor.http.cookies["sluice"]
    host = urlsplit(url).netloc
    head = (
        f"POST /drop?to=shop/orders&name=cut.csv HTTP/1.1\r\nHost: {host}\r\nCookie: sluice={cookie}\r\n"
        f"x-csrf-token: {token}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {50 * MB}\r\n\r\n"
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


def dropped_by_hand(tab, **files: str) -> None:
    """Drag files onto the page, as a browser reports it."""
    made = tab.evaluate_handle(
        """(files) => {
            const transfer = new DataTransfer();
            for (const [name, text] of Object.entries(files)) transfer.items.add(new File([text], name));
            return transfer;
        }""",
        files,
    )
    for event in ("dragover", "drop"):
        tab.dispatch_event("main", event, {"dataTransfer": made})


def test_files_dragged_onto_a_folder_are_stored_and_followed_to_their_status(tab, orders, raw):
    name = "<script>alert(1)</script> +%2F é.csv"
    tab.goto(f"/browse?at=s3://{raw}/shop/orders/2026/")
    dropped_by_hand(tab, **{name: "id\n1\n", "second.csv": "id\n2\n"})
    tab.get_by_text("2 stored").wait_for()
    tab.locator(".drops li", has_text=name).get_by_role("link").click()
    tab.get_by_text("Not in the catalog").wait_for()
    found = client("s3").head_object(Bucket=raw, Key=f"shop/orders/2026/{name}")
    obj = orders.register(ObjectVersion(raw, f"shop/orders/2026/{name}", found["VersionId"]))
    tab.locator("h2 .s-registered").wait_for()
    orders.lake.catalog.move(obj, Status.QUARANTINED, orders.name, reason="it holds nothing")
    tab.get_by_text("it holds nothing").wait_for()


IS_ON_TOP = """(told) => {
    const at = told.getBoundingClientRect();
    return told.contains(document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2));
}"""


def test_what_becomes_of_dropped_files_is_in_sight_wherever_the_page_stands(tab, orders, raw):
    for number in range(25):
        client("s3").put_object(Bucket=raw, Key=f"shop/orders/long/{number}.csv", Body=b"id\n1\n")
    tab.set_viewport_size({"width": 900, "height": 500})
    for path, end in ((f"/datasets/{orders.name}", False), (f"/browse?at=s3://{raw}/shop/orders/long/", True)):
        tab.goto(path)
        tab.evaluate(f"window.scrollTo(0, {'document.body.scrollHeight' if end else 0})")
        dropped_by_hand(tab, **{"seen.csv": "id\n1\n"})
        tab.get_by_text("1 stored").wait_for()
        until(lambda: tab.get_by_text("1 stored").evaluate(IS_ON_TOP))


def test_files_chosen_by_keyboard_keep_their_folders(tab, raw, tmp_path):
    folder = tmp_path / "march"
    folder.mkdir()
    (folder / "chosen.csv").write_text("id\n1\n")
    tab.goto(f"/browse?at=s3://{raw}/shop/orders/")
    tab.get_by_label("Files", exact=True).set_input_files(folder / "chosen.csv")
    tab.get_by_text("1 stored").wait_for()
    tab.get_by_label("A folder", exact=True).set_input_files(folder)
    tab.get_by_text("2 stored").wait_for()
    for key in ("shop/orders/chosen.csv", "shop/orders/march/chosen.csv"):
        assert client("s3").get_object(Bucket=raw, Key=key)["Body"].read() == b"id\n1\n"


class Gate(threading.Event):
    """Uploads wait here after they have `begun`, until it is set; `ended` counts those that have ended."""

    begun = 0
    ended = 0


@pytest.fixture
def gate(monkeypatch) -> Iterator[Gate]:
    opened = Gate()

    async def store_later(body: AsyncIterator[bytes], *target: str, part: int) -> StoredObject:
        async def slowly() -> AsyncIterator[bytes]:
            async for chunk in body:
                await anyio.to_thread.run_sync(opened.wait)
                yield chunk

        opened.begun += 1
        try:
            return await store(slowly(), *target, part=part)
        finally:
            opened.ended += 1

    monkeypatch.setattr(drop, "store", store_later)
    yield opened
    opened.set()


def test_an_upload_shows_its_progress_and_is_cancelled_and_tried_again(tab, raw, tmp_path, gate):
    large = tmp_path / "large.csv"
    large.write_bytes(bytes(30 * MB))
    tab.goto(f"/browse?at=s3://{raw}/shop/orders/")
    tab.get_by_label("Files", exact=True).set_input_files(large)
    tab.locator(".drops progress:not([value='0'])").wait_for()
    until(lambda: 0 < float(tab.locator(".drops progress").get_attribute("value")) < 1)
    tab.get_by_role("button", name="Cancel large.csv").click()
    tab.get_by_text("nothing of it was kept").wait_for()
    gate.set()
    tab.get_by_role("button", name="Try large.csv again").click()
    tab.get_by_text("1 stored").wait_for()
    until(lambda: not uploads_of(raw))
    (version,) = client("s3").list_object_versions(Bucket=raw, Prefix="shop/orders/large.csv")["Versions"]
    assert version["Size"] == 30 * MB


def test_what_is_cancelled_all_at_once_is_not_stored(tab, raw, gate):
    tab.goto(f"/browse?at=s3://{raw}/shop/orders/")
    dropped_by_hand(tab, **{f"cancelled-{number}.csv": "id\n" for number in range(5)})
    until(lambda: gate.begun == 3)
    tab.get_by_role("button", name="Cancel all").click()
    tab.get_by_text("5 cancelled").wait_for()
    gate.set()
    until(lambda: gate.ended == 3)
    assert "Contents" not in client("s3").list_objects_v2(Bucket=raw, Prefix="shop/orders/cancelled-")


def test_a_file_that_is_refused_says_why_and_its_neighbour_is_stored(tab, raw):
    tab.goto(f"/browse?at=s3://{raw}/shop/orders/")
    dropped_by_hand(tab, **{"n" * 1013: "id\n", "short.csv": "id\n"})
    tab.get_by_text("1 stored, 1 failed").wait_for()
    expect(tab.locator(".drops li.failed")).to_contain_text("1,024 bytes. Give it a shorter name.")


def test_a_page_of_a_console_that_was_started_again_says_to_open_it_again(tab, raw, console, monkeypatch):
    tab.goto(f"/browse?at=s3://{raw}/shop/orders/")
    monkeypatch.setattr(console, "tokens", Tokens())
    dropped_by_hand(tab, **{"late.csv": "id\n"})
    tab.locator(".drops li.failed", has_text="Open the page again").wait_for()


def test_a_folder_dragged_from_the_desktop_is_stored_with_all_that_lies_below(tab, raw, tmp_path):
    for number in range(103):
        path = tmp_path / "april" / f"day {number % 3}" / f"{number}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("id\n1\n")
    tab.goto(f"/browse?at=s3://{raw}/shop/orders/")
    browser = tab.context.new_cdp_session(tab)
    data = {"items": [], "files": [str(tmp_path / "april")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.send("Input.dispatchDragEvent", {"type": kind, "x": 100, "y": 100, "data": data})
    tab.get_by_text("103 stored").wait_for()
    listed = client("s3").list_objects_v2(Bucket=raw, Prefix="shop/orders/april/day 1/")
    assert listed["KeyCount"] == 34

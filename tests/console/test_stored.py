"""The bytes of objects: how they begin, and how they are downloaded."""

from __future__ import annotations

import gzip

import pytest

from pipeline.console.downloads import disposition
from pipeline.console.previews import preview, text
from pipeline.console.stored import Blocks, OverBudget
from pipeline.core.clients import client
from pipeline.lake.settings import Setting


def test_a_download_is_of_the_version_asked_for_and_is_never_rendered(visitor, orders):
    old = orders.drop("page.html", b"<script>alert(7)</script>")
    orders.drop("page.html", b"new")
    got = visitor.get("/download", params={"uri": old.uri, "version": old.version_id})
    assert got.text == "<script>alert(7)</script>"
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-disposition"].startswith('attachment; filename="page.html"')
    assert got.headers["content-length"] == "25"
    assert visitor.get("/download", params={"uri": old.uri}).text == "new"


def test_names_of_downloads_stay_in_their_quotes_and_folders():
    exact = "a%22%3Bb__x%3A%20.._%C3%A9.csv"
    told = disposition('a";b\r\nx: ../é.csv')
    assert told == f"attachment; filename=\"a__b__x: ..__.csv\"; filename*=UTF-8''{exact}"
    assert disposition("") == "attachment; filename=\"object\"; filename*=UTF-8''object"


@pytest.mark.parametrize(
    ("body", "lines", "note"),
    [
        (b"", (), "empty"),
        (b"\x00\x01\x02", (), "not text"),
        ("é\n文".encode("utf-16"), ("é", "文"), None),
        (gzip.compress(b"a\nb\n"), ("a", "b"), None),
        (gzip.compress(b"a\nb\n" * 99)[:-9], ("a", "b"), "ends early"),
        (b"\x1f\x8bnot gzip at all", (), "broken"),
        (b"x" * 100_000, ("x" * 300 + "…",), "More follows"),
        (b"PAR1" + bytes(100_000), (), "cannot be read as Parquet"),
    ],
)  # fmt: skip
def test_the_beginning_of_any_object_is_shown_or_said_why_not(orders, body, lines, note):
    begins = preview(orders.drop("preview", body), len(body))
    assert begins.lines[:2] == lines
    assert note in (begins.note or "") if note else begins.note is None


def test_a_text_that_is_cut_shows_no_half_line():
    assert text(b"one\ntwo\nthr", cut=True).lines == ("one", "two")


def test_a_large_object_is_read_in_blocks_and_no_more_than_allowed(orders):
    body = bytes(range(200))
    blocks = Blocks(orders.drop("blocks", body), len(body), block=32, budget=4)
    assert blocks.seek(-10, 2) == 190
    assert blocks.read() == body[190:]
    blocks.seek(20)
    assert blocks.read(20) == body[20:40]
    blocks.seek(0)
    with pytest.raises(OverBudget):
        blocks.read(100)


@pytest.mark.parametrize("key", ["/lead.csv", "a//b.csv", "a/../b.csv"])
def test_keys_with_empty_and_dotted_folders_are_found(visitor, lake, key):
    raw = lake.settings[Setting.RAW_BUCKET]
    client("s3").put_object(Bucket=raw, Key=key, Body=b"x")
    folder = key.rpartition("/")[0]
    (file,) = visitor.document("/browse", at=f"s3://{raw}/{folder}/")["files"]
    assert file["uri"] == f"s3://{raw}/{key}"
    assert visitor.document("/object", uri=file["uri"])["stored"]["size"] == 1

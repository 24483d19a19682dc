from __future__ import annotations

import json

import pytest

from pipeline.core.errors import BadObject
from pipeline.lake.manifested.manifest_files import read_manifest
from pipeline.lake.messages.delivery import Member

KEY = "shop/orders/in/today.manifest"
SHA = "ab" * 32


def read(body: object) -> tuple[Member, ...]:
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    raw = text if isinstance(text, bytes) else text.encode()
    return read_manifest(raw, bucket="raw", key=KEY, dataset="shop/orders")


@pytest.mark.parametrize(
    "body",
    [
        ["a.csv", "deep/b.csv"],
        {"files": [{"path": "a.csv"}, {"name": "deep/b.csv"}]},
        {"files": ["s3://raw/shop/orders/in/a.csv", {"key": "s3://raw/shop/orders/in/deep/b.csv"}]},
        {"entries": [{"url": f"s3://raw/shop/orders/in/{n}", "mandatory": True} for n in ("a.csv", "deep/b.csv")]},
        "path\na.csv\ndeep/b.csv\n",
        b'\xef\xbb\xbfPath\r\na.csv\r\n"deep/b.csv"\r\n',
    ],
)
def test_a_manifest_is_json_or_csv(body: object):
    assert read(body) == (Member("shop/orders/in/a.csv"), Member("shop/orders/in/deep/b.csv"))


@pytest.mark.parametrize(
    "body",
    [
        {"files": [{"path": "a.csv", "sha256": SHA.upper(), "size": 12, "version_id": "v1"}]},
        f"path,sha256,size,version_id\na.csv,{SHA},12,v1\n",
    ],
)
def test_what_the_bytes_of_a_file_have_to_be_is_read(body: object):
    assert read(body) == (Member("shop/orders/in/a.csv", "v1", SHA, 12),)


def test_redshifts_manifests_say_the_length():
    body = {"entries": [{"url": "s3://raw/shop/orders/x/0000.parquet", "meta": {"content_length": 99}}]}
    assert read(body) == (Member("shop/orders/x/0000.parquet", size=99),)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "names no file"),
        ([], "names no file"),
        ({"files": []}, "names no file"),
        ({"file": ["a.csv"]}, "has no list of files"),
        ("{", "is no JSON"),
        ('{"files": [], "files": []}', "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        (b"\xff\xfe", "is no UTF-8"),
        ([1], "file 1 of the manifest is 1, and no file"),
        (["a.csv", "a.csv"], "file 2 of the manifest 'shop/orders/in/a.csv' is named twice"),
        (["../../other/a.csv"], "file 1 of the manifest '../../other/a.csv' is no name of a file below"),
        (["s3://raw/shop/returns/a.csv"], "file 1 of the manifest 'shop/returns/a.csv' is no file of shop/orders/"),
        (["s3://elsewhere/shop/orders/a.csv"], "is not in s3://raw/"),
        (["today.manifest"], "is no file of shop/orders/"),
        ([{"path": "a.csv", "md5": "0" * 32}], "file 1 of the manifest says 'md5', which is not checked here"),
        ([{"path": "a.csv", "sha256": "abc"}], "has a sha256 that is not 64 hex digits"),
        ([{"path": "a.csv", "size": -1}], "has a size that is no number of bytes"),
        ([{"path": "a.csv", "size": True}], "has a size that is no number of bytes"),
        ([{"path": "a.csv", "mandatory": False}], "is not mandatory"),
        ([{"path": "a.csv", "name": "b.csv"}], "names no file, or more than one"),
        ([{}], "names no file, or more than one"),
        ("path\na.csv,1\n", "has more cells than the header"),
        ([f"{n}.csv" for n in range(301)], "the delivery has 301 files, and a batch at most 300"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_said(body: object, says: str):
    with pytest.raises(BadObject) as caught:
        read(body)
    assert says in str(caught.value)
    assert caught.value.hint

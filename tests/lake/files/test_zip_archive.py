"""A ZIP archive is one file, or it is refused with what it holds."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from pipeline.core.errors import BadObject
from tests.lake.files.conftest import read
from tests.lake.files.test_compression import archive

CSV = b"id\n1\n"


def refused(folder: Path, data: bytes, format: str = "csv") -> str:
    with pytest.raises(BadObject) as found:
        read(folder, data, format, name="x.zip")
    return found.value.message


def test_several_members_are_refused_with_their_number(tmp_path: Path) -> None:
    assert "holds 2 files; it has to hold one" in refused(tmp_path, archive({"a.csv": CSV, "b.csv": CSV}))
    assert "holds no file" in refused(tmp_path, archive({}))
    assert "holds no file" in refused(tmp_path, archive({"folder/": b""}))


def test_folders_and_what_macos_adds_are_no_members(tmp_path: Path) -> None:
    data = archive({"export/": b"", "export/orders.csv": CSV, "__MACOSX/export/._orders.csv": b"\0\5\x16\7"})
    assert read(tmp_path, data, "csv", name="x.zip").rows == [{"id": "1"}]


@pytest.mark.parametrize(
    "name", ["../orders.csv", "a/../../b.csv", "/etc/passwd", "..\\orders.csv", "C:\\orders.csv", "\\\\host\\x.csv"]
)
def test_a_path_that_climbs_is_refused(name: str, tmp_path: Path) -> None:
    assert "has a path that leads out of it" in refused(tmp_path, archive({name: CSV}))


@pytest.mark.parametrize("name", ["a..b.csv", "..orders.csv", "Ö/数量.csv"])
def test_dots_in_a_name_do_not_climb(name: str, tmp_path: Path) -> None:
    assert read(tmp_path, archive({name: CSV}), "csv", name="x.zip").rows == [{"id": "1"}]


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    data = bytearray(archive({"a.csv": CSV}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    assert "is encrypted" in refused(tmp_path, bytes(data))


def test_an_odd_method_is_named(tmp_path: Path) -> None:
    data = bytearray(archive({"a.csv": CSV}))
    for magic, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(magic) + offset] = 9
    assert "packed by method 9" in refused(tmp_path, bytes(data))


def test_a_link_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        link = zipfile.ZipInfo("a.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
    assert "is a link" in refused(tmp_path, file.getvalue())


def test_an_archive_of_a_hundred_thousand_members_is_not_even_listed(tmp_path: Path) -> None:
    data = bytearray(archive({"a.csv": CSV}))
    end = data.index(b"PK\x05\x06")
    data[end + 10 : end + 12] = (60_000).to_bytes(2, "little")
    assert "holds 60,000 files" in refused(tmp_path, bytes(data))


def test_a_workbook_is_named_where_text_is_expected(tmp_path: Path) -> None:
    data = archive({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"})
    with pytest.raises(BadObject, match="is an Excel workbook") as found:
        read(tmp_path, data, "csv")
    assert "format: xlsx" in (found.value.hint or "")


def test_a_member_whose_checksum_is_wrong_is_refused(tmp_path: Path) -> None:
    data = bytearray(archive({"a.csv": CSV * 100}))
    for magic, offset in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        data[data.index(magic) + offset] ^= 0xFF
    assert "the ZIP data is corrupt" in refused(tmp_path, bytes(data))

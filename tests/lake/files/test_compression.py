"""Packed files: every way, told by its bytes, whole or refused in words, and never larger than it may become."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from backports import zstd

from pipeline.core.errors import BadObject
from pipeline.lake.files.compression import MEMORY
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.source import Source
from tests.lake.files.conftest import Stream, read

TEXT = b"id,name\n" + b"".join(b"%d,n%d\n" % (number, number * 7919 % 10_007) for number in range(20_000))


def zipped(data: bytes, name: str = "orders.csv") -> bytes:
    return archive({name: data})


def archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return file.getvalue()


@dataclass(frozen=True)
class Way:
    name: str
    suffix: str
    pack: Callable[[bytes], bytes]
    follow: bool = True
    """Whether packed files put together are one."""


# Packing takes much longer than what is tested here, and the same text is packed again and again.
WAYS = [
    Way("gzip", ".gz", cache(gzip.compress)),
    Way("bzip2", ".bz2", cache(bz2.compress)),
    Way("Zstandard", ".zst", cache(zstd.compress)),
    Way("xz", ".xz", cache(lzma.compress)),
    Way("ZIP", ".zip", cache(zipped), follow=False),
]
OTHER_SUFFIXES = {".gzip": gzip.compress, ".zstd": zstd.compress, ".GZ": gzip.compress, ".Zip": zipped}


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


def unpack(folder: Path, data: bytes, name: str = "x.csv", limits: Limits | None = None, size: int = 5000) -> bytes:
    found = []
    source = Source(Stream(data), name, limits or Limits(), folder=folder)
    while piece := source.read(size):
        found.append(piece)
    source.close()
    return b"".join(found)


@pytest.mark.parametrize("name", ["x.csv", "x", "x.txt", "x.data.csv"])
def test_the_bytes_tell_how_a_file_is_packed(way: Way, name: str, tmp_path: Path) -> None:
    assert unpack(tmp_path, way.pack(TEXT), name) == TEXT
    assert unpack(tmp_path, way.pack(TEXT), name + way.suffix) == TEXT
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", OTHER_SUFFIXES)
def test_other_suffixes_of_the_same(suffix: str, tmp_path: Path) -> None:
    assert unpack(tmp_path, OTHER_SUFFIXES[suffix](TEXT), f"x{suffix}") == TEXT


def test_a_name_that_lies_is_refused_in_words(way: Way, tmp_path: Path) -> None:
    with pytest.raises(BadObject, match=f"the name ends in {way.suffix}, but the bytes are not {way.name}"):
        unpack(tmp_path, TEXT, f"x{way.suffix}")
    other = next(each for each in WAYS if each is not way)
    with pytest.raises(BadObject, match=f"the name ends in {way.suffix}, but the bytes are {other.name}"):
        unpack(tmp_path, other.pack(TEXT), f"x{way.suffix}")


def test_nothing_packed_is_nothing(way: Way, tmp_path: Path) -> None:
    assert unpack(tmp_path, way.pack(b"")) == b""
    with pytest.raises(BadObject, match="empty"):
        read(tmp_path, way.pack(b""), "csv")


def test_packed_files_put_together_are_one(way: Way, tmp_path: Path) -> None:
    if way.follow:
        assert unpack(tmp_path, way.pack(TEXT[:9]) + way.pack(b"") + way.pack(TEXT[9:])) == TEXT


@pytest.mark.parametrize("way", [each for each in WAYS if each.follow], ids=lambda way: way.name)
def test_packed_files_put_together_may_be_many(way: Way, tmp_path: Path) -> None:
    """As programs that pack in parallel make them, and logs that are appended to."""
    assert unpack(tmp_path, way.pack(b"1,2\n") * 2000) == b"1,2\n" * 2000


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_any_size_of_read_gives_the_same(way: Way, size: int, tmp_path: Path) -> None:
    assert unpack(tmp_path, way.pack(TEXT[:2000]), size=size) == TEXT[:2000]


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9, 0.999])
def test_what_was_cut_is_refused(way: Way, share: float, tmp_path: Path) -> None:
    packed = way.pack(TEXT)
    cut = packed[: max(20, int(len(packed) * share))]
    words = (
        "damaged or cut" if way.name == "ZIP" else f"the {way.name} data ends early: the file has {len(cut):,} bytes"
    )
    with pytest.raises(BadObject, match=words):
        unpack(tmp_path, cut)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_what_is_damaged_is_refused_or_read_right(way: Way, share: float, tmp_path: Path) -> None:
    packed = bytearray(way.pack(TEXT))
    packed[int(len(packed) * share)] ^= 0xFF
    if way.name == "Zstandard":
        pytest.skip("a frame has a checksum only if its writer wanted one")
    with pytest.raises(BadObject, match=r"corrupt|damaged|ends early"):
        unpack(tmp_path, bytes(packed))


def test_a_zstandard_frame_with_a_checksum_is_checked(tmp_path: Path) -> None:
    packed = bytearray(zstd.compress(TEXT, options={zstd.CompressionParameter.checksum_flag: 1}))
    packed[-1] ^= 0xFF
    with pytest.raises(BadObject, match="the Zstandard data is corrupt"):
        unpack(tmp_path, bytes(packed))


@pytest.mark.parametrize("way", [each for each in WAYS if each.follow], ids=lambda way: way.name)
def test_what_follows_the_last_member_and_is_none_is_refused(way: Way, tmp_path: Path) -> None:
    with pytest.raises(BadObject, match=r"corrupt|ends early"):
        unpack(tmp_path, way.pack(TEXT) + b"and something else")
    assert unpack(tmp_path, way.pack(TEXT) + bytes(1024)) == TEXT


def test_what_grows_beyond_reason_is_refused(way: Way, tmp_path: Path) -> None:
    limits = Limits(expansion=20, expansion_floor=1 << 16)
    with pytest.raises(BadObject, match=f"the {way.name} grows to more than 20 times its size"):
        unpack(tmp_path, way.pack(b"1,a\n" * 100_000), limits=limits)
    assert unpack(tmp_path, way.pack(b"1,a\n" * 10_000), limits=limits) == b"1,a\n" * 10_000


def test_what_grows_is_refused_before_it_has_grown(tmp_path: Path) -> None:
    bomb = bz2.compress(bytes(1 << 25))
    limits = Limits(expansion=20, expansion_floor=1 << 20)
    with pytest.raises(BadObject, match=r"\(1\d{6} bytes so far\)"):
        unpack(tmp_path, bomb, limits=limits)


def test_memory_to_unpack_is_limited(tmp_path: Path) -> None:
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: MEMORY.bit_length()})
    wide = packer.compress(TEXT) + packer.flush()
    with pytest.raises(BadObject, match="Zstandard"):
        unpack(tmp_path, wide)
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 2 * MEMORY}]
    with pytest.raises(BadObject, match="xz"):
        unpack(tmp_path, lzma.compress(TEXT, filters=filters))


def test_what_was_packed_twice_is_refused(way: Way, tmp_path: Path) -> None:
    for inner in WAYS:
        with pytest.raises(BadObject, match=f"packed twice: in the {way.name} is {inner.name}"):
            unpack(tmp_path, way.pack(inner.pack(TEXT)), f"x{way.suffix}")


@pytest.mark.parametrize("text", [b"BZhours,b\n1,2\n", b"P*M,b\n1,2\n", b"PK,b\n1,2\n"])
def test_a_text_that_begins_like_a_packed_file_is_a_text(text: bytes, tmp_path: Path) -> None:
    assert unpack(tmp_path, text) == text


def test_frames_to_skip_are_skipped(tmp_path: Path) -> None:
    skipped = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"skip"
    assert unpack(tmp_path, skipped + zstd.compress(TEXT)) == TEXT


@pytest.mark.parametrize("name", ["file.gz", "no-suffix"])
@pytest.mark.parametrize("settings", [{}, {"format": "jsonl"}])
def test_a_packed_file_is_read_to_its_table(way: Way, name: str, settings: dict[str, str], tmp_path: Path) -> None:
    text = b'{"id":"1"}\n{"id":"2"}\n' if settings else b"id\n1\n2\n"
    name = name.replace(".gz", way.suffix)
    found = read(tmp_path, way.pack(text), settings.get("format", "csv"), name=name)
    assert found.rows == [{"id": "1"}, {"id": "2"}]

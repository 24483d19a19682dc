"""Fetching jars: the cache, its checks and its locks. Only `test_deequs_jars_…` needs the network, once."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.core.errors import Misconfigured
from pipeline.toolchain import jars
from pipeline.toolchain.jars import ALL, DEEQU, Jar, cache_dir, deequ_jars, ensure_jars

CONTENT = b"not really a jar"
SMALL = Jar("org.example", "small", "1.0", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


class Source:
    """Stands where the repository does: writes what it is told, and counts."""

    def __init__(self, content: bytes = CONTENT, seconds: float = 0) -> None:
        self.content, self.seconds, self.fetched = content, seconds, 0

    def __call__(self, jar: Jar, work: Path, count: jars.Count) -> Path:
        self.fetched += 1
        time.sleep(self.seconds)
        work.mkdir()
        file = work / "some.jar"
        file.write_bytes(self.content)
        count(len(self.content))
        return file


def test_a_missing_jar_is_fetched_once(tmp_path):
    source = Source()
    for _ in range(2):
        (found,) = ensure_jars(jars=(SMALL,), folder=tmp_path, fetch=source)
    assert found == tmp_path / "small-1.0.jar"
    assert found.read_bytes() == CONTENT
    assert source.fetched == 1


def test_a_spoilt_jar_in_the_cache_is_fetched_again(tmp_path):
    (tmp_path / SMALL.file_name).write_bytes(b"x" * len(CONTENT))
    (found,) = ensure_jars(jars=(SMALL,), folder=tmp_path, fetch=Source())
    assert found.read_bytes() == CONTENT


def test_a_fetched_jar_with_another_checksum_is_refused_and_removed(tmp_path):
    with pytest.raises(Misconfigured, match=r"org\.example:small:1.0 has checksum") as refused:
        ensure_jars(jars=(SMALL,), folder=tmp_path, fetch=Source(b"something else"))
    assert str(tmp_path) in (refused.value.hint or "")
    assert [file.name for file in tmp_path.iterdir()] == [".lock"]


def test_progress_counts_the_bytes_of_what_is_missing(tmp_path):
    said: list[tuple[str, int, int]] = []
    ensure_jars(jars=(SMALL,), folder=tmp_path, fetch=Source(), progress=lambda *each: said.append(each))
    assert said == [("small-1.0.jar", 0, 16), ("small-1.0.jar", 16, 16)]


def test_two_at_once_fetch_once(tmp_path):
    source = Source(seconds=0.2)
    threads = [
        threading.Thread(target=ensure_jars, kwargs={"jars": (SMALL,), "folder": tmp_path, "fetch": source})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.fetched == 1


def test_what_a_killed_process_left_is_cleared_away(tmp_path):
    (tmp_path / ".fetching").mkdir()
    (tmp_path / ".fetching" / "half.jar").write_bytes(b"half")
    ensure_jars(jars=(SMALL,), folder=tmp_path, fetch=Source())
    assert not (tmp_path / ".fetching").exists()


def test_without_a_network_the_coordinates_and_the_folder_are_named(tmp_path):
    """For real, in a process whose proxy is a closed port."""
    script = (
        "from pipeline.toolchain.jars import *; from pipeline.core.errors import *\n"
        "try: deequ_jars()\n"
        "except Misconfigured as error: print(error.message, '|', error.hint)\n"
    )
    env = {"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert "cannot fetch com.amazon.deequ:deequ:2.1.0-spark-3.5" in done.stdout
    assert f"put deequ-2.1.0-spark-3.5.jar into {tmp_path}/sluice/jars by hand" in done.stdout
    assert "://" not in done.stdout
    assert {file.name for file in tmp_path.iterdir()} == {"sluice"}


def test_the_cache_is_where_the_desktop_standard_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "sluice" / "jars"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == tmp_path / ".cache" / "sluice" / "jars"


def test_deequs_jars_are_there_and_checked_in_a_moment():
    paths = deequ_jars()
    # Of this process: how busy others are does not count.
    started = time.process_time()
    assert deequ_jars() == paths
    assert time.process_time() - started < 1
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths] == [jar.sha256 for jar in DEEQU]


def test_no_jar_stands_twice_in_the_list():
    assert len({jar.file_name for jar in ALL}) == len(ALL)

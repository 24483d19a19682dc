"""The warm JVM: it serves, it dies with the process that started it, and leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.core.errors import Misconfigured, Transient
from pipeline.emulator.glue.spark import class_dump
from pipeline.emulator.glue.spark.class_archive import class_archive, class_archive_options
from pipeline.emulator.glue.spark.session import WarmSpark
from pipeline.toolchain.jars import ensure_jars
from pipeline.toolchain.java import java_home
from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
NOBODY = "http://127.0.0.1:9"
SUPERVISOR = """
import sys, time
from pipeline.toolchain.jars import ensure_jars
from pipeline.toolchain.java import java_home
from pipeline.emulator.glue.spark.session import WarmSpark
spark = WarmSpark(ensure_jars(), java_home(), "http://127.0.0.1:9", sys.argv[1], warm_up=False)
spark.start()
spark.attachment()
print(spark.pid, flush=True)
time.sleep(600)
"""


def ends(pid: int) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_the_jvm_ends_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout
        pid = int(supervisor.stdout.readline())
        os.kill(supervisor.pid, signal.SIGKILL)
    assert ends(pid)


def test_stop_leaves_no_process_and_no_scratch_files(tmp_path: Path) -> None:
    spark = WarmSpark(ensure_jars(), java_home(), NOBODY, tmp_path, warm_up=False)
    spark.start()
    spark.attachment()
    pid = spark.pid
    assert pid
    assert spark.alive()
    spark.stop()
    assert ends(pid)
    assert [path.name for path in tmp_path.iterdir()] == ["spark.log"]
    assert not spark.alive()
    with pytest.raises(Transient):
        spark.attachment()


def test_a_jvm_uses_the_archive_of_its_classes(tmp_path: Path) -> None:
    class_dump.main()
    archive = class_archive(java_home(), ensure_jars())
    spark = WarmSpark(ensure_jars(), java_home(), NOBODY, tmp_path, warm_up=False)
    spark.start()
    spark.attachment()
    assert str(archive) in Path(f"/proc/{spark.pid}/maps").read_text()
    spark.stop()


def test_an_archive_that_is_damaged_or_of_other_jars_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    archive = class_archive(java_home(), ensure_jars())
    assert class_archive_options(java_home(), ensure_jars()) == []
    archive.write_bytes(b"no archive" * 1000)
    assert class_archive_options(java_home(), ensure_jars()) == [f"-XX:SharedArchiveFile={archive}"]
    assert class_archive_options(java_home(), ensure_jars()[:-1]) == []
    spark = WarmSpark(ensure_jars(), java_home(), NOBODY, tmp_path / "state", warm_up=False)
    spark.start()
    assert spark.attachment().answers()
    spark.stop()


def test_a_jvm_that_cannot_start_says_why(tmp_path: Path) -> None:
    bad = tmp_path / "java"
    (bad / "bin").mkdir(parents=True)
    program = bad / "bin" / "java"
    program.write_text("#!/bin/sh\necho no such option >&2\nexit 1\n")
    program.chmod(0o755)
    spark = WarmSpark([], bad, NOBODY, tmp_path / "state", warm_up=False)
    spark.start()
    with pytest.raises(Misconfigured, match="no such option"):
        spark.attachment()
    spark.stop()
    with pytest.raises(Misconfigured, match="is not there"):
        WarmSpark([], tmp_path / "nowhere", NOBODY, tmp_path / "state", warm_up=False).start()

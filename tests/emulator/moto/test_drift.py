"""Another moto is compared with what the patches were written against."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ADDED = "\n    def batch_stop_job_run(self):\n        return self\n"


def drift(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.emulator.moto.drift", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def doctored(tmp_path: Path) -> Path:
    """A folder with the installed moto, but for one function changed, one gone and one added."""
    import moto

    installed = Path(moto.__file__).parent
    other = tmp_path / "moto"
    other.mkdir()
    for entry in installed.iterdir():
        if entry.name in ("sqs", "glue"):
            shutil.copytree(entry, other / entry.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif entry.name != "__pycache__":
            (other / entry.name).symlink_to(entry)
    change(other / "sqs" / "models.py", "queue.last_purged_at = now", "queue.last_purged_at = now + 1")
    change(other / "sqs" / "models.py", "def change_message_visibility(", "def change_visibility(")
    change(
        other / "glue" / "responses.py",
        "class GlueResponse(BaseResponse):\n",
        f"class GlueResponse(BaseResponse):{ADDED}",
    )
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_what_another_moto_changed_is_told_with_its_difference(doctored: Path) -> None:
    told = drift("--folder", str(doctored))
    assert told.returncode == 1, told.stderr
    table, difference = told.stdout.split("\n\n")
    rows = [line.split(maxsplit=1) for line in table.splitlines()]
    assert {words for number, words in rows if number == "1"} == {"moved", "gone", "there by now"}
    assert {tuple(line.rsplit(maxsplit=2)) for line in table.splitlines()[5:]} == {
        ("there by now", "moto.glue.responses:GlueResponse.batch_stop_job_run", "pipeline.emulator.glue.patches.runs"),
        ("gone", "moto.sqs.models:SQSBackend.change_message_visibility", "pipeline.emulator.sqs.patches.queues"),
        ("moved", "moto.sqs.models:SQSBackend.purge_queue", "pipeline.emulator.sqs.patches.queues"),
    }
    assert difference.splitlines()[0] == "moto.sqs.models:SQSBackend.purge_queue"
    assert [line for line in difference.splitlines()[3:] if line[0] in "+-"] == [
        "-        queue.last_purged_at = now",
        "+        queue.last_purged_at = now + 1",
    ]


def test_without_an_index_it_says_that_moto_could_not_be_fetched(tmp_path: Path) -> None:
    told = drift("0.0.1", UV_OFFLINE="1", UV_CACHE_DIR=str(tmp_path))
    assert told.returncode == 2
    assert "moto==0.0.1 could not be fetched: " in told.stderr
    assert told.stdout == ""


def test_a_moto_that_cannot_be_imported_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "moto").mkdir()
    (tmp_path / "moto" / "__init__.py").write_text("import what_nobody_installed")
    told = drift("--folder", str(tmp_path))
    assert told.returncode == 2
    assert "that moto cannot be imported: ModuleNotFoundError: No module named 'what_nobody_installed'" in told.stderr

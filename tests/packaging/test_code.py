"""The code zip holds what runs on AWS, and the same sources give the same bytes."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.packaging.code import code_zip

RUNNING = (sys.version_info[0], sys.version_info[1])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, content in {
        "pipeline/__init__.py": "",
        "pipeline/errors.py": "NAMES = frozenset({'a', 'b', 'c'})\n\ndef fail(x: int = 1) -> None: ...\n",
        "pipeline/datasets/schema.json": "{}",
        "pipeline/local/front.py": "",
        "pipeline/cli/__init__.py": "",
        "pipeline/console/page.html": "",
        "pipeline/packaging/code.py": "",
        "pipeline/locality.py": "",
        "pipeline/__pycache__/errors.cpython-39.pyc": "stale",
        "stages/ingest/route.py": "from pipeline import errors\n",
        "stages/.DS_Store": "",
        "tests/test_a.py": "",
    }.items():
        path = tmp_path / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "checkout"


def names(content: bytes) -> set[str]:
    return set(zipfile.ZipFile(io.BytesIO(content)).namelist())


def test_only_what_runs_on_aws_is_in_the_zip(checkout: Path) -> None:
    found = {name for name in names(code_zip(checkout, RUNNING)) if "__pycache__" not in name}
    assert found == {
        "pipeline/__init__.py",
        "pipeline/errors.py",
        "pipeline/locality.py",
        "pipeline/datasets/schema.json",
        "stages/ingest/route.py",
    }


def test_modules_are_byte_compiled_with_an_unchecked_hash(checkout: Path) -> None:
    archive = zipfile.ZipFile(io.BytesIO(code_zip(checkout, RUNNING)))
    compiled = archive.read(f"pipeline/__pycache__/errors.{sys.implementation.cache_tag}.pyc")
    # PEP 552: bit 0 says that a hash of the source stands there, bit 1 that it is to be checked.
    assert int.from_bytes(compiled[4:8], "little") == 0b01
    assert str(checkout).encode() not in compiled


def test_the_same_sources_give_the_same_bytes(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    checkout.rename(copy)
    first = code_zip(copy, RUNNING)
    copy.rename(checkout)
    for path in checkout.rglob("*.py"):
        path.touch()
    assert code_zip(checkout, RUNNING) == first


def test_without_the_right_python_the_sources_ship_alone(checkout: Path) -> None:
    assert not [name for name in names(code_zip(checkout, (3, 99))) if name.endswith(".pyc")]

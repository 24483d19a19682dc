"""A function's zip holds what its handler imports, and the same sources give the same bytes."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.core.errors import BadDefinition
from pipeline.deploy.packaging.code import Code

RUNNING = (sys.version_info[0], sys.version_info[1])
TAG = sys.implementation.cache_tag


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, content in {
        "pipeline/__init__.py": "",
        "pipeline/errors.py": "NAMES = frozenset({'a', 'b', 'c'})\n\ndef fail(x: int = 1) -> None: ...\n",
        "pipeline/lake/catalog/__init__.py": "from pipeline.lake.catalog.rows import Row\n",
        "pipeline/lake/catalog/rows.py": "class Row: ...\n",
        "pipeline/lake/catalog/unused.py": "",
        "pipeline/lake/catalog/late.py": "import boto3\n",
        "pipeline/schemas/__init__.py": "",
        "pipeline/schemas/reading.py": "from importlib import resources\ntext = resources.files(__name__)\n",
        "pipeline/schemas/schema.json": "{}",
        "pipeline/typing_only.py": "",
        "pipeline/emulator/front.py": "",
        "pipeline/__pycache__/errors.cpython-39.pyc": "stale",
        "stages/ingest/route.py": "from pipeline import errors\n",
        "stages/ingest/late.py": "def run(event, context):\n    from pipeline.lake.catalog import Row, late\n",
        "stages/ingest/typed.py": (
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    import pipeline.typing_only\nelse:\n    import pipeline.errors\n"
        ),
        "stages/ingest/relative.py": "from .route import errors\n",
        "stages/ingest/data.py": "import pipeline.schemas.reading\n",
        "stages/ingest/unseen.py": "import importlib\nimportlib.import_module('pipeline.errors')\n",
        "stages/ingest/local.py": "from pipeline.emulator import front\n",
        "stages/ingest/missing.py": "from pipeline.nothing import something\n",
        "pipeline/lazy/__init__.py": "def __getattr__(name):\n    from pipeline.lazy import model\n",
        "pipeline/lazy/model.py": "from pipeline import errors\nX = 1\n",
        "pipeline/lazy/types.py": "",
        "stages/ingest/asking.py": "from pipeline.lazy import X\n",
        "stages/ingest/importing.py": "from pipeline import lazy\n",
        "stages/ingest/beside.py": "from pipeline.lazy import types\n",
        "stages/ingest/job.py": "from pipeline import errors\n",
        "stages/.DS_Store": "",
    }.items():
        path = tmp_path / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "checkout"


def archive(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


def sources(checkout: Path, module: str) -> set[str]:
    names = archive(Code(checkout, RUNNING).function(module)).namelist()
    return {name for name in names if not name.endswith(".pyc")}


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("route", {"pipeline/errors.py", "stages/ingest/route.py"}),
        (
            "late",
            {"pipeline/lake/catalog/__init__.py", "pipeline/lake/catalog/rows.py", "pipeline/lake/catalog/late.py"}
            | {"stages/ingest/late.py"},
        ),
        ("typed", {"pipeline/errors.py", "stages/ingest/typed.py"}),
        ("relative", {"pipeline/errors.py", "stages/ingest/relative.py", "stages/ingest/route.py"}),
        (
            "asking",
            {
                "pipeline/lazy/__init__.py",
                "pipeline/lazy/model.py",
                "pipeline/errors.py",
                "stages/ingest/asking.py",
            },
        ),
        (
            "importing",
            {"pipeline/lazy/__init__.py", "pipeline/lazy/model.py"}
            | {"pipeline/errors.py", "stages/ingest/importing.py"},
        ),
        ("beside", {"pipeline/lazy/__init__.py", "pipeline/lazy/types.py", "stages/ingest/beside.py"}),
        (
            "data",
            {"pipeline/schemas/__init__.py", "pipeline/schemas/reading.py", "pipeline/schemas/schema.json"}
            | {"stages/ingest/data.py"},
        ),
    ],
)
def test_what_a_module_imports_is_in_its_zip_and_nothing_else(checkout: Path, module: str, expected: set[str]) -> None:
    assert sources(checkout, f"stages.ingest.{module}") == {"pipeline/__init__.py"} | expected


@pytest.mark.parametrize(
    ("module", "complaint"),
    [
        ("unseen", "stages/ingest/unseen.py: what import_module imports cannot be packaged"),
        ("local", "pipeline.emulator.* never runs on AWS"),
        ("missing", "stages/ingest/missing.py: there is no module pipeline.nothing"),
        ("nowhere", "there is no module stages.ingest.nowhere"),
    ],
)
def test_what_cannot_be_packaged_is_refused(checkout: Path, module: str, complaint: str) -> None:
    with pytest.raises(BadDefinition, match=complaint):
        Code(checkout, RUNNING).function(f"stages.ingest.{module}")


def test_modules_are_byte_compiled_with_an_unchecked_hash(checkout: Path) -> None:
    zipped = archive(Code(checkout, RUNNING).function("stages.ingest.route"))
    modules = {f"pipeline/__pycache__/{name}.{TAG}.pyc" for name in ("__init__", "errors")}
    compiled = {name for name in zipped.namelist() if name.endswith(".pyc")}
    assert compiled == modules | {f"stages/ingest/__pycache__/route.{TAG}.pyc"}
    content = zipped.read(f"pipeline/__pycache__/errors.{TAG}.pyc")
    # PEP 552: bit 0 says that a hash of the source stands there, bit 1 that it is to be checked.
    assert int.from_bytes(content[4:8], "little") == 0b01
    assert str(checkout).encode() not in content


def test_the_library_holds_what_scripts_import_without_the_scripts_and_without_pyc(checkout: Path) -> None:
    library = Code(checkout, RUNNING).library(["stages/ingest/job.py", "stages/ingest/data.py"])
    assert set(archive(library).namelist()) == {
        "pipeline/__init__.py",
        "pipeline/errors.py",
        "pipeline/schemas/__init__.py",
        "pipeline/schemas/reading.py",
        "pipeline/schemas/schema.json",
    }


def test_the_same_sources_give_the_same_bytes(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    checkout.rename(copy)
    first = Code(copy, RUNNING).function("stages.ingest.late")
    copy.rename(checkout)
    for path in checkout.rglob("*.py"):
        path.touch()
    assert Code(checkout, RUNNING).function("stages.ingest.late") == first


def test_without_the_right_python_the_sources_ship_alone(checkout: Path) -> None:
    names = archive(Code(checkout, (3, 99)).function("stages.ingest.route")).namelist()
    assert not [name for name in names if name.endswith(".pyc")]

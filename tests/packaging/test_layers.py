"""Layers come from the lock, and every handler imports with its own layers and nothing else."""

from __future__ import annotations

import functools
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import Misconfigured
from pipeline.packaging.code import LAMBDA_PYTHON, code_zip, interpreter
from pipeline.packaging.layers import build_layer, closure
from pipeline.packaging.templates import load_template

ROOT = Path(__file__).parents[2]
# Where this machine has no Python of Lambda's version, the layers are built for the one that runs the tests.
PYTHON = LAMBDA_PYTHON if interpreter(LAMBDA_PYTHON) else (sys.version_info[0], sys.version_info[1])


def handlers() -> list[tuple[str, tuple[str, ...]]]:
    """Every handler in the templates, with the names of its layers."""
    found = []
    for path in sorted((ROOT / "definitions" / "stacks").glob("*.yaml")):
        for resource in load_template(path)["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                properties = resource["Properties"]
                layers = re.findall(r"/([a-z0-9-]+)-layer\}\}", str(properties.get("Layers", [])))
                found.append((properties["Handler"], tuple(layers)))
    return found


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    zipfile.ZipFile(io.BytesIO(code_zip(ROOT, PYTHON))).extractall(folder / "code")
    return folder


@functools.cache
def layer(build: Path, name: str) -> Path:
    return build_layer(ROOT, name, PYTHON, build / "layers") / "python"


def run(folders: list[str], script: str) -> None:
    python = interpreter(PYTHON)
    assert python is not None
    command = [python, "-I", "-S", "-c", f"import sys; sys.path[:0] = {folders}; {script}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("stage-a", "pyarrow.parquet, pyarrow.csv, pyarrow.json, pyarrow.compute, pyarrow.fs, numpy, msgspec, isal"),
        ("tables", "pyarrow.parquet, pyarrow.dataset, pyarrow.fs, pyiceberg.catalog.glue, pyiceberg.io.pyarrow"),
    ],
)
def test_what_handlers_import_late_is_in_the_layer_and_whole(build: Path, name: str, modules: str) -> None:
    run([str(layer(build, name))], f"import {modules}")


@pytest.mark.parametrize(("handler", "layers"), handlers(), ids=[handler for handler, _ in handlers()])
def test_a_handler_imports_with_its_own_layers_alone(build: Path, handler: str, layers: tuple[str, ...]) -> None:
    module, _, function = handler.rpartition(".")
    folders = [str(build / "code"), *(str(layer(build, name)) for name in layers)]
    run(folders, f"import importlib; importlib.import_module({module!r}).{function}")


def test_a_layer_holds_what_its_extra_needs_and_what_every_function_needs() -> None:
    base, stage_a, tables = (set(closure(ROOT, name)) for name in ("base", "stage-a", "tables"))
    assert {"boto3", "botocore", "pydantic-core", "urllib3"} <= base
    assert base < stage_a
    assert "pyarrow" in stage_a - base
    assert {"pyiceberg", "fsspec"} <= tables
    assert not {"pyspark", "moto", "pytest", "duckdb"} & (stage_a | tables)


def test_every_package_of_a_layer_is_pinned_by_hash() -> None:
    assert all("--hash=sha256:" in entry for entry in closure(ROOT, "tables").values())


def test_a_layer_of_no_extra_is_refused() -> None:
    with pytest.raises(Misconfigured, match="named nonsense"):
        closure(ROOT, "nonsense")

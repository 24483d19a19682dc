"""Layers come from the lock, and every handler imports from its own zip and layers, and from nothing else."""

from __future__ import annotations

import functools
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cloudformation.functions import Function, functions
from pipeline.core.errors import Misconfigured
from pipeline.deploy.packaging.code import LAMBDA_PYTHON, Code, interpreter
from pipeline.deploy.packaging.layers import SERVICES, build_layer, closure

ROOT = Path(__file__).parents[2]
# Where this machine has no Python of Lambda's version, the layers are built for the one that runs the tests.
PYTHON = LAMBDA_PYTHON if interpreter(LAMBDA_PYTHON) else (sys.version_info[0], sys.version_info[1])


CODE = Code(ROOT, PYTHON)
Raised = Callable[[Function], dict[str, str]]
FUNCTIONS = list(functions(ROOT / "definitions" / "stacks"))
EACH_FUNCTION = pytest.mark.parametrize("function", FUNCTIONS, ids=[each.logical_id for each in FUNCTIONS])
# Imports a function's handler, and then every module of its zip; prints what each of the two raised. What the modules
# import of the checkout has to be there; a package may be missing, as nobody gets there without it.
_IMPORT = """
import importlib, json, traceback
def handler():
    getattr(importlib.import_module({module!r}), {name!r})
def modules():
    for name in {modules}:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            assert error.name.partition(".")[0] not in ("pipeline", "stages"), (name, error.name)
raised = {{}}
for imports in (handler, modules):
    try:
        imports()
    except BaseException:
        raised[imports.__name__] = traceback.format_exc()
print(json.dumps(raised))
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("build")


@functools.cache
def code(build: Path, module: str) -> Path:
    """A function's zip, unpacked."""
    folder = build / "code" / module
    zipfile.ZipFile(io.BytesIO(CODE.function(module))).extractall(folder)
    return folder


@functools.cache
def layer(build: Path, name: str) -> Path:
    """That of this checkout, which `package` takes for AWS, too; for another Python than Lambda's, one of its own."""
    return build_layer(ROOT, name, PYTHON, None if PYTHON == LAMBDA_PYTHON else build / "layers") / "python"


def run(folders: list[str], script: str) -> str:
    python = interpreter(PYTHON)
    assert python is not None
    command = [python, "-I", "-S", "-B", "-c", f"import sys; sys.path[:0] = {folders}; {script}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        (
            "stage-a",
            "pyarrow.parquet, pyarrow.csv, pyarrow.json, pyarrow.orc, pyarrow.compute, pyarrow.fs, numpy, msgspec, "
            "isal, backports.zstd, fastavro, cramjam, lxml.etree, pyfive",
        ),
        ("tables", "pyarrow.parquet, pyarrow.dataset, pyarrow.fs, pyiceberg.catalog.glue, pyiceberg.io.pyarrow"),
    ],
)
def test_what_handlers_import_late_is_in_the_layer_and_whole(build: Path, name: str, modules: str) -> None:
    run([str(layer(build, name))], f"import {modules}")


def folders(build: Path, function: Function) -> list[str]:
    return [str(code(build, function.module)), *(str(layer(build, name)) for name in function.layers)]


@pytest.fixture(scope="module")
def raised(build: Path) -> Raised:
    """What a function's `handler` and its `modules` raise when they are imported, in one process."""
    known: dict[str, dict[str, str]] = {}

    def of(function: Function) -> dict[str, str]:
        if function.logical_id not in known:
            files = CODE.imports.files(function.module)
            modules = sorted(name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files)
            name = function.handler.rpartition(".")[2]
            script = _IMPORT.format(module=function.module, name=name, modules=modules)
            known[function.logical_id] = json.loads(run(folders(build, function), f"exec({script!r})"))
        return known[function.logical_id]

    return of


@EACH_FUNCTION
def test_a_handler_imports_from_its_own_zip_and_layers_alone(raised: Raised, function: Function) -> None:
    assert raised(function).get("handler") is None


@EACH_FUNCTION
def test_every_module_of_a_functions_zip_finds_what_it_imports_there(raised: Raised, function: Function) -> None:
    assert raised(function).get("modules") is None


@EACH_FUNCTION
def test_a_function_has_the_one_layer_that_is_complete(function: Function) -> None:
    assert len(function.layers) == 1


def test_a_layer_holds_what_its_extra_needs_and_what_every_function_needs() -> None:
    base, stage_a, tables = (set(closure(ROOT, name)) for name in ("base", "stage-a", "tables"))
    assert {"boto3", "botocore", "pydantic-core", "urllib3"} <= base
    assert base < stage_a
    assert "pyarrow" in stage_a - base
    assert {"pyiceberg", "fsspec"} <= tables
    assert not {"pyspark", "moto", "pytest", "duckdb"} & (stage_a | tables)


SERVICE = re.compile(r"""client\(\s*["']([a-z0-9-]+)["']""")


@pytest.mark.parametrize("name", SERVICES)
def test_a_layer_that_keeps_some_services_has_those_that_its_functions_call(build: Path, name: str) -> None:
    called = set()
    for function in FUNCTIONS:
        if function.layers == (name,):
            files = CODE.imports.files(function.module)
            assert files
            called |= {found for file in files for found in SERVICE.findall((ROOT / file).read_text())}
    # `core.clients.session`, which the lake's tables alone ask for, makes one of Glue.
    assert called - {"glue"} == set(SERVICES[name])
    data = layer(build, name) / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == set(SERVICES[name])
    clients = "; ".join(f"boto3.client({each!r}, region_name='eu-west-1')" for each in SERVICES[name])
    run([str(layer(build, name))], f"import boto3, pyfive, numpy.ma, cryptography.x509; {clients}")


def test_every_package_of_a_layer_is_pinned_by_hash() -> None:
    assert all("--hash=sha256:" in entry for entry in closure(ROOT, "tables").values())


def test_a_layer_of_no_extra_is_refused() -> None:
    with pytest.raises(Misconfigured, match="named nonsense"):
        closure(ROOT, "nonsense")

"""Lambda layers: for each, the part of requirements.lock that one extra needs, installed for Lambda and pruned."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pipeline.core.errors import Misconfigured
from pipeline.deploy.packaging.archives import zip_folder
from pipeline.deploy.packaging.code import LAMBDA_PYTHON, Version, compile_folder, uv
from pipeline.toolchain.folder_lock import only_one

# Lambda's limit on a function's code and layers together, unpacked.
LIMIT_BYTES = 250 * 1024 * 1024
# Amazon Linux 2023, which Lambda's Python 3.12 runs on, has glibc 2.34.
PLATFORM = "x86_64-manylinux_2_28"
BASE = "base"
# What no function imports: tests, C headers, parts of Arrow that talk to servers we do not have, and of lxml all but
# its parser.
PRUNED = (
    "**/tests", "**/__pycache__", "bin", "pyarrow/include", "pyarrow/src", "pyarrow/includes",
    "pyarrow/*.pyx", "pyarrow/*.pxd", "pyarrow/*.pxi", "pyarrow/libarrow_flight.so.*", "pyarrow/_flight*",
    "pyarrow/libarrow_python_flight.so*", "pyarrow/_substrait*",
    "pyarrow/_generated_version.py.orig",
    "lxml/includes", "lxml/isoschematron", "lxml/html", "lxml/*.h", "lxml/*.pyx", "lxml/*.pxi", "lxml/*.pxd",
    "lxml/objectify*", "lxml/sax*", "lxml/builder*",
)  # fmt: skip

SERVICES: Mapping[str, tuple[str, ...]] = {"forecasts": ("dynamodb", "s3", "sqs")}
"""The AWS services that the functions of a layer call, where it keeps botocore's descriptions of no others.

Those of all services are 13 MB packed, a quarter of the layer.
"""
SLIM = ("**/*.pyi", "numpy/f2py", "numpy/_core/include", "numpy/_core/lib", "numpy/random/lib", "pydantic/v1")
"""What such a layer leaves out, too: what compilers and editors read, and pydantic's old version."""

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==")
_NAME = re.compile(r"^[A-Za-z0-9._-]+")


def closure(root: Path, extra: str) -> dict[str, str]:
    """The lock's entries, by package, that a layer installs: what the project needs, and what its extra adds.

    `base` is what the project itself needs. A layer is complete, so that a function has one. The lock names beside
    each package those that need it, so no index is asked. An entry that is needed on other platforms only carries
    its marker and is skipped by the installer.
    """
    entries = _entries((root / "requirements.lock").read_text(encoding="utf-8"))
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {BASE: []} | project["optional-dependencies"]
    if extra not in extras:
        raise Misconfigured(f"a layer is named {extra}, and pyproject.toml has no such extra")
    wanted = _reachable(entries, [*project["dependencies"], *extras[extra]])
    return {name: entries[name][0] for name in sorted(wanted)}


def closure_of(root: Path, packages: Iterable[str]) -> dict[str, str]:
    """The lock's entries of these packages and of all that they need; `Misconfigured` for one that it lacks."""
    entries = _entries((root / "requirements.lock").read_text(encoding="utf-8"))
    wanted = _reachable(entries, packages)
    if missing := wanted - set(entries):
        raise Misconfigured(f"requirements.lock has no {', '.join(sorted(missing))}", hint="`make lock` renews it.")
    return {name: entries[name][0] for name in sorted(wanted)}


def _entries(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Each package's lines in the lock, and the packages that need it."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock):
        if pin := _PIN.match(block):
            parents = re.findall(r"^ +# (?: via)? *(\S+)", block.replace("# via", "#  via"), re.MULTILINE)
            name = _normal(pin.group(1))
            # A package stands once a marker where its versions differ by Python; the installer chooses.
            others, known = found.get(name, ("", frozenset()))
            lines = f"{others}\n{block}" if others else block
            found[name] = (lines, known | {_normal(parent) for parent in parents})
    return found


def _reachable(entries: Mapping[str, tuple[str, frozenset[str]]], requirements: Iterable[str]) -> set[str]:
    reached = {_normal(name.group()) for text in requirements if (name := _NAME.match(text))}
    while more := {name for name, (_, parents) in entries.items() if parents & reached} - reached:
        reached |= more
    return reached


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def build_layer(root: Path, name: str, python: Version = LAMBDA_PYTHON, into: Path | None = None) -> Path:
    """Install a layer into `build/layers/<name>` and return that folder; unchanged requirements build nothing.

    Only wheels whose hash stands in the lock are installed. `Misconfigured` if one is missing for Lambda.
    """
    layers = into or root / "build" / "layers"
    with only_one(layers):
        return _built(root, name, python, layers / name)


def _built(root: Path, name: str, python: Version, folder: Path) -> Path:
    left_out = (*PRUNED, *SLIM, "but for", *SERVICES[name]) if name in SERVICES else PRUNED
    made_for = f"# Python {python[0]}.{python[1]}, {PLATFORM}, without {' '.join(left_out)}"
    requirements = "\n".join([*closure(root, name).values(), made_for, ""])
    stamp = folder.with_suffix(".txt")
    if folder.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == requirements:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stamp.unlink(missing_ok=True)
    listed = folder.with_suffix(".requirements")
    listed.write_text(requirements, encoding="utf-8")
    _install(listed, folder / "python", python)
    _prune(folder / "python", PRUNED)
    if name in SERVICES:
        _prune(folder / "python", SLIM)
        _keep_services(folder / "python" / "botocore" / "data", SERVICES[name])
    compile_folder(folder / "python", python)
    _check_size(folder)
    listed.rename(stamp)
    stamp.touch()
    return folder


def layer_archive(root: Path, name: str) -> Path:
    """A layer as the zip that Lambda takes, made anew only when the layer was."""
    folder = build_layer(root, name)
    with only_one(folder.parent):
        return _archive(folder)


def _archive(folder: Path) -> Path:
    archive, stamp = folder.with_suffix(".zip"), folder.with_suffix(".txt")
    if not archive.exists() or archive.stat().st_mtime < stamp.stat().st_mtime:
        unfinished = folder.with_suffix(".part")
        zip_folder(folder, unfinished)
        unfinished.rename(archive)
    return archive


def _install(requirements: Path, target: Path, python: Version) -> None:
    command = [
        uv(), "pip", "install", "--quiet", "--target", str(target), "--requirements", str(requirements),
        "--python-platform", PLATFORM, "--python-version", f"{python[0]}.{python[1]}",
        "--require-hashes", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Misconfigured(f"the layer in {target.parent} could not be installed: {done.stderr.strip()}")


def _keep_services(data: Path, services: Collection[str]) -> None:
    """Leave out the descriptions of other services; the files beside them are of all."""
    for path in data.iterdir():
        if path.is_dir() and path.name not in services:
            shutil.rmtree(path)


def _prune(folder: Path, patterns: Iterable[str]) -> None:
    for pattern in patterns:
        for path in list(folder.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _check_size(folder: Path) -> None:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > LIMIT_BYTES:
        raise Misconfigured(f"the layer {folder.name} is {size >> 20} MB unpacked, Lambda takes {LIMIT_BYTES >> 20}")

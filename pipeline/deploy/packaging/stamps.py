"""Whether a package is what its checkout would give, told by what it was made from: that is sooner than packaging."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pipeline.core.errors import BadDefinition
from pipeline.deploy.packaging.code import LAMBDA_PYTHON, interpreter
from pipeline.deploy.packaging.imports import PACKAGES
from pipeline.deploy.packaging.manifest import FILE, TEMPLATES
from pipeline.deploy.packaging.package import Package, Target, read_package

_FOLDERS = (*PACKAGES, "definitions")
_FILES = ("pyproject.toml", "requirements.lock")


def stamp(root: Path, target: Target, jars: Sequence[Path]) -> str:
    """A digest of all that packaging the checkout `root` reads."""
    listed = (path for folder in _FOLDERS for path in (root / folder).rglob("*") if "__pycache__" not in path.parts)
    files = [*listed, *(root / name for name in _FILES)]
    python = LAMBDA_PYTHON if target is Target.AWS else sys.version_info[:2]
    told = [target.value, sys.version, bool(interpreter(python)), [(jar.name, jar.stat().st_size) for jar in jars]]
    return _digest(root, files, json.dumps(told))


def stamped(folder: Path, made_from: str) -> Package | None:
    """The package in `folder`, if it was made from that and nobody touched it since."""
    try:
        if _file(folder).read_text(encoding="utf-8") != _sealed(folder, made_from):
            return None
        return read_package(folder)
    except (FileNotFoundError, BadDefinition):
        return None


def keep(folder: Path, made_from: str) -> None:
    """Remember what the package in `folder` was made from, beside it: its own bytes follow from the commit."""
    _file(folder).write_text(_sealed(folder, made_from), encoding="utf-8")


def _file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.stamp")


def _sealed(folder: Path, made_from: str) -> str:
    """Artefacts are held to the manifest when they are uploaded; what a manifest does not name is held to this."""
    return _digest(folder, [folder / FILE, *(folder / TEMPLATES).iterdir()], made_from)


def _digest(root: Path, files: Iterable[Path], *more: str) -> str:
    found = hashlib.sha256()
    for part in (*more, *_told(root, files)):
        found.update(hashlib.sha256(part if isinstance(part, bytes) else part.encode()).digest())
    return found.hexdigest()


def _told(root: Path, files: Iterable[Path]) -> Iterator[str | bytes]:
    for path in sorted(path for path in files if path.is_file()):
        yield path.relative_to(root).as_posix()
        yield path.read_bytes()

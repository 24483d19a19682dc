"""A function's package and its layers as directories, each unpacked once however many workers use it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import Misconfigured
from pipeline.emulator.awslambda.functions import Function


@dataclass(frozen=True, slots=True)
class Package:
    """Where AWS has /var/task, and /opt if the function has layers."""

    code: Path
    layers: Path | None = None

    def python_path(self, runtime: str) -> str:
        """The package before the layers, in AWS's order; the environment's own packages come behind."""
        folders = [self.code]
        if self.layers is not None:
            folders += [self.layers / "python" / "lib" / runtime / "site-packages", self.layers / "python"]
        return os.pathsep.join(map(str, folders))


def package_of(function: Function, folder: Path) -> Package:
    """Unpack below `folder` what is not there yet; `Misconfigured` if an archive is no zip.

    Layers with extension modules of another Python than this one are left out: it cannot load them, and their packages
    come from the environment, which has the same ones by the same lock.
    """
    code = _unpack([function.code], [function.code_sha], folder, f"the code of function {function.name}")
    if not function.layers:
        return Package(code)
    if any(_is_foreign(layer.archive) for layer in function.layers):
        return Package(code)
    archives, shas = [layer.archive for layer in function.layers], [layer.sha for layer in function.layers]
    return Package(code, _unpack(archives, shas, folder, f"a layer of function {function.name}"))


def _is_foreign(archive: bytes) -> bool:
    """Whether a layer is for another Python: extension modules say for which, unless they are for all."""
    ours = f".{sys.implementation.cache_tag}-"
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as layer:
            names = [name for name in layer.namelist() if name.endswith(".so") and ".cpython-" in name]
    except zipfile.BadZipFile:
        return False
    return any(ours not in name for name in names)


def _unpack(archives: Sequence[bytes], shas: Sequence[str], folder: Path, what: str) -> Path:
    """One directory with all archives in it; a later one wins."""
    target = folder / hashlib.sha256(" ".join(shas).encode()).hexdigest()[:24]
    if target.exists():
        return target
    temporary = Path(tempfile.mkdtemp(dir=folder))
    try:
        for archive in archives:
            with zipfile.ZipFile(io.BytesIO(archive)) as package:
                package.extractall(temporary)
    except zipfile.BadZipFile:
        shutil.rmtree(temporary)
        raise Misconfigured(f"{what} is not a zip archive") from None
    with contextlib.suppress(FileExistsError):
        os.rename(temporary, target)
    return target

"""The code that runs on AWS as zips: for each function what it imports, and the library that Glue jobs import."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path

from pipeline.deploy.packaging.archives import zip_bytes
from pipeline.deploy.packaging.imports import LEFT_OUT, PACKAGES, Imports

LAMBDA_PYTHON = (3, 12)

Version = tuple[int, int]


class Code:
    """The code of the checkout `root`, byte-compiled for `python`.

    Importing without .pyc doubles a cold start, and Lambda's file system takes no cache of its own. The .pyc carry
    an unchecked hash, so that a zip's fixed times cannot make them stale. Without such a Python on this machine
    (`interpreter`) the zips hold the sources alone, and work as well.
    """

    def __init__(self, root: Path, python: Version) -> None:
        self._root = root
        self._python = python
        self.imports = Imports(root)

    def function(self, module: str) -> bytes:
        """The zip of a function whose handler is in `module`; `BadDefinition` if it cannot be packaged."""
        names = self.imports.files(module)
        compiled = {self._cached(name) for name in names if name.endswith(".py")}
        found = {name: self._compiled[name] for name in compiled if name in self._compiled}
        return zip_bytes(self._sources(names) | found)

    def library(self, scripts: Iterable[str]) -> bytes:
        """The zip of what Glue's scripts import. It holds no .pyc: Python reads none of `__pycache__` in a zip."""
        return zip_bytes(self._sources(name for script in scripts for name in self.imports.files_of_script(script)))

    def _sources(self, names: Iterable[str]) -> dict[str, bytes]:
        return {name: (self._root / name).read_bytes() for name in names}

    def _cached(self, name: str) -> str:
        folder, _, file = name.rpartition("/")
        return f"{folder}/__pycache__/{file.removesuffix('.py')}.cpython-{''.join(map(str, self._python))}.pyc"

    @cached_property
    def _compiled(self) -> dict[str, bytes]:
        """Every module that may run on AWS, compiled in one child: starting one a function takes longer."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in _modules(self._root).items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            compile_folder(Path(folder), self._python)
            return {p.relative_to(folder).as_posix(): p.read_bytes() for p in Path(folder).rglob("*.pyc")}


def _modules(root: Path) -> dict[str, bytes]:
    found = {}
    for package in PACKAGES:
        for path in (root / package).rglob("*.py"):
            name = path.relative_to(root).as_posix()
            if not name.startswith(tuple(f"{folder}/" for folder in LEFT_OUT)):
                found[name] = path.read_bytes()
    return found


def compile_folder(folder: Path, python: Version) -> None:
    """Write `__pycache__` for every module under `folder`, with paths as they stand in the archive.

    Runs a child even for this interpreter's own version: a fixed hash seed and a fresh process make the same
    bytes each time. A module that does not compile (some wheels carry templates named .py) is left as it is.
    """
    found = interpreter(python)
    if found is None:
        return
    command = [
        found, "-s", "-S", "-m", "compileall", "-q", "-j", "1", "-s", str(folder),
        "--invalidation-mode", "unchecked-hash", str(folder),
    ]  # fmt: skip
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, env={"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"})


@cache
def interpreter(python: Version) -> str | None:
    """A Python of this version on this machine: this one, or one on the path, or one that uv or pyenv has installed."""
    if sys.version_info[:2] == python:
        return sys.executable
    wanted = f"{python[0]}.{python[1]}"
    return next((found for found in _candidates(wanted) if _is(found, wanted)), None)


def _candidates(wanted: str) -> Iterator[str]:
    if on_the_path := shutil.which(f"python{wanted}"):
        yield on_the_path
    command = [uv(), "python", "find", "--no-project", wanted]
    if from_uv := subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip():
        yield from_uv
    # One that pyenv has and that is not chosen here is on the path as a shim that answers an error.
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from (str(found) for found in sorted(pyenv.glob(f"versions/{wanted}*/bin/python{wanted}")))


def _is(candidate: str, wanted: str) -> bool:
    """Version managers put shims on the path that answer an error for versions that are not chosen."""
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([candidate, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == wanted


def uv() -> str:
    """uv's path, also where the virtual environment is not activated."""
    from uv import find_uv_bin

    return find_uv_bin()

"""The code that runs on AWS, as one zip: every function's code, and the library that Glue jobs import."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from pipeline.packaging.archives import zip_bytes

PACKAGES = ("pipeline", "stages")
# What never runs on AWS: the embedded lake and the tools that a person uses.
LEFT_OUT = ("pipeline/local", "pipeline/cli", "pipeline/console", "pipeline/packaging")
LAMBDA_PYTHON = (3, 12)

Version = tuple[int, int]


def code_zip(root: Path, python: Version) -> bytes:
    """`pipeline` and `stages` as they run on AWS, byte-compiled for `python` beside their sources.

    Importing without .pyc doubles a cold start, and Lambda's file system takes no cache of its own. The .pyc carry
    an unchecked hash, so that a zip's fixed times cannot make them stale. Without such a Python on this machine
    (`interpreter`) the zip holds the sources alone, and works as well.
    """
    sources = code_files(root)
    return zip_bytes(sources | _compiled(sources, python))


def code_files(root: Path) -> dict[str, bytes]:
    """Names in the archive and contents of everything that ships, data files beside the modules included."""
    found = {}
    for package in PACKAGES:
        for path in (root / package).rglob("*"):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not _stays_here(name):
                found[name] = path.read_bytes()
    return found


def _stays_here(name: str) -> bool:
    parts = name.split("/")
    return (
        "__pycache__" in parts
        or any(part.startswith(".") for part in parts)
        or name.startswith(tuple(f"{folder}/" for folder in LEFT_OUT))
    )


def _compiled(sources: dict[str, bytes], python: Version) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in sources.items():
            if name.endswith(".py"):
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        compile_folder(Path(folder), python)
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in Path(folder).rglob("*.pyc")}


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
    """A Python of this version on this machine: this one, or one on the path, or one that uv knows."""
    if sys.version_info[:2] == python:
        return sys.executable
    wanted = f"{python[0]}.{python[1]}"
    from_uv = subprocess.run(
        [uv(), "python", "find", "--no-project", wanted], capture_output=True, text=True, check=False
    ).stdout.strip()
    candidates = (shutil.which(f"python{wanted}"), from_uv)
    return next((found for found in candidates if found and _is(found, wanted)), None)


def _is(candidate: str, wanted: str) -> bool:
    """Version managers put shims on the path that answer an error for versions that are not chosen."""
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([candidate, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == wanted


def uv() -> str:
    """uv's path, also where the virtual environment is not activated."""
    from uv import find_uv_bin

    return find_uv_bin()

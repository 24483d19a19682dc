"""What Glue installs before a run, as far as a run here needs it: wheels from a zip, unpacked beside its script."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

SUFFIX = ".gluewheels.zip"
"""Glue knows a zip of wheels by it."""


def installed(arguments: Mapping[str, str], fetch: Callable[[str], bytes], target: Path) -> list[str]:
    """The folder for PYTHONPATH with the packages that `--additional-python-modules` names; none if there are none.

    Those for another Python or machine are left out: the lake's own jobs have theirs from its environment.
    """
    uri = arguments.get("--additional-python-modules", "").strip()
    if not uri.endswith(SUFFIX):
        return []
    with zipfile.ZipFile(io.BytesIO(fetch(uri))) as archive:
        for name in filter(fits_here, archive.namelist()):
            with zipfile.ZipFile(io.BytesIO(archive.read(name))) as wheel:
                wheel.extractall(target)
    return [str(target)] if target.exists() else []


def fits_here(wheel: str) -> bool:
    """Whether a file is a wheel that this Python can import on this machine, by the tags in its name (PEP 425)."""
    tags = wheel.rpartition("/")[2].removesuffix(".whl").split("-")[-3:]
    if not wheel.endswith(".whl") or len(tags) < 3:
        return False
    python, abi, platform = tags
    here = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    if platform == "any":
        return "py3" in python.split(".") or here in python
    return abi in (here, "abi3") and "linux" in platform and os.uname().machine in platform

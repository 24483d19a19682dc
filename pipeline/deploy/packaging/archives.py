"""Zip files whose bytes follow from their content alone: fixed times and rights, sorted names."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

# The earliest time that a zip can hold.
_TIME = (1980, 1, 1, 0, 0, 0)
_RIGHTS = 0o644 << 16


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """A zip of `files`, which maps names in the archive to contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(_entry(name), files[name])
    return buffer.getvalue()


def zip_folder(folder: Path, target: Path) -> None:
    """A zip of everything under `folder`, written to `target`. Layers are too big to hold in memory twice."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.writestr(_entry(path.relative_to(folder).as_posix()), path.read_bytes())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = _RIGHTS
    entry.create_system = 3  # Unix, whatever machine packages: Lambda reads the rights only then.
    return entry

"""What a run here has of the wheels that Glue would install."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.emulator.glue.wheels import fits_here, installed

HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}"
URI = "s3://artefacts/transforms/a/b/0/transform.gluewheels.zip"


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("wheels/one-1.0-py3-none-any.whl", True),
        ("wheels/one-1.0-py2.py3-none-any.whl", True),
        ("wheels/one-1.0-py2-none-any.whl", False),
        (f"wheels/one-1.0-{HERE}-{HERE}-win_amd64.whl", False),
        ("wheels/one-1.0-cp27-cp27m-manylinux2014_x86_64.whl", False),
        ("wheels/requirements.txt", False),
    ],
)
def test_a_wheel_is_taken_if_this_python_can_import_it(name: str, fits: bool) -> None:
    assert fits_here(name) is fits


def test_the_packages_of_a_zip_can_be_imported_from_a_folder_of_the_run(tmp_path: Path) -> None:
    wheel = zipped({"own_package/__init__.py": b"ANSWER = 42"})
    archive = zipped({"wheels/own_package-1.0-py3-none-any.whl": wheel, "wheels/requirements.txt": b""})
    [found] = installed({"--additional-python-modules": URI}, {URI: archive}.__getitem__, tmp_path / "modules")
    assert Path(found, "own_package", "__init__.py").read_text() == "ANSWER = 42"
    assert installed({"--additional-python-modules": "numpy==2"}, {}.__getitem__, tmp_path / "none") == []
    assert installed({"--additional-python-modules": URI}, {URI: zipped({})}.__getitem__, tmp_path / "empty") == []

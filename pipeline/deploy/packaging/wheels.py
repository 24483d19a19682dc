"""What Glue installs before a job's run: for each script a zip of wheels, as requirements.lock pins them.

Glue 5 installs such a zip without an index (`--additional-python-modules` and `--python-modules-installer-option
--no-index`): https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html, Appendix A.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from pipeline.core.errors import BadDefinition, Misconfigured
from pipeline.deploy.glue_versions import GlueVersion
from pipeline.deploy.packaging.archives import zip_folder
from pipeline.deploy.packaging.imports import Imports
from pipeline.deploy.packaging.layers import closure_of
from pipeline.toolchain.folder_lock import only_one

SUFFIX = ".gluewheels.zip"
"""Glue knows a zip of wheels by it."""
FOLDER = "wheels"
REQUIREMENTS = "requirements.txt"

# Glue's own modules, which are no package, and what lies in the folder of every Spark.
_OF_GLUE = frozenset(("awsglue", "py4j"))


def requirements(root: Path, script: str, imports: Imports, glue: GlueVersion) -> dict[str, str]:
    """The lock's entries, by package, of what a script imports and `glue` does not bring, and of all that this needs.

    `BadDefinition` for a module that belongs to no package here.
    """
    modules = imports.outside({script, *imports.files_of_script(script)}) - sys.stdlib_module_names - _OF_GLUE
    packages = {_package(module, script) for module in modules}
    needed = packages - set(glue.packages)
    found = closure_of(root, needed) if needed else {}
    return {name: entry for name, entry in found.items() if name not in glue.packages}


def wheels_parameter(script: str) -> str:
    """The stack parameter that names the zip of the script `script`, which is its file's stem."""
    return "".join(word.capitalize() for word in script.split("_")) + "WheelsUri"


def _package(module: str, script: str) -> str:
    try:
        return _packages()[module][0].lower().replace("_", "-")
    except KeyError:
        raise BadDefinition(f"{script}: imports {module}, which no installed package has") from None


@cache
def _packages() -> dict[str, list[str]]:
    return dict(packages_distributions())


def wheels_archive(root: Path, script: str, imports: Imports, glue: GlueVersion, into: Path | None = None) -> Path:
    """The zip for one script, in `build/wheels` or in `into`; unchanged requirements fetch nothing.

    Only wheels whose hash stands in the lock are taken. `Misconfigured` if Glue's platform has none of a package.
    """
    folder = into or root / "build" / "wheels"
    with only_one(folder):
        return _archive(root, script, imports, glue, folder / f"{Path(script).stem}{SUFFIX}")


def _archive(root: Path, script: str, imports: Imports, glue: GlueVersion, archive: Path) -> Path:
    made_for = f"# Python {glue.python[0]}.{glue.python[1]}, {' '.join(glue.platforms)}"
    wanted = "\n".join([*requirements(root, script, imports, glue).values(), made_for, ""])
    stamp = archive.with_suffix(".txt")
    if archive.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return archive
    folder, listed = archive.with_suffix(".part"), archive.with_suffix(".requirements")
    shutil.rmtree(folder, ignore_errors=True)
    stamp.unlink(missing_ok=True)
    (folder / FOLDER).mkdir(parents=True)
    listed.write_text(wanted, encoding="utf-8")
    fetch_wheels(listed, folder / FOLDER, glue)
    (folder / FOLDER / REQUIREMENTS).write_text(pins(folder / FOLDER), encoding="utf-8")
    zip_folder(folder, archive)
    shutil.rmtree(folder)
    listed.rename(stamp)
    return archive


def fetch_wheels(listed: Path, target: Path, glue: GlueVersion) -> None:
    """Fetch the wheels of requirements with hashes; without platforms of `glue` those for this machine.

    uv has no command that fetches wheels and keeps them as they are.
    """
    platforms = [word for platform in glue.platforms for word in ("--platform", platform)]
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes",
        "--no-deps", "--only-binary", ":all:", *platforms, "--implementation", "cp",
        "--python-version", f"{glue.python[0]}.{glue.python[1]}", "--dest", str(target), "--requirement", str(listed),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Misconfigured(
            f"the wheels of {listed.name.partition('.')[0]} could not be fetched: {done.stderr.strip()}"
        )


def pins(folder: Path) -> str:
    """What Glue's installer is to install: each wheel that is there, and no other file of its name."""
    lines = []
    for wheel in sorted(folder.glob("*.whl")):
        # A wheel's name has no other hyphens than those between its parts.
        name, version = wheel.name.split("-")[:2]
        sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{name.replace('_', '-')}=={version} --hash=sha256:{sha256}\n")
    return "".join(lines)

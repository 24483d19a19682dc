"""Runs here, in order, what the pipeline's CodeBuild projects run: by reading cicd/pipeline.yaml and its buildspecs.

What this cannot do as CodeBuild does it (https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html)
it refuses, so that a buildspec which passes here has not been half run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import BadDefinition, BadInput, Refused, SluiceError
from pipeline.packaging.templates import load_template

PHASES = ("install", "pre_build", "build")
"""The phases that are run, in CodeBuild's order; a command that fails ends the build."""


@dataclass(frozen=True, slots=True)
class Build:
    """One action of the pipeline: the commands of a buildspec, in the order in which CodeBuild runs them."""

    stage: str
    action: str
    path: Path
    commands: tuple[str, ...]


def builds(root: Path) -> list[Build]:
    """The builds of the pipeline in the checkout `root`, in its order.

    `BadDefinition` if a buildspec is missing, or says something that is not run here.
    """
    resources = load_template(root / "cicd" / "pipeline.yaml")["Resources"]
    found = []
    for stage in resources["Pipeline"]["Properties"]["Stages"]:
        for action in stage["Actions"]:
            if action.get("ActionTypeId", {}).get("Provider") != "CodeBuild":
                continue
            project = resources[action["Configuration"]["ProjectName"]["Ref"]]
            path = root / project["Properties"]["Source"]["BuildSpec"]
            found.append(Build(stage["Name"], action["Name"], path, commands(path)))
    return found


def commands(path: Path) -> tuple[str, ...]:
    """The commands of a buildspec; `BadDefinition` if it has none, or anything that is not run here."""
    try:
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BadDefinition(f"{path}: no buildspec can be read: {error}") from None
    _only(path, "a buildspec", spec, ("version", "phases"))
    if set(spec) != {"version", "phases"}:
        raise BadDefinition(f"{path}: needs version and phases")
    # In version 0.1 each command has a shell of its own.
    if spec["version"] != 0.2:
        raise BadDefinition(f"{path}: version {spec['version']} is not run here; 0.2 is")
    _only(path, "phases", spec["phases"], PHASES)
    for name, phase in spec["phases"].items():
        _only(path, name, phase, ("runtime-versions", "commands") if name == "install" else ("commands",))
    found = tuple(each for name in PHASES for each in spec["phases"].get(name, {}).get("commands", ()))
    if not found or not all(isinstance(each, str) for each in found):
        raise BadDefinition(f"{path}: has no commands, or one that is not text")
    return found


def run(build: Build, root: Path) -> None:
    """Run one build in `root`, in one shell as CodeBuild does; `Refused` if one of its commands fails."""
    # `make pipeline` must not pass its own options on to the `make` of a buildspec.
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    # Each command ends the shell if it fails, also one of the form `a && b`, which `set -e` would let pass.
    script = "\n".join(f"{{ {command}\n}} || exit" for command in build.commands)
    ended = subprocess.run(["/bin/sh", "-xc", script], cwd=root, env=environment, check=False)
    if ended.returncode:
        raise Refused(f"{build.stage}, {build.action}: a command of {build.path} ended with {ended.returncode}")


def main(arguments: Sequence[str]) -> int:
    """Run the builds whose actions are named, or all; 1 as soon as one fails."""
    root = Path.cwd()
    try:
        found = builds(root)
        if unknown := set(arguments) - {build.action for build in found}:
            raise BadInput(f"no such action: {', '.join(sorted(unknown))}; there are {[b.action for b in found]}")
        for build in found:
            if not arguments or build.action in arguments:
                started = time.monotonic()
                print(f"== {build.stage}, {build.action}: {build.path.relative_to(root)}", flush=True)
                run(build, root)
                print(f"== {build.action} passed in {time.monotonic() - started:.0f} s", flush=True)
    except SluiceError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


def _only(path: Path, what: str, given: Any, known: Sequence[str]) -> None:
    if not isinstance(given, Mapping) or not set(given) <= set(known):
        raise BadDefinition(f"{path}: {what} may hold {', '.join(known)} here, and holds {given}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Runs here, in order, what the pipeline's CodeBuild projects run: by reading cicd/pipeline.yaml and its buildspecs.

What this cannot do as CodeBuild does it (https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html)
it refuses, so that a buildspec which passes here has not been half run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.cloudformation.templates import load_template
from pipeline.core.errors import BadDefinition, BadInput, Refused, SluiceError

PHASES = ("install", "pre_build", "build")
"""The phases that are run, in CodeBuild's order; a command that fails ends the build."""

ENVIRONMENT = "ENVIRONMENT"
"""The variable of a project that deploys: which environment. Here each is a lake of one embedded AWS."""


@dataclass(frozen=True, slots=True)
class Build:
    """One action of the pipeline: the commands of a buildspec, in the order in which CodeBuild runs them.

    `variables` are the project's; a value that only AWS knows is told by its name.
    """

    stage: str
    action: str
    path: Path
    commands: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)


def builds(root: Path) -> list[Build]:
    """The builds of the pipeline in the checkout `root`, in its order.

    `BadDefinition` if a buildspec is missing, or says something that is not run here.
    """
    resources = load_template(root / "cicd" / "pipeline.yaml")["Resources"]
    found = []
    for stage in resources["Pipeline"]["Properties"]["Stages"]:
        # What is conditional builds nothing.
        for action in stage.get("Actions", []):
            if action.get("ActionTypeId", {}).get("Provider") != "CodeBuild":
                continue
            project = resources[action["Configuration"]["ProjectName"]["Ref"]]["Properties"]
            path = root / project["Source"]["BuildSpec"]
            given = project["Environment"].get("EnvironmentVariables", [])
            variables = {each["Name"]: _known(each) for each in given}
            found.append(Build(stage["Name"], action["Name"], path, commands(path), variables))
    return found


def commands(path: Path) -> tuple[str, ...]:
    """The commands of a buildspec; `BadDefinition` if it has none, or anything that is not run here."""
    try:
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BadDefinition(f"{path}: no buildspec can be read: {error}") from None
    _only(path, "a buildspec", spec, ("version", "phases", "artifacts"))
    if not {"version", "phases"} <= set(spec):
        raise BadDefinition(f"{path}: needs version and phases")
    # In version 0.1 each command has a shell of its own.
    if spec["version"] != 0.2:
        raise BadDefinition(f"{path}: version {spec['version']} is not run here; 0.2 is")
    _only(path, "phases", spec["phases"], PHASES)
    for name, phase in spec["phases"].items():
        _only(path, name, phase, ("runtime-versions", "commands") if name == "install" else ("commands",))
    # What the next action gets. Here all of them share a folder.
    _only(path, "artifacts", spec.get("artifacts", {}), ("files", "exclude-paths"))
    found = tuple(each for name in PHASES for each in spec["phases"].get(name, {}).get("commands", ()))
    if not found or not all(isinstance(each, str) for each in found):
        raise BadDefinition(f"{path}: has no commands, or one that is not text")
    return found


def run(build: Build, root: Path, more: Mapping[str, str] | None = None) -> None:
    """Run one build in `root`, in one shell as CodeBuild does; `Refused` if one of its commands fails."""
    # `make pipeline` must not pass its own options on to the `make` of a buildspec.
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    environment |= {**build.variables, **(more or {})}
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
        chosen = [build for build in found if not arguments or build.action in arguments]
        for build in (build for build in chosen if ENVIRONMENT not in build.variables):
            _run(build, root, {})
        if deploying := [build for build in chosen if ENVIRONMENT in build.variables]:
            with _embedded_aws() as variables:
                for build in deploying:
                    _run(build, root, variables)
    except SluiceError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


def _run(build: Build, root: Path, variables: Mapping[str, str]) -> None:
    started = time.monotonic()
    print(f"== {build.stage}, {build.action}: {build.path.relative_to(root)}", flush=True)
    run(build, root, variables)
    print(f"== {build.action} passed in {time.monotonic() - started:.0f} s", flush=True)


@contextmanager
def _embedded_aws() -> Iterator[dict[str, str]]:
    """An empty embedded AWS, of its own and not this checkout's lake, in place of the environments' accounts."""
    from pipeline.emulator import lifecycle
    from pipeline.toolchain.jars import ensure_jars

    ensure_jars()
    with tempfile.TemporaryDirectory(prefix="sluice-pipeline-") as folder:
        lake = lifecycle.start(Path(folder), port=0, env="dev")
        try:
            yield {
                "SLUICE_TARGET": f"--endpoint {lake.endpoint}",
                "AWS_REGION": lake.region,
                **lake.key.variables(),
            }
        finally:
            lifecycle.stop(Path(folder))


def _known(variable: Mapping[str, Any]) -> str:
    value = variable["Value"]
    return value if isinstance(value, str) else f"{variable['Name']}-of-the-account"


def _only(path: Path, what: str, given: Any, known: Sequence[str]) -> None:
    if not isinstance(given, Mapping) or not set(given) <= set(known):
        raise BadDefinition(f"{path}: {what} may hold {', '.join(known)} here, and holds {given}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Packages a checkout: everything that its stacks deploy, in a folder that any account and environment can take.

This is what `aws cloudformation package` does, without an account: artefacts are put beside the templates, which name
their bucket by a parameter. The same templates come out for AWS and for the embedded lake; only what a layer holds
differs (`Target`).
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pipeline.cloudformation import versions
from pipeline.cloudformation.templates import dump_template, load_template
from pipeline.core.errors import BadDefinition, BadInput, Refused
from pipeline.deploy.packaging.artefacts import Artefacts
from pipeline.deploy.packaging.code import LAMBDA_PYTHON, Code, interpreter
from pipeline.deploy.packaging.manifest import ARTEFACTS, FILE, TEMPLATES, Manifest, read_manifest
from pipeline.deploy.packaging.rewriter import Rewriter, give_parameters
from pipeline.deploy.packaging.sizes import too_large
from pipeline.deploy.packaging.wheels import wheels_parameter

LAKE = "lake"
ONCE = "SluiceOnce"
"""The entry of a template's Metadata that says how often it is deployed: once a lake where it has none."""
ONCE_A = frozenset({LAKE, "dataset", "team", "feed", "forecast"})
"""What it may say. `sluice datasets apply` deploys what is once a dataset or a team, `sluice deploy` each feed's
and each source's of forecasts."""
FLOW = "SluiceFlow"
"""The entry of a template's Metadata that names a flow: it is deployed where that is wanted, and else everywhere."""


class Target(Enum):
    """What the artefacts are for."""

    AWS = "aws"
    # Embedded functions run in the environment that the lake was started in, which has every package: a layer is
    # an empty zip there, and code is compiled for the Python that runs the lake.
    EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class PackagedTemplate:
    """A template that CloudFormation and the embedded deployer take, with what `upload` answers as its parameters."""

    name: str
    path: Path
    once: str = LAKE
    """Of what it is deployed once: one of ONCE_A."""
    flow: str | None = None
    """The flow that it belongs to, unless every lake has it."""

    @property
    def is_of_a_lake(self) -> bool:
        """Whether it is deployed once a lake."""
        return self.once == LAKE


@dataclass(frozen=True, slots=True)
class Package:
    """A package in `folder`: `artefacts`, `templates` and `manifest.json`. `notes` are for the person who packages."""

    folder: Path
    templates: tuple[PackagedTemplate, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> PackagedTemplate:
        """The template of one stack, by its file's stem."""
        return next(template for template in self.templates if template.name == name)

    def artefact(self, key: str) -> bytes | None:
        """An artefact's content; None if it has none of that key."""
        try:
            return (self.folder / ARTEFACTS / key).read_bytes()
        except FileNotFoundError:
            return None

    def of_the_lake(self, flows: Collection[str] = ()) -> list[Path]:
        """The templates that are deployed once a lake that has these flows; `BadInput` for one that there is not."""
        check_flows(flows, self.flows)
        of_lake = (template for template in self.templates if template.is_of_a_lake)
        return [template.path for template in of_lake if template.flow is None or template.flow in flows]

    @property
    def flows(self) -> set[str]:
        """The flows that a lake may have or not."""
        return {template.flow for template in self.templates if template.flow}


def check_flows(flows: Collection[str], there: Collection[str]) -> None:
    """`BadInput` for a flow that is not one of those that there are."""
    if unknown := sorted(set(flows) - set(there)):
        known = ", ".join(sorted(there)) or "none"
        raise BadInput(f"there is no flow {unknown[0]}", hint=f"There are: {known}. `sluice settings set flows …`")


def flows_of_checkout(root: Path) -> set[str]:
    """The flows that a lake of this checkout may have or not."""
    loaded = (load_template(path) for path in (root / "definitions" / "stacks").glob("*.yaml"))
    return {flow for template in loaded if (flow := _flow(template))}


def read_package(folder: Path) -> Package:
    """A package that was made before; `BadDefinition` if there is none in `folder`."""
    read_manifest(folder)
    return Package(folder, _templates(folder))


def package(
    root: Path, folder: Path, *, target: Target, templates: Path | None = None, jars: Sequence[Path] = ()
) -> Package:
    """Package every template under `templates` (by default `definitions/stacks`) into `folder`, which it replaces.

    Parameters that templates declare are given by the manifest: `ArtefactBucket`, `LibraryUri` (what Glue's scripts
    import, for `--extra-py-files`), for each that needs more than Glue brings `<Script>WheelsUri` (for
    `--additional-python-modules`) and `DeequJarUris` (comma-separated, of `jars`); what a state machine substitutes by
    a path that begins with `../` is packaged as a script. Raises `BadDefinition` naming file, resource and property
    for a local path that does not exist or cannot be packaged, and for what is larger than AWS takes; `folder` is then
    as it was. `Refused` if it holds anything but a package.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / FILE).exists():
        raise Refused(f"{folder} holds something that is no package, and would be replaced")
    source = templates or root / "definitions" / "stacks"
    python = LAMBDA_PYTHON if target is Target.AWS else (sys.version_info[0], sys.version_info[1])
    unfinished = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / TEMPLATES).mkdir(parents=True)
    artefacts = Artefacts(unfinished)
    layers = target is Target.AWS
    rewriter = Rewriter(root, artefacts, Code(root, python), real_layers=layers)
    loaded = {path: load_template(path) for path in sorted(source.glob("*.yaml"))}
    for path, template in loaded.items():
        packaged = rewriter.packaged(template, path)
        if once(template, path) == LAKE:
            give_parameters(packaged)
        versions.declare(packaged)
        text = dump_template(packaged)
        (unfinished / TEMPLATES / path.name).write_text(text, encoding="utf-8")
    parameters: Mapping[str, tuple[str, ...]] = {
        "LibraryUri": (rewriter.library(),),
        **{wheels_parameter(script): (key,) for script, key in rewriter.wheels().items()},
        "DeequJarUris": tuple(artefacts.put_file("jars", jar) for jar in jars),
    }
    Manifest(artefacts.made, parameters).write(unfinished)
    if large := list(too_large(unfinished)):
        raise BadDefinition("; ".join(large))
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return Package(folder, _templates(folder), _notes(python))


def once(template: Mapping[str, Any], path: Path) -> str:
    """Of what the template in `path` is deployed once; `BadDefinition` for what nobody deploys."""
    # Packages of the release before have none.
    said = template.get("Metadata", {}).get(ONCE, path.stem if path.stem in ONCE_A else LAKE)
    if said not in ONCE_A:
        raise BadDefinition(f"{path}: {ONCE} is {said!r}", hint=f"One of {', '.join(sorted(ONCE_A))}.")
    return str(said)


def _templates(folder: Path) -> tuple[PackagedTemplate, ...]:
    paths = sorted((folder / TEMPLATES).glob("*.yaml"))
    loaded = ((path, load_template(path)) for path in paths)
    return tuple(PackagedTemplate(path.stem, path, once(template, path), _flow(template)) for path, template in loaded)


def _flow(template: Mapping[str, Any]) -> str | None:
    return template.get("Metadata", {}).get(FLOW)  # type: ignore[no-any-return]


def _notes(python: tuple[int, int]) -> tuple[str, ...]:
    if interpreter(python):
        return ()
    return (f"not byte-compiled, cold starts are slower: there is no Python {python[0]}.{python[1]}",)

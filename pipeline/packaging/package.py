"""Packages a checkout: uploads what its templates name by local path and writes the templates that name it in S3.

This is what `aws cloudformation package` does, with one zip for all code and layers built from the lock. The same
templates come out for AWS and for the embedded lake; only what a layer holds differs (`Target`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.errors import BadDefinition
from pipeline.packaging.archives import zip_bytes
from pipeline.packaging.artefacts import Artefacts, Location
from pipeline.packaging.code import LAMBDA_PYTHON, code_zip, interpreter
from pipeline.packaging.layers import layer_archive
from pipeline.packaging.templates import dump_template, load_template

# Where a packaged template says which file it was made from, so that errors name the file that a person edits.
SOURCE = "SluiceSource"
# What `sluice datasets apply` deploys, once a dataset or a team, and not once a lake.
MANY = frozenset({"dataset", "team"})


class Target(Enum):
    """What the artefacts are for."""

    AWS = "aws"
    # Embedded functions run in the environment that the lake was started in, which has every package: a layer is
    # an empty zip there, and code is compiled for the Python that runs the lake.
    EMBEDDED = "embedded"


def stack_name(lake: str, env: str, name: str) -> str:
    """What a template's stack is called, here and on AWS, where names have letters, digits and hyphens only."""
    return f"{lake}-{env}-{name}".replace("_", "-").replace("/", "-")


@dataclass(frozen=True, slots=True)
class PackagedTemplate:
    """A template that CloudFormation and the embedded deployer take as it is."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Package:
    """What packaging made: `notes` are for the person who packages."""

    templates: tuple[PackagedTemplate, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> PackagedTemplate:
        """The template of one stack, by its file's stem."""
        return next(template for template in self.templates if template.name == name)

    def of_the_lake(self) -> list[Path]:
        """The templates that are deployed once a lake."""
        return [template.path for template in self.templates if template.name not in MANY]


def package(
    root: Path,
    artefacts: Artefacts,
    *,
    target: Target,
    templates: Path | None = None,
    jars: Sequence[Path] = (),
    build: Path | None = None,
) -> Package:
    """Package every template under `templates` (by default `definitions/stacks`) into `build/templates`.

    Declared parameters named `ArtefactBucket`, `LibraryUri` (the code zip, for Glue's `--extra-py-files`) and
    `DeequJarUris` (comma-separated, of `jars`) get their values as defaults. Raises `BadDefinition` naming file,
    resource and property for a local path that does not exist or cannot be packaged.
    """
    source = templates or root / "definitions" / "stacks"
    into = (build or root / "build") / "templates"
    into.mkdir(parents=True, exist_ok=True)
    packager = _Packager(root, artefacts, target, tuple(jars))
    made = []
    for path in sorted(source.glob("*.yaml")):
        packaged = into / path.name
        packaged.write_text(dump_template(packager.packaged(path)), encoding="utf-8")
        made.append(PackagedTemplate(path.stem, packaged))
    return Package(tuple(made), packager.notes())


@dataclass
class _Packager:
    """Uploads each thing once, however many templates name it."""

    root: Path
    artefacts: Artefacts
    target: Target
    jars: tuple[Path, ...]
    _uploaded: dict[str, Location] = field(default_factory=dict)

    def packaged(self, path: Path) -> dict[str, Any]:
        template = load_template(path)
        template.setdefault("Metadata", {})[SOURCE] = _relative(path, self.root)
        for holder, property_name, upload, where in self._local_paths(template, path):
            local = (path.parent / holder[property_name]).resolve()
            holder[property_name] = self._once(property_name, upload, local, where)
        self._give_parameters(template)
        return template

    def _local_paths(
        self, template: dict[str, Any], path: Path
    ) -> list[tuple[dict[str, Any], str, Callable[[Path], Location], str]]:
        """Every property that names a file or folder of the checkout: its holder, its name, how it is uploaded."""
        globals_ = template.get("Globals", {}).get("Function", {})
        places: list[tuple[dict[str, Any], str, Callable[[Path], Location], str]] = [
            (globals_, "CodeUri", self._code, "Globals.Function.CodeUri")
        ]
        for logical_id, resource in template["Resources"].items():
            for (kind, *parents, last), upload in self._uploads().items():
                if resource.get("Type") == kind:
                    holder = resource.get("Properties", {})
                    for parent in parents:
                        holder = holder.get(parent, {})
                    places.append((holder, last, upload, ".".join([logical_id, "Properties", *parents, last])))
        return [
            (holder, last, upload, f"{_relative(path, self.root)}: {where}")
            for holder, last, upload, where in places
            if isinstance(holder.get(last), str) and "://" not in holder[last]
        ]

    def _uploads(self) -> dict[tuple[str, ...], Callable[[Path], Location]]:
        return {
            ("AWS::Serverless::Function", "CodeUri"): self._code,
            ("AWS::Serverless::LayerVersion", "ContentUri"): self._layer,
            ("AWS::Serverless::StateMachine", "DefinitionUri"): self._file("machines"),
            ("AWS::Glue::Job", "Command", "ScriptLocation"): self._file("scripts"),
        }

    def _once(self, property_name: str, upload: Callable[[Path], Location], path: Path, where: str) -> str:
        key = f"{property_name} {path}"
        if key not in self._uploaded:
            try:
                self._uploaded[key] = upload(path)
            except FileNotFoundError as error:
                raise BadDefinition(f"{where}: there is no file {error.filename}") from error
        return self._uploaded[key].uri

    def _file(self, kind: str) -> Callable[[Path], Location]:
        return partial(self.artefacts.put_file, kind)

    def _code(self, path: Path | None = None) -> Location:
        """A function's code is the checkout's, whatever folder of it the template names: one zip serves all."""
        if path is not None and self.root.resolve() not in (path, *path.parents):
            raise BadDefinition(f"{path} lies outside {self.root}")
        if "code" not in self._uploaded:
            self._uploaded["code"] = self.artefacts.put("code", "sluice.zip", code_zip(self.root, self._python()))
        return self._uploaded["code"]

    def _layer(self, path: Path) -> Location:
        if self.target is Target.EMBEDDED:
            return self.artefacts.put("layers", f"{path.name}.zip", zip_bytes({"python/.empty": b""}))
        return self.artefacts.put_file("layers", layer_archive(self.root, path.name))

    def _give_parameters(self, template: dict[str, Any]) -> None:
        values: dict[str, Callable[[], str]] = {
            "ArtefactBucket": lambda: self.artefacts.bucket,
            "LibraryUri": lambda: self._code().uri,
            "DeequJarUris": lambda: ",".join(self.artefacts.put_file("jars", jar).uri for jar in self.jars),
        }
        for name, declaration in template.get("Parameters", {}).items():
            if name in values:
                declaration["Default"] = values[name]()

    def _python(self) -> tuple[int, int]:
        return LAMBDA_PYTHON if self.target is Target.AWS else (sys.version_info[0], sys.version_info[1])

    def notes(self) -> tuple[str, ...]:
        if interpreter(self._python()):
            return ()
        return (f"not byte-compiled, cold starts are slower: there is no Python {LAMBDA_PYTHON[0]}.{LAMBDA_PYTHON[1]}",)


def _relative(path: Path, root: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return str(path)

"""Rewrites a template: what it names by local path becomes an artefact, named by a key in the bucket of a parameter."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.cloudformation.functions import FUNCTION, LAYER
from pipeline.cloudformation.templates import SOURCE, STORED
from pipeline.core.errors import BadDefinition
from pipeline.deploy.glue_versions import GLUE_5_1
from pipeline.deploy.packaging.archives import zip_bytes
from pipeline.deploy.packaging.artefacts import Artefacts
from pipeline.deploy.packaging.code import Code
from pipeline.deploy.packaging.documents import include_documents
from pipeline.deploy.packaging.layers import layer_archive
from pipeline.deploy.packaging.manifest import BUCKET
from pipeline.deploy.packaging.wheels import FOLDER, REQUIREMENTS, SUFFIX, requirements, wheels_archive

# A template may hold 60 dynamic references, SAM's copies of its globals counted (CloudFormation, "General
# considerations" of dynamic references); it may have 200 parameters.
_REFERENCE = re.compile(r"\{\{resolve:ssm:(/sluice/\$\{Env\}/([a-z0-9-]+))\}\}")

MACHINE = "AWS::Serverless::StateMachine"

Template = dict[str, Any]
Holder = dict[str, Any]


class Rewriter:
    """Makes each artefact once, however many templates name it."""

    def __init__(self, root: Path, artefacts: Artefacts, code: Code, *, real_layers: bool) -> None:
        """Without `real_layers` layers and wheels are empty zips: their packages come from the environment."""
        self._root = root
        self._artefacts = artefacts
        self._code = code
        self._real_layers = real_layers
        self._made: dict[str, str] = {}
        self._scripts: set[str] = set()

    def packaged(self, template: Template, path: Path) -> Template:
        """The template from `path`, ready for any account; `BadDefinition` for what cannot be packaged."""
        template.setdefault("Metadata", {})[SOURCE] = _relative(path, self._root)
        globals_ = template.get("Globals", {}).get("Function", {})
        shared = globals_.pop("CodeUri") if _is_local(globals_.get("CodeUri")) else None
        include_documents(template, path, _relative(path, self._root))
        names_artefacts = False
        for logical_id, resource in template["Resources"].items():
            if shared is not None and resource.get("Type") == FUNCTION:
                resource["Properties"].setdefault("CodeUri", shared)
            for kind, parents, last, rewrite in self._properties():
                holder = resource.get("Properties", {}) if resource.get("Type") == kind else {}
                for parent in parents:
                    holder = holder.get(parent, {})
                if _is_local(holder.get(last)):
                    where = ".".join([logical_id, "Properties", *parents, last])
                    holder[last] = self._rewritten(rewrite, holder, last, path, where)
                    names_artefacts = True
            if resource.get("Type") == MACHINE:
                given = resource.get("Properties", {}).get("DefinitionSubstitutions", {})
                for name in [name for name, value in given.items() if str(value).startswith("../")]:
                    where = f"{logical_id}.Properties.DefinitionSubstitutions.{name}"
                    given[name] = self._rewritten(self._script, given, name, path, where)
                    names_artefacts = True
        if names_artefacts:
            template.setdefault("Parameters", {}).setdefault(BUCKET, {"Type": "String"})
        return template

    def library(self) -> str:
        """The key of what the Glue scripts of all templates so far import."""
        return self._artefacts.put("library", "library.zip", self._code.library(sorted(self._scripts)))

    def wheels(self) -> dict[str, str]:
        """The keys of what Glue scripts of all templates so far need installed, by the script's name."""
        needing = (script for script in sorted(self._scripts) if self._requirements(script))
        return {Path(script).stem: self._wheels(script) for script in needing}

    def _requirements(self, script: str) -> dict[str, str]:
        return requirements(self._root, script, self._code.imports, GLUE_5_1)

    def _wheels(self, script: str) -> str:
        if self._real_layers:
            archive = wheels_archive(self._root, script, self._code.imports, GLUE_5_1)
            return self._artefacts.put_file("wheels", archive)
        empty = zip_bytes({f"{FOLDER}/{REQUIREMENTS}": b""})
        return self._artefacts.put("wheels", f"{Path(script).stem}{SUFFIX}", empty)

    def _properties(self) -> list[tuple[str, tuple[str, ...], str, Callable[[Path, Holder], Any]]]:
        """What may name a local path: the resource's type, the property, and what it becomes."""
        return [
            (FUNCTION, (), "CodeUri", self._function),
            (LAYER, (), "ContentUri", self._layer),
            (MACHINE, (), "DefinitionUri", self._machine),
            ("AWS::Glue::Job", ("Command",), "ScriptLocation", self._script),
        ]

    def _rewritten(
        self, rewrite: Callable[[Path, Holder], Any], holder: Holder, last: str, path: Path, where: str
    ) -> Any:
        place = f"{_relative(path, self._root)}: {where}"
        try:
            return rewrite((path.parent / holder[last]).resolve(), holder)
        except FileNotFoundError as error:
            raise BadDefinition(f"{place}: there is no file {error.filename}") from None
        except BadDefinition as error:
            raise BadDefinition(f"{place}: {error.message}") from None

    def _function(self, path: Path, holder: Holder) -> Any:
        """A function's code is the checkout's, whatever folder of it the template names: what its handler imports."""
        if self._root.resolve() not in (path, *path.parents):
            raise BadDefinition(f"{path} lies outside {self._root}")
        module = str(holder.get("Handler")).rpartition(".")[0]
        return _object(self._once(module, lambda: ("code", f"{module}.zip", self._code.function(module))))

    def _layer(self, path: Path, holder: Holder) -> Any:
        if self._real_layers:
            key = self._artefacts.put_file("layers", layer_archive(self._root, path.name))
        else:
            key = self._artefacts.put("layers", f"{path.name}.zip", zip_bytes({"python/.empty": b""}))
        return _object(key)

    def _machine(self, path: Path, holder: Holder) -> Any:
        return _object(self._artefacts.put_file("machines", path))

    def _script(self, path: Path, holder: Holder) -> Any:
        key = self._artefacts.put_file("scripts", path)
        self._scripts.add(_relative(path, self._root))
        return {"Fn::Sub": f"s3://${{{BUCKET}}}/{key}"}

    def _once(self, name: str, make: Callable[[], tuple[str, str, bytes]]) -> str:
        if name not in self._made:
            self._made[name] = self._artefacts.put(*make())
        return self._made[name]


def give_parameters(template: Template) -> None:
    """Have a parameter for each name of Parameter Store; what is deployed with `stacks_of_lake` gets their values.

    Not CloudFormation's own type for it: what SAM makes of one, the value or its name, is not written down.
    """
    found: dict[str, str] = {}

    def name_of(match: re.Match[str]) -> str:
        name = "".join(part.capitalize() for part in match[2].split("-"))
        found[f"{name}InStore"] = match[1]
        return f"${{{name}InStore}}"

    def rewritten(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: _REFERENCE.sub(name_of, item) if key == "Fn::Sub" and isinstance(item, str) else rewritten(item)
                for key, item in value.items()
            }
        return [rewritten(item) for item in value] if isinstance(value, list) else value

    for part in ("Globals", "Resources", "Outputs"):
        if part in template:
            template[part] = rewritten(template[part])
    if found:
        template.setdefault("Parameters", {}).update({name: {"Type": "String"} for name in sorted(found)})
        template["Metadata"][STORED] = dict(sorted(found.items()))


def _object(key: str) -> Any:
    return {"Bucket": {"Ref": BUCKET}, "Key": key}


def _is_local(value: Any) -> bool:
    return isinstance(value, str) and "://" not in value


def _relative(path: Path, root: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return str(path)

"""What a package holds: its artefacts by key, and which of them stacks are told of through parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core.errors import BadDefinition

FILE = "manifest.json"
FORMAT = 1
ARTEFACTS = "artefacts"
TEMPLATES = "templates"
BUCKET = "ArtefactBucket"
"""The parameter by which every template with artefacts names their bucket."""

# `<kind>/<digest>/<name>`. A manifest may come from elsewhere: a key must not lead out of the package.
_KEY = re.compile(r"[a-z]+/([0-9a-f]{32})/[A-Za-z0-9_][A-Za-z0-9_.+-]*")


@dataclass(frozen=True, slots=True)
class Artefact:
    """What a file must be: its SHA-256 in hex, and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """`artefacts` by key; `parameters` names, of a template's parameter, the keys that it lists."""

    artefacts: Mapping[str, Artefact]
    parameters: Mapping[str, tuple[str, ...]]

    def write(self, folder: Path) -> None:
        """As `manifest.json` of the package in `folder`; the same package gives the same bytes."""
        document = {"format": FORMAT, **asdict(self)}
        (folder / FILE).write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    def stack_parameters(self, bucket: str) -> dict[str, str]:
        """What to deploy the templates with, when the artefacts lie in `bucket`."""
        lists = {
            name: ",".join(f"s3://{bucket}/{key}" for key in keys) for name, keys in sorted(self.parameters.items())
        }
        return {BUCKET: bucket, **lists}


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the package in `folder`; `BadDefinition` if there is none that this version understands."""
    path = folder / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise BadDefinition(f"{path}: format {found['format']} is not known here, {FORMAT} is")
        manifest = Manifest(
            {key: Artefact(**each) for key, each in found["artefacts"].items()},
            {name: tuple(keys) for name, keys in found["parameters"].items()},
        )
    except (FileNotFoundError, NotADirectoryError):
        raise BadDefinition(f"{path}: there is no package", hint="`sluice package` makes one.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadDefinition(f"{path}: is no manifest of a package: {error!r}") from None
    for key, artefact in manifest.artefacts.items():
        named = _KEY.fullmatch(key)
        if not named or not str(artefact.sha256).startswith(named[1]):
            raise BadDefinition(f"{path}: {key} does not name its content")
    for name, keys in manifest.parameters.items():
        if unknown := [key for key in keys if key not in manifest.artefacts]:
            raise BadDefinition(f"{path}: {name} names what is not there: {unknown}")
    return manifest

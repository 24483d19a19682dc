"""How large what a package holds is, and whether AWS takes it.

Limits: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html and
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from pipeline.cloudformation.functions import functions
from pipeline.deploy.packaging.layers import LIMIT_BYTES
from pipeline.deploy.packaging.manifest import ARTEFACTS, TEMPLATES, read_manifest
from pipeline.deploy.packaging.wheels import FOLDER, REQUIREMENTS, SUFFIX

LAYERS = 5
TEMPLATE_BYTES = 1_000_000
"""Of a template that CloudFormation reads from S3; one in the request may have `INLINE_BYTES`."""
INLINE_BYTES = 51_200
MACHINE_BYTES = 1_000_000
MANAGED_LAYERS: Mapping[str, int] = MappingProxyType({"AWSSDKPandas": 204 * 1024 * 1024})
"""Layers of AWS's own, which no package holds, and what they unpack to: the largest that was published of any version
(aws-sdk-pandas 3.16.1, its issue 3331; 167 MB before). Whoever deploys chooses the version."""


@dataclass(frozen=True, slots=True)
class FunctionSize:
    """Bytes of a function's zip and of its layers' zips, and of what they unpack to, with layers of AWS's own."""

    stack: str
    function: str
    layers: tuple[str, ...]
    zip: int
    code: int
    layer_zips: int
    layers_unzipped: int

    @property
    def unzipped(self) -> int:
        """What Lambda limits to 250 MB: code and layers."""
        return self.code + self.layers_unzipped


def function_sizes(folder: Path) -> list[FunctionSize]:
    """Every function of the package in `folder`, in the order of its templates."""
    layers = {Path(key).stem: key for key in read_manifest(folder).artefacts if key.startswith("layers/")}
    # Functions share zips, and a layer has thousands of entries.
    size = cache(lambda key: _sizes(folder / ARTEFACTS / key))
    found = []
    for function in functions(folder / TEMPLATES):
        code = size(function.properties["CodeUri"]["Key"])
        used = [size(layers[name]) for name in function.layers]
        managed = function.managed_layers
        zips, unzipped = sum(each[0] for each in used), sum(each[1] for each in used)
        unzipped += sum(MANAGED_LAYERS[name] for name in managed)
        names = (*function.layers, *managed)
        found.append(FunctionSize(function.stack, function.logical_id, names, *code, zips, unzipped))
    return found


@dataclass(frozen=True, slots=True)
class JobSize:
    """The packages that Glue installs before a run of a script, and the bytes of the zip that they come in."""

    script: str
    packages: tuple[str, ...]
    zip: int


def job_sizes(folder: Path) -> list[JobSize]:
    """Every Glue script of the package in `folder`, by name. AWS names no limit of these zips."""
    keys = sorted(read_manifest(folder).artefacts)
    wheels = {Path(key).name.removesuffix(SUFFIX): folder / ARTEFACTS / key for key in keys if key.endswith(SUFFIX)}
    scripts = [Path(key).stem for key in keys if key.startswith("scripts/")]
    return [_job(script, wheels.get(script)) for script in sorted(scripts)]


def _job(script: str, wheels: Path | None) -> JobSize:
    if wheels is None:
        return JobSize(script, (), 0)
    with zipfile.ZipFile(wheels) as archive:
        pins = archive.read(f"{FOLDER}/{REQUIREMENTS}").decode().splitlines()
    return JobSize(script, tuple(pin.partition("==")[0] for pin in pins), wheels.stat().st_size)


def too_large(folder: Path) -> Iterator[str]:
    """What AWS would refuse of the package in `folder`, in words."""
    for each in function_sizes(folder):
        if each.unzipped > LIMIT_BYTES:
            yield f"{each.function} unpacks to {each.unzipped:,} bytes with its layers, Lambda takes {LIMIT_BYTES:,}"
        if len(each.layers) > LAYERS:
            yield f"{each.function} has {len(each.layers)} layers, Lambda takes {LAYERS}"
    for kind, paths, limit in (
        ("template", (folder / TEMPLATES).glob("*.yaml"), TEMPLATE_BYTES),
        ("state machine", (folder / ARTEFACTS / "machines").rglob("*.json"), MACHINE_BYTES),
    ):
        for path in sorted(paths):
            if (size := path.stat().st_size) > limit:
                yield f"the {kind} {path.name} has {size:,} bytes, AWS takes {limit:,}"


def _sizes(path: Path) -> tuple[int, int]:
    """A zip's size, and what it unpacks to."""
    with zipfile.ZipFile(path) as archive:
        return path.stat().st_size, sum(entry.file_size for entry in archive.infolist())

"""The stacks of a checkout, deployed to an embedded lake."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.cloudformation.changes import StackPlan
from pipeline.core.settings import use
from pipeline.deploy import embedded, engine
from pipeline.deploy.engine import Stack, stacks_of_lake
from pipeline.deploy.packaging import Package
from pipeline.emulator.cloudformation import Deployer, StackResult
from pipeline.emulator.state import RunningLake

_packaged: list[Path] = []
"""Where this process has packaged checkouts, the first one first."""


def deploy(root: Path, lake: RunningLake) -> None:
    """Package the checkout and deploy the lake's own stacks, and what its flows deploy of theirs; not the datasets."""
    use(endpoint=lake.endpoint, region=lake.region, key=lake.key)
    backend, package = embedded.EmbeddedBackend(lake.env), packaged(root)
    for _ in engine.deploy(root, backend, package):
        pass
    for _ in engine.apply_flows(root, backend, package):
        pass


def packaged(root: Path) -> Package:
    """The checkout's package: that of another checkout that this process packaged before, where their files are equal.

    Its stamp says so: one that was made from other files is made anew.
    """
    folder = embedded.package_folder(root)
    before = next((each for each in _packaged if each.exists()), None)
    if before and not folder.parent.exists():
        shutil.copytree(before.parent, folder.parent)
    made = embedded.packaged(root)
    if folder not in _packaged:
        _packaged.append(folder)
    return made


def deploy_all(
    deployer: Deployer, templates: Sequence[Path], env: str, parameters: Mapping[str, str] | None = None
) -> list[StackResult]:
    """Deploy one stack a template, in the order of what each reads."""
    return [deployer.deploy(*each) for each in _stacks(templates, env, parameters, deployer.parameter)]


def plan_all(deployer: Deployer, templates: Sequence[Path], env: str) -> list[StackPlan]:
    """What `deploy_all` would do."""
    planner = deployer.planner()
    return [planner.plan(*each) for each in _stacks(templates, env, None, planner.parameter)]


def _stacks(
    templates: Sequence[Path], env: str, parameters: Mapping[str, str] | None, store: Callable[[str], str]
) -> Iterator[Stack]:
    return stacks_of_lake(templates, env, parameters or {}, store)

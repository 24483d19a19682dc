"""Deploys to an embedded lake and prints the progress, for `up` and `deploy`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.output import console
from pipeline.deploy import engine

if TYPE_CHECKING:
    from pipeline.deploy.embedded import EmbeddedBackend
    from pipeline.deploy.engine import Backend, LakePlan
    from pipeline.deploy.packaging import Package
    from pipeline.emulator.cloudformation import StackResult
    from pipeline.operate.connection import Connected

Say = Callable[[str], None]
"""Prints a line."""

_VERSION = re.compile(r":(function|stateMachine):[^:]+:\d+$")


def fetch_jars(*, quiet: bool = False) -> None:
    """Download the missing jars, with a progress bar."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from pipeline.toolchain.jars import ensure_jars

    columns = (TextColumn("downloading {task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("jars", total=None, visible=False)

        def progress(name: str, done: int, total: int) -> None:
            bar.update(task, description=name, completed=done, total=total, visible=True)

        ensure_jars(progress=progress)


def deploy_stacks(
    root: Path, backend: EmbeddedBackend, package: Package, planned: LakePlan | None, say: Say
) -> list[StackResult]:
    """Deploy the stacks that the lake needs, then its own; `say` gets a line for each of its own."""
    before = {each.name for each in backend.before(root)}
    results = []
    for name, deployed in engine.deploy(root, backend, package, planned):
        results.append(deployed.detail)
        if name not in before:
            say(described(deployed.detail))
    return results


def apply_datasets(root: Path, connected: Connected, backend: Backend, say: Say) -> None:
    """Apply definitions/datasets; `say` gets a line for each retired dataset, and one with the others."""
    from pipeline.cli.dataset_changes import retired_line
    from pipeline.deploy.datasets.definitions import apply_definitions

    applied = apply_definitions(root, connected, backend, report_retired=lambda retired: say(retired_line(retired)))
    say(f"datasets: {', '.join(str(a.name) for a in applied) or 'none'}")


def apply_flows(root: Path, backend: Backend, package: Package, say: Say) -> None:
    """Deploy what the environment's flows have several stacks of, such as feeds; `say` gets a line for each."""
    for applied in engine.apply_flows(root, backend, package):
        say(str(applied))


def described(result: StackResult) -> str:
    """What a deployment did to one stack, in a line."""
    parts = [f"{len(result.resources)} resources, {len(result.changed)} made or changed"]
    parts += [f"removed: {', '.join(result.removed)}"] if result.removed else []
    versions = [logical_id for logical_id, what in result.kept.items() if _VERSION.search(what)]
    parts += [f"{len(versions)} earlier versions retained for running executions"] if versions else []
    others = {logical_id: what for logical_id, what in result.kept.items() if logical_id not in versions}
    parts += [f"{logical_id} left the stack and was retained: {what}" for logical_id, what in others.items()]
    parts += [f"{logical_id} could not be deleted: {why}" for logical_id, why in result.left.items()]
    return f"{result.name}: {'; '.join(parts)}"

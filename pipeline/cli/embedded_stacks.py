"""Deploying to an embedded lake, as `up` and `deploy` show it."""

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
    """Fetch what is missing of the jars, with a bar."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from pipeline.toolchain.jars import ensure_jars

    columns = (TextColumn("fetching {task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("jars", total=None, visible=False)

        def progress(name: str, done: int, total: int) -> None:
            bar.update(task, description=name, completed=done, total=total, visible=True)

        ensure_jars(progress=progress)


def deploy_stacks(
    root: Path, backend: EmbeddedBackend, package: Package, planned: LakePlan | None, say: Say
) -> list[StackResult]:
    """Deploy the lake's stacks, those before it first; says what was done to each of the lake's own."""
    before = {each.name for each in backend.before(root)}
    results = []
    for name, deployed in engine.deploy(root, backend, package, planned):
        results.append(deployed.detail)
        if name not in before:
            say(described(deployed.detail))
    return results


def apply_datasets(root: Path, connected: Connected, backend: Backend, say: Say) -> None:
    """Apply definitions/datasets."""
    from pipeline.cli.dataset_changes import retired_line
    from pipeline.deploy.datasets.definitions import apply_definitions

    applied = apply_definitions(root, connected, backend, report_retired=lambda retired: say(retired_line(retired)))
    say(f"datasets: {', '.join(str(a.name) for a in applied) or 'none'}")


def described(result: StackResult) -> str:
    """What a deployment did to one stack, in a line."""
    parts = [f"{len(result.resources)} resources, {len(result.changed)} made or changed"]
    parts += [f"removed: {', '.join(result.removed)}"] if result.removed else []
    versions = [logical_id for logical_id, what in result.kept.items() if _VERSION.search(what)]
    parts += [f"{len(versions)} versions before them stay for what still runs"] if versions else []
    others = {logical_id: what for logical_id, what in result.kept.items() if logical_id not in versions}
    parts += [f"{logical_id} left the stack and was retained: {what}" for logical_id, what in others.items()]
    parts += [f"{logical_id} was to be deleted and stays: {why}" for logical_id, why in result.left.items()]
    return f"{result.name}: {'; '.join(parts)}"

"""Starting and stopping the embedded lake of a checkout, and deploying the definitions to it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.connect import Where
from pipeline.cli.output import console
from pipeline.core.clients import client
from pipeline.core.errors import Refused, SluiceError
from pipeline.core.settings import parameter_prefix, use
from pipeline.deploy import environments
from pipeline.emulator import state
from pipeline.emulator.supervisor import ACCOUNT, FAILURE

if TYPE_CHECKING:
    from pipeline.deploy.packaging import Package
    from pipeline.emulator.cloudformation import Deployer, StackDeletion, StackPlan, StackResult

START_S = 60
STOP_S = 20
LAKE = "sluice"

_VERSION = re.compile(r":(function|stateMachine):[^:]+:\d+$")

Say = Callable[[str], None]


def start(root: Path, *, port: int, region: str, env: str) -> state.RunningLake:
    """Start a supervisor and wait until its lake answers."""
    folder = state.state_folder(root)
    state.private_folder(folder)
    (folder / FAILURE).unlink(missing_ok=True)
    command = [sys.executable, "-m", "pipeline.emulator.supervisor", "--root", str(root), "--port", str(port)]
    with open(folder / "supervisor.log", "wb", opener=state.private) as output:
        child = subprocess.Popen(
            [*command, "--region", region, "--env", env],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=state.UMASK,
        )
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up:
        lake = state.running(root)
        if lake and lake.pid == child.pid:
            return lake
        if child.poll() is not None:
            raise _failure(folder)
        time.sleep(0.05)
    child.kill()
    raise SluiceError(f"the lake did not start within {START_S} s", hint=f"See {folder / 'supervisor.log'}.")


def _failure(folder: Path) -> SluiceError:
    try:
        told = json.loads((folder / FAILURE).read_text())
        return Refused(told["message"], hint=told["hint"])
    except (OSError, ValueError):
        last = (folder / "supervisor.log").read_text(errors="replace").strip().splitlines()[-1:]
        return SluiceError(f"the lake did not start: {' '.join(last)}", hint=f"See {folder / 'supervisor.log'}.")


def stop(root: Path) -> bool:
    """Stop the checkout's lake and wait until it is gone. False if none was running."""
    lake = state.running(root)
    if lake is None:
        state.forget(root)
        return False
    state.stop(lake)
    give_up = time.monotonic() + STOP_S
    while state.is_supervisor(lake.pid):
        if time.monotonic() > give_up:
            state.stop(lake, force=True)
        time.sleep(0.05)
    return True


def deploy(
    root: Path, lake: Where, say: Say, ready: Package | None = None, planned: LakePlan | None = None
) -> list[StackResult]:
    """Bootstrap, package unless there is a `ready` package, and deploy; answers what was done, stack by stack.

    What was `planned` of the same package just now spares looking again where all of it stands.
    """
    from pipeline.deploy.packaging import upload
    from pipeline.emulator.cloudformation import Deployer

    use(endpoint=lake.endpoint, region=lake.region, key=lake.key)
    check_names(_templates(root), lake.env, lake.region)
    parameters = _parameters(lake)
    deployer = planned.deployer if planned else Deployer(client, ACCOUNT, lake.region)
    results = [deployer.deploy(*_bootstrap(root, lake))]
    made = ready or packaged(root)
    uploaded = upload(made.folder, client("s3"), results[0].outputs["ArtefactBucket"], ACCOUNT)

    def report(result: StackResult) -> None:
        say(described(result))
        results.append(result)

    if planned and all(each.stands for each in planned.of_lake):
        for each in planned.of_lake[1:]:
            report(deployer.standing(each.name))
        return results
    deployer.deploy_all(made.of_the_lake(), lake.env, LAKE, parameters=parameters | uploaded, report=report)
    return results


def check_names(templates: Iterable[Path], env: str, region: str) -> None:
    """`BadInput` if a stack of the lake, or what it makes, would have a name that is too long for its service."""
    from pipeline.cloudformation import name_lengths
    from pipeline.cloudformation.templates import load_template, stack_name

    given = {"Lake": LAKE, "Env": env}
    stacks = ((stack_name(LAKE, env, path.stem), load_template(path), given) for path in templates)
    name_lengths.check(stacks, region)


def _templates(root: Path) -> list[Path]:
    return [root / "cicd" / "bootstrap.yaml", *sorted((root / "definitions" / "stacks").glob("*.yaml"))]


def packaged(root: Path, folder: Path | None = None) -> Package:
    """The checkout as a package: for AWS if the lake runs what AWS would, else for the embedded AWS.

    It lies in `folder`, or where the one that was deployed last lies; that one is taken if it is still the checkout's.
    """
    from pipeline.deploy.packaging import Target, package, stamps
    from pipeline.toolchain.jars import deequ_jars

    target, jars, last = Target.AWS if _mode(root).exists() else Target.EMBEDDED, deequ_jars(), package_folder(root)
    made_from = stamps.stamp(root, target, jars)
    if found := stamps.stamped(last, made_from):
        return found
    made = package(root, folder or last, target=target, jars=jars)
    if made.folder == last:
        stamps.keep(last, made_from)
    return made


def packaged_for_aws(root: Path, folder: Path | None = None) -> Package:
    """The checkout as the package for every account, in `folder` or `build/package`."""
    from pipeline.deploy.packaging import Target, package
    from pipeline.toolchain.jars import deequ_jars

    with console.status("packaging: the layers take a minute the first time …"):
        return package(root, folder or root / "build" / "package", target=Target.AWS, jars=deequ_jars())


def run_packages(root: Path, *, packaged: bool) -> None:
    """From now on the checkout's lake gets the very packages that AWS would get, with real layers; or it does not."""
    mode = _mode(root)
    state.private_folder(mode.parent)
    mode.touch() if packaged else mode.unlink(missing_ok=True)


def _mode(root: Path) -> Path:
    return state.state_folder(root) / "packaged"


def package_folder(root: Path) -> Path:
    """Where the package lies that was deployed last to the checkout's embedded lake."""
    return state.state_folder(root) / "build" / "package"


@dataclass(frozen=True, slots=True)
class LakePlan:
    """What would become of the stacks, in order: bootstrap and the lake's own, then teams and datasets.

    `without_file` stand, and no file of the checkout is theirs. `deployer` has looked at all of them.
    """

    of_lake: list[StackPlan]
    of_datasets: list[StackPlan]
    without_file: list[str]
    deployer: Deployer

    @property
    def stacks(self) -> list[StackPlan]:
        return [*self.of_lake, *self.of_datasets]


def plan(root: Path, lake: Where, ready: Package | None = None) -> LakePlan:
    """What `deploy`, and applying the datasets, would do to the stacks; nothing is changed or uploaded."""
    from pipeline.deploy.datasets import application
    from pipeline.deploy.packaging import read_manifest
    from pipeline.emulator.cloudformation import Deployer

    use(endpoint=lake.endpoint, region=lake.region, key=lake.key)
    check_names(_templates(root), lake.env, lake.region)
    parameters = _parameters(lake)
    deployer = Deployer(client, ACCOUNT, lake.region)
    with tempfile.TemporaryDirectory(prefix="sluice-plan-") as folder:
        made = ready or packaged(root, Path(folder))
        planner = deployer.planner(made.artefact, under=parameter_prefix(lake.env))
        plans = [planner.plan(*_bootstrap(root, lake))]
        named = read_manifest(made.folder).stack_parameters(plans[0].outputs["ArtefactBucket"])
        plans += deployer.plan_all(made.of_the_lake(), lake.env, LAKE, parameters=parameters | named, planner=planner)
    of_datasets = [planner.plan(*stack) for stack in stacks_of_datasets(root, lake.env, of_teams(lake.env))]
    prefix = f"{LAKE}-{lake.env}-"
    stand = {record.name for record in deployer.records if record.name.startswith(prefix)}
    # A dataset's stack may have to load what waits still: applying the datasets deletes it when it has.
    stand = {name for name in stand if not name.startswith(f"{prefix}{application.STACK_KIND}-")}
    without_file = sorted(stand - {each.name for each in (*plans, *of_datasets)})
    return LakePlan(plans, of_datasets, without_file, deployer)


def of_teams(env: str) -> dict[str, str]:
    """Parameters of every team's stack of an embedded lake, beside its own."""
    name = environments.SETTINGS["lake-formation"].parameter
    return {name: environments.stack_parameters(environments.stored(client("ssm"), env), env, laptop=True)[name]}


def stacks_of_datasets(root: Path, env: str, shared: Mapping[str, str]) -> Iterator[tuple[str, Path, dict[str, str]]]:
    """Name, template and parameters of the stacks of the checkout's teams, then of its datasets.

    `shared` are the parameters of every team's stack beside its own.
    """
    from pipeline.deploy.datasets import application
    from pipeline.lake.datasets.files import read_all

    definitions = read_all(root).or_raise()
    for team in sorted({definition.dataset.team for definition in definitions}):
        given = {**shared, **application.team_stack_parameters(team, LAKE, env)}
        yield application.team_stack_name(LAKE, env, team), root / application.TEAM_TEMPLATE, given
    for definition in definitions:
        name = application.stack_name(LAKE, env, definition.dataset.name)
        yield name, root / application.TEMPLATE, application.stack_parameters(definition.dataset, LAKE, env)


def prune(lake: Where, names: Sequence[str]) -> Iterator[StackDeletion]:
    """Delete stacks, those that import from others first; what their templates' DeletionPolicy keeps stays.

    `Refused` for one that is not let go, with the reason; those that come after it are then left, too.
    """
    from pipeline.emulator.cloudformation import Deployer

    deployer = Deployer(client, ACCOUNT, lake.region)
    doomed = [record for record in deployer.records if record.name in names]
    readers = {
        record.name: [other.name for other in doomed if record.exports.keys() & set(other.imports)] for record in doomed
    }
    for name in TopologicalSorter(readers).static_order():
        yield deployer.delete(name)


def _parameters(lake: Where) -> dict[str, str]:
    """What the settings of the running lake, or a laptop's defaults, give to the stacks; `BadInput` if one is wrong."""
    return environments.stack_parameters(environments.stored(client("ssm"), lake.env), lake.env, laptop=True)


def _bootstrap(root: Path, lake: Where) -> tuple[str, Path, dict[str, str]]:
    return f"{LAKE}-{lake.env}-bootstrap", root / "cicd" / "bootstrap.yaml", {"Lake": LAKE, "Env": lake.env}


def described(result: StackResult) -> str:
    """What a deployment did to one stack, in a line."""
    parts = [f"{len(result.resources)} resources, {len(result.changed)} made or changed"]
    parts += [f"removed: {', '.join(result.removed)}"] if result.removed else []
    versions = [logical_id for logical_id, what in result.kept.items() if _VERSION.search(what)]
    parts += [f"{len(versions)} versions before them stay for what still runs"] if versions else []
    others = {logical_id: what for logical_id, what in result.kept.items() if logical_id not in versions}
    parts += [f"{logical_id} was let go and stays: {what}" for logical_id, what in others.items()]
    parts += [f"{logical_id} was to be deleted and stays: {why}" for logical_id, why in result.left.items()]
    return f"{result.name}: {'; '.join(parts)}"

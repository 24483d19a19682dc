"""Starting and stopping the embedded lake of a checkout, and deploying the definitions to it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.clients import client
from pipeline.errors import Refused, SluiceError
from pipeline.local import state
from pipeline.local.supervisor import ACCOUNT, FAILURE
from pipeline.settings import use

START_S = 60
STOP_S = 20
LAKE = "sluice"

PARAMETERS = {"RouteBatchSize": "10", "RouteBatchingWindow": "0"}
"""Nobody waits for a fuller batch of events on a laptop."""

Say = Callable[[str], None]


def start(root: Path, *, port: int, region: str, env: str) -> state.RunningLake:
    """Start a supervisor and wait until its lake answers."""
    folder = state.state_folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FAILURE).unlink(missing_ok=True)
    command = [sys.executable, "-m", "pipeline.local.supervisor", "--root", str(root), "--port", str(port)]
    with (folder / "supervisor.log").open("wb") as output:
        child = subprocess.Popen(
            [*command, "--region", region, "--env", env],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
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


def deploy(root: Path, lake: state.RunningLake, say: Say) -> dict[str, str]:
    """Bootstrap, package and deploy the definitions; returns what was accepted without effect, and why."""
    from pipeline.local.deployer import Deployer
    from pipeline.local.jars import deequ_jars
    from pipeline.packaging.artefacts import Artefacts
    from pipeline.packaging.package import Target, package

    use(endpoint=lake.endpoint, region=lake.region)
    deployer = Deployer(client, ACCOUNT, lake.region)
    names = {"Lake": LAKE, "Env": lake.env}
    bootstrap = deployer.deploy(f"{LAKE}-{lake.env}-bootstrap", root / "cicd" / "bootstrap.yaml", names)
    bucket = bootstrap.outputs["ArtefactBucket"]
    deployer.records.keep_in(bucket)
    artefacts = Artefacts(client("s3"), bucket, ACCOUNT)
    made = package(root, artefacts, target=Target.EMBEDDED, jars=deequ_jars(), build=state.state_folder(root) / "build")
    ineffective = dict(bootstrap.accepted_without_effect)
    for result in deployer.deploy_all(made.of_the_lake(), lake.env, LAKE, parameters=PARAMETERS):
        say(f"{result.name}: {len(result.resources)} resources, {len(result.changed)} made or changed")
        ineffective |= result.accepted_without_effect
    return ineffective

"""The environment of an embedded lake, whose stacks the embedded CloudFormation makes; and the package that it gets."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cloudformation.changes import Deployed, StackPlan, check_stateful
from pipeline.core.clients import client
from pipeline.core.settings import parameter_prefix, region
from pipeline.deploy import environments
from pipeline.deploy.datasets import application
from pipeline.deploy.engine import LAKE, LakePlan, Stack, administrators, flows_of
from pipeline.deploy.glue_versions import GLUE_5_1, GlueVersion
from pipeline.emulator import state
from pipeline.emulator.cloudformation import Deployer, StackDeletion

if TYPE_CHECKING:
    from pipeline.deploy.packaging import Package
    from pipeline.emulator.cloudformation.plans import Planner


WHAT_IS_NOT_HERE = {"Network": "none"}
"""Parameters by which templates leave out what the embedded AWS has not."""


class EmbeddedStacks:
    """The embedded deployer, with the records that are kept in the embedded AWS.

    Without `replace_stateful` a change that would take away what a resource holds is refused.
    """

    # The embedded deployer does one thing at a time.
    at_once = 1

    def __init__(self, *, replace_stateful: bool = False) -> None:
        self._replace_stateful = replace_stateful
        self._standing: frozenset[str] = frozenset()

    def after(self, plan: LakePlan, *, replace_stateful: bool) -> EmbeddedStacks:
        """The same for what comes after a deployment, which carried out `plan` of the stacks just now.

        Where nothing was to be done, stacks that it found standing are not looked at again.
        """
        stacks = EmbeddedStacks(replace_stateful=replace_stateful)
        if all(each.stands for each in plan.of_lake):
            stacks._standing = frozenset(each.name for each in plan.of_datasets if each.stands)
            stacks.account, stacks.deployer = self.account, self.deployer
        return stacks

    def plan(self, name: str, template: Path, parameters: Mapping[str, str]) -> StackPlan:
        """What deploying would change."""
        return self.deployer.planner().plan(name, template, parameters)

    def deploy(self, name: str, template: Path, parameters: Mapping[str, str]) -> Deployed:
        """Bring one stack to what its template says; `detail` is a `StackResult`. Errors as `Deployer.deploy`."""
        if name in self._standing:
            return self.standing(name)
        if not self._replace_stateful and self.deployer.records.get(name):
            check_stateful([self.plan(name, template, parameters)])
        result = self.deployer.deploy(name, template, parameters)
        return Deployed(result.outputs, bool(result.changed or result.removed), result)

    def standing(self, name: str) -> Deployed:
        """A stack as a deployment reports it that found nothing to do."""
        result = self.deployer.standing(name)
        return Deployed(result.outputs, changed=False, detail=result)

    def delete(self, name: str) -> bool:
        """False if there is no such stack."""
        return self.deployer.delete_if_there(name) is not None

    def parameters(self, name: str) -> dict[str, str]:
        """What a stack was deployed with last; nothing if there is none."""
        record = self.deployer.records.get(name)
        return {key: str(value) for key, value in record.parameters.items()} if record else {}

    def role(self, name: str) -> str | None:
        """None: the embedded AWS changes stacks as whoever asks."""
        return None

    @cached_property
    def account(self) -> str:
        """The account of the embedded AWS, which is asked for it once."""
        return str(client("sts").get_caller_identity()["Account"])

    @cached_property
    def deployer(self) -> Deployer:
        """Made when it is first used."""
        return Deployer(client, self.account, region())


class EmbeddedBackend:
    """The environment `env` of the embedded lake that this process's clients speak to."""

    def __init__(self, env: str, *, replace_stateful: bool = True) -> None:
        """Without `replace_stateful` each stack that would lose what it holds is refused as its turn comes."""
        self.env = env
        self.stacks = EmbeddedStacks(replace_stateful=replace_stateful)

    @property
    def account(self) -> str:
        """The account of the embedded AWS."""
        return self.stacks.account

    @property
    def glue(self) -> GlueVersion:
        """Glue's, in the Python that runs the lake, for this machine."""
        return replace(GLUE_5_1, python=sys.version_info[:2], platforms=())

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """Those of the lake, or a laptop's defaults; `BadInput` if one is wrong."""
        found = environments.stack_parameters(environments.stored(client("ssm"), self.env), self.env, laptop=True)
        return {**found, **WHAT_IS_NOT_HERE}

    @property
    def of_teams(self) -> Mapping[str, str]:
        """Parameters of every team's stack beside its own."""
        name = environments.SETTINGS["lake-formation"].parameter
        return {name: self.settings[name]}

    def before(self, root: Path) -> Sequence[Stack]:
        """What on AWS an administrator deploys: the environment's bootstrap, and what its flows need of that kind."""
        name, given = f"{LAKE}-{self.env}-bootstrap", {"Lake": LAKE, "Env": self.env}
        flows = [flow for flow in flows_of(self) if administrators(root, flow).exists()]
        return (
            Stack(name, root / "cicd" / "bootstrap.yaml", given),
            *(
                Stack(f"{LAKE}-{self.env}-{flow}-base", administrators(root, flow), {**given, **WHAT_IS_NOT_HERE})
                for flow in flows
            ),
        )

    def artefact_bucket(self, outputs: Mapping[str, str]) -> str:
        """The one that the bootstrap makes."""
        return outputs["ArtefactBucket"]

    def planner(self, package: Package) -> Planner:
        """It knows of artefacts that are not uploaded yet, and of what the stacks before would publish."""
        return self.stacks.deployer.planner(package.artefact, under=parameter_prefix(self.env))

    def stored(self, name: str) -> str:
        """Parameter Store's value of a name; `KeyError` if it is not there."""
        return self.stacks.deployer.parameter(name)

    def standing(self, name: str) -> Deployed:
        """A stack as a deployment reports it that found nothing to do."""
        return self.stacks.standing(name)

    def after(self, plan: LakePlan, *, replace_stateful: bool) -> EmbeddedBackend:
        """For the datasets, once `plan` was carried out; see `EmbeddedStacks.after`."""
        backend = EmbeddedBackend(self.env)
        backend.stacks = self.stacks.after(plan, replace_stateful=replace_stateful)
        return backend

    def without_file(self, plan: LakePlan) -> list[str]:
        """Stacks of the environment that no file of the checkout stands for, by name.

        A dataset's stack may have to load what waits still: applying the datasets deletes it when it has.
        """
        prefix = f"{LAKE}-{self.env}-"
        names = {record.name for record in self.stacks.deployer.records if record.name.startswith(prefix)}
        names = {name for name in names if not name.startswith(f"{prefix}{application.STACK_KIND}-")}
        return sorted(names - {each.name for each in plan.stacks})

    def prune(self, names: Sequence[str]) -> Iterator[StackDeletion]:
        """Delete stacks, those that import from others first; what their templates' DeletionPolicy keeps stays.

        `Refused` for one that cannot be deleted, with the reason; those that come after it are then left, too.
        """
        to_delete = [record for record in self.stacks.deployer.records if record.name in names]
        readers = {
            record.name: [other.name for other in to_delete if record.exports.keys() & set(other.imports)]
            for record in to_delete
        }
        for name in TopologicalSorter(readers).static_order():
            yield self.stacks.deployer.delete(name)


def packaged(root: Path, folder: Path | None = None) -> Package:
    """The checkout as a package: for AWS if the lake runs what AWS would, else for the embedded AWS.

    It is made in `folder`, or where the one is that was deployed last; that one is taken if it is still the checkout's.
    """
    from pipeline.deploy.packaging import Target, package, stamps
    from pipeline.toolchain.jars import deequ_jars

    target, jars, last = Target.AWS if _mode(root).exists() else Target.EMBEDDED, deequ_jars(), package_folder(root)
    made_from = stamps.stamp(root, target, jars)
    if made_before := stamps.stamped(last, made_from):
        return made_before
    made = package(root, folder or last, target=target, jars=jars)
    if made.folder == last:
        stamps.keep(last, made_from)
    return made


def run_packages(root: Path, *, packaged: bool) -> None:
    """From now on the checkout's lake gets the very packages that AWS would get, with real layers; or it does not."""
    mode = _mode(root)
    state.private_folder(mode.parent)
    mode.touch() if packaged else mode.unlink(missing_ok=True)


def package_folder(root: Path) -> Path:
    """Where the package is that was deployed last to the checkout's embedded lake."""
    return state.state_folder(root) / "build" / "package"


def _mode(root: Path) -> Path:
    return state.state_folder(root) / "packaged"

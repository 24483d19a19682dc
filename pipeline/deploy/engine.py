"""Plans and deploys the stacks of a lake, whichever backend makes them: CloudFormation, or the embedded one.

A backend is an environment: `pipeline.deploy.aws` and `pipeline.deploy.embedded` have one each, which the command line
chooses. Nothing is printed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from pipeline.cloudformation import name_lengths, order, versions
from pipeline.cloudformation.changes import Deployed, StackPlan
from pipeline.cloudformation.templates import load_template, stack_name
from pipeline.core.clients import client
from pipeline.core.errors import BadDefinition
from pipeline.core.settings import region

if TYPE_CHECKING:
    from pipeline.deploy.datasets.grants import Whereabouts
    from pipeline.deploy.glue_versions import GlueVersion
    from pipeline.deploy.packaging import Package

LAKE = "sluice"
FLOWS = "Flows"
"""Among the settings of an environment, as a stack's parameter: the flows that it has beside the lake's."""


class Stack(NamedTuple):
    """A stack as it is to be: its name, its template, and what its parameters are given."""

    name: str
    template: Path
    parameters: dict[str, str]

    @classmethod
    def packaged(cls, name: str, template: Path, known: Mapping[str, str], store: Callable[[str], str]) -> Stack:
        """The stack of a packaged template, with those of the `known` parameters that it declares.

        `store` answers Parameter Store's value of a name, `KeyError` for one not there.
        """
        content = load_template(template)
        given = {parameter: known[parameter] for parameter in content.get("Parameters", {}) if parameter in known}
        return cls(name, template, given | versions.parameters(content, given, store))


class Planner(Protocol):
    """Plans stacks in the order of their deployment. It changes nothing."""

    def plan(self, name: str, template: Path, parameters: Mapping[str, str]) -> StackPlan:
        """What deploying the stack would change; `BadDefinition` for what the deployment would refuse."""
        ...

    def parameter(self, name: str) -> str:
        """Parameter Store's value of a name once the stacks planned so far are deployed; `KeyError` if not there."""
        ...


class Stacks(Protocol):
    """Makes, updates and deletes single stacks, and waits for each."""

    at_once: int
    """Stacks that may be changed at the same time."""

    def plan(self, name: str, template: Path, parameters: Mapping[str, str]) -> StackPlan:
        """What deploying the stack would change."""
        ...

    def deploy(self, name: str, template: Path, parameters: Mapping[str, str]) -> Deployed:
        """Bring the stack to what the template says; one that is so already is left alone.

        `BadDefinition` for a template that is refused; `Refused` if it would lose what resources hold, or cannot be
        made: it is then as it was.
        """
        ...

    def delete(self, name: str) -> bool:
        """Delete the stack, but for what its template retains; False if there is none."""
        ...

    def parameters(self, name: str) -> dict[str, str]:
        """What the stack was deployed with last; empty if there is none."""
        ...

    def role(self, name: str) -> str | None:
        """The role that changes the stack, whoever asks for it; None where it is the caller."""
        ...


class Backend(Protocol):
    """An environment, and how stacks are made in it."""

    @property
    def env(self) -> str:
        """Its name."""
        ...

    @property
    def account(self) -> str:
        """The account, which owns the artefact bucket."""
        ...

    @property
    def stacks(self) -> Stacks:
        """What makes single stacks."""
        ...

    @property
    def glue(self) -> GlueVersion:
        """What its jobs run on: wheels that they install are for that."""
        ...

    @property
    def settings(self) -> Mapping[str, str]:
        """The environment's settings as parameters of the lake's stacks."""
        ...

    @property
    def of_teams(self) -> Mapping[str, str]:
        """Parameters of every team's stack beside its own."""
        ...

    def before(self, root: Path) -> Sequence[Stack]:
        """Stacks that come before the lake's own."""
        ...

    def artefact_bucket(self, outputs: Mapping[str, str]) -> str:
        """Where the package goes; `outputs` are those of the stacks `before`."""
        ...

    def planner(self, package: Package) -> Planner:
        """Plans stacks that are to get this package."""
        ...

    def stored(self, name: str) -> str:
        """Parameter Store's value of a name; `KeyError` if it is not there."""
        ...

    def standing(self, name: str) -> Deployed:
        """A stack that a plan has found to be as it should be."""
        ...


@dataclass(frozen=True, slots=True)
class LakePlan:
    """What would become of the stacks, in order: those before the lake and its own, then teams, datasets, feeds and
    sources of forecasts."""

    of_lake: list[StackPlan]
    of_datasets: list[StackPlan]

    @property
    def stacks(self) -> list[StackPlan]:
        """All of them, in order."""
        return [*self.of_lake, *self.of_datasets]

    @property
    def is_of_a_lake(self) -> bool:
        """Whether the lake is deployed already, and so may have datasets."""
        return not any(each.is_new for each in self.of_lake)


def plan(root: Path, backend: Backend, package: Package) -> LakePlan:
    """What `deploy`, and applying the datasets, would do to the stacks. Nothing of the lake is changed or uploaded.

    `BadInput` if something would have a name that is too long; other errors as `Planner.plan`.
    """
    from pipeline.deploy.packaging import read_manifest

    before = backend.before(root)
    check_names([each.template for each in before], package, backend.env)
    planner = backend.planner(package)
    of_lake = [planner.plan(*each) for each in before]
    outputs = {name: value for each in of_lake for name, value in each.outputs.items()}
    artefacts = read_manifest(package.folder).stack_parameters(backend.artefact_bucket(outputs))
    of_lake += [planner.plan(*each) for each in _of_lake(backend, package, artefacts, planner.parameter)]
    each_its_own = [
        *stacks_of_datasets(root, backend),
        *_stacks_of_flows(root, backend, package, artefacts),
    ]
    return LakePlan(of_lake, [planner.plan(*each) for each in each_its_own])


def deploy(
    root: Path, backend: Backend, package: Package, planned: LakePlan | None = None
) -> Iterator[tuple[str, Deployed]]:
    """Upload what the account lacks of the package, then deploy the lake's stacks one after the other.

    Yields each as it is done. The first that fails ends it: it is rolled back, those before it are deployed, those
    after it as they were. What was `planned` of the same package just now spares asking again where all of it stands.
    """
    from pipeline.deploy.packaging import upload

    before = backend.before(root)
    check_names([each.template for each in before], package, backend.env)
    outputs: dict[str, str] = {}
    for each in before:
        deployed = backend.stacks.deploy(*each)
        outputs |= deployed.outputs
        yield each.name, deployed
    uploaded = upload(package.folder, client("s3"), backend.artefact_bucket(outputs), backend.account)
    if planned and all(each.stands for each in planned.of_lake):
        for known in planned.of_lake[len(before) :]:
            yield known.name, backend.standing(known.name)
        return
    for each in _of_lake(backend, package, uploaded, cache(backend.stored)):
        yield each.name, backend.stacks.deploy(*each)


def check_names(before: Iterable[Path], package: Package, env: str) -> None:
    """`BadInput` if a stack of the lake, or what it makes, would have a name that is too long for its service."""
    given = {"Lake": LAKE, "Env": env}
    templates = [*before, *(each.path for each in package.templates)]
    stacks = ((stack_name(LAKE, env, path.stem), load_template(path), given) for path in templates)
    name_lengths.check(stacks, region())


def stacks_of_lake(
    templates: Sequence[Path], env: str, parameters: Mapping[str, str], store: Callable[[str], str]
) -> Iterator[Stack]:
    """One stack a template, in the order of what each reads, with those of `parameters` that its template declares.

    `store` answers Parameter Store's value of a name, `KeyError` for one not there: it is asked as a stack's turn
    comes, when those before it are deployed.
    """
    known = {**parameters, "Env": env, "Lake": LAKE}
    for path in order.of_stacks(list(templates), known):
        stored = {}
        for parameter, name in order.from_store(load_template(path), known).items():
            try:
                stored[parameter] = store(name)
            except KeyError:
                raise BadDefinition(f"{path.name}: reads {name}, which Parameter Store does not have") from None
        yield Stack.packaged(stack_name(LAKE, env, path.stem), path, {**known, **stored}, store)


class Application(Protocol):
    """The module `pipeline.deploy.<flow>.application` of a flow that has several stacks of one template."""

    def apply(self, root: Path, backend: Backend, template: Path, parameters: Mapping[str, str]) -> Iterator[object]:
        """Deploy each; yields what became of it, which says so as text, as it is done."""
        ...

    def stacks(self, root: Path, backend: Backend, template: Path, parameters: Mapping[str, str]) -> Iterator[Stack]:
        """The stacks, for a plan."""
        ...


def apply_flows(root: Path, backend: Backend, package: Package) -> Iterator[object]:
    """Deploy what the environment's flows have several stacks of, once the lake's stacks are, such as feeds."""
    from pipeline.deploy.packaging import read_manifest

    if found := _applications(backend, package):
        artefacts = read_manifest(package.folder).stack_parameters(artefact_bucket(backend))
        for application, template in found:
            yield from application.apply(root, backend, template, {**backend.settings, **artefacts})


def _stacks_of_flows(root: Path, backend: Backend, package: Package, artefacts: Mapping[str, str]) -> Iterator[Stack]:
    for application, template in _applications(backend, package):
        yield from application.stacks(root, backend, template, {**backend.settings, **artefacts})


def _applications(backend: Backend, package: Package) -> list[tuple[Application, Path]]:
    """Who deploys them, each with its packaged template."""
    wanted = flows_of(backend)
    several = [template for template in package.templates if template.flow in wanted and not template.is_of_a_lake]
    return [(_application(str(template.flow)), template.path) for template in several]


def _application(flow: str) -> Application:
    return cast(Application, import_module(f"pipeline.deploy.{flow}.application"))


def flows_of(backend: Backend) -> list[str]:
    """The flows that an environment has beside the lake's."""
    return [flow for flow in backend.settings[FLOWS].split(",") if flow]


def administrators(root: Path, flow: str) -> Path:
    """The template of what an administrator deploys once an environment for a flow, if it has one."""
    return root / "cicd" / f"{flow}-base.yaml"


def whereabouts(backend: Backend) -> Whereabouts:
    """Where the lake of an environment is."""
    from pipeline.deploy.datasets.grants import Whereabouts

    guards = backend.of_teams["LakeFormation"]
    return Whereabouts(client("s3").meta.partition, region(), backend.account, backend.glue, guards)


def artefact_bucket(backend: Backend) -> str:
    """The bucket of an environment's artefacts, as cicd/bootstrap.yaml names it."""
    return f"{LAKE}-{backend.env}-artefacts-{backend.account}-{region()}"


def stacks_of_datasets(root: Path, backend: Backend) -> Iterator[Stack]:
    """The stacks of the checkout's teams, then of its datasets."""
    from pipeline.deploy.datasets import application
    from pipeline.lake.datasets.files import read_all

    env, at = backend.env, whereabouts(backend)
    definitions = read_all(root).or_raise()
    for team in sorted({definition.dataset.team for definition in definitions}):
        given = {**backend.of_teams, **application.team_stack_parameters(team, LAKE, env)}
        yield Stack(application.team_stack_name(LAKE, env, team), root / application.TEAM_TEMPLATE, given)
    for definition in definitions:
        name = application.stack_name(LAKE, env, definition.dataset.name)
        yield Stack(name, root / application.TEMPLATE, application.stack_parameters(definition.dataset, LAKE, env, at))


def _of_lake(
    backend: Backend, package: Package, artefacts: Mapping[str, str], store: Callable[[str], str]
) -> Iterator[Stack]:
    parameters = {**backend.settings, **backend.of_teams, **artefacts}
    return stacks_of_lake(package.of_the_lake(flows_of(backend)), backend.env, parameters, store)

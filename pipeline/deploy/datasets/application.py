"""Applies dataset definitions to a lake: team, table, stack, registration, and what waited for it.

AWS comes from outside. Everything that can be wrong is found out before anything is changed. Each step is harmless to
repeat, and the registration comes after what it names, so an apply that breaks off is finished by the next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.cloudformation.changes import Deployed
from pipeline.core.definitions.problems import BadDefinitions, Problem
from pipeline.core.errors import BadDefinition, Refused, SluiceError
from pipeline.deploy.datasets.evolution import altered_without_consent, refused_changes
from pipeline.deploy.datasets.grants import Whereabouts, grants
from pipeline.lake.datasets.dataset_names import DatasetName, reserved_team
from pipeline.lake.datasets.files import Definition
from pipeline.lake.datasets.model import Dataset
from pipeline.lake.datasets.registry import Registration, Registry

if TYPE_CHECKING:
    from pipeline.deploy.engine import Stacks

TEMPLATE = Path("definitions/stacks/dataset.yaml")
"""The stack that every dataset has of its own, from the root of a checkout."""

TEAM_TEMPLATE = Path("definitions/stacks/team.yaml")
"""The stack that every team has, which its datasets' stacks name."""


STACK_KIND = "dataset"
"""Stands in the name of the stack of every dataset, after lake and environment."""

TablePlan = Literal["create", "alter", "finish", "none"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What applying works with.

    `create_database` makes sure that a team's database is there. `plan_table` says what `create_table` would do, or
    raises `BadDefinition`; both take the dataset and its table, the latter the table's location too. `check_rules` says
    what is wrong with a definition's ruleset. `send_waiting` sends what arrived before its dataset was registered
    through Stage A, and answers how many objects that were. `what_keeps` says what of a dataset still waits or runs, in
    words; `now` is the time as text.
    """

    registry: Registry
    stacks: Stacks
    create_database: Callable[[str], None]
    plan_table: Callable[[Dataset, str], TablePlan]
    create_table: Callable[[Dataset, str, str], None]
    check_rules: Callable[[Definition], Iterable[Problem]]
    send_waiting: Callable[[DatasetName], int]
    what_keeps: Callable[[Registration], tuple[str, ...]]
    now: Callable[[], str]
    template: Path
    team_template: Path
    lake: str
    env: str
    database_prefix: str
    curated_bucket: str
    at: Whereabouts
    upload_wheels: Callable[[Dataset], object]
    of_teams: Mapping[str, str] = field(default_factory=dict)
    """Parameters of every team's stack beside its own."""
    is_paused: Callable[[DatasetName], bool] = lambda name: False
    """Whether somebody paused the dataset's schedule: it stays so."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying one definition did: `changes` in words, and how many waiting objects were sent on."""

    name: DatasetName
    table: str
    fingerprint: str
    changes: tuple[str, ...]
    sent_again: int

    @property
    def is_unchanged(self) -> bool:
        """Whether there was nothing to do."""
        return not self.changes and not self.sent_again


def apply(
    definitions: Sequence[Definition],
    parts: Parts,
    *,
    only: Collection[DatasetName] = (),
    alter_tables: bool = False,
    report: Callable[[Applied], None] = lambda applied: None,
) -> list[Applied]:
    """Bring the lake up to `definitions`, or to those of them that `only` names; `report` hears of each in turn.

    `alter_tables` consents to new columns and wider types of tables whose evolution is by consent: else `Refused`.
    Raises `BadDefinitions`, before anything is changed, for a ruleset or a change of a table that cannot be. A team or
    dataset that fails leaves the others to be applied: they are, and `Refused` then says what failed and why.
    """
    plans = plan_tables(definitions, parts, only)
    if not alter_tables and (asked := altered_without_consent(definitions, plans)):
        raise Refused(
            f"columns of the table of {', '.join(asked)} would be added or widened, and its evolution is by consent",
            hint=f"Look with `sluice datasets apply --plan`, then `sluice datasets apply {' '.join(asked)} "
            "--alter-tables`.",
        )
    chosen = [definition.dataset for definition in definitions if definition.dataset.name in plans]
    failures: dict[str, str] = {}
    pool = ThreadPoolExecutor(parts.stacks.at_once)
    try:
        done = list(_applied(chosen, plans, parts, pool, failures, report))
    finally:
        pool.shutdown(cancel_futures=True)
    if failures:
        raise Refused(
            f"{len(failures)} of {len(chosen)} were not applied:\n"
            + "\n".join(f"{what}: {why}" for what, why in failures.items()),
            hint="The others are. Mend these, and apply again.",
        )
    return done


def _applied(
    chosen: Sequence[Dataset],
    plans: Mapping[DatasetName, TablePlan],
    parts: Parts,
    pool: ThreadPoolExecutor,
    failures: dict[str, str],
    report: Callable[[Applied], None],
) -> Iterator[Applied]:
    """Tables one after the other, stacks side by side, registrations in order; what fails is in `failures`."""
    teams: dict[str, Future[Deployed]] = {}
    for team in sorted({dataset.team for dataset in chosen}):
        with _noted(f"team {team}", failures):
            # Its stack may grant what is in it.
            parts.create_database(f"{parts.database_prefix}{team}")
            teams[team] = pool.submit(_deploy_team, team, parts)
    for team, deploying in teams.items():
        with _noted(f"team {team}", failures):
            deploying.result()
    begun: list[tuple[Dataset, Future[Deployed]]] = []
    later: list[Dataset] = []
    for dataset in chosen:
        if f"team {dataset.team}" in failures:
            failures[str(dataset.name)] = "its team's stack was not deployed"
            continue
        with _noted(str(dataset.name), failures):
            _prepare(dataset, plans[dataset.name], parts)
            if dataset.transform:
                # Its stack may grant the tables that it reads.
                later.append(dataset)
            else:
                begun.append((dataset, pool.submit(deploy_stack, dataset, parts)))
    begun += [(dataset, pool.submit(deploy_stack, dataset, parts)) for dataset in later]
    for dataset, stack in begun:
        with _noted(str(dataset.name), failures):
            applied = _register(dataset, plans[dataset.name], stack.result(), parts)
            report(applied)
            yield applied


@contextmanager
def _noted(what: str, failures: dict[str, str]) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except SluiceError as error:
        failures[what] = f"{error.message} {error.hint}" if error.hint else error.message
    # OSError is how pyarrow's S3 tells of its errors.
    except (BotoCoreError, ClientError, OSError) as error:
        failures[what] = f"AWS answered: {error}"


def _deploy_team(team: str, parts: Parts) -> Deployed:
    name = team_stack_name(parts.lake, parts.env, team)
    given = {**parts.of_teams, **team_stack_parameters(team, parts.lake, parts.env)}
    return parts.stacks.deploy(name, parts.team_template, given)


def plan_tables(
    definitions: Sequence[Definition], parts: Parts, only: Collection[DatasetName] = ()
) -> dict[DatasetName, TablePlan]:
    """What becomes of the table of each dataset that would be applied; errors as `apply`, and nothing is changed."""
    known = {definition.dataset.name for definition in definitions}
    if unknown := sorted(set(only) - known):
        raise Refused(
            f"no file defines {', '.join(map(str, unknown))}",
            hint=f"Defined are: {', '.join(map(str, sorted(known))) or 'none'}.",
        )
    check(definitions, parts.check_rules)
    return _plans([definition for definition in definitions if not only or definition.dataset.name in only], parts)


def check(definitions: Iterable[Definition], check_rules: Callable[[Definition], Iterable[Problem]]) -> None:
    """Raise `BadDefinitions` with all that is wrong with the rulesets of `definitions`."""
    if problems := [problem for definition in definitions for problem in check_rules(definition)]:
        raise BadDefinitions(problems)


def stack_name(lake: str, env: str, name: DatasetName) -> str:
    """What a dataset's stack is called. Stack names have hyphens only; doubled, `a_b/c` is not `a/b_c`."""
    team, dataset = (part.replace("_", "--") for part in (name.team, name.dataset))
    return f"{lake}-{env}-{STACK_KIND}-{team}-{dataset}"


def team_stack_name(lake: str, env: str, team: str) -> str:
    """What a team's stack is called; see `stack_name`."""
    return f"{lake}-{env}-team-{team.replace('_', '--')}"


def team_stack_parameters(team: str, lake: str, env: str) -> dict[str, str]:
    """The parameters of a team's stack."""
    return {"Lake": lake, "Env": env, "Team": team}


def stack_parameters(
    dataset: Dataset, lake: str, env: str, at: Whereabouts, *, is_paused: bool = False
) -> dict[str, str]:
    """The parameters of a dataset's stack, as text."""
    return {
        "Lake": lake,
        "Env": env,
        "Team": dataset.team,
        "Dataset": dataset.dataset,
        "Schedule": dataset.stage_b.schedule,
        "ScheduleState": "DISABLED" if is_paused else "ENABLED",
        "MinObjects": str(dataset.stage_b.min_objects),
        "MaxObjects": str(dataset.stage_b.max_objects),
        "MaxWait": f"{int(dataset.stage_b.max_wait.total_seconds())} seconds",
        "StartWhen": _start_when(dataset),
        "Crawler": "on" if dataset.table.crawler else "off",
        "Freshness": str(int(dataset.stage_b.freshness.total_seconds())),
        **grants(dataset, lake, env, at),
    }


def _start_when(dataset: Dataset) -> str:
    """As JSON, which stands in the poller's order."""
    said = dataset.stage_b.start_when
    return json.dumps(said.model_dump(mode="json", exclude_defaults=True)) if said else "null"


def table_of(name: DatasetName, database_prefix: str) -> str:
    """`<glue database>.<table>`: databases are an account's, so they carry lake and environment."""
    return f"{database_prefix}{name.team}.{name.dataset}"


def _plans(definitions: Iterable[Definition], parts: Parts) -> dict[DatasetName, TablePlan]:
    plans = {}
    chosen = list(definitions)
    problems = list(refused_changes(chosen, parts.registry))
    for definition in chosen:
        name = definition.dataset.name
        if (taken := reserved_team(name.team)) and parts.registry.get(name) is None:
            problems.append(definition.problem(("team",), taken))
            continue
        try:
            plans[name] = parts.plan_table(definition.dataset, table_of(name, parts.database_prefix))
        except BadDefinition as error:
            hint = f" {error.hint}" if error.hint else ""
            problems.append(definition.problem(("table",), f"{error.message}.{hint}"))
    if problems:
        raise BadDefinitions(problems)
    return plans


def _prepare(dataset: Dataset, plan: TablePlan, parts: Parts) -> None:
    """What comes before a dataset's stack."""
    name = dataset.name
    if plan != "none":
        parts.create_table(dataset, table_of(name, parts.database_prefix), f"s3://{parts.curated_bucket}/{name}")
    before = parts.registry.get(name)
    if before and before.is_closed:
        # A registration says that the stack is gone only while it is: so the next apply finds what this one leaves.
        parts.registry.reopen(name)


_TABLE_CHANGES = {"create": "table created", "alter": "columns added or widened", "finish": "table finished"}


def _register(dataset: Dataset, plan: TablePlan, deployed: Deployed, parts: Parts) -> Applied:
    """What comes after a dataset's stack: it may be named now."""
    name = dataset.name
    table = table_of(name, parts.database_prefix)
    before = parts.registry.get(name)
    queues = deployed.outputs["QueueUrl"], deployed.outputs["DeadLetterQueueUrl"]
    job, schedule = (deployed.outputs.get(output) for output in ("TransformJob", "Schedule"))
    now = Registration.of(dataset, *queues, table, job, before, schedule)
    if now != before:
        parts.registry.put(now)
    changes = (
        (_TABLE_CHANGES.get(plan, ""), plan in _TABLE_CHANGES),
        ("stack deployed", deployed.changed),
        (_registered(before), now != before),
    )
    done = tuple(words for words, happened in changes if happened)
    # Objects may have come in between an earlier apply's registration and its look at what waits.
    return Applied(name, table, dataset.fingerprint, done, parts.send_waiting(name))


def deploy_stack(dataset: Dataset, parts: Parts) -> Deployed:
    """Make or update the dataset's own stack, once what its transform imports is where the job installs it from."""
    parts.upload_wheels(dataset)
    name = stack_name(parts.lake, parts.env, dataset.name)
    paused = parts.is_paused(dataset.name)
    given = stack_parameters(dataset, parts.lake, parts.env, parts.at, is_paused=paused)
    return parts.stacks.deploy(name, parts.template, given)


def _registered(before: Registration | None) -> str:
    if before is None:
        return "registered"
    return "brought back" if before.retired else "registration changed"

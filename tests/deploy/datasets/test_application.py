"""Applying many datasets: stacks side by side, results in order, and one that fails hides no other's."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from pipeline.core.definitions.problems import BadDefinitions
from pipeline.core.errors import Refused
from pipeline.deploy.datasets import application
from pipeline.deploy.datasets.application import Applied, Deployed, Parts, TablePlan
from pipeline.deploy.datasets.grants import Whereabouts
from pipeline.lake.datasets.dataset_names import RESERVED_TEAMS
from pipeline.lake.datasets.files import Definition, parse
from pipeline.lake.datasets.registry import Registration
from tests.patience import PATIENCE_S

TEXT = "team: {}\ndataset: d{:03}\nstage_a: {{format: csv, columns: {{id: string}}}}\n"


def definitions(team: str, count: int) -> list[Definition]:
    return [parse(TEXT.format(team, n).encode(), f"{team}/d{n:03}.yaml") for n in range(count)]


NOT_DEPLOYED = Refused("stack was not deployed", hint="Mend it.")
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "you may not"}}, "CreateChangeSet")
ERRORS = {
    "refused": (NOT_DEPLOYED, "stack was not deployed Mend it."),
    "denied": (DENIED, f"AWS answered: {DENIED}"),
    "unreachable": (ConnectTimeoutError(endpoint_url="u"), 'AWS answered: Connect timeout on endpoint URL: "u"'),
    "denied by S3": (OSError("AWS Error ACCESS_DENIED"), "AWS answered: AWS Error ACCESS_DENIED"),
}


class Stacks:
    """Deploys nothing, and waits until `together` calls for datasets are under way at once."""

    def __init__(self, together: int, failing: tuple[str, ...] = (), error: Exception = NOT_DEPLOYED) -> None:
        self.barrier = threading.Barrier(together, timeout=PATIENCE_S)
        self.failing = failing
        self.error = error
        self.lock = threading.Lock()
        self.running, self.most = 0, 0
        self.at_once = 1

    def deploy(self, name: str, template: Path, parameters: Mapping[str, str]) -> Deployed:
        if name in self.failing:
            raise self.error
        if "Dataset" in parameters:
            with self.lock:
                self.running += 1
                self.most = max(self.most, self.running)
            self.barrier.wait()
            with self.lock:
                self.running -= 1
        return Deployed({"QueueUrl": f"{name}/q", "DeadLetterQueueUrl": f"{name}/d"}, changed=True)

    def delete(self, name: str) -> bool:
        raise AssertionError(name)


class Registry:
    """Registrations in memory."""

    def __init__(self) -> None:
        self.there: dict[Any, Any] = {}

    def get(self, name: Any) -> Any:
        return self.there.get(name)

    def get_many(self, names: Any) -> dict[Any, Any]:
        return {name: self.there[name] for name in names if name in self.there}

    def put(self, registration: Any) -> None:
        self.there[registration.dataset.name] = registration


def parts(stacks: Stacks, at_once: int) -> Parts:
    stacks.at_once = at_once
    return Parts(
        registry=Registry(),  # type: ignore[arg-type]
        stacks=stacks,
        create_database=lambda name: None,
        plan_table=lambda dataset, table: "create",
        create_table=lambda dataset, table, location: None,
        check_rules=lambda definition: (),
        send_waiting=lambda name: 0,
        what_keeps=lambda registration: (),
        now=lambda: "now",
        template=Path("dataset.yaml"),
        team_template=Path("team.yaml"),
        lake="sluice",
        env="dev",
        database_prefix="sluice_dev_",
        curated_bucket="curated",
        at=Whereabouts("aws", "eu-west-1", "123456789012"),
        upload_wheels=lambda dataset: None,
    )


@pytest.mark.parametrize("team", RESERVED_TEAMS)
def test_a_new_team_of_a_name_that_queries_need_is_refused_and_one_that_is_registered_stays(team: str) -> None:
    its = parts(Stacks(1), 1)
    files = definitions(team, 2)
    with pytest.raises(BadDefinitions) as refused:
        application.plan_tables(files, its)
    assert str(refused.value).startswith(f"{team}/d000.yaml:1: team: no new team can be called '{team}'")
    for definition in files:
        its.registry.put(Registration.of(definition.dataset, "q", "d", "t"))
    assert application.plan_tables(files, its).keys() == {definition.dataset.name for definition in files}


def test_eight_stacks_are_deployed_side_by_side_and_told_in_order() -> None:
    stacks, told = Stacks(together=8), list[Applied]()
    done = application.apply(definitions("shop", 24), parts(stacks, 8), report=told.append)
    assert stacks.most == 8
    assert told == done
    assert [applied.name.dataset for applied in done] == [f"d{n:03}" for n in range(24)]


@pytest.mark.parametrize(("error", "why"), ERRORS.values(), ids=ERRORS)
def test_a_dataset_that_fails_hides_nobodys_result_and_is_told_with_its_reason(error: Exception, why: str) -> None:
    stacks, told = Stacks(together=1, failing=("sluice-dev-dataset-shop-d001",), error=error), list[Applied]()
    with_parts = parts(stacks, 8)
    with pytest.raises(Refused) as raised:
        application.apply(definitions("shop", 4), with_parts, report=told.append)
    assert [applied.name.dataset for applied in told] == ["d000", "d002", "d003"]
    assert raised.value.message.splitlines() == [
        "1 of 4 were not applied:",
        f"shop/d001: {why}",
    ]
    assert len(with_parts.registry.there) == 3  # type: ignore[attr-defined]


def test_a_teams_stack_that_fails_stops_its_own_datasets_alone() -> None:
    stacks, told = Stacks(together=1, failing=("sluice-dev-team-shop",)), list[Applied]()
    with pytest.raises(Refused, match=r"shop/d001: its team's stack was not deployed"):
        application.apply([*definitions("farm", 1), *definitions("shop", 2)], parts(stacks, 8), report=told.append)
    assert [str(applied.name) for applied in told] == ["farm/d000"]


@pytest.mark.parametrize("plan", ["create", "alter", "finish", "none"])
def test_only_a_table_that_lacks_something_is_made(plan: TablePlan) -> None:
    made: list[str] = []
    told = parts(Stacks(together=1), 1)
    told = replace(told, plan_table=lambda *_: plan, create_table=lambda dataset, table, location: made.append(table))
    [applied] = application.apply(definitions("shop", 1), told)
    assert made == ([] if plan == "none" else ["sluice_dev_shop.d000"])
    assert len(applied.changes) == (2 if plan == "none" else 3)


def test_applying_leaves_a_paused_schedule_paused() -> None:
    given: dict[str, str] = {}

    class Noting(Stacks):
        def deploy(self, name: str, template: Path, parameters: Mapping[str, str]) -> Deployed:
            given[name] = parameters.get("ScheduleState", "")
            return Deployed({**super().deploy(name, template, parameters).outputs, "Schedule": f"{name}/s"}, True)

    with_parts = replace(parts(Noting(together=1), 1), is_paused=lambda name: name.dataset == "d001")
    application.apply(definitions("shop", 2), with_parts)
    states = {name: state for name, state in given.items() if state}
    assert states == {"sluice-dev-dataset-shop-d000": "ENABLED", "sluice-dev-dataset-shop-d001": "DISABLED"}
    schedules = {each.schedule for each in with_parts.registry.there.values()}  # type: ignore[attr-defined]
    assert schedules == {"sluice-dev-dataset-shop-d000/s", "sluice-dev-dataset-shop-d001/s"}

"""The state machines of the lake, a test a path. `--update-histories` records what they do; review it as code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.emulator.stepfunctions.engine import local_client, machine_engine
from pipeline.state_machines.suites import Case, Runner, Suite, check, uncovered
from tests.conftest import ROOT

SUITE = Suite(Path(__file__).parent, [ROOT / "definitions" / "state_machines"])
CASES = list(SUITE.cases())


@pytest.fixture(scope="module")
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    endpoint = request.config.getoption("--sfn-endpoint")
    if endpoint:
        # It waits between retries as the definitions say.
        yield Runner(SUITE, local_client(endpoint), timeout_s=1200)
        return
    with machine_engine(SUITE.mocks) as engine:
        yield Runner(SUITE, engine)


def test_every_state_machine_has_test_cases():
    machines = {path.name.removesuffix(".asl.json") for path in (ROOT / "definitions/state_machines").glob("*.json")}
    assert set(SUITE.machines) == machines


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_does_what_is_recorded(runner: Runner, case: Case, request: pytest.FixtureRequest):
    if case.name.endswith("ForHours") and request.config.getoption("--sfn-endpoint"):
        pytest.skip("it would wait for hours")
    result = check(runner.run(case), update=request.config.getoption("--update-histories"))
    if result.problem:
        pytest.fail(f"{case} {result.status}\n{result.problem}", pytrace=False)


def test_every_state_retrier_catcher_choice_rule_and_answer_is_taken(runner: Runner, request: pytest.FixtureRequest):
    if request.config.getoption("--sfn-endpoint"):
        pytest.skip("coverage is measured on the embedded engine")
    assert not {
        machine: [str(part) for part in left] for machine, left in uncovered(SUITE, runner, CASES).items() if left
    }
    assert not SUITE.answers() - runner.given


def test_no_history_is_left_of_a_case_that_is_gone():
    assert SUITE.leftovers() == []
    inputs = {
        path.relative_to(SUITE.folder / "inputs").with_suffix("") for path in (SUITE.folder / "inputs").rglob("*.json")
    }
    known = {Path(case.machine, case.name) for case in CASES} | {Path(machine) for machine in SUITE.machines}
    assert inputs <= known

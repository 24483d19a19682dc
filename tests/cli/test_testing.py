"""The guide to state machine tests is run as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "state-machine-tests.md").read_text()
FILES = ("greet.asl.json", "MockConfigFile.json")


def sluice(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {"COLUMNS": "160"}
    command = [str(Path(sys.executable).with_name("sluice")), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the guide's example, its histories recorded."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "my-tests").mkdir()
    blocks = re.findall(r"```json\n(.*?)```", GUIDE, re.S)
    for name, block in zip(FILES, blocks, strict=True):
        assert f"my-tests/{name}" in GUIDE
        (folder / "my-tests" / name).write_text(block)
    recorded = sluice(folder, "test", "my-tests", "--update")
    assert recorded.returncode == 0, recorded.stderr
    return folder


def test_the_guides_example_prints_what_the_guide_shows(guide: Path):
    done = sluice(guide, "test", "my-tests")
    (shown,) = re.findall(r"```text\n(.*?)```", GUIDE, re.S)
    assert [line.strip() for line in done.stdout.splitlines()] == shown.splitlines()
    assert done.returncode == 0


def test_a_machine_that_changed_shows_the_failing_step_and_both_events(guide: Path, tmp_path: Path):
    for path in (guide / "my-tests").rglob("*.json"):
        target = tmp_path / path.relative_to(guide)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text())
    machine = tmp_path / "my-tests" / "greet.asl.json"
    machine.write_text(machine.read_text().replace('"MaxAttempts": 2', '"MaxAttempts": 1'))
    done = sluice(tmp_path, "test", "my-tests")
    assert done.returncode == 1
    assert "✗ greet#SecondRetryHelps SUCCEEDED" in done.stdout
    assert "the history differs at event 9, in the step 'Greet'" in done.stdout
    assert 'expected: {"id": 9, "previousEventId": 8, "type": "TaskScheduled"' in done.stdout
    assert "2 of 3 cases passed" not in done.stdout
    assert "✓ greet#HappyPath" in done.stdout


def test_a_part_that_no_case_takes_is_named_and_can_be_made_an_error(guide: Path):
    done = sluice(guide, "test", "my-tests", "--case", "greet#HappyPath", "--json")
    assert json.loads(done.stdout)["cases"] == [
        {"case": "greet#HappyPath", "status": "SUCCEEDED", "passed": True, "problem": None}
    ]
    mocks = guide / "my-tests" / "MockConfigFile.json"
    whole = mocks.read_text()
    document = json.loads(whole)
    del document["StateMachines"]["greet"]["TestCases"]["RetriesEnd"]
    mocks.write_text(json.dumps(document))
    try:
        done = sluice(guide, "test", "my-tests", "--full-coverage")
    finally:
        mocks.write_text(whole)
    assert done.returncode == 1
    assert "Greet: retrier 1 gives up; Greet: catcher 1; Stay silent" in done.stdout


MACHINE = {"MockConfigFile.json": '{"StateMachines": {"m": {"TestCases": {"C": {}}}}, "MockedResponses": {}}'}
MISTAKEN = {
    "MockConfigFile.json": '{"StateMachines": {"m": {"TestCases": {"C": {"Ask": "A"}}}}, "MockedResponses": {"A": {}}}'
}


def machine(following: str | None = None) -> str:
    after = {"Next": following} if following else {"End": True}
    return json.dumps({"StartAt": "First", "States": {"First": {"Type": "Pass", **after}}})


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "MockConfigFile.json: No such file or directory"),
        ({"MockConfigFile.json": "{"}, "MockConfigFile.json: Expecting"),
        (
            {"MockConfigFile.json": '{"StateMachines": {"m": {"TestCases": {"C": {}}}}}'},
            "has tests of 'm', and there is no definition of it: f/m.asl.json",
        ),
        (
            {"MockConfigFile.json": '{"StateMachines": {"m": {"TestCases": {"C": {}}}}}', "m.asl.json": "{oops}"},
            "f/m.asl.json: Expecting",
        ),
        ({**MISTAKEN, "m.asl.json": machine("Success")}, "StateMachines.m.TestCases.C.Ask: m has no Task of this name"),
        ({**MACHINE, "m.asl.json": machine("End")}, "f/m.asl.json: Invalid State Machine Definition"),
        ({**MACHINE, "m.asl.json": machine(), "inputs/m.json": "{"}, "f/inputs/m.json: Expecting"),
        ({**MACHINE, "m.asl.json": machine(), "histories/m/C.json": "{}"}, "histories/m/C.json: a history is a list"),
    ],
)
def test_what_is_missing_or_wrong_is_named(tmp_path: Path, files: dict[str, str], expected: str):
    (tmp_path / "f").mkdir()
    for name, text in files.items():
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_text(text)
    done = sluice(tmp_path, "test", "f")
    assert (done.returncode, expected in done.stderr) == (1, True), done.stderr

"""The guide to state machine tests is run as it stands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cli import main
from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "state-machine-tests.md").read_text()
FILES = ("greet.asl.json", "MockConfigFile.json")


Sluice = Callable[..., subprocess.CompletedProcess[str]]


def run_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {"COLUMNS": "160"}
    command = [str(Path(sys.executable).with_name("sluice")), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def sluice(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sluice:
    """`sluice(folder, "test", …)` does in this process what `run_process` does in one that has to load the engine."""

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["sluice", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(sys.argv, int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the guide's example, its histories recorded."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "my-tests").mkdir()
    blocks = re.findall(r"```json\n(.*?)```", GUIDE, re.S)
    for name, block in zip(FILES, blocks, strict=True):
        assert f"my-tests/{name}" in GUIDE
        (folder / "my-tests" / name).write_text(block)
    recorded = run_process(folder, "test", "my-tests", "--update")
    assert recorded.returncode == 0, recorded.stderr
    return folder


def test_the_guides_example_prints_what_the_guide_shows(guide: Path):
    done = run_process(guide, "test", "my-tests")
    (shown,) = re.findall(r"```text\n(.*?)```", GUIDE, re.S)
    assert [line.strip() for line in done.stdout.splitlines()] == shown.splitlines()
    assert done.returncode == 0


def test_a_machine_that_changed_shows_the_failing_step_and_both_events(sluice: Sluice, guide: Path, tmp_path: Path):
    shutil.copytree(guide / "my-tests", tmp_path / "my-tests")
    machine = tmp_path / "my-tests" / "greet.asl.json"
    machine.write_text(machine.read_text().replace('"MaxAttempts": 2', '"MaxAttempts": 1'))
    done = sluice(tmp_path, "test", "my-tests")
    assert done.returncode == 1
    assert "✗ greet#SecondRetryHelps SUCCEEDED" in done.stdout
    assert "the history differs at event 9, in the step 'Greet'" in done.stdout
    assert 'expected: {"id": 9, "previousEventId": 8, "type": "TaskScheduled"' in done.stdout
    assert "2 of 3 cases passed" not in done.stdout
    assert "✓ greet#HappyPath" in done.stdout


def test_a_part_that_no_case_takes_is_named_and_can_be_made_an_error(sluice: Sluice, guide: Path):
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


def machine(following: str | None = None) -> str:
    after = {"Next": following} if following else {"End": True}
    return json.dumps({"StartAt": "First", "States": {"First": {"Type": "Pass", **after}}})


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "MockConfigFile.json: No such file or directory"),
        ({"MockConfigFile.json": "{"}, "MockConfigFile.json: Expecting"),
        (
            {"MockConfigFile.json": '{"StateMachines": {"m": {"TestCases": {"../C": {}}}}}'},
            "m#../C: names of machines and cases are names of files",
        ),
    ],
)
def test_a_mock_file_that_is_missing_or_wrong_ends_the_run(
    sluice: Sluice, tmp_path: Path, files: dict[str, str], expected: str
):
    done = sluice(written(tmp_path, files), "test", "f")
    assert (done.returncode, expected in done.stderr) == (1, True), done.stderr


def written(folder: Path, files: dict[str, str]) -> Path:
    (folder / "f").mkdir()
    for name, text in files.items():
        (folder / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "f" / name).write_text(text)
    return folder


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "absent": ({}, "has tests of 'absent', but there is no definition of it: f/absent.asl.json"),
    "broken": ({"broken.asl.json": "{oops}"}, "f/broken.asl.json: Expecting"),
    "mistaken": (
        {"mistaken.asl.json": machine("Success")},
        "StateMachines.mistaken.TestCases.C.Ask: mistaken has no Task of this name",
    ),
    "refused": ({"refused.asl.json": machine("End")}, "f/refused.asl.json: Invalid State Machine Definition"),
    "given": ({"given.asl.json": machine(), "inputs/given.json": "{"}, "f/inputs/given.json: Expecting"),
    "kept": ({"kept.asl.json": machine(), "histories/kept/C.json": "{}"}, "histories/kept/C.json: a history is a list"),
}
"""Machines of one case each: their files, and what is said of it."""


def test_a_file_that_is_missing_or_wrong_fails_its_cases_and_no_others(sluice: Sluice, tmp_path: Path):
    cases = {name: {"TestCases": {"C": {"Ask": "A"} if name == "mistaken" else {}}} for name in WRONG}
    mocks = {"StateMachines": {**cases, "other": {"TestCases": {"Good": {}}}}, "MockedResponses": {"A": {}}}
    files = {"MockConfigFile.json": json.dumps(mocks), "other.asl.json": machine()}
    for more, _ in WRONG.values():
        files |= more
    sluice(written(tmp_path, files), "test", "f", "--update", "--case", "other#Good")
    done = sluice(tmp_path, "test", "f")
    assert done.returncode == 1
    for name, (_, expected) in WRONG.items():
        assert f"✗ {name}#C" in done.stdout
        assert expected in done.stdout
    assert "✓ other#Good SUCCEEDED" in done.stdout
    assert "1 of 7 cases passed" in done.stdout


def test_answers_that_no_case_is_given_and_histories_of_cases_that_are_gone_are_told(
    sluice: Sluice, guide: Path, tmp_path: Path
):
    shutil.copytree(guide / "my-tests", tmp_path / "my-tests")
    mocks = tmp_path / "my-tests" / "MockConfigFile.json"
    document = json.loads(mocks.read_text())
    del document["StateMachines"]["greet"]["TestCases"]["SecondRetryHelps"]
    document["MockedResponses"]["Greeted"]["1-3"] = {"Return": "nobody calls twice"}
    mocks.write_text(json.dumps(document))
    done = sluice(tmp_path, "test", "my-tests")
    assert (
        "! answers in MockConfigFile.json that no case was given: "
        'Greeted "1-3", GreetedAtThirdAttempt "0-1", GreetedAtThirdAttempt "2"'
    ) in done.stdout
    gone = "my-tests/histories/greet/SecondRetryHelps.json"
    assert f"! histories of cases that are gone: {gone}" in done.stdout
    assert "2 of 2 cases passed" in done.stdout
    told = json.loads(sluice(tmp_path, "test", "my-tests", "--json").stdout)
    assert {"response": "Greeted", "calls": "1-3"} in told["unused_answers"]
    assert told["leftover_histories"] == [gone]


TASK = {"Type": "Task", "Resource": "${Invoke}", "TimeoutSeconds": 30, "End": True}
SUBSTITUTED = json.dumps({"StartAt": "Ask", "States": {"Ask": TASK}}).replace("30", "${Limit}")
ANSWERED = {
    "StateMachines": {"m": {"TestCases": {"C": {"Ask": "A"}}}},
    "MockedResponses": {"A": {"0": {"Return": {"JobId": "j"}}}},
}
TEMPLATE = """
Resources:
  M:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: m.asl.json
      DefinitionSubstitutions: {Invoke: !Sub "arn:${AWS::Partition}:states:::batch:submitJob.sync", Limit: 60}
"""


def test_placeholders_are_named_and_can_be_given_by_hand_and_by_a_template(sluice: Sluice, tmp_path: Path):
    files = {"MockConfigFile.json": json.dumps(ANSWERED), "m.asl.json": SUBSTITUTED, "t.yaml": TEMPLATE}
    broken = {**files, "m.asl.json": SUBSTITUTED.replace("${Limit}", "${Limit}0 s")}
    done = sluice(written(tmp_path, broken), "test", "f", "--update")
    assert "It holds ${Invoke}, ${Limit}: give values with --substitute Invoke=VALUE, or --template." in done.stdout
    (tmp_path / "f" / "m.asl.json").write_text(SUBSTITUTED)
    done = sluice(tmp_path, "test", "f", "--update")
    assert '"timeoutInSeconds": 1' in (tmp_path / "f" / "histories" / "m" / "C.json").read_text(), done.stdout
    done = sluice(tmp_path, "test", "f", "--update", "--substitute", "Limit=60")
    assert "recorded m#C SUCCEEDED" in done.stdout
    assert "function:Invoke" in (tmp_path / "f" / "histories" / "m" / "C.json").read_text()
    done = sluice(tmp_path, "test", "f", "--update", "--template", "f/t.yaml")
    history = (tmp_path / "f" / "histories" / "m" / "C.json").read_text()
    assert '"resource": "submitJob.sync"' in history, done.stdout
    assert '"timeoutInSeconds": 60' in history
    done = sluice(tmp_path, "test", "f", "--substitute", "Limit")
    assert "'Limit' is not NAME=VALUE" in done.stderr

"""The pipeline's buildspecs are run here as they are: each of them, whole, and what is not run is refused."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import botocore.session
import pytest

from pipeline.core.errors import BadDefinition, Refused
from pipeline.deploy.buildspecs import Build, builds, commands, main, run
from tests.command_lines import command_of

ROOT = Path(__file__).parents[2]
BUILDS = builds(ROOT)
COMMANDS = sorted({command for build in BUILDS for command in build.commands})


def build(tmp_path: Path, *given: str) -> Build:
    return Build("Test", "Some", tmp_path / "some.yml", given)


def spec(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "some.yml"
    path.write_text(text)
    return path


def test_every_buildspec_is_run_and_none_twice_for_one_environment() -> None:
    assert {each.path for each in BUILDS} == set((ROOT / "cicd" / "buildspecs").iterdir())
    runs = [(each.path, each.variables.get("ENVIRONMENT")) for each in BUILDS]
    assert len(runs) == len(set(runs))
    deployed = [env for path, env in runs if path.stem == "deploy"]
    assert deployed == ["dev", "test", "prod"]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_buildspec_calls_is_there(command: str) -> None:
    words = shlex.split(command.replace("${SLUICE_TARGET:---profile deployment}", "--profile deployment"))
    program, *arguments = words
    if program == "make":
        assert subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, check=False).returncode == 0
    elif program == "sh":
        assert (ROOT / arguments[0]).exists()
    elif program != "export":
        assert (ROOT / program).exists()
        assert [each for each in arguments if each.startswith("tests") and not (ROOT / each).exists()] == []
    if program.endswith("/sluice"):
        assert command_of(arguments)


def test_commands_share_a_shell_in_the_order_of_the_phases(tmp_path: Path) -> None:
    phases = "{build: {commands: ['echo $WHO > out']}, install: {commands: [WHO=me]}}"
    found = commands(spec(tmp_path, f"version: 0.2\nphases: {phases}"))
    assert found == ("WHO=me", "echo $WHO > out")
    run(build(tmp_path, *found), tmp_path)
    assert (tmp_path / "out").read_text() == "me\n"


@pytest.mark.parametrize("failing", ["false", "false && true", "exit 3", "(exit 3)"])
def test_a_command_that_fails_ends_the_build(tmp_path: Path, failing: str) -> None:
    with pytest.raises(Refused, match="Some"):
        run(build(tmp_path, failing, "touch reached"), tmp_path)
    assert not (tmp_path / "reached").exists()


@pytest.mark.parametrize(
    "text",
    [
        "version: 0.1\nphases: {build: {commands: [a]}}",
        "version: 0.2\nphases: {post_build: {commands: [a]}}",
        "version: 0.2\nphases: {build: {commands: [a], finally: [b]}}",
        "version: 0.2\nphases: {build: {commands: [a]}}\nartifacts: {secondary-artifacts: {b: {files: [a]}}}",
        "version: 0.2\nphases: {build: {commands: []}}",
        "version: 0.2",
        "phases: {build: {commands: [a]}}",
        "[",
    ],
)
def test_what_is_not_run_here_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadDefinition, match=r"some\.yml"):
        commands(spec(tmp_path, text))


def test_an_action_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["Nothing"]) == 1
    assert "Nothing" in capsys.readouterr().err


def test_the_variables_of_a_project_are_given_to_its_build(tmp_path: Path) -> None:
    given = Build("Dev", "Deploy", tmp_path / "some.yml", ("echo $ENVIRONMENT $MORE > out",), {"ENVIRONMENT": "dev"})
    run(given, tmp_path, {"MORE": "more"})
    assert (tmp_path / "out").read_text() == "dev more\n"


def test_a_build_becomes_the_deployment_role_of_its_environment_by_a_profile(tmp_path: Path) -> None:
    script = ROOT / "cicd" / "deployment-profile.sh"
    role = "arn:aws:iam::111122223333:role/delivery/sluice-dev-deployment"
    variables = {"DEPLOYMENT_ROLE": role, "EXTERNAL_ID": "known-to-both", "AWS_REGION": "eu-west-1"}
    path = tmp_path / "config"
    path.write_text(subprocess.run(["sh", script], env=variables, capture_output=True, text=True, check=True).stdout)
    session = botocore.session.Session()
    session.set_config_variable("config_file", str(path))
    profile = session.full_config["profiles"]["deployment"]
    assert profile["role_arn"] == role
    assert profile["external_id"] == "known-to-both"
    assert profile["credential_source"] == "EcsContainer"
    missing = subprocess.run(["sh", script], env={"AWS_REGION": "r"}, capture_output=True, text=True, check=False)
    assert missing.returncode != 0
    assert "DEPLOYMENT_ROLE" in missing.stderr

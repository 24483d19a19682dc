"""docs/deploying.md names only commands, files, parameters and stacks that there are."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from pipeline.cloudformation.templates import load_template
from tests.command_lines import command_of
from tests.templates import rendering

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploying.md").read_text()


def commands() -> list[list[str]]:
    """The words of each command of sluice, those of a block in one line."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    inline = re.findall(r"`(sluice [^`]+)`", PAGE)
    return [shlex.split(line) for line in [*lines, *inline] if line.startswith("sluice ")]


def test_every_command_of_sluice_is_there_with_its_options() -> None:
    found = {command_of(words[1:]) for words in commands()}
    assert {"bootstrap", "package", "deploy", "smoke", "settings", "status"} <= found


def test_the_accounts_of_the_pipeline_and_the_actions_of_a_push_are_told() -> None:
    template = load_template(ROOT / "cicd" / "pipeline.yaml")
    needed = {name for name, each in template["Parameters"].items() if "Default" not in each}
    options = {"ExternalId": "--external-id", "Repository": "--repository", "Source": "--source"}
    [command] = [words for words in commands() if "--pipeline" in words]
    assert {options[name] for name in needed} <= set(command)
    pipeline = rendering.rendered(ROOT / "cicd" / "pipeline.yaml")["Pipeline"]["Properties"]
    actions = [each["Name"] for stage in pipeline["Stages"] for each in stage["Actions"]]
    places = [PAGE.index(name, PAGE.index("A push goes")) for name in actions]
    assert places == sorted(places)


def test_every_target_of_make_is_there() -> None:
    named = set(re.findall(r"make ([a-z]+)(?= ONLY|`|\n)", PAGE))
    assert {"demo", "pipeline"} <= named
    for target in named:
        made = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False)
        assert made.returncode == 0, target


def test_every_file_of_the_checkout_that_it_names_is_there() -> None:
    named = set(re.findall(r"(?:cicd|definitions)/[A-Za-z_./]+[a-z]", PAGE))
    assert named
    assert [each for each in named if not (ROOT / each).exists()] == []

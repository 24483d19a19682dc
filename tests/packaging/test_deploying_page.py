"""docs/deploying.md names only commands, files, parameters and stacks that there are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from typer.main import get_command

from pipeline.cli.app import app
from pipeline.cli.commands import load
from pipeline.packaging.package import MANY
from pipeline.packaging.templates import load_template

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploying.md").read_text()


def test_every_command_of_sluice_is_there() -> None:
    load()
    there = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"sluice --profile dev --env dev ([a-z-]+)", PAGE))
    assert {"bootstrap", "package", "datasets", "status"} <= named <= there


def test_every_target_of_make_is_there() -> None:
    named = set(re.findall(r"make ([a-z]+)(?= ONLY|`|\n)", PAGE))
    assert {"demo", "pipeline"} <= named
    for target in named:
        made = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False)
        assert made.returncode == 0, target


def test_the_stacks_are_those_of_the_checkout_and_come_after_what_they_read() -> None:
    [listed] = re.findall(r"for stack in ([a-z_ ]+);", PAGE)
    order = listed.split()
    files = {path.stem: path.read_text() for path in (ROOT / "definitions" / "stacks").glob("*.yaml")}
    assert set(order) == set(files) - MANY
    written = {name: set(re.findall(r'Name: !Sub "?(/sluice/[^\s",]+)', text)) for name, text in files.items()}
    for place, name in enumerate(order):
        for later in order[place + 1 :]:
            assert [each for each in written[later] if f"resolve:ssm:{each}}}" in files[name]] == [], (name, later)
    assert written["storage"]
    assert written["catalog"]


def test_the_parameters_of_the_pipeline_are_its_own() -> None:
    [line] = re.findall(r"--parameter-overrides (Env=dev Source.*?) \\", PAGE)
    given = {each.split("=")[0] for each in line.split()}
    declared = load_template(ROOT / "cicd" / "pipeline.yaml")["Parameters"]
    needed = {name for name, parameter in declared.items() if "Default" not in parameter}
    assert needed <= given <= set(declared)


def test_every_file_of_the_checkout_that_it_names_is_there() -> None:
    named = set(re.findall(r"(?:cicd|definitions)/[A-Za-z_./]+[a-z]", PAGE))
    assert named
    assert [each for each in named if not (ROOT / each).exists()] == []

"""What the README tells a new user to type works as it stands there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from typer.main import get_command

from pipeline.cli import commands
from pipeline.cli.app import app
from pipeline.lake.datasets.files import parse

from ..conftest import ROOT
from .conftest import RunningLake

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_readmes_dataset_is_a_valid_definition():
    [example] = blocks("yaml")
    definition = parse(example.encode(), "definitions/datasets/retail/sales.yaml")
    assert str(definition.dataset.name) == "retail/sales"


def test_a_dataset_registered_from_the_readme_alone_shows_its_table(lake: RunningLake):
    [script] = [block for block in blocks("sh") if "datasets init" in block]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=lake.root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"south.*7\.25.*north.*12\.50", done.stdout, re.DOTALL), done.stdout
    rows = json.loads(lake.sluice("query", "select sale_id from retail.sales order by 1", "--json").stdout)
    assert rows == [{"sale_id": "0001"}, {"sale_id": "0002"}]


def test_every_command_that_the_readme_names_exists():
    commands.load()
    known = get_command(app).commands  # type: ignore[attr-defined]
    named = set(re.findall(r"`(?:\.venv/bin/)?sluice ([a-z]+)", README)) | set(
        re.findall(r"^sluice ([a-z]+)", README, re.M)
    )
    assert named
    assert named <= set(known)


def test_every_command_says_what_it_does():
    commands.load()

    def leaves(command, path=()):
        if hasattr(command, "commands"):
            for name, child in command.commands.items():
                yield from leaves(child, (*path, name))
        else:
            yield " ".join(path), command

    for name, command in leaves(get_command(app)):
        assert command.help, name
        assert len(command.help) > 30, name


def test_every_figure_and_file_that_the_readme_links_to_is_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target

"""What a command loads before it works: most of its time, where the lake answers in milliseconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.lake.services import Lake
from tests.cli.checkouts import Put, Run, checkout, deployed, no_datasets, put, run
from tests.cli.conftest import ORDERS, Actor
from tests.conftest import ROOT

for fixture in (checkout, deployed, no_datasets, put, run):
    assert fixture

HEAVY = (
    "pipeline.lake.batches.poller",
    "pydantic",
    "awscrt",
    "aws_lambda_powertools",
    "pyiceberg",
    "pyarrow",
    "yaml",
    "sqlglot",
    "duckdb",
    "moto",
)
SCRIPT = """
import atexit, json, sys
loaded = lambda: {name: getattr(module, "__cached__", None) for name, module in sys.modules.items() if module}
atexit.register(lambda: json.dump(loaded(), sys.stderr))
from pipeline.cli import main
main()
"""


def modules(*arguments: str, cwd: Path = ROOT) -> dict[str, str | None]:
    """What `sluice` with these arguments has loaded in a process of its own, and where the bytecode of each is. The
    environment names the lake: a line that begins with options loads all commands."""
    command = [sys.executable, "-c", SCRIPT, *arguments]
    # It writes no bytecode itself: a test asks what was there.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, check=True)
    found: dict[str, str | None] = json.loads(done.stderr)
    return found


@pytest.mark.parametrize("command", ["status", "objects", "wait"])
def test_what_only_reads_the_catalog_loads_nothing_that_it_has_no_use_for(lake: Lake, command: str):
    Actor(lake, ORDERS)
    loaded = modules(command)
    assert "boto3" in loaded
    assert sorted(name for name in HEAVY if name in loaded) == []


def test_datasets_that_are_as_they_should_be_are_applied_without_pyiceberg(deployed: Lake, put: Put, run: Run):
    put("standing", "orders")
    assert "pyiceberg" in modules("datasets", "apply", cwd=Path.cwd())
    assert "pyiceberg" not in modules("datasets", "apply", cwd=Path.cwd())


def test_set_up_has_compiled_what_a_command_loads(lake: Lake):
    loaded = modules("status")
    ours = {name: path for name, path in loaded.items() if path and "site-packages" in path}
    assert len(ours) > 100
    assert [name for name, path in ours.items() if path and not Path(path).exists()] == []


def test_the_embedded_aws_that_runs_in_the_command_s_own_process_has_all_checksums():
    script = (
        "import atexit; atexit.register(lambda: __import__('awscrt.checksums')); from pipeline.cli import main; main()"
    )
    command = [sys.executable, "-c", script, "test", "--help"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr == ""

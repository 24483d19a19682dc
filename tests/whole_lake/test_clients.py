"""What docs/clients.md shows reads and fills the lake with clients that nobody here wrote, and with no other key."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.cli.samples import customers

from ..conftest import ROOT
from ..patience import until
from .conftest import RunningLake, clients_environment

PAGE = (ROOT / "docs" / "clients.md").read_text()
ENVIRONMENT = ROOT / ".venv" / "clients"
RUNNER = Path(__file__).with_name("client_blocks.py")
FOLDER = "demo/customers"
CLI = "AWS CLI"
NAMES = [each["name"] for each in customers()]
SHOWN = {
    CLI: ["customers.jsonl", '"customer_id"'],
    "boto3": ["customers.jsonl"],
    "s3fs and pandas": ["customers.jsonl", *NAMES],
    "pyarrow": ["customers.jsonl", *NAMES],
    "awswrangler": ["customers.jsonl", "customer_id", *NAMES],
    "PyIceberg": ["('sluice_local_demo', 'customers')", *NAMES],
    "DuckDB": ["customers.jsonl", *NAMES],
}
# What asks by HEAD is answered without words, as on AWS.
REFUSED = {"s3fs and pandas": "PermissionError: Forbidden"}
WRONG = "x" * 40

pytestmark = pytest.mark.timeout(1200)

Said = dict[str, dict[str, tuple[bool, str]]]
"""By client, and whether by the lake's key or another: whether its block went through, and its words."""

POINTED, *SECTIONS = re.split(r"^## (.+)\n", PAGE, flags=re.MULTILINE)
BLOCKS = {
    client: re.findall(r"```(sh|python)\n(.*?)```", text, re.DOTALL)
    for client, text in zip(SECTIONS[::2], SECTIONS[1::2], strict=True)
}
SCRIPTS = {client: code for client, [(language, code)] in BLOCKS.items() if language == "python"}


def shell(lake: RunningLake, script: str, told: str = "") -> subprocess.CompletedProcess[str]:
    """In the lake's checkout, after what the page says first, with no package of the lake's within reach."""
    [(_, pointed)] = re.findall(r"```(sh)\n(.*?)```", POINTED, re.DOTALL)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    environment["PATH"] = f"{ENVIRONMENT / 'bin'}:{ROOT / '.venv' / 'bin'}:{environment['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", pointed + script]
    return subprocess.run(command, cwd=lake.root, env=environment, input=told, capture_output=True, text=True)


@pytest.fixture(scope="module")
def fed(running_lake: RunningLake) -> RunningLake:
    """The lake with the page's table, its file, and the clients that the page names."""
    clients_environment()
    folder = running_lake.root / "definitions" / "datasets" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "definitions" / "datasets" / f"{FOLDER}.yaml", folder)
    (running_lake.root / "customers.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in customers()))
    for command in (["datasets", "apply", FOLDER], ["drop", "customers.jsonl", "--to", FOLDER], ["wait", FOLDER]):
        done = running_lake.sluice(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    return running_lake


@pytest.fixture(scope="module")
def said(fed: RunningLake) -> Said:
    told = json.dumps({"blocks": SCRIPTS, "wrong": WRONG})
    done = shell(fed, f"exec python {RUNNER}", told)
    assert done.returncode == 0, done.stderr
    found: Said = json.loads(done.stdout)
    [(_, code)] = BLOCKS[CLI]
    for key, before in (("right", ""), ("wrong", f"export AWS_SECRET_ACCESS_KEY={WRONG}\n")):
        done = shell(fed, before + code)
        found.setdefault(CLI, {})[key] = done.returncode == 0, done.stdout + done.stderr
    return found


@pytest.mark.parametrize("client", BLOCKS)
def test_with_the_lakes_key_it_lists_and_reads(client: str, said: Said) -> None:
    went, words = said[client]["right"]
    assert went, words
    assert [word for word in SHOWN[client] if word not in words] == [], words


@pytest.mark.parametrize("client", BLOCKS)
def test_with_another_key_it_says_that_the_lake_has_its_own(client: str, said: Said) -> None:
    went, words = said[client]["wrong"]
    assert not went
    assert REFUSED.get(client, 'Each embedded lake has a key of its own: eval "$(sluice env)"') in words


def whole(lake: RunningLake, key: str) -> bool:
    return any(row.rows_out == len(NAMES) for row in lake.versions(key))


@pytest.mark.usefixtures("said")
def test_what_they_drop_is_taken_as_any_file_is(fed: RunningLake, lake: RunningLake) -> None:
    keys = {f"{FOLDER}/{name}" for name in re.findall(r"by-[a-z0-9-]+\.jsonl", PAGE)}
    assert len(keys) == len(BLOCKS) - 1
    until(
        lambda: keys == {key for key in keys for row in lake.versions(key) if row.rows_out == len(NAMES)}, every_s=0.2
    )

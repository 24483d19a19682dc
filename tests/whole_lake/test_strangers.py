"""Nobody else on this machine gets into a lake that is at work, by none of its ports and files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.patience import PATIENCE_S

from .attacked import PLANTED, STRANGER, Attacked, is_refusal, words
from .listening import command_line


@pytest.fixture
def lake(attacked_lake: Attacked) -> Attacked:
    return attacked_lake


def tried(lake: Attacked, user: str | None) -> dict[str, Any]:
    """What a stranger of this user got: with the words of a stranger at every port, and from every path."""
    if user and os.getuid() != 0:
        pytest.skip("only root may become another user")
    told = {
        "user": user,
        "ports": sorted({each.port for each in lake.ports()}),
        "paths": lake.private_paths() if user else [],
        "words": words(lake),
    }
    command = [sys.executable, str(STRANGER)]
    done = subprocess.run(command, input=json.dumps(told), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_port_is_of_this_machine_alone(lake: Attacked) -> None:
    ports = lake.ports()
    assert len(ports) > 5
    assert not [each for each in ports if not each.is_of_this_machine]


@pytest.mark.parametrize("user", [None, "nobody"])
def test_no_port_gives_a_stranger_anything_or_does_anything_for_him(lake: Attacked, user: str | None) -> None:
    before, secrets = lake.contents(), lake.secrets()
    holders = {each.port: " ".join(map(command_line, each.pids))[:100] for each in lake.ports()}
    answers = tried(lake, user)["answers"]
    assert any(answer for _, _, answer in answers)
    given = [(name, holders[port], said[:200]) for port, name, said in answers if not is_refusal(said, secrets)]
    assert not given
    assert lake.contents() == before


def test_another_user_opens_nothing_that_a_lake_keeps(lake: Attacked) -> None:
    paths = lake.private_paths()
    assert any(PLANTED in path for path in paths)
    found = tried(lake, "nobody")
    assert found["uid"] != os.getuid()
    assert found["opened"] == []


def test_no_secret_stands_in_a_command_line(lake: Attacked) -> None:
    secrets = lake.secrets()
    assert len(secrets) > 3
    lines = {command_line(pid) for pid in lake.processes()}
    assert len(lines) > 4
    assert not [line[:100] for line in lines if any(secret in line for secret in secrets)]


def test_no_log_or_other_file_holds_what_opens_the_lake_or_its_console(lake: Attacked) -> None:
    console, token = lake.running.console, lake.running.key.console_token()
    addresses = [lake.running.pages, f"{console}/no-such-page?token={token}", f"{console}//?token={token}%00"]
    for address in addresses:
        httpx.get(address, timeout=PATIENCE_S)
        httpx.post(address, timeout=PATIENCE_S)
    assert httpx.get(console, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S).is_success
    lake.client("s3").list_buckets()
    files = lake.kept_files()
    assert {path.name for path in files} >= {"console.log", "front.log", "supervisor.log", "spark.log"}
    secrets = [secret.encode() for secret in lake.kept_secrets()]
    assert not [str(path) for path in files if any(secret in path.read_bytes() for secret in secrets)]

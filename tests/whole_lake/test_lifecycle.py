"""Starting, stopping, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.core.clients import client
from pipeline.core.errors import Refused
from pipeline.core.lake_key import LakeKey
from pipeline.emulator import lifecycle, state
from tests.deploying import deploy
from tests.patience import PATIENCE_S, until

from .conftest import checkout_of, run_sluice


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    made = checkout_of(tmp_path / "checkout")
    yield made
    lifecycle.stop(made)


def start(root: Path, port: int = 0) -> state.RunningLake:
    return lifecycle.start(root, port=port, region="eu-west-1", env="local")


def descendants(pid: int) -> set[int]:
    """All processes that `pid` started, and theirs."""
    parents: dict[int, int] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def living(pids: set[int]) -> set[int]:
    def lives(pid: int) -> bool:
        try:
            return (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]) != "Z"
        except OSError:
            return False

    return {pid for pid in pids if lives(pid)}


def wait_until_gone(pids: set[int], seconds: float = PATIENCE_S) -> set[int]:
    give_up = time.monotonic() + seconds
    while (left := living(pids)) and time.monotonic() < give_up:
        time.sleep(0.05)
    return left


def with_a_worker_and_a_jvm(lake: state.RunningLake, root: Path, monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The lake's processes, once a function has run and the JVM is there."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", lake.endpoint)
    for name, value in lake.key.variables().items():
        monkeypatch.setenv(name, value)
    client.cache_clear()
    deploy(root, lake)
    bucket = client("ssm").get_parameter(Name="/sluice/local/raw-bucket")["Parameter"]["Value"]
    client("s3").put_object(Bucket=bucket, Key="nobody/knows.csv", Body=b"x")
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        processes = descendants(lake.pid)
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes if living({pid})]
        if any(b"java" in c for c in commands) and any(b"awslambda/main.py" in c for c in commands):
            return processes
        time.sleep(0.1)
    raise AssertionError("no worker and no JVM in time")


@pytest.mark.parametrize("how", ["down", "kill -9"])
def test_nothing_outlives_the_supervisor(root: Path, how: str, monkeypatch: pytest.MonkeyPatch):
    lake = start(root)
    processes = with_a_worker_and_a_jvm(lake, root, monkeypatch)
    assert len(processes) >= 4
    assert any(b"pipeline.console" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes)
    until(lambda: is_settled(lake) in (True, False))
    if how == "down":
        done = run_sluice(root, "down", "--json")
        assert json.loads(done.stdout)["stopped"] is True
        assert not (root / ".sluice" / "lambda" / "tmp").exists() or not any((root / ".sluice/lambda/tmp").iterdir())
    else:
        os.kill(lake.pid, signal.SIGKILL)
        os.waitpid(lake.pid, 0)
    assert wait_until_gone(processes) == set()
    assert state.running(root) is None
    client.cache_clear()


def is_settled(lake: state.RunningLake) -> bool | None:
    """What home says; None while the lake was not looked at yet."""
    with urllib.request.urlopen(page(lake, "/home.json")) as answer:
        settled: bool | None = json.load(answer)["settled"]
        return settled


def page(lake: state.RunningLake, path: str) -> urllib.request.Request:
    """A request of a page of the console by who has its token."""
    bearer = {"Authorization": f"Bearer {lake.key.console_token()}"}
    return urllib.request.Request(lake.console + path, headers=bearer)


def test_a_lake_starts_after_one_that_was_killed(root: Path):
    killed = start(root)
    os.kill(killed.pid, signal.SIGKILL)
    os.waitpid(killed.pid, 0)
    assert "no lake is running" in run_sluice(root, "status").stderr
    assert start(root).pid != killed.pid


def test_a_port_in_use_is_refused_with_what_to_do(root: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_sluice(root, "up", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "is in use" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert state.running(root) is None


def test_a_second_supervisor_of_a_checkout_is_refused(root: Path):
    start(root)
    with pytest.raises(Refused, match="another lake"):
        start(root)


def test_a_state_file_of_another_program_is_not_taken_for_a_lake(root: Path):
    made = "2026-01-01T00:00:00.000Z"
    lake = state.RunningLake("http://127.0.0.1:1", "eu-west-1", "local", os.getpid(), made, "", LakeKey.make())
    state.write(root, lake)
    assert state.running(root) is None
    assert lifecycle.stop(root) is False
    assert os.getpid()


def test_the_console_says_that_nothing_is_deployed_yet_and_looks_again(root: Path):
    lake = start(root)
    with pytest.raises(urllib.error.HTTPError) as told:
        urllib.request.urlopen(page(lake, "/"))
    shown = told.value.read().decode()
    assert told.value.code == 503
    assert "no lake &#39;local&#39; is deployed there" in shown
    assert 'http-equiv="refresh"' in shown


@contextmanager
def port_after_a_free_one() -> Iterator[int]:
    """A port that is taken while this lasts; the one before it is free."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = int(taken.getsockname()[1])
            try:
                socket.create_server(("127.0.0.1", port - 1)).close()
            except OSError:
                continue
            yield port
            return


def test_the_console_takes_another_port_where_its_own_is_taken(root: Path):
    with port_after_a_free_one() as port:
        lake = start(root, port=port - 1)
    assert lake.endpoint.endswith(f":{port - 1}")
    assert not lake.console.endswith(f":{port}")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(page(lake, "/"))


def test_down_without_a_lake_says_so(root: Path):
    done = run_sluice(root, "down")
    assert (done.returncode, done.stdout.strip()) == (0, "no lake is running here")


def test_a_command_without_a_lake_says_what_to_do(root: Path):
    done = run_sluice(root, "status")
    assert done.returncode == 1
    assert "sluice up" in done.stderr

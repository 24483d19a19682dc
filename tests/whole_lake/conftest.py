"""One whole embedded lake for all tests of this folder, in a process of its own, with datasets of their own."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pipeline.cli.connect import Target
from pipeline.cli.embedded import call, run_schedules_now
from pipeline.cli.waits import wait
from pipeline.core.clients import client
from pipeline.core.lake_key import LakeKey
from pipeline.deploy.datasets.definitions import apply_definitions
from pipeline.deploy.embedded import EmbeddedBackend
from pipeline.emulator import lifecycle, state
from pipeline.emulator.supervisor import COLD_SPARK
from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.catalog import ObjectRow
from pipeline.lake.datasets import DatasetName
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.connection import Connected
from pipeline.operate.query import Session, plain
from pipeline.operate.tables import Tables
from pipeline.toolchain.folder_lock import only_one
from tests.deploying import deploy
from tests.forked_commands import COLUMNS, run_forked
from tests.patience import until

from ..conftest import ROOT

if TYPE_CHECKING:
    from .attacked import Attacked

TIMEOUT_S = 400
"""Nobody waits so long but on a machine that does the work of ten."""
numbers = itertools.count(1)


def checkout_of(folder: Path) -> Path:
    """A copy of this checkout with its own state and no datasets, and with what is compiled here already."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("pipeline", "stages", "cicd", "definitions"):
        # Python writes `x.pyc.123` and renames it.
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder / name)
    shutil.rmtree(folder / "definitions" / "datasets")
    return folder


@dataclass
class Datasetup:
    """A dataset of one test."""

    lake: RunningLake
    name: DatasetName

    @property
    def table(self) -> str:
        return f"{self.name.team}.{self.name.dataset}"

    def key(self, file: str) -> str:
        return f"{self.name}/{file}"

    def drop(self, file: str, content: str | bytes, **extra: Any) -> str:
        """Put an object; returns its version id."""
        return self.lake.put(self.key(file), content, **extra)

    def row(self, file: str) -> ObjectRow:
        """The newest version of the key."""
        return max(self.lake.versions(self.key(file)), key=lambda row: row.order)

    def rows(self, sql: str = "select * from {table}") -> list[dict[str, Any]]:
        return self.lake.query(sql.format(table=self.table))

    def batches(self) -> list[Batch]:
        return self.lake.lake.batches.newest(str(self.name), 50)

    def open_batch(self) -> Batch:
        """Its newest batch, as soon as that runs: what is dropped need not wait for the dataset's schedule."""

        def runs() -> bool:
            run_schedules_now(self.lake.endpoint, [str(self.name)])
            return any(batch.status is BatchStatus.RUNNING for batch in self.batches()[:1])

        until(runs, every_s=0.2)
        return self.batches()[0]


@dataclass
class RunningLake:
    """The lake under test."""

    root: Path
    connected: Connected
    key: LakeKey
    datasets: list[DatasetName] = field(default_factory=list)

    @property
    def lake(self) -> Lake:
        return self.connected.lake

    @property
    def endpoint(self) -> str:
        assert self.connected.endpoint
        return self.connected.endpoint

    @property
    def raw(self) -> str:
        return self.lake.settings[Setting.RAW_BUCKET]

    def define(self, definition: dict[str, Any], *, apply: bool = True) -> Datasetup:
        """Register a dataset under a name that no other test has."""
        name = DatasetName("tests", f"d{next(numbers)}")
        path = self.root / "definitions" / "datasets" / name.team / f"{name.dataset}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"team": name.team, "dataset": name.dataset, **definition}))
        made = Datasetup(self, name)
        if apply:
            self.apply(made)
        return made

    def apply(self, dataset: Datasetup) -> Any:
        [applied] = apply_definitions(
            self.root, self.connected, EmbeddedBackend(self.connected.env), only=[dataset.name]
        )
        return applied

    def put(self, key: str, content: str | bytes, **extra: Any) -> str:
        body = content.encode() if isinstance(content, str) else content
        return str(client("s3").put_object(Bucket=self.raw, Key=key, Body=body, **extra)["VersionId"])

    def versions(self, key: str) -> list[ObjectRow]:
        return self.lake.catalog.history(f"{self.raw}/{key}")

    def settle(self, seconds: float = TIMEOUT_S) -> None:
        progress = wait(self.connected, seconds, lambda progress: None)
        assert progress.is_settled, progress.describe()

    def query(self, sql: str) -> list[dict[str, Any]]:
        """What `sluice query --json` answers, without the command: Python and its imports take as long as a batch."""
        with Session(Tables(self.lake)) as session:
            names = session.run(sql)
            rows = [dict(zip(names, map(plain, row), strict=True)) for row in session.rows()]
        found: list[dict[str, Any]] = json.loads(json.dumps(rows, default=str))
        return found

    def sluice(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """The command, as a person would run it in the checkout, who types what it reads."""
        return run_sluice(self.root, *arguments, typed=typed)

    def calls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = call(self.endpoint, "calls", key=self.key)["calls"]
        return found

    def forget_calls(self) -> None:
        call(self.endpoint, "calls", "DELETE", self.key)

    def invocations(self) -> dict[str, int]:
        found: dict[str, int] = call(self.endpoint, "invocations", key=self.key)
        return found


def run_sluice(root: Path, *arguments: str, timeout: float = 300, typed: str = "") -> subprocess.CompletedProcess[str]:
    """The command, as a person would run it in a folder, but for what it has to load."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {"COLUMNS": COLUMNS}
    return run_forked(root, arguments, environment, timeout, typed)


@pytest.fixture(scope="session")
def running_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLake]:
    with running(checkout_of(tmp_path_factory.mktemp("lake"))) as lake:
        yield lake


@pytest.fixture(scope="package")
def attacked_lake() -> Iterator[Attacked]:
    """The lake that strangers and pages attack, as long as tests of this folder are next."""
    # It makes its checkout with what stands here.
    from .attacked import attacked

    with attacked() as lake:
        yield lake


@contextlib.contextmanager
def running(root: Path, settings: Mapping[str, str] | None = None) -> Iterator[RunningLake]:
    """The lake of a checkout, from its start until it is stopped; `settings` of its environment by name."""
    # Starting and connecting point this process at the lake; other tests of the session must not go there.
    before = dict(os.environ)
    # Nobody waits for the first job alone, and each lake's warm-up takes as long as several jobs.
    os.environ[COLD_SPARK] = "yes"
    lake = lifecycle.start(root, port=0, region="eu-west-1", env="local")
    try:
        for name, value in (settings or {}).items():
            done = run_sluice(root, "settings", "set", name, value)
            assert done.returncode == 0, done.stderr
        deploy(root, lake)
        connected = Target.of(lake).connect()
        os.environ.clear()
        os.environ.update(before)
        client.cache_clear()
        yield RunningLake(root, connected, lake.key)
    finally:
        lifecycle.stop(root)
        assert state.running(root) is None


def clients_environment() -> Path:
    """The environment of clients that nobody here wrote, such as the AWS CLI; made when it is first asked for."""
    folder = ROOT / ".venv" / "clients"
    with only_one(ROOT / ".venv" / "clients-lock"):
        subprocess.run(["make", "-s", ".venv/clients/ready"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return folder


@contextlib.contextmanager
def with_flow(root: Path, flow: str) -> Iterator[RunningLake]:
    """The lake of a checkout with a flow beside it, and this process's clients pointed at it."""
    with pytest.MonkeyPatch.context() as monkeypatch, running(checkout_of(root), {"flows": flow}) as lake:
        point_at(lake, monkeypatch)
        yield lake
        client.cache_clear()


@pytest.fixture
def lake(running_lake: RunningLake, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningLake]:
    """The lake, with this process's clients pointed at it."""
    point_at(running_lake, monkeypatch)
    yield running_lake
    client.cache_clear()


@contextlib.contextmanager
def pointed_at(lake: RunningLake) -> Iterator[RunningLake]:
    """For fixtures of a module: this process's clients go to the lake meanwhile."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        point_at(lake, monkeypatch)
        yield lake
    client.cache_clear()


def point_at(lake: RunningLake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process's clients go to a lake; they are to be forgotten afterwards."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", lake.endpoint)
    for name, value in lake.key.variables().items():
        monkeypatch.setenv(name, value)
    client.cache_clear()


def csv_text(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


def gzipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def values(rows: Sequence[dict[str, Any]], *names: str) -> list[Any]:
    """The named columns of rows, sorted: a value each, or a tuple where there are several."""
    found = [tuple(row[name] for name in names) if len(names) > 1 else row[names[0]] for row in rows]
    return sorted(found, key=repr)

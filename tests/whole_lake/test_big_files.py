"""Files that are too big for a function, through a lake whose limit is one MiB: the job does what the function does."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import secrets
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from pipeline.cli.embedded import call
from pipeline.core.clients import client
from pipeline.emulator.gateway.actions import Need
from pipeline.lake.catalog import Status
from tests import patience
from tests.lake.files.formats import FORMATS

from .conftest import Datasetup, RunningLake, checkout_of, csv_text, gzipped, point_at, running, values
from .roles import granted, roles_of_callers, unmet, unused

JOB = "sluice-local-convert"
LIMIT = 1024 * 1024
CSV = {"stage_a": {"format": "csv", "columns": {"id": "bigint", "text": "string"}}, "stage_b": {"min_objects": 1}}
PADDING = "x" * 100
SECONDS = 300
LONG = 400_000
"""Rows of two row groups of 24 MiB: the first half is written while the second is still read."""


@pytest.fixture(scope="module")
def own_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLake]:
    with running(checkout_of(tmp_path_factory.mktemp("big")), {"big-file-mb": "1"}) as lake:
        yield lake


@pytest.fixture
def lake(own_lake: RunningLake, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningLake]:
    point_at(own_lake, monkeypatch)
    yield own_lake
    client.cache_clear()


def big(rows: int, *more: str) -> str:
    text = csv_text("id,text", *(f"{n},{PADDING}" for n in range(rows)), *more)
    assert len(text) > LIMIT
    return text


def truncated() -> bytes:
    """The first three quarters of a gzip file that is big even so."""
    packed = gzipped(csv_text("id,text", *(f"{n},{secrets.token_hex(500)}" for n in range(4000))))
    assert len(packed) > 2 * LIMIT
    return packed[: len(packed) * 3 // 4]


def runs() -> list[dict[str, Any]]:
    """The runs of the job, the newest first."""
    found: list[dict[str, Any]] = client("glue").get_job_runs(JobName=JOB)["JobRuns"]
    return found


def process_of(lake: RunningLake, until: float) -> int:
    """The process of a run that is in the middle of its work: it has begun to write the staged file."""
    while time.monotonic() < until:
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                # First, as what every process of the machine has open takes long to read.
                if not Path(os.readlink(folder / "cwd")).name.startswith(f"{JOB}-"):
                    continue
                files = [os.readlink(each) for each in (folder / "fd").iterdir()]
                if any(str(lake.root) in file and file.endswith("out.parquet") for file in files):
                    return int(folder.name)
        time.sleep(0.01)
    raise AssertionError("no run of the job began to write")


def reason(dataset: Datasetup, file: str) -> str:
    return dataset.row(file).reason or ""


def test_a_big_file_goes_through_the_job_and_a_small_one_does_not(lake: RunningLake) -> None:
    dataset, before = lake.define(CSV), len(runs())
    dataset.drop("big.csv", big(12_000, "no number,a bad row", "12001,good"))
    dataset.drop("small.csv", csv_text("id,text", "-1,small"))
    lake.settle(SECONDS)
    assert [run["JobRunState"] for run in runs()[: len(runs()) - before]] == ["SUCCEEDED"]
    rows = {name: dataset.row(name) for name in ("big.csv", "small.csv")}
    assert [row.status for row in rows.values()] == [Status.COMMITTED, Status.COMMITTED]
    assert (rows["big.csv"].rows_in, rows["big.csv"].rows_out, rows["big.csv"].rows_bad) == (12_002, 12_001, 1)
    assert rows["big.csv"].execution
    [counted] = dataset.rows("select count(*) n, count(distinct id) d, min(id) least, max(id) most from {table}")
    assert counted == {"n": 12_002, "d": 12_002, "least": -1, "most": 12_001}
    # The same bytes under another key: equal content is known whoever staged it.
    dataset.drop("big.csv", big(12_000, "no number,a bad row", "12001,good"))
    lake.settle(SECONDS)
    assert dataset.row("big.csv").status is Status.DUPLICATE


def test_a_bad_big_file_is_quarantined_and_its_neighbours_are_not(lake: RunningLake) -> None:
    dataset = lake.define(CSV)
    dataset.drop("bad.csv.gz", truncated())
    dataset.drop("good.csv", big(11_000))
    lake.settle(SECONDS)
    assert dataset.row("bad.csv.gz").status is Status.QUARANTINED
    assert "gzip" in reason(dataset, "bad.csv.gz")
    assert dataset.row("good.csv").status is Status.COMMITTED
    assert dataset.rows("select count(*) n from {table}") == [{"n": 11_000}]


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one.csv", data)
    return file.getvalue()


def test_a_run_that_is_killed_in_the_middle_is_repeated(lake: RunningLake) -> None:
    dataset, before = lake.define(CSV), len(runs())
    dataset.drop("killed.csv", big(LONG))
    os.kill(process_of(lake, time.monotonic() + 400), signal.SIGKILL)
    lake.settle(SECONDS)
    states = [run["JobRunState"] for run in runs()[: len(runs()) - before]]
    assert states == ["SUCCEEDED", "FAILED"]
    assert dataset.row("killed.csv").status is Status.COMMITTED
    assert dataset.rows("select count(*) n, count(distinct id) d from {table}") == [{"n": LONG, "d": LONG}]


def test_a_run_that_somebody_stops_fails_its_object_which_can_be_sent_again(lake: RunningLake) -> None:
    dataset = lake.define(CSV)
    dataset.drop("stopped.csv", big(LONG))
    process_of(lake, time.monotonic() + 400)
    client("glue").batch_stop_job_run(JobName=JOB, JobRunIds=[runs()[0]["Id"]])
    patience.until(lambda: dataset.row("stopped.csv").status is Status.FAILED)
    assert "stopped" in reason(dataset, "stopped.csv")
    done = lake.sluice("redrive", dataset.key("stopped.csv"))
    assert done.returncode == 0, done.stderr
    lake.settle(SECONDS)
    assert values(dataset.rows("select count(*) n from {table}"), "n") == [LONG]


def test_its_logs_are_found_by_its_name_and_by_its_execution(lake: RunningLake) -> None:
    dataset = lake.define(CSV)
    dataset.drop("logged.csv", big(11_000))
    lake.settle(SECONDS)
    execution = dataset.row("logged.csv").execution
    assert execution
    for arguments in (["convert"], ["--execution", execution]):
        done = lake.sluice("logs", *arguments)
        assert "object converted" in done.stdout, done.stdout + done.stderr


def test_the_jobs_role_and_the_machines_allow_what_they_do_and_little_else(lake: RunningLake) -> None:
    """What was done for a file with bad rows and one that cannot be read, beside what the roles allow (promise 16)."""
    dataset = lake.define(CSV)
    dataset.drop("bad.csv.gz", truncated())
    dataset.drop("flawed.csv", big(11_000, "no number,a bad row"))
    lake.settle(SECONDS)
    done = [Need(**each) for each in call(lake.endpoint, "actions", key=lake.key)["actions"]]
    grants = [grant for grant in granted() if grant.logical_role in ("ConvertJobRole", "StageAMachineRole")]
    callers = {name: roles for name, roles in roles_of_callers().items() if roles & {grant.role for grant in grants}}
    assert any(need.caller.lower() in callers for need in done)
    assert unmet(done, grants, callers) == []
    idle = {(grant.logical_role, grant.action) for grant in unused(done, grants, callers)}
    seen = {
        "ConvertJobRole": {"s3:GetObjectVersion", "s3:PutObject", "states:DescribeExecution", "sns:Publish"},
        "StageAMachineRole": {"glue:StartJobRun", "glue:GetJobRun", "dynamodb:GetItem"},
    }
    assert {(role, action) for role, actions in seen.items() for action in actions} & idle == set()


def test_every_format_has_a_way_through_the_job(lake: RunningLake) -> None:
    """Staged, and no more: what the job makes of a file is what the function makes of it, whose tests go further.

    The last one here: a lake where objects are left waiting does not settle.
    """
    rows = [(f"n{number}", secrets.token_hex(200)) for number in range(6000)]
    files = {f"big.{form.name}": form.data(*rows) for form in FORMATS}
    plain = files["big.csv"]
    files |= {"big.csv.gz": gzip.compress(plain), "big.csv.zst": zstd.compress(plain), "big.csv.zip": zipped(plain)}
    assert all(len(data) > LIMIT for data in files.values())
    waiting, datasets = {"min_objects": 300, "max_objects": 300}, {}
    for name, data in files.items():
        form = next(form for form in FORMATS if form.name == name.split(".")[1])
        datasets[name] = lake.define({"stage_a": {"format": form.name, **form.options}, "stage_b": waiting})
        datasets[name].drop(name, data)
    rows_of = lambda: [dataset.row(name) for name, dataset in datasets.items()]  # noqa: E731
    patience.until(lambda: all(row.status is not Status.REGISTERED for row in rows_of()), SECONDS)
    found = {name: (dataset.row(name).status, dataset.row(name).rows_out) for name, dataset in datasets.items()}
    assert found == dict.fromkeys(files, (Status.STAGED, 6000))
    assert len({run["Id"] for run in runs()}) >= len(files)

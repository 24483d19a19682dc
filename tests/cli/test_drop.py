"""`sluice drop`: files and folders, several at once, and what is said of those that are not dropped."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.core.clients import client
from pipeline.core.errors import NotThere
from pipeline.emulator.gateway.calls import Call
from pipeline.emulator.gateway.server import AwsServer
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.dropped_files import DroppedFile
from pipeline.operate.uploads import HOPELESS, IN_PARTS_BYTES, NOT_TRIED, Uploads
from tests.patience import PATIENCE_S

from ..conftest import ROOT
from .conftest import ORDERS, Actor, Sluice

UPSERTED = {
    **ORDERS,
    "dataset": "prices",
    "table": {"write": "upsert", "key": ["id"]},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(12):
        (tmp_path / f"{number:02}.csv").write_text(f"id\n{number}\n")
    return tmp_path


def in_bucket(lake: Lake, prefix: str) -> list[str]:
    pages = (
        client("s3").get_paginator("list_objects_v2").paginate(Bucket=lake.settings[Setting.RAW_BUCKET], Prefix=prefix)
    )
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def test_a_folder_goes_up_as_it_is(orders: Actor, sluice: Sluice, folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "99.csv").write_text("id\n99\n")
    (folder / ".DS_Store").write_text("x")
    done = sluice("drop", str(folder), "--to", orders.name, "--prefix", "whole", "--json")
    answer = json.loads(done.output)
    assert done.exit_code == 0, done.output
    keys = in_bucket(orders.lake, f"{orders.name}/whole/")
    assert len(keys) == 13
    assert f"{orders.name}/whole/more/99.csv" in keys
    assert {item["uri"].split("/", 3)[3] for item in answer["dropped"]} == set(keys)
    assert [Path(item["file"]).name for item in answer["skipped"]] == [".DS_Store"]
    assert answer["failed"] == []


def test_it_says_what_it_skipped_and_how_much_it_dropped(orders: Actor, sluice: Sluice, folder: Path) -> None:
    (folder / "empty.csv").touch()
    done = sluice("drop", str(folder), "--to", orders.name, "--prefix", "said")
    assert f"skipped {folder}/empty.csv: empty" in done.output
    assert "12 files dropped (" in done.output
    assert "1 skipped" in done.output
    assert "failed" not in done.output
    assert "\x1b" not in done.output


def test_of_many_files_the_number_is_said_and_not_each(orders: Actor, sluice: Sluice, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.csv").write_text("id\n1\n")
        (tmp_path / f".{number}").write_text("id\n1\n")
    lines = sluice("drop", str(tmp_path), "--to", orders.name, "--prefix", "many").output.splitlines()
    assert len(lines) == 22
    assert lines[-2] == "skipped 10 more: 10 hidden"
    assert lines[-1].startswith("30 files dropped (")


def test_a_folder_without_a_file_is_no_success(orders: Actor, sluice: Sluice, tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("x")
    done = sluice("drop", str(tmp_path), "--to", orders.name)
    assert done.exit_code == 1
    assert "0 files dropped" in done.output


def test_a_file_that_fails_is_named_and_the_others_go_up(
    orders: Actor, sluice: Sluice, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As after a look at the folder, before its turn came.
    upload = client("s3").upload_file

    def lose_one(path: str, *arguments: object, **options: object) -> None:
        if path.endswith("07.csv"):
            Path(path).unlink()
        upload(path, *arguments, **options)

    monkeypatch.setattr(client("s3"), "upload_file", lose_one)
    done = sluice("drop", str(folder), "--to", orders.name, "--prefix", "failing")
    assert done.exit_code == 1
    assert f"failed {folder}/07.csv: No such file or directory" in done.output
    assert "11 files dropped" in done.output
    assert "1 failed" in done.output
    assert len(in_bucket(orders.lake, f"{orders.name}/failing/")) == 11


def test_a_refusal_by_s3_is_the_reason(orders: Actor, folder: Path) -> None:
    files = [DroppedFile(path, path.name, 5) for path in sorted(folder.iterdir())]
    uploads = Uploads("no-such-bucket")
    uploads.run(files * 3)
    reasons = [outcome.reason or "" for outcome in uploads.outcomes]
    assert len(reasons) == 36
    assert "NoSuchBucket" in reasons[0]
    # Nothing gets through, so the rest is not tried: each would take its retries.
    assert HOPELESS <= sum("NoSuchBucket" in reason for reason in reasons) <= 2 * HOPELESS
    assert NOT_TRIED in reasons


def test_the_bytes_are_told_as_they_go_also_of_a_large_file(orders: Actor, tmp_path: Path) -> None:
    large, small = tmp_path / "large.bin", tmp_path / "small.bin"
    large.write_bytes(os.urandom(IN_PARTS_BYTES + 1))
    small.write_bytes(b"1")
    bucket, sent = orders.lake.settings[Setting.RAW_BUCKET], []
    uploads = Uploads(bucket, sent.append)
    uploads.run([DroppedFile(path, f"parts/{path.name}", path.stat().st_size) for path in (large, small)])
    assert [outcome.reason for outcome in uploads.outcomes] == [None, None]
    assert sum(sent) == IN_PARTS_BYTES + 2
    assert client("s3").get_object(Bucket=bucket, Key="parts/large.bin")["Body"].read() == large.read_bytes()


def test_files_whose_rows_replace_one_another_go_up_in_order(lake: Lake, sluice: Sluice, tmp_path: Path) -> None:
    prices = Actor(lake, UPSERTED)
    names = [f"{number}.csv" for number in (5, 3, 9, 1, 7, 2)]
    for number, name in enumerate(names):
        # The first are larger, so that they would come last if all went up together.
        (tmp_path / name).write_text("id\n" + "1\n" * (200_000 if number < 3 else 1))
    done = sluice("drop", *(str(tmp_path / name) for name in names), "--to", prices.name, "--json")
    assert done.exit_code == 0, done.output
    bucket = lake.settings[Setting.RAW_BUCKET]
    times = [client("s3").head_object(Bucket=bucket, Key=f"{prices.name}/{name}")["LastModified"] for name in names]
    assert times == sorted(times)
    assert [item["uri"].rsplit("/", 1)[1] for item in json.loads(done.output)["dropped"]] == names


def test_an_interrupt_says_what_is_there_by_then(
    orders: Actor, front: AwsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted, puts, count = threading.Event(), itertools.count(), front.calls.add

    def late_from_the_twentieth_on(call: Call) -> None:
        """However slow this process is to see the first file, the command is not through before it is interrupted."""
        count(call)
        if call.operation == "PutObject" and next(puts) >= 20:
            interrupted.wait(PATIENCE_S)

    monkeypatch.setattr(front.calls, "add", late_from_the_twentieth_on)
    for number in range(400):
        (tmp_path / f"{number:03}.csv").write_text(f"id\n{number}\n")
    prefix = f"{orders.name}/interrupted/"
    # What runs in the background of a shell, as these tests may, is started with interrupts ignored.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heard}; from pipeline.cli.app import main; main()", "--endpoint"]
    command += [front.endpoint, "drop", str(tmp_path), "--to", orders.name, "--prefix", "interrupted", "--json"]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE_S
    while not in_bucket(orders.lake, prefix) and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    interrupted.set()
    output, _ = running.communicate(timeout=PATIENCE_S)
    answer = json.loads(output)
    assert answer["interrupted"]
    assert running.returncode == 130
    there = in_bucket(orders.lake, prefix)
    assert 0 < len(there) < 400
    assert sorted(item["uri"].split("/", 3)[3] for item in answer["dropped"]) == there


def test_a_dataset_that_nobody_registered_is_warned_of_or_refused(orders: Actor, sluice: Sluice, folder: Path) -> None:
    mistyped = orders.name.replace("orders", "ordres")
    refused = sluice("drop", str(folder), "--to", mistyped, "--if-unknown", "fail")
    assert isinstance(refused.exception, NotThere)
    assert refused.exception.hint == f"Did you mean {orders.name}?"
    assert in_bucket(orders.lake, mistyped) == []
    warned = sluice("drop", str(folder / "00.csv"), "--to", mistyped)
    assert warned.exit_code == 0
    assert f"no dataset {mistyped} is registered" in warned.output
    assert f"Did you mean {orders.name}?" in warned.output
    assert in_bucket(orders.lake, mistyped) == [f"{mistyped}/00.csv"]

"""One embedded AWS with a Spark slot for all tests of a session that ask for it, and what they do with it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
import zipfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from pipeline.cli.embedded import call
from pipeline.core.lake_key import LakeKey
from pipeline.emulator.processes import kill, start_python

ROOT = Path(__file__).resolve().parent.parent
REGION = "eu-west-1"
ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT"})
_server = Path(__file__).with_name("warm_lake_server.py")


class WarmLake:
    """A running one: its endpoint, clients, job runs, their output and the AWS calls made."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="warm-lake-")
        self.folder = Path(self._temporary.name)
        with (self.folder / "server.log").open("wb") as output:
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            self.process = start_python([str(_server), self._temporary.name], env=env, cwd=str(ROOT), output=output)
        ready = self._wait_for_ready()
        self.endpoint: str = ready["endpoint"]
        self.key = LakeKey(**ready["key"])
        self.s3, self.glue, self.dynamodb = (self.client(name) for name in ("s3", "glue", "dynamodb"))
        self.bucket = "artefacts"
        self.make_bucket(self.bucket)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.key.id,
            aws_secret_access_key=self.key.secret,
        )

    def make_bucket(self, name: str) -> None:
        """Harmless if it is there: whoever shares the lake may come back to it."""
        with contextlib.suppress(self.s3.exceptions.BucketAlreadyOwnedByYou):
            self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def put(self, key: str, body: bytes, bucket: str | None = None) -> str:
        self.s3.put_object(Bucket=bucket or self.bucket, Key=key, Body=body)
        return f"s3://{bucket or self.bucket}/{key}"

    def make_job(self, name: str, script: str, **settings: Any) -> str:
        """A job that runs the text of `script`; `settings` as CreateJob takes them."""
        location = self.put(f"{name}.py", script.encode())
        command = {"Name": "glueetl", "ScriptLocation": location}
        self.glue.create_job(Name=name, Role="role", Command=command, **settings)
        return name

    def start(self, job: str, **arguments: str) -> str:
        named = {f"--{name}": value for name, value in arguments.items()}
        return str(self.glue.start_job_run(JobName=job, Arguments=named)["JobRunId"])

    def state(self, job: str, run: str) -> dict[str, Any]:
        return self.glue.get_job_run(JobName=job, RunId=run)["JobRun"]  # type: ignore[no-any-return]

    def wait(self, job: str, run: str, states: frozenset[str] = ENDED, timeout_s: float = 240) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while (found := self.state(job, run))["JobRunState"] not in states:
            assert time.monotonic() < deadline, f"{job} is {found['JobRunState']}"
            time.sleep(0.1)
        return found

    def run(self, job: str, **arguments: str) -> dict[str, Any]:
        return self.wait(job, self.start(job, **arguments))

    def output(self, run: str, group: str = "/aws-glue/jobs/output") -> list[str]:
        lines = (self.folder / "jobs.jsonl").read_text().splitlines()
        return [line for found, stream, line in map(json.loads, lines) if (found, stream) == (group, run)]

    def jvm(self) -> int:
        return int((self.folder / "jvm.pid").read_text())

    def forget_calls(self) -> None:
        call(self.endpoint, "calls", "DELETE", self.key)

    def calls(self) -> Counter[str]:
        """`service.Operation` of every call since `forget_calls`."""
        found = call(self.endpoint, "calls", key=self.key)["calls"]
        counted: Counter[str] = Counter()
        for one in found:
            counted[f"{one['service']}.{one['operation']}"] += one["count"]
        return counted

    def library(self) -> str:
        """URI of a zip with the code that jobs import."""
        path = self.folder / "library.zip"
        if not path.exists():
            with zipfile.ZipFile(path, "w") as archive:
                for package in ("pipeline", "stages"):
                    for file in sorted((ROOT / package).rglob("*.py")):
                        if "emulator" not in file.relative_to(ROOT).parts:
                            archive.write(file, file.relative_to(ROOT))
            self.put("library.zip", path.read_bytes())
        return f"s3://{self.bucket}/library.zip"

    def stop(self) -> None:
        kill(self.process)
        self._temporary.cleanup()

    def _wait_for_ready(self) -> Any:
        deadline = time.monotonic() + 240
        ready = self.folder / "ready.json"
        while not ready.exists():
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline
            else:
                raise AssertionError((self.folder / "server.log").read_text())
        return json.loads(ready.read_text())


@cache
def warm_lake() -> WarmLake:
    """The session's; it dies with the process of the tests."""
    import atexit

    lake = WarmLake()
    atexit.register(lake.stop)
    return lake

"""A lake that is at work, started by somebody who keeps no file to himself, and all that a stranger may try on it."""

from __future__ import annotations

import io
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pipeline.core.lake_key import LakeKey
from pipeline.emulator import lifecycle, state

from .conftest import checkout_of
from .listening import Listening, environment_of, listening, processes, written_files

PLANTED = "rows-of-somebody"
"""The name of a bucket, a function, a job, and of files that they keep."""

CONTENT = "what-nobody-else-may-read"
"""Stands in an object, in a function's and a job's own files, and in what Spark keeps."""

STRANGER = Path(__file__).with_name("stranger.py")
PATIENCE_S = 120
_SECRETIVE = re.compile("SECRET|TOKEN|KEY|PASSWORD")

FUNCTION = f"""
import pathlib, tempfile, time
def handler(event, context):
    with tempfile.NamedTemporaryFile("w", prefix="{PLANTED}") as file:
        file.write("{CONTENT}")
        file.flush()
        pathlib.Path(event, "function").touch()
        while not pathlib.Path(event, "end").exists():
            time.sleep(0.1)
    return "{CONTENT}"
"""
JOB = f"""
import os, pathlib, sys, time
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
kept = spark.range(1000, numPartitions=2).selectExpr("'{CONTENT}' as text").persist()
counted = spark.sparkContext.accumulator(0)
spark.sparkContext.parallelize(range(4), 2).foreach(lambda _: counted.add(1))
rows = kept.toLocalIterator()
next(rows)
pathlib.Path(os.environ["TMPDIR"], "{PLANTED}").write_text("{CONTENT}")
folder = pathlib.Path(sys.argv[sys.argv.index("--folder") + 1])
(folder / "job").touch()
while not (folder / "end").exists():
    time.sleep(0.1)
spark.sparkContext.parallelize(range(4), 2).foreach(lambda _: counted.add(1))
assert (counted.value, kept.count()) == (8, 1000)
"""


@dataclass(frozen=True)
class Attacked:
    """The lake, whose owner's key `client` has, while its function and its job wait for the file `end` in `signals`."""

    running: state.RunningLake
    root: Path
    signals: Path

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.running.endpoint,
            region_name=self.running.region,
            aws_access_key_id=self.running.key.id,
            aws_secret_access_key=self.running.key.secret,
        )

    def processes(self) -> list[int]:
        return processes(self.running.pid)

    def ports(self) -> list[Listening]:
        return listening(self.processes())

    def secrets(self) -> set[str]:
        """What stands in the environment of its processes under a name that says so, and what opens it."""
        pairs = [pair for pid in self.processes() for pair in environment_of(pid).items()]
        told = {value for name, value in pairs if _SECRETIVE.search(name) and len(value) >= 8}
        return told | {self.running.key.id, *self.kept_secrets()}

    def kept_secrets(self) -> set[str]:
        """What opens the lake and its console."""
        return {self.running.key.secret, self.running.key.console_token()}

    def kept_files(self) -> list[Path]:
        """Every file of its state and logs, and those that its processes write, but the one that holds its key."""
        key = state.state_folder(self.root) / "lake.json"
        paths = [Path(path) for path in self.private_paths() if not path.startswith("/proc/")]
        return [path for path in paths if path.is_file() and path != key]

    def private_paths(self) -> list[str]:
        """Every file and folder of its state, and those in which its processes keep what they work with."""
        folder = state.state_folder(self.root)
        found = {str(folder), *map(str, folder.rglob("*"))}
        for pid in self.processes():
            found.update(written_files(pid))
            found.update(f"/proc/{pid}/{name}" for name in ("environ", "mem", "maps", "fd", "cwd"))
            if temporary := environment_of(pid).get("TMPDIR"):
                found.update([temporary, *map(str, Path(temporary).rglob("*"))])
        return sorted(found)

    def contents(self) -> dict[str, Any]:
        """What a stranger might have changed."""
        s3, glue = self.client("s3"), self.client("glue")
        objects = s3.list_objects_v2(Bucket=PLANTED)["Contents"]
        return {
            "buckets": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
            "objects": [(found["Key"], found["ETag"]) for found in objects],
            "jobs": sorted(job["Name"] for job in glue.get_jobs()["Jobs"]),
            "runs": [run["Id"] for run in glue.get_job_runs(JobName=PLANTED)["JobRuns"]],
            "functions": sorted(each["FunctionName"] for each in self.client("lambda").list_functions()["Functions"]),
            "tables": self.client("dynamodb").list_tables()["TableNames"],
        }


@contextmanager
def attacked() -> Iterator[Attacked]:
    """A lake started under umask 000, in a folder that everybody may enter, with a function and a job at work."""
    folder = Path(tempfile.mkdtemp(prefix="attacked-lake-"))
    signals = folder / "signals"
    signals.mkdir()
    folder.chmod(0o755)
    root = checkout_of(folder / "checkout")
    try:
        command = [str(Path(sys.executable).with_name("sluice")), "up", "--port", "0"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300, umask=0)
        running = state.running(root)
        assert running, done.stderr
        lake = Attacked(running, root, signals)
        run = _start_work(lake)
        assert (state.state_folder(root) / "spark" / "warm-up.log").exists(), "a job waits for a warm JVM"
        yield lake
        (signals / "end").touch()
        _until(lambda: _run(lake, run)["JobRunState"] not in ("STARTING", "RUNNING"))
        assert _run(lake, run)["JobRunState"] == "SUCCEEDED", _run(lake, run)
    finally:
        lifecycle.stop(root)
        shutil.rmtree(folder, ignore_errors=True)


def _start_work(lake: Attacked) -> str:
    s3, glue = lake.client("s3"), lake.client("glue")
    s3.create_bucket(Bucket=PLANTED, CreateBucketConfiguration={"LocationConstraint": lake.running.region})
    s3.put_object(Bucket=PLANTED, Key="script.py", Body=JOB.encode())
    s3.put_object(Bucket=PLANTED, Key="rows.csv", Body=CONTENT.encode())
    role = lake.client("iam").list_roles()["Roles"][0]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("sleeper.py", FUNCTION)
    lake.client("lambda").create_function(
        FunctionName=PLANTED,
        Runtime="python3.11",
        Handler="sleeper.handler",
        Role=role,
        Timeout=600,
        Code={"ZipFile": code.getvalue()},
    )
    lake.client("lambda").invoke(
        FunctionName=PLANTED, InvocationType="Event", Payload=json.dumps(str(lake.signals)).encode()
    )
    glue.create_job(Name=PLANTED, Role=role, Command={"Name": "glueetl", "ScriptLocation": f"s3://{PLANTED}/script.py"})
    run = str(glue.start_job_run(JobName=PLANTED, Arguments={"--folder": str(lake.signals)})["JobRunId"])
    _until(lambda: {path.name for path in lake.signals.iterdir()} == {"function", "job"})
    return run


def _run(lake: Attacked, run: str) -> dict[str, Any]:
    found: dict[str, Any] = lake.client("glue").get_job_run(JobName=PLANTED, RunId=run)["JobRun"]
    return found


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


FORM = "application/x-www-form-urlencoded"
_JOB = json.dumps({"Name": "stranger", "Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://x/y"}})
_GLUE = {"X-Amz-Target": "AWSGlue.CreateJob", "Content-Type": "application/x-amz-json-1.1"}
_RUN = _GLUE | {"X-Amz-Target": "AWSGlue.StartJobRun"}


def words(lake: Attacked) -> dict[str, str]:
    """What to say to a port, by what it is."""
    key = lake.running.key
    return {
        "a page": _http("GET", "/"),
        "another host's page": _http("GET", "/", Host="evil.example"),
        "an origin": _http("GET", f"/{PLANTED}/rows.csv", Origin="http://evil.example"),
        "a browser": _http("GET", f"/{PLANTED}", **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
        "a preflight": _http("OPTIONS", "/", Origin="null", **{"Access-Control-Request-Method": "PUT"}),
        "a form": _http("POST", f"/{PLANTED}", "key=stranger&file=1", **{"Content-Type": FORM}),
        "a query": _http("POST", "/", "Action=CreateTopic&Name=stranger", **{"Content-Type": FORM}),
        "a bucket": _http("PUT", "/stranger"),
        "a job": _http("POST", "/", _JOB, **_GLUE),
        "a run": _http("POST", "/", json.dumps({"JobName": PLANTED}), **_RUN),
        "moto's own": _http("POST", "/moto-api/reset"),
        "the lake's own": _http("POST", "/_sluice/hurry"),
        "a socket": _http("GET", "/", Upgrade="websocket", Connection="Upgrade"),
        "an invocation": _http("GET", "/2018-06-01/runtime/invocation/next"),
        "an answer": _http("POST", "/2018-06-01/runtime/init/error", "{}"),
        "a wrong key": _signed(LakeKey.make()),
        "a wrong secret": _signed(LakeKey(key.id, LakeKey.make().secret)),
        "py4j": "c\nt\njava.lang.Runtime\ne\n",
        "py4j with a key": f"A\n{key.secret}\nc\nt\njava.lang.Runtime\ne\n",
        "an RPC of Spark": _spark(3, struct.pack(">qi", 1, 40) + bytes(40)),
        "a stream of Spark": _spark(6, struct.pack(">i", 12) + b"/files/a.txt"),
        "a chunk of Spark": _spark(0, struct.pack(">qi", 0, 0)),
        "a length and a secret": (struct.pack(">i", 4) + b"none").decode("latin-1"),
        "all bytes": bytes(range(256)).decode("latin-1"),
        "lines": "hello\r\n\r\n",
    }


_REFUSALS = (
    re.compile(r"HTTP/1\.[01] 4\d\d "),
    # To who does not even speak HTTP.
    re.compile(r"<!DOCTYPE HTML>.*Error code: 4\d\d", re.DOTALL),
    # py4j; it says again what it did not understand.
    re.compile(r"!xsAuthentication error|!zspy4j\.Py4JException: Unknown command received"),
    # PySpark's daemon says the number of the process that then refuses.
    re.compile(r"[\0-\x7f]{2}..(\0\0\0\x03err)?\Z", re.DOTALL),
    # What Spark answers who has not proved its secret, and who asks for a stream that there is not.
    re.compile(r".{8}\x05.{12}java\.lang\.IllegalArgumentException: Unknown challenge message", re.DOTALL),
    re.compile(r".{8}\x02.{16}java\.lang\.(UnsupportedOperationE|IllegalStateException: Requested chunk)", re.DOTALL),
    re.compile(r".{8}\x08.{4}/files/a.txt.{4}(Stream .* was not found|java\.lang\.NumberFormatException)", re.DOTALL),
)


def is_refusal(answer: str, secrets: set[str]) -> bool:
    """Whether an answer is none, or one of those known that say no and nothing else."""
    if any(secret in answer for secret in (*secrets, CONTENT)):
        return False
    return not answer or any(pattern.match(answer) for pattern in _REFUSALS)


def _http(method: str, path: str, body: str = "", **headers: str) -> str:
    named = {"Host": "127.0.0.1", "Content-Length": str(len(body)), "Connection": "close", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}"


def _signed(key: LakeKey) -> str:
    request = AWSRequest("GET", f"http://127.0.0.1/{PLANTED}/rows.csv")
    SigV4Auth(Credentials(key.id, key.secret), "s3", "eu-west-1").add_auth(request)
    return _http("GET", f"/{PLANTED}/rows.csv", **dict(request.headers.items()))


def _spark(kind: int, message: bytes) -> str:
    return (struct.pack(">qB", 9 + len(message), kind) + message).decode("latin-1")

"""Job runs on the embedded Glue: what a run gets, how it ends, and that Spark goes on after it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import tempfile
import time
import zipfile
from pathlib import Path

import pytest

from pipeline.emulator.glue.job_runs import error_message
from tests.warm_lake import WarmLake, warm_lake

RUNNING = frozenset({"RUNNING"})
COUNT = "from pyspark.sql import SparkSession\nprint(SparkSession.builder.getOrCreate().range(3).count(), 'rows')\n"
SLEEP = f"{COUNT}\nimport time\nprint('asleep')\ntime.sleep(600)\n"


@pytest.fixture(scope="module")
def lake() -> WarmLake:
    lake = warm_lake()
    lake.make_job("count", COUNT)
    return lake


def counts(lake: WarmLake) -> bool:
    """Whether Spark still works for the next job."""
    run = lake.run("count")
    assert run["JobRunState"] == "SUCCEEDED", run["ErrorMessage"]
    return lake.output(run["Id"]) == ["3 rows"]


def test_a_run_gets_its_arguments_its_packages_and_its_own_name(lake: WarmLake) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("shipped.py", "WORD = 'from the zip'")
    packages = lake.put("shipped.zip", body.getvalue())
    script = """
import json, os, sys
from awsglue.utils import getResolvedOptions
import shipped
options = getResolvedOptions(sys.argv, ["JOB_NAME", "kept", "replaced", "given"])
print(json.dumps([options, shipped.WORD, os.environ["AWS_ACCESS_KEY_ID"]]))
"""
    defaults = {"--extra-py-files": packages, "--kept": "default", "--replaced": "default"}
    defaults["--custom-logGroup-prefix"] = "/ours/glue"
    lake.make_job("arguments", script, DefaultArguments=defaults)
    run = lake.run("arguments", replaced="given", given="a b=c")
    assert run["JobRunState"] == "SUCCEEDED", run
    options, word, key = json.loads(lake.output(run["Id"], "/ours/glue/output")[0])
    expected = {"JOB_NAME": "arguments", "JOB_RUN_ID": run["Id"], "kept": "default", "replaced": "given"}
    assert expected.items() <= options.items()
    assert (options["given"], word, key) == ("a b=c", "from the zip", lake.key.id)
    assert run["CompletedOn"] >= run["StartedOn"]
    assert "ErrorMessage" not in run


def test_spark_keeps_nothing_where_another_user_may_have_made_the_folder(lake: WarmLake) -> None:
    script = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
settings = spark._jsc.hadoopConfiguration()
for entry in settings.iterator():
    print(entry.getKey(), settings.get(entry.getKey()))
"""
    lake.make_job("settings", script)
    run = lake.run("settings")
    assert run["JobRunState"] == "SUCCEEDED", run
    lines = lake.output(run["Id"])
    assert [line for line in lines if line.startswith("fs.s3a.buffer.dir")]
    # YARN and its history, which do not run here, name folders of /tmp by themselves.
    shared = [
        line
        for line in lines
        if f" {tempfile.gettempdir()}/" in line and not line.startswith(("yarn.", "mapreduce.jobhistory."))
    ]
    assert [line for line in shared if str(lake.folder) not in line] == []


def test_a_run_that_raises_fails_with_the_last_exception_and_spark_goes_on(lake: WarmLake) -> None:
    lake.make_job("raises", f"{COUNT}\nnone = None\nnone + 1\n")
    run = lake.run("raises")
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == "TypeError: unsupported operand type(s) for +: 'NoneType' and 'int'"
    assert lake.output(run["Id"], "/aws-glue/jobs/error") == [run["ErrorMessage"]]
    assert "Traceback (most recent call last):" in lake.output(run["Id"])
    assert counts(lake)


def test_glues_own_layer_over_spark_is_refused_with_a_hint(lake: WarmLake) -> None:
    lake.make_job("layer", "from awsglue.context import GlueContext")
    message = lake.run("layer")["ErrorMessage"]
    assert message.startswith("ImportError: awsglue.context exists only on Glue: use SparkSession")


def test_a_script_that_is_not_there_fails_the_run(lake: WarmLake) -> None:
    lake.make_job("gone", "")
    lake.s3.delete_object(Bucket=lake.bucket, Key="gone.py")
    assert lake.run("gone")["ErrorMessage"].startswith("s3://artefacts/gone.py cannot be read")


def test_a_run_over_its_time_is_ended_and_spark_goes_on(lake: WarmLake) -> None:
    lake.make_job("slow", SLEEP, Timeout=2)
    run = lake.run("slow")
    assert (run["JobRunState"], run["ErrorMessage"]) == ("TIMEOUT", "Job run exceeded its time-out of 2 minutes")
    assert run["ExecutionTime"] >= 2
    assert counts(lake)


def test_only_so_many_runs_go_on_at_once_and_each_can_be_stopped(lake: WarmLake) -> None:
    lake.make_job("long", SLEEP, ExecutionProperty={"MaxConcurrentRuns": 2})
    running, waiting = lake.start("long"), lake.start("long")
    with pytest.raises(lake.glue.exceptions.ConcurrentRunsExceededException):
        lake.start("long")
    lake.wait("long", running, RUNNING)
    assert lake.state("long", waiting)["JobRunState"] == "STARTING"
    answer = lake.glue.batch_stop_job_run(JobName="long", JobRunIds=[running, waiting, "jr_nothing"])
    assert [one["JobRunId"] for one in answer["SuccessfulSubmissions"]] == [running, waiting]
    assert [one["JobRunId"] for one in answer["Errors"]] == ["jr_nothing"]
    for run in (running, waiting):
        assert lake.wait("long", run)["JobRunState"] == "STOPPED"
    again = lake.glue.batch_stop_job_run(JobName="long", JobRunIds=[running])
    assert again["Errors"][0]["ErrorDetail"]["ErrorMessage"] == f"Job run {running} is STOPPED"
    assert counts(lake)


def test_runs_over_the_limit_wait_in_their_order_where_the_job_queues_them(lake: WarmLake) -> None:
    lake.make_job("queued", SLEEP, JobRunQueuingEnabled=True)
    assert lake.glue.get_job(JobName="queued")["Job"]["JobRunQueuingEnabled"] is True
    running, stopped, second, third = (lake.start("queued") for _ in range(4))
    lake.wait("queued", running, RUNNING)
    for run in (stopped, second, third):
        found = lake.state("queued", run)
        assert (found["JobRunState"], found["JobRunQueuingEnabled"]) == ("WAITING", True)
        assert "MaxConcurrentRuns" in found["StateDetail"]
    lake.glue.batch_stop_job_run(JobName="queued", JobRunIds=[stopped])
    assert lake.state("queued", stopped)["JobRunState"] == "STOPPED"
    assert lake.state("queued", second)["JobRunState"] == "WAITING", "the end of one that only waited made room"
    lake.glue.batch_stop_job_run(JobName="queued", JobRunIds=[running])
    lake.wait("queued", second, RUNNING)
    assert lake.state("queued", third)["JobRunState"] == "WAITING"
    assert "StateDetail" not in lake.state("queued", second)
    lake.glue.batch_stop_job_run(JobName="queued", JobRunIds=[second, third])
    assert [lake.wait("queued", run)["JobRunState"] for run in (running, second, third)] == ["STOPPED"] * 3
    assert [lake.output(run) for run in (stopped, third)] == [[], []]
    assert counts(lake)


def test_a_run_is_queued_or_not_as_it_says_itself_and_else_as_its_job_says(lake: WarmLake) -> None:
    lake.make_job("either", SLEEP)
    first = lake.start("either")
    queued = lake.glue.start_job_run(JobName="either", JobRunQueuingEnabled=True)["JobRunId"]
    with pytest.raises(lake.glue.exceptions.ConcurrentRunsExceededException):
        lake.start("either")
    definition = {"Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{lake.bucket}/either.py"}}
    lake.glue.update_job(JobName="either", JobUpdate={**definition, "JobRunQueuingEnabled": True})
    after = lake.start("either")
    with pytest.raises(lake.glue.exceptions.ConcurrentRunsExceededException):
        lake.glue.start_job_run(JobName="either", JobRunQueuingEnabled=False)
    assert [lake.state("either", run)["JobRunState"] for run in (queued, after)] == ["WAITING"] * 2
    raised = {**definition, "ExecutionProperty": {"MaxConcurrentRuns": 2}}
    lake.glue.update_job(JobName="either", JobUpdate=raised)
    assert [lake.state("either", run)["JobRunState"] for run in (queued, after)] == ["STARTING", "WAITING"]
    lake.glue.batch_stop_job_run(JobName="either", JobRunIds=[after, queued, first])
    assert [lake.wait("either", run)["JobRunState"] for run in (first, queued, after)] == ["STOPPED"] * 3
    assert counts(lake)


def test_a_run_whose_process_is_killed_fails_and_leaves_nothing(lake: WarmLake) -> None:
    starts = "import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid, flush=True)\n"
    lake.make_job("killed", f"{COUNT}{starts}import os\nos.kill(os.getpid(), 9)\n")
    run = lake.run("killed")
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "SystemExit: -9")
    deadline = time.monotonic() + 10
    while _lives(int(lake.output(run["Id"])[-1])):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert counts(lake)


def test_a_jvm_that_died_is_launched_again(lake: WarmLake) -> None:
    assert counts(lake)
    pid = lake.jvm()
    os.kill(pid, signal.SIGKILL)
    while _lives(pid):
        time.sleep(0.01)
    assert counts(lake)


def _lives(pid: int) -> bool:
    """Whether a thread of the process does: sockets are closed with the last one, after the process looks dead."""
    for task in Path(f"/proc/{pid}/task").glob("*/stat"):
        # One that ends meanwhile says nothing of the others.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if task.read_text().rpartition(")")[2].split()[0] not in "ZX":
                return True
    return False


TRACEBACK = "Traceback (most recent call last):"


@pytest.mark.parametrize(
    ("output", "code", "message"),
    [
        (["x", TRACEBACK, "  File", "a.b.Odd: why", ": java"], 1, "Odd: why"),
        ([TRACEBACK, " f", "KeyError: 1", "", "During", TRACEBACK, " f", "Worse"], 1, "Worse"),
        (["not this", "the last word", ""], 1, "SystemExit: the last word"),
        (["the last word"], 3, "SystemExit: 3"),
        ([], 1, "SystemExit: 1"),
    ],
)
def test_the_message_of_a_failed_run_is_its_last_exception(output: list[str], code: int, message: str) -> None:
    assert error_message(output, code) == message

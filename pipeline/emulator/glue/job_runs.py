"""Glue job runs: a queue before one Spark slot, each run a Python process of its own attached to the warm JVM.

Runs are started and asked for through Glue's API, which `glue.patches.runs` leads here.
"""

from __future__ import annotations

import hashlib
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from pipeline.core.clock import Clock, system_clock
from pipeline.core.errors import SluiceError
from pipeline.core.lake_key import own_key
from pipeline.emulator.child_environment import child_environment
from pipeline.emulator.glue.wheels import installed
from pipeline.emulator.interpreter import AWS_CLIENTS, ForkedProcess, Interpreter
from pipeline.emulator.processes import kill

LOG_GROUPS = "/aws-glue/jobs"
"""What the names of both log groups begin with where a job has no --custom-logGroup-prefix."""

ERROR_CHARACTERS = 2000
TAIL_LINES = 400
MINUTE_S = 60.0
STOP_S = 5

PRELOADED = (
    *AWS_CLIENTS,
    "pandas",
    "pyarrow.parquet",
    "pydantic",
    "pyspark.sql.functions",
    "sqlglot.dialects.spark",
    "sqlglot.optimizer.scope",
)
"""What every job on Glue can import."""

_PACKAGES = str(Path(__file__).with_name("python"))
_EXCEPTION = re.compile(r"^(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(:.*)?$")

LogWriter = Callable[[str, str, str], None]
"""Called with log group, log stream and a line."""

Fetch = Callable[[str], bytes]
"""Reads an s3:// URI."""


class RunState(StrEnum):
    """As Glue names them. WAITING is a run that waits for others of its job; for the slot it waits STARTING."""

    WAITING = "WAITING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"


COUNTED = frozenset({RunState.STARTING, RunState.RUNNING, RunState.STOPPING})
"""Those that MaxConcurrentRuns counts."""

ACTIVE = COUNTED | {RunState.WAITING}


@dataclass(slots=True)
class Run:
    """A run of a job. GlueJobs alone writes what follows `state`."""

    id: str
    job: str
    script: str
    arguments: Mapping[str, str]
    timeout_minutes: int | None
    started: datetime
    queuing: bool = False
    session_policy: str | None = None
    """What the run may do of its role's rights, as IAM's JSON; nothing here holds it to that."""
    ended: Callable[[], None] = lambda: None
    """Called once it is no longer counted among its job's runs."""
    state: RunState = RunState.STARTING
    error: str | None = None
    changed: datetime | None = None
    completed: datetime | None = None
    seconds: int = 0
    process: ForkedProcess | None = None
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ACTIVE

    @property
    def log_groups(self) -> str:
        """What the names of its log groups begin with."""
        return self.arguments.get("--custom-logGroup-prefix", LOG_GROUPS)


class _Attachment(Protocol):
    def environment(self) -> dict[str, str]: ...


class Slot(Protocol):
    """What runs need of the warm JVM (`spark.WarmSpark`)."""

    def attachment(self) -> _Attachment:
        """How a job's process finds the JVM."""
        ...

    def end_context(self) -> None:
        """Stop the Spark context that a job left."""
        ...

    def restart(self) -> None:
        """Start another JVM, when one does not answer any more."""
        ...


class GlueJobs:
    """Runs jobs one after another. `log` takes what they print, line by line; `minute_s` is for tests of time-outs."""

    def __init__(
        self,
        slot: Slot,
        endpoint: str,
        state_dir: Path | str,
        log: LogWriter,
        *,
        region: str = "eu-west-1",
        fetch: Fetch | None = None,
        clock: Clock = system_clock,
        minute_s: float = MINUTE_S,
    ) -> None:
        self._slot = slot
        self._folder = Path(state_dir).absolute() / "glue"
        self._log = log
        self._env = {**child_environment(endpoint, region), "PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1"}
        self._interpreter = Interpreter(self._env, PRELOADED, self._folder / "compiled")
        self._fetch = fetch or _fetcher(endpoint, region)
        self._clock = clock
        self._minute_s = minute_s
        self._waiting: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._current: Run | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self) -> None:
        """Take runs from the queue from now on."""
        self._stopping = False
        self._folder.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._work, name="glue-jobs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Kill the current run, forget those that wait, and remove their files; harmless when not running."""
        self._stopping = True
        self._waiting.put(None)
        if current := self._current:
            self.stop_run(current)
        if self._thread:
            # A run may still wait for a JVM that is being launched: it finds itself stopped, whenever that is.
            self._thread.join(STOP_S)
            self._thread = None
        self._interpreter.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def current_job(self) -> str | None:
        """The job that runs in the slot. While a run waits for its JVM, what that does is not the job's."""
        current = self._current
        return current.job if current and current.state is RunState.RUNNING else None

    def submit(self, run: Run) -> None:
        """Queue a run for the slot. One that was stopped while it waited for others of its job stays stopped."""
        with self._lock:
            if not run.active:
                return
            run.state = RunState.STARTING
        self._waiting.put(run)

    def stop_run(self, run: Run) -> bool:
        """Stop a run that waits or runs, as BatchStopJobRun does. False if it has ended."""
        with self._lock:
            if not run.active:
                return False
            waits = run.state in (RunState.WAITING, RunState.STARTING)
            run.state = RunState.STOPPED if waits else RunState.STOPPING
            run.completed = self._clock() if waits else None
            process = run.process
        if process:
            kill(process)
        if waits:
            run.ended()
        return True

    def _work(self) -> None:
        while (run := self._waiting.get()) is not None and not self._stopping:
            self._current = run
            try:
                self._run(run)
            finally:
                self._current = None

    def _run(self, run: Run) -> None:
        try:
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=f"{run.job}-") as folder:
                command, packages = self._download(run, Path(folder))
                self._interpreter.prepare()
                attachment = self._slot.attachment()
                self._interpreter.wait_until_ready()
                env = {**self._env, **attachment.environment(), "PYTHONPATH": os.pathsep.join(packages)}
                if self._begin(run, command, {**env, "TMPDIR": folder, "AWS_SDK_UA_APP_ID": run.job[:50]}, folder):
                    self._see_through(run)
        except (SluiceError, OSError) as error:
            self._end(run, RunState.FAILED, str(error))

    def _download(self, run: Run, folder: Path) -> tuple[list[str], list[str]]:
        """The command of the run's process and its PYTHONPATH, once the script and its packages are in `folder`."""
        script = folder / "script.py"
        script.write_bytes(self._fetch(run.script))
        packages = []
        for uri in filter(None, run.arguments.get("--extra-py-files", "").split(",")):
            packages.append(str(self._package(self._fetch(uri.strip()), uri.rpartition("/")[2].strip())))
        packages += installed(run.arguments, self._fetch, folder / "modules")
        own = {"--JOB_NAME": run.job, "--JOB_RUN_ID": run.id}
        words = [word for pair in {**run.arguments, **own}.items() for word in pair if word]
        return [str(script), *words], [*packages, _PACKAGES]

    def _package(self, body: bytes, name: str) -> Path:
        """The file of a package, the same for each run that has it: by its path is found what was compiled of it."""
        file = self._folder / "packages" / hashlib.sha256(body).hexdigest() / name
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part")
            part.write_bytes(body)
            part.rename(file)
        return file

    def _begin(self, run: Run, command: list[str], env: dict[str, str], folder: str) -> bool:
        """Start the process unless the run was stopped while it waited."""
        with self._lock:
            if run.state is not RunState.STARTING:
                return False
            run.process = self._interpreter.run(command, env=env, cwd=folder)
            run.state, run.changed = RunState.RUNNING, self._clock()
            return True

    def _see_through(self, run: Run) -> None:
        process = run.process
        assert process is not None
        reader = threading.Thread(
            target=self._read, args=(run, process), name=f"glue-output-{run.id[:12]}", daemon=True
        )
        reader.start()
        began = time.monotonic()
        limit = run.timeout_minutes * self._minute_s if run.timeout_minutes else None
        try:
            code: int | None = process.wait(limit)
            # One that was killed leaves what it started.
            kill(process)
        except subprocess.TimeoutExpired:
            code = None
            kill(process)
        reader.join()
        run.seconds = int(time.monotonic() - began)
        stopped = run.state is RunState.STOPPING
        # A job that was killed leaves its context wedged; for one that ended it is enough to stop the context.
        if code is None or stopped:
            self._slot.restart()
        else:
            self._slot.end_context()
        self._judge(run, code, stopped)

    def _judge(self, run: Run, code: int | None, stopped: bool) -> None:
        if stopped:
            self._end(run, RunState.STOPPED, None)
        elif code is None:
            self._end(run, RunState.TIMEOUT, f"Job run exceeded its time-out of {run.timeout_minutes} minutes")
        elif code == 0:
            self._end(run, RunState.SUCCEEDED, None)
        else:
            self._end(run, RunState.FAILED, error_message(run.tail, code))

    def _end(self, run: Run, state: RunState, error: str | None) -> None:
        with self._lock:
            if not run.active:
                return
            run.state, run.error = state, error and error[:ERROR_CHARACTERS]
            run.completed = run.changed = self._clock()
            run.process = None
        run.ended()
        if error:
            self._log(f"{run.log_groups}/error", run.id, error)

    def _read(self, run: Run, process: ForkedProcess) -> None:
        with process.stdout as output:
            for line in output:
                text = line.decode("utf-8", "replace").rstrip("\n")
                run.tail.append(text)
                self._log(f"{run.log_groups}/output", run.id, text)


def error_message(output: deque[str] | list[str], code: int) -> str:
    """What Glue gives as ErrorMessage: the last exception without its module (`TypeError: …`), or the exit code.

    Of an exception's text the first line: Spark's go on with the Java side.
    """
    lines = list(output)
    tracebacks = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    for line in lines[tracebacks[-1] + 1 :] if tracebacks else []:
        if line and not line[0].isspace() and (found := _EXCEPTION.match(line)):
            return f"{found[1]}{found[2] or ''}"
    said = next((line for line in reversed(lines) if line.strip()), "")
    return f"SystemExit: {code if code != 1 or not said else said}"


def _fetcher(endpoint: str, region: str) -> Fetch:
    made: list[Any] = []

    def fetch(uri: str) -> bytes:
        if not made:
            import boto3

            session = boto3.Session(own_key().id, own_key().secret, region_name=region)
            made.append(session.client("s3", endpoint_url=endpoint))
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        from botocore.exceptions import ClientError

        try:
            return made[0].get_object(Bucket=bucket, Key=key)["Body"].read()  # type: ignore[no-any-return]
        except ClientError as error:
            raise SluiceError(f"{uri} cannot be read: {error.response['Error']['Message']}") from None

    return fetch

"""One worker: a process that runs one version of a function, one invocation at a time."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pipeline.core.errors import Transient
from pipeline.core.lake_key import own_key
from pipeline.emulator.awslambda import reports as reports
from pipeline.emulator.awslambda.functions import Answer, Function, new_request_id
from pipeline.emulator.awslambda.output import WorkerOutput, WriteLog
from pipeline.emulator.awslambda.packages import Package
from pipeline.emulator.awslambda.paths import LambdaPaths
from pipeline.emulator.awslambda.runtime_api import Invocation, RuntimeApi
from pipeline.emulator.interpreter import Interpreter
from pipeline.emulator.processes import kill

INIT_LIMIT_S = 10
"""What loading the handler may take on top of the function's timeout, as on AWS."""

# How often the memory of a running invocation is looked at. RLIMIT_DATA cannot do this: pyarrow maps 1.2 GB for a
# table of 40 MB. AWS, too, kills by resident memory.
_CHECK_S = 0.1
_MAIN = str(Path(__file__).with_name("main.py"))


class Worker:
    """A process with AWS's runtime client, a Runtime API and a temporary directory of its own.

    `package` is what was unzipped, `interpreter` what the process is forked from. `on_end` is called once, when the
    process has ended and its directory is gone.
    """

    def __init__(
        self,
        function: Function,
        package: Package,
        interpreter: Interpreter,
        scratch: Path,
        endpoint: str,
        write_log: WriteLog,
        on_end: Callable[[Worker], None],
    ) -> None:
        self.function = function
        self.idle_since = time.monotonic()
        self._on_end = on_end
        self._current: Invocation | None = None
        self._given_at = 0.0
        self._doomed = False
        self._ended = False
        self._cold = True
        self._peak_mb = 0
        self._lock = threading.Lock()
        self._tmp = tempfile.mkdtemp(dir=scratch, prefix=f"{function.name}-")
        self._api = RuntimeApi(self._begin, self._cannot_load)
        stream = f"{datetime.now(UTC):%Y/%m/%d}/[{function.version}]{uuid.uuid4().hex}"
        environment = worker_environment(function, package, self._tmp, endpoint, stream, self._api.address)
        self._started = time.monotonic()
        try:
            self._child = interpreter.run([_MAIN, function.handler], env=environment, cwd=str(package.code))
        except (OSError, Transient):
            self._api.close()
            shutil.rmtree(self._tmp, ignore_errors=True)
            raise
        self._api.admit(self._child.pid)
        self._exit = _exit_of(self._child.pid)
        self._paths = LambdaPaths(package, self._tmp)
        self._output = WorkerOutput(
            self._child.stdout, lambda lines: write_log(function.log_group, stream, lines), self._paths.told
        )
        self._output.say([reports.init_line(function)])
        threading.Thread(target=self._watch, name=f"worker-{function.name}", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process that runs the function."""
        return self._child.pid

    @property
    def usable(self) -> bool:
        """Whether it can take another job: it runs, and nothing has doomed it."""
        return not (self._ended or self._doomed)

    def run(self, payload: bytes, request_id: str | None = None, arn: str = "") -> Answer | None:
        """Run one invocation to its end. None if the process was gone before it took the job: try another.

        `arn` is what the function was asked for by, where that is not its own ARN.
        """
        function = self.function
        invocation = Invocation(request_id or new_request_id(), payload, arn or function.arn, function.timeout_s)
        with self._lock:
            if self._ended:
                return None
            self._current = invocation
        self._given_at = time.monotonic()
        self._api.give(invocation)
        while not invocation.wait(min(_CHECK_S, max(0.0, self._deadline(invocation) - time.monotonic()))):
            self._check(invocation)
        if invocation.answer is None:
            return None
        if invocation.failed:
            invocation.answer = self._paths.told_bytes(invocation.answer)
        self._report(invocation)
        self.idle_since = time.monotonic()
        return Answer(invocation.request_id, invocation.answer, invocation.failed, self._output.tail())

    def kill(self) -> None:
        """End the process; what it runs answers `Runtime.ExitError`. Returns at once."""
        with self._lock:
            self._doomed = True
            if not self._ended:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._child.pid, 9)

    def _begin(self, invocation: Invocation) -> None:
        self._output.say([reports.start_line(self.function, invocation.request_id)], starts=True)

    def _cannot_load(self, payload: bytes) -> None:
        # The client ends the process after this.
        self._doomed = True
        if self._current is not None:
            self._begin(self._current)
            self._current.finish(payload, failed=True)

    def _deadline(self, invocation: Invocation) -> float:
        begun = invocation.taken_at
        if begun is None:
            begun = self._started + INIT_LIMIT_S if self._cold else self._given_at
        return begun + self.function.timeout_s

    def _check(self, invocation: Invocation) -> None:
        now_mb = self._measure()
        if time.monotonic() >= self._deadline(invocation):
            answer = reports.timed_out(invocation.request_id, self.function.timeout_s)
        elif now_mb > self.function.memory_mb:
            answer = reports.exited(invocation.request_id, reports.exit_reason(-9))
        else:
            return
        if invocation.finish(answer, failed=True):
            self.kill()
            # The rest of the output is in the pipe only when the process is gone.
            self._child.wait()

    def _measure(self) -> int:
        """Resident memory in MB; the most there was is kept. 0 if the process has ended."""
        found = _memory_mb(self.pid)
        self._peak_mb = max(self._peak_mb, found.get("VmHWM", 0))
        return found.get("VmRSS", 0)

    def _report(self, invocation: Invocation) -> None:
        begun = invocation.taken_at or self._started
        self._measure()
        init = (self._api.ready_at or begun) - self._started if self._cold else None
        usage = reports.Usage((invocation.finished_at or begun) - begun, self._peak_mb, init)
        failure = invocation.answer if invocation.failed else None
        self._cold = False
        self._output.say(reports.end_lines(self.function, invocation.request_id, usage, failure))

    def _watch(self) -> None:
        exit_code = self._wait_for_exit()
        with self._lock:
            self._ended = True
            invocation = self._current
        self._output.close()
        self._api.close()
        if invocation is not None and not invocation.finished:
            # Idle processes may die, too; a job that was on its way to one has not run.
            ran = invocation.taken_at is not None or self._api.ready_at is None
            reason = reports.exit_reason(exit_code)
            invocation.finish(reports.exited(invocation.request_id, reason) if ran else None, failed=ran)
        self._on_end(self)
        shutil.rmtree(self._tmp, ignore_errors=True)

    def _wait_for_exit(self) -> int:
        """Move output along until the process has ended, then end its whole group."""
        poll = select.poll()
        poll.register(self._exit, select.POLLIN)
        poll.register(self._child.stdout, select.POLLIN)
        while not any(found == self._exit for found, _ in poll.poll()):
            # Output may end before the process does: then only the process is left to wait for.
            if not self._output.drain():
                poll.unregister(self._child.stdout)
        os.close(self._exit)
        return kill(self._child)


def _exit_of(pid: int) -> int:
    """A descriptor that can be read once the process has ended, be it by now."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        ended, other_end = os.pipe()
        os.close(other_end)
        return ended


def worker_environment(
    function: Function, package: Package, tmp: str, endpoint: str, stream: str, runtime_api: str
) -> dict[str, str]:
    """What a worker finds in its environment: AWS's variables and the function's own, nothing of this process."""
    return {
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        **dict(function.environment),
        "PATH": os.environ.get("PATH", os.defpath),
        **_layered(package),
        "HOME": tmp,
        "TMPDIR": tmp,
        "PYTHONPATH": package.python_path(function.runtime),
        "LAMBDA_TASK_ROOT": str(package.code),
        "_HANDLER": function.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_LOG_FORMAT": "JSON" if function.json_logs else "Text",
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        **own_key().variables(),
        "AWS_ENDPOINT_URL": endpoint,
        # Not on AWS. It tells the embedded AWS, which counts calls, who makes them.
        "AWS_SDK_UA_APP_ID": function.name[:50],
    }


def _layered(package: Package) -> dict[str, str]:
    """What layers add to the environment: their programs and libraries."""
    if package.layers is None:
        return {}
    path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{package.layers / 'bin'}"
    return {"PATH": path, "LD_LIBRARY_PATH": str(package.layers / "lib")}


def _memory_mb(pid: int) -> dict[str, int]:
    """`VmRSS` and `VmHWM` of a process; nothing if it has ended."""
    found: dict[str, int] = {}
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(("VmHWM", "VmRSS")):
                found[line.partition(":")[0]] = int(line.split()[1]) // 1024
                if len(found) == 2:
                    break
    return found

"""Lambda's side of an invocation: the right code unpacked, a warm worker found or a cold one started, an answer.

What neither the package nor a layer holds comes from the Python environment that the embedded AWS runs in, pandas
excepted, whatever Python version the function names. `/opt` and `/tmp` themselves are not private, TMPDIR is; the
network is not confined.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pipeline.core.errors import Refused
from pipeline.emulator.awslambda.functions import Answer, Function, Throttled
from pipeline.emulator.awslambda.output import WriteLog
from pipeline.emulator.awslambda.packages import Package, package_of
from pipeline.emulator.awslambda.worker import Worker
from pipeline.emulator.fair_queue import FairQueue, asker
from pipeline.emulator.interpreter import AWS_CLIENTS, Interpreter
from pipeline.emulator.processes import put_behind

WORKERS_A_FUNCTION = 4
IDLE_S = 120.0
_REAP_EVERY_S = 5.0


PRELOADED = (
    "awslambdaric.lambda_context",
    "awslambdaric.lambda_runtime_marshaller",
    *AWS_CLIENTS,
    "pydantic.main",
)
"""What Lambda's own runtime has, and pydantic, which most functions import. None of it starts a thread or looks at the
function's variables when it is imported, as the rest of the runtime's client does."""


def new_interpreter(folder: Path) -> Interpreter:
    """What workers are forked from. It knows no lake, and nothing of this process's environment but the PATH."""
    env = {"LANG": "C.UTF-8", "TZ": ":UTC", "HOME": str(folder), "PATH": os.environ.get("PATH", os.defpath)}
    return Interpreter(env, PRELOADED, folder / "compiled")


class LambdaWorkers:
    """Runs functions in worker processes.

    `endpoint` is what functions get as AWS_ENDPOINT_URL; `state_dir` holds unpacked code and temporary directories.
    A function gets at most `cap` workers (fewer if it reserves less concurrency): invocations beyond wait, unless the
    function has concurrency reserved and uses all of it. A worker that was idle for `idle_s` seconds is ended. Workers
    are forked from `interpreter`, which others may share; without one, from an own.
    """

    def __init__(
        self,
        endpoint: str,
        state_dir: Path,
        write_log: WriteLog,
        *,
        interpreter: Interpreter | None = None,
        cap: int = WORKERS_A_FUNCTION,
        idle_s: float = IDLE_S,
    ) -> None:
        self._endpoint = endpoint
        self._code_dir = state_dir / "code"
        self._scratch = state_dir / "tmp"
        self._write_log = write_log
        self._shared = interpreter is not None
        self._interpreter = interpreter or new_interpreter(state_dir)
        self._cap = cap
        self._idle_s = idle_s
        self._pools: dict[tuple[str, str], _Pool] = {}
        self._retired: list[_Pool] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._running: Counter[str] = Counter()
        self.invocations: Counter[str] = Counter()
        """Invocations by function name, the failed ones too."""

    def start(self) -> None:
        """Make the directories ready; what a killed run left in them goes."""
        for folder in (self._scratch, self._code_dir):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self._stopping.clear()
        self._interpreter.prepare()
        threading.Thread(target=self._reap, name="worker-reaper", daemon=True).start()

    def stop(self) -> None:
        """End all workers and wait until they are gone."""
        self._stopping.set()
        with self._lock:
            pools = [*self._pools.values(), *self._retired]
            self._pools, self._retired = {}, []
        for pool in pools:
            pool.close()
        for pool in pools:
            pool.join()
        if not self._shared:
            self._interpreter.stop()

    def invoke(self, function: Function, payload: bytes, request_id: str | None = None) -> Answer:
        """Run the function with a JSON event and wait for its answer.

        `Throttled` if its reserved concurrency is in use, `Refused` while stopping.
        """
        pool = self._pool(function)
        # The versions of a function share what it has reserved.
        name = f"{function.account}:{function.region}:{function.name}"
        with self._lock:
            if function.concurrency is not None and self._running[name] >= function.concurrency:
                raise Throttled(function)
            self._running[name] += 1
            self.invocations[function.name] += 1
        try:
            return self._run(pool, function.asked_for, payload, request_id)
        finally:
            with self._lock:
                self._running[name] -= 1

    def _run(self, pool: _Pool, arn: str, payload: bytes, request_id: str | None) -> Answer:
        while True:
            worker = pool.acquire()
            try:
                answer = worker.run(payload, request_id, arn)
            finally:
                pool.release(worker)
            if answer is not None:
                return answer

    def processes(self) -> list[int]:
        """The workers' process ids."""
        with self._lock:
            pools = [*self._pools.values(), *self._retired]
        return [pid for pool in pools for pid in pool.processes()]

    def _pool(self, function: Function) -> _Pool:
        key = (function.arn, function.version)
        with self._lock:
            if self._stopping.is_set():
                raise Refused("the embedded Lambda is stopping")
            pool = self._pools.get(key)
            if pool is not None and pool.function == function:
                return pool
            code = package_of(function, self._code_dir)
            if pool is not None:
                pool.retire()
                self._retired.append(pool)
            cap = self._cap if function.concurrency is None else max(1, min(self._cap, function.concurrency))
            self._pools[key] = _Pool(function, cap, lambda on_end: self._start_worker(function, code, on_end))
            return self._pools[key]

    def _start_worker(self, function: Function, code: Package, on_end: Callable[[Worker], None]) -> Worker:
        self._interpreter.wait_until_ready()
        worker = Worker(function, code, self._interpreter, self._scratch, self._endpoint, self._write_log, on_end)
        if asker.get():
            # An execution asks. What queues and schedules start, routes files and opens batches: quick, and first.
            put_behind(worker.pid)
        return worker

    def _reap(self) -> None:
        while not self._stopping.wait(min(_REAP_EVERY_S, self._idle_s)):
            with self._lock:
                self._retired = [pool for pool in self._retired if pool.processes()]
                pools = list(self._pools.values())
            for pool in pools:
                pool.reap(self._idle_s)


class _Pool:
    """The workers of one version and configuration of a function."""

    def __init__(self, function: Function, cap: int, start: Callable[[Callable[[Worker], None]], Worker]) -> None:
        self.function = function
        self._cap = cap
        self._start = start
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._line: FairQueue[threading.Condition] = FairQueue()
        self._called = 0
        """Those that were called out of the line and have not come yet: what is free is theirs."""
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._retired = False
        self._closed = False

    def acquire(self) -> Worker:
        """An idle worker, the warmest first; else a new one; at the cap, the next to become free, in fair turns."""
        with self._changed:
            try:
                while not (worker := self._free_worker()):
                    turn = threading.Condition(self._lock)
                    self._line.add(asker.get(), turn)
                    turn.wait()
                    self._called -= 1
            except BaseException:
                self._call()
                raise
            return worker

    def _free_worker(self) -> Worker | None:
        """None if there is none that nobody else was called for."""
        if self._closed:
            raise Refused("the embedded Lambda is stopping")
        self._idle = [worker for worker in self._idle if worker.usable]
        if self._room() <= 0:
            return None
        if self._idle:
            return self._idle.pop()
        worker = self._start(self._forget)
        self._all.add(worker)
        return worker

    def _room(self) -> int:
        return len(self._idle) + self._cap - len(self._all) - self._called

    def _call(self) -> None:
        """Call as many of those that wait as there is room for."""
        while self._line and (self._closed or self._room() > 0):
            self._called += 1
            self._line.take().notify()

    def release(self, worker: Worker) -> None:
        with self._changed:
            if self._retired or not worker.usable:
                worker.kill()
            else:
                self._idle.append(worker)
            self._call()

    def retire(self) -> None:
        """Idle workers end now, busy ones when they are done."""
        with self._changed:
            self._retired = True
            for worker in self._idle:
                worker.kill()
            self._idle.clear()

    def reap(self, idle_s: float) -> None:
        with self._changed:
            oldest = time.monotonic() - idle_s
            stale = [worker for worker in self._idle if worker.idle_since < oldest]
            self._idle = [worker for worker in self._idle if worker not in stale]
        for worker in stale:
            worker.kill()

    def close(self) -> None:
        with self._changed:
            self._closed = self._retired = True
            for worker in self._all:
                worker.kill()
            self._call()
            self._changed.notify_all()

    def join(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._all, timeout=10)

    def processes(self) -> list[int]:
        with self._changed:
            return [worker.pid for worker in self._all]

    def _forget(self, worker: Worker) -> None:
        with self._changed:
            self._all.discard(worker)
            self._call()
            self._changed.notify_all()

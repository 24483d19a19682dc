"""The process of an embedded lake: starts the parts, wires them, and ends them all.

Run as `python -m pipeline.emulator.supervisor`, by `sluice up`. It holds a lock on the checkout's state folder while it
lives, and publishes the lake when every part answers.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.core.clock import iso, system_clock
from pipeline.core.errors import Refused, SluiceError
from pipeline.core.lake_key import own_key
from pipeline.core.settings import use
from pipeline.emulator import state
from pipeline.emulator.supervision import Tender

ACCOUNT = "123456789012"
FAILURE = "failure.json"

log = logging.getLogger(__name__)

COLD_SPARK = "SLUICE_COLD_SPARK"
"""In the environment of a lake, it leaves Spark's warm-up out: for those who wait for no job, as CI."""


class EmbeddedLake:
    """Every moving part of one embedded AWS, between `start` and `stop`."""

    def __init__(self, folder: Path, *, port: int, region: str, spark: bool = True) -> None:
        """`folder` is the state folder. Without `spark`, Glue jobs are not run."""
        self._folder = folder
        self._port = port
        self._region = region
        self._with_spark = spark
        self._stack = contextlib.ExitStack()
        self._tender = Tender()
        self.endpoint = ""
        self.console = ""

    def start(self) -> None:
        """Start the parts in the order of what each needs. On an error, those that run are stopped."""
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise

    def stop(self) -> None:
        """End all parts, the last that was started first."""
        self._stack.close()

    def _start(self) -> None:
        from pipeline.emulator.awslambda.async_invocations import AsyncInvocations
        from pipeline.emulator.awslambda.event_sources.mappings import EventSources
        from pipeline.emulator.awslambda.patches import functions
        from pipeline.emulator.awslambda.worker_pool import LambdaWorkers
        from pipeline.emulator.eventbridge.schedules import Schedules
        from pipeline.emulator.eventbridge.targets import Targets
        from pipeline.emulator.gateway.server import AwsServer
        from pipeline.emulator.logs.output import LogSink
        from pipeline.emulator.logs.subscriptions import Subscriptions
        from pipeline.emulator.rds.databases import Databases, run_by

        front = AwsServer(self._port, self._folder)
        self._run(front)
        self._run(self._tender)
        self.endpoint = front.endpoint
        use(endpoint=self.endpoint, region=self._region, key=own_key())
        logs = LogSink(ACCOUNT, self._region)
        self._run(logs)
        workers = LambdaWorkers(self.endpoint, self._folder / "lambda", logs.write)
        self._run(workers)
        later = AsyncInvocations(workers.invoke, self.endpoint, resolve=functions.resolve)
        self._run(later)
        functions.run_by(workers.invoke, later.submit)
        self._run(Subscriptions(lambda arn, event: later.submit(functions.resolve(arn), event)))
        databases = Databases(self._folder / "rds", self._tender.tend)
        self._run(databases)
        self._stack.callback(run_by(databases))
        if self._with_spark:
            front.actions.job = self._start_glue(logs.write)
        self._run(EventSources(self.endpoint, lambda arn, event: workers.invoke(functions.resolve(arn), event)))
        targets = Targets(
            "schedules", lambda arn, event: _discard(later.submit(functions.resolve(arn), event.encode()))
        )
        self._run(targets)
        schedules = Schedules(targets.put)
        self._run(schedules)
        front.private["hurry", "POST"] = lambda asked: {"fired": schedules.run_now(asked.get("of", []))}
        front.private["invocations", "GET"] = lambda _: dict(workers.invocations)

    def start_console(self, env: str) -> None:
        """Serve the pages of the lake `env`, which need not be deployed yet."""
        from pipeline.emulator.console_process import ConsoleProcess

        port = self._port + 1 if self._port else 0
        console = ConsoleProcess(self.endpoint, self._folder, port=port, region=self._region, env=env)
        self._run(console)
        self._tender.tend(console)
        self.console = console.url

    def _start_glue(self, write_log: object) -> Callable[[], str | None]:
        """Start Spark and the runner of jobs; the answer tells which job runs."""
        from pipeline.emulator.glue import crawlers, runs
        from pipeline.emulator.glue.job_runs import GlueJobs
        from pipeline.emulator.glue.spark.session import WarmSpark
        from pipeline.toolchain.jars import ensure_jars
        from pipeline.toolchain.java import java_home

        warm_up = COLD_SPARK not in os.environ
        spark = WarmSpark(ensure_jars(), java_home(), self.endpoint, self._folder, region=self._region, warm_up=warm_up)
        self._run(spark)
        self._tender.tend(spark)
        jobs = GlueJobs(spark, self.endpoint, self._folder, write_log, region=self._region)  # type: ignore[arg-type]
        self._run(jobs)
        self._stack.callback(runs.run_by(jobs))
        self._stack.callback(crawlers.crawl_at(self.endpoint, self._region))
        return jobs.current_job

    def _run(self, part: object) -> None:
        part.start()  # type: ignore[attr-defined]
        self._stack.callback(part.stop)  # type: ignore[attr-defined]
        log.info("%s runs", type(part).__name__)


def _discard(_: object) -> None:
    """Targets do not look at request ids."""


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel frees it however this process ends."""
    state.private_folder(folder)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                "another lake is starting, running or stopping in this checkout", hint="Wait, or run `sluice down`."
            ) from None
        yield


def _serve(root: Path, port: int, region: str, env: str) -> None:
    folder = state.state_folder(root)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with _only_one(folder):
        state.forget(root)
        lake = EmbeddedLake(folder, port=port, region=region)
        lake.start()
        try:
            lake.start_console(env)
            running = state.RunningLake(
                lake.endpoint, region, env, os.getpid(), iso(system_clock()), console=lake.console, key=own_key()
            )
            state.write(root, running)
            ended.wait()
        finally:
            state.forget(root)
            began = time.monotonic()
            lake.stop()
            log.info("stopped in %.1f s", time.monotonic() - began)


def main() -> None:
    """The process: runs a lake until it is told to stop; a lake that cannot start leaves the reason in a file."""
    arguments = argparse.ArgumentParser(description="Run an embedded lake until told to stop.")
    arguments.add_argument("--root", type=Path, required=True)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--region", required=True)
    arguments.add_argument("--env", required=True)
    given = arguments.parse_args()
    os.umask(state.UMASK)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for noisy in ("botocore", "urllib3", "py4j"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        _serve(given.root, given.port, given.region, given.env)
    except SluiceError as error:
        failure = {"message": error.message, "hint": error.hint}
        (state.state_folder(given.root) / FAILURE).write_text(json.dumps(failure))
        raise SystemExit(1) from error
    # Threads of the JVM's gateway and of servers may linger; everything that matters has been stopped.
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()

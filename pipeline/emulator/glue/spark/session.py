"""One warm JVM for Spark: started with the lake, kept between jobs, gone with the supervisor.

A Glue job brings its own cluster; a laptop has one slot. The JVM gets Spark's configuration at launch, as a Glue job
gets it from its parameters, so that a job script only says `SparkSession.builder.getOrCreate()`. A job is a Python
process that attaches to this JVM with a SparkContext of its own; `glue.job_runs` runs them.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path

from pipeline.core.errors import Misconfigured, Transient
from pipeline.core.lake_key import LakeKey
from pipeline.emulator.child_environment import child_environment
from pipeline.emulator.gateway.actions import JVM
from pipeline.emulator.glue.spark.class_archive import class_archive_options
from pipeline.emulator.glue.spark.configuration import java_command, spark_configuration
from pipeline.emulator.glue.spark.jvm import START_TIMEOUT_S, Attachment, Jvm, end_context
from pipeline.emulator.processes import kill, release, start_python

log = logging.getLogger(__name__)

WARM_UP_TIMEOUT_S = 120
WARM_UP = str(Path(__file__).with_name("warm_up.py"))


class WarmSpark:
    """The JVM. `start` returns at once; launching and a first warm-up go on in the background.

    `jars` go on its class path; `java_home` None takes `java` from the PATH; `state_dir` gets `spark.log` and a
    scratch folder. The JVM signs with `key`, by default that of the embedded AWS in this process.
    """

    def __init__(
        self,
        jars: Sequence[Path],
        java_home: Path | None,
        endpoint: str,
        state_dir: Path | str,
        *,
        region: str = "eu-west-1",
        warm_up: bool = True,
        key: LakeKey | None = None,
    ) -> None:
        self._state_dir = Path(state_dir).absolute()
        self._scratch = self._state_dir / "spark"
        java = str(java_home / "bin" / "java") if java_home else "java"
        self._settings = spark_configuration(endpoint, region, self._scratch)
        options = class_archive_options(java_home, jars)
        self._command = java_command(java, jars, self._settings, self._scratch, options)
        variables = child_environment(endpoint, region, key)
        self._env = {**variables, "SPARK_LOCAL_IP": "127.0.0.1", "AWS_SDK_UA_APP_ID": JVM}
        self._warm_up = warm_up
        self._lock = threading.RLock()
        self._running: _Launch | None = None

    def start(self) -> None:
        """Launch in the background; `attachment` waits for it. Harmless when running."""
        with self._lock:
            if self._running is None:
                self._running = self._launch()

    def stop(self) -> None:
        """End the JVM and its warm-up, and remove the scratch folder; harmless when not running."""
        with self._lock:
            running, self._running = self._running, None
        if running:
            running.end()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def restart(self) -> None:
        """Launch a new JVM in the background: the way out of the SparkContext that a killed job leaves wedged."""
        with self._lock:
            if self._running is None:
                return
            self._running.end()
            self._running = self._launch()

    def attachment(self, timeout_s: float = START_TIMEOUT_S + WARM_UP_TIMEOUT_S) -> Attachment:
        """Where to attach, once the JVM is up and warm. One that has died is launched again first.

        `Misconfigured` if it cannot be launched; `Transient` if it takes longer than `timeout_s` or is being stopped.
        """
        try:
            return self._attached(timeout_s)
        except (Misconfigured, CancelledError):
            log.warning("Spark ended before it served: another attempt")
        try:
            return self._attached(timeout_s)
        except CancelledError:
            raise Transient("Spark is being stopped") from None

    def _attached(self, timeout_s: float) -> Attachment:
        with self._lock:
            if self._running and self._running.died():
                self.restart()
            running = self._running
        if running is None:
            raise Transient("Spark does not run")
        try:
            return running.ready.result(timeout_s)
        except FutureTimeout:
            raise Transient(f"Spark was not ready within {timeout_s:.0f} s") from None

    def has_ended(self) -> bool:
        """Whether there should be a JVM, and its process has ended; it is reaped then."""
        running = self._running
        return running is not None and not running.jvm.alive()

    def start_again(self) -> None:
        """Launch a JVM if none runs and one should."""
        with self._lock:
            if self.has_ended():
                self.restart()

    def alive(self) -> bool:
        """Whether there is a JVM that has not died."""
        running = self._running
        return running is not None and not running.died()

    def end_context(self) -> None:
        """Make room for the next job: stop the context that the last one left, or else launch a new JVM."""
        with self._lock:
            running = self._running
        # One that is being launched has no context yet.
        if running and running.ready.done() and (running.died() or not end_context(running.ready.result())):
            self.restart()

    @property
    def pid(self) -> int | None:
        """The JVM's process id."""
        running = self._running
        return running.jvm.pid if running else None

    def _launch(self) -> _Launch:
        self._scratch.mkdir(parents=True, exist_ok=True)
        jvm = Jvm(self._command, self._env, self._scratch, self._state_dir / "spark.log")
        return _Launch(jvm, self._env, self._scratch, warm_up=self._warm_up)


class _Launch:
    """One JVM on its way to being warm. `ready` is cancelled when it is ended before that."""

    def __init__(self, jvm: Jvm, env: dict[str, str], scratch: Path, *, warm_up: bool) -> None:
        self.jvm = jvm
        self.ready: Future[Attachment] = Future()
        self._env = env
        self._scratch = scratch
        self._warm_up = warm_up
        self._warmer: subprocess.Popen[bytes] | None = None
        threading.Thread(target=self._run, name="spark-launch", daemon=True).start()

    def died(self) -> bool:
        if not self.ready.done():
            return False
        return self.ready.cancelled() or bool(self.ready.exception()) or not self.ready.result().answers()

    def end(self) -> None:
        self.ready.cancel()
        self.jvm.end()
        if self._warmer:
            kill(self._warmer)

    def _run(self) -> None:
        try:
            attachment = self.jvm.attachment()
            if self._warm_up:
                self._warm(attachment)
            if not self.jvm.alive():
                raise Misconfigured("the JVM for Spark ended while it was warmed up")
            outcome, failure = attachment, None
        except Exception as error:
            failure = error
        # Not pending any more: it was cancelled, and nobody waits.
        if not self.ready.set_running_or_notify_cancel():
            return
        if failure:
            self.ready.set_exception(failure)
        else:
            self.ready.set_result(outcome)

    def _warm(self, attachment: Attachment) -> None:
        """Take the time of class loading before the first job does; a warm-up that fails costs only that time."""
        log = self._scratch / "warm-up.log"
        with log.open("wb") as output:
            env = {**self._env, **attachment.environment()}
            self._warmer = start_python([WARM_UP, str(self._scratch)], env=env, cwd=str(self._scratch), output=output)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._warmer.wait(WARM_UP_TIMEOUT_S)
            release(self._warmer)
            end_context(attachment)
            return
        kill(self._warmer)

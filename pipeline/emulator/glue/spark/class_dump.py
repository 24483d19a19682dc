"""Makes the archive of Spark's classes for this environment: `python -m pipeline.emulator.glue.spark.class_dump`.

A JVM writes down what it loads while it does what jobs do, and a second one reads that and writes the archive. Takes
half a minute of processor time, and once for an environment.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipeline.core.errors import Misconfigured
from pipeline.emulator.child_environment import child_environment
from pipeline.emulator.gateway.server import AwsServer
from pipeline.emulator.glue.spark.class_archive import class_archive
from pipeline.emulator.glue.spark.configuration import java_command, spark_configuration
from pipeline.emulator.glue.spark.jvm import Jvm
from pipeline.emulator.glue.spark.session import WARM_UP
from pipeline.toolchain.folder_lock import only_one
from pipeline.toolchain.jars import ensure_jars
from pipeline.toolchain.java import java_home

REGION = "eu-west-1"
TIMEOUT_S = 900


def make_class_archive(java_home: Path, jars: Sequence[Path], archive: Path) -> None:
    """Write the archive, whole or not at all. `Misconfigured`, with what Java says, if it cannot be made."""
    with tempfile.TemporaryDirectory(prefix="spark-classes-") as name:
        folder = Path(name)
        front = AwsServer(0, folder)
        front.start()
        try:
            java, settings = str(java_home / "bin" / "java"), spark_configuration(front.endpoint, REGION, folder)
            classes = folder / "classes"
            _list_classes(java_command(java, jars, settings, folder, [f"-XX:DumpLoadedClassList={classes}"]), front)
            options = ["-Xshare:dump", f"-XX:SharedClassListFile={classes}"]
            _dump(java_command(java, jars, settings, folder, options), archive)
        finally:
            front.stop()


def _list_classes(command: list[str], front: AwsServer) -> None:
    """Let a JVM write the list that its command names, while it does what jobs do."""
    with tempfile.TemporaryDirectory(prefix="spark-classes-") as folder:
        env = {**child_environment(front.endpoint, REGION), "SPARK_LOCAL_IP": "127.0.0.1"}
        jvm = Jvm(command, env, Path(folder), Path(folder) / "spark.log")
        try:
            env |= jvm.attachment().environment()
            subprocess.run([sys.executable, WARM_UP, folder], env=env, cwd=folder, timeout=TIMEOUT_S, check=False)
            jvm.finish(TIMEOUT_S)
        finally:
            jvm.end()


def _dump(command: list[str], archive: Path) -> None:
    part = archive.with_suffix(".part")
    done = subprocess.run(
        [command[0], f"-XX:SharedArchiveFile={part}", *command[1:]], capture_output=True, text=True, timeout=TIMEOUT_S
    )
    if done.returncode or not part.exists():
        raise Misconfigured(f"the archive of Spark's classes could not be made:\n{(done.stdout + done.stderr)[-1000:]}")
    part.rename(archive)


def main() -> None:
    """Make the archive of this environment, unless it is there, and remove those of other jars."""
    home, jars = java_home(), ensure_jars()
    archive = class_archive(home, jars)
    with only_one(archive.parent):
        if archive.exists():
            return
        for old in archive.parent.glob("spark-classes-*"):
            old.unlink()
        make_class_archive(home, jars, archive)


if __name__ == "__main__":
    main()

"""The embedded AWS with one Spark slot in a process of its own: run as a script with a folder, which gets `ready.json`.

A process of its own, because moto's state and so the front are one a process, and other tests have theirs.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from pipeline.core.lake_key import own_key
from pipeline.emulator.gateway.server import Front
from pipeline.emulator.glue import runs
from pipeline.emulator.glue.job_runs import GlueJobs
from pipeline.emulator.glue.spark.session import WarmSpark
from pipeline.toolchain.jars import ensure_jars
from pipeline.toolchain.java import java_home


def main(folder: Path) -> None:
    front = Front(0, folder)
    front.start()
    spark = WarmSpark(ensure_jars(), java_home(), front.endpoint, folder, warm_up=False)
    spark.start()
    log = (folder / "jobs.jsonl").open("a", buffering=1)

    def write(group: str, stream: str, line: str) -> None:
        log.write(json.dumps([group, stream, line]) + "\n")
        (folder / "jvm.pid").write_text(str(spark.pid))

    # A minute of a job's time-out is a second here.
    jobs = GlueJobs(spark, front.endpoint, folder, write, minute_s=1)
    jobs.start()
    runs.run_by(jobs)
    ready = folder / "ready.json.part"
    ready.write_text(json.dumps({"endpoint": front.endpoint, "key": asdict(own_key())}))
    ready.rename(folder / "ready.json")
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

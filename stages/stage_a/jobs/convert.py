"""Glue job: stage one object that is too big for the function, by the same code. Run twice it finds its own work."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import SluiceError, Transient, WillFailAgain
from pipeline.core.settings import Settings
from pipeline.core.telemetry.logs import log_as_job, log_context
from pipeline.lake.messages.stage_a import Bundle, StageAInput
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from stages.stage_a.staged_files import stage_objects

# Glue runs this file as __main__, which is no name to log by.
log = logging.getLogger("stages.stage_a.jobs.convert")

ARGUMENTS = ("execution", "index", "objects_table", "staging_bucket", "quarantine_bucket", "team_topics")


def bundle_of(execution: str, index: int, states: Any) -> Bundle:
    """The object of that place in the input of an execution (its ARN), as it was started."""
    described = states.describe_execution(executionArn=execution)
    return StageAInput.from_json(json.loads(described["input"])).bundle_of(index, described["name"])


def lake_of(arguments: Mapping[str, str]) -> Lake:
    """What the job needs of its lake, from the run's arguments: a job has no environment of its own."""
    named = {
        Setting.OBJECTS_TABLE: "objects_table",
        Setting.STAGING_BUCKET: "staging_bucket",
        Setting.QUARANTINE_BUCKET: "quarantine_bucket",
        Setting.TEAM_TOPICS: "team_topics",
    }
    return Lake(Settings({setting: arguments[name] for setting, name in named.items()}, "the job's arguments"))


@contextmanager
def told_apart() -> Iterator[None]:
    """Raise as `WillFailAgain` what another run would meet as it was: the state machine repeats all else."""
    try:
        yield
    except Transient:
        raise
    except SluiceError as error:
        hint = f". {error.hint}" if error.hint else ""
        raise WillFailAgain(f"{type(error).__name__}: {error}{hint}") from None


def main() -> None:
    """The Glue job: stages an object, and says in the catalog what became of it."""
    from awsglue.utils import getResolvedOptions

    arguments = getResolvedOptions(sys.argv, list(ARGUMENTS))
    log_as_job("stage_a.convert")
    with log_context(run=arguments["JOB_RUN_ID"]), told_apart():
        bundle = bundle_of(arguments["execution"], int(arguments["index"]), client("stepfunctions"))
        [status] = stage_objects(bundle, lake_of(arguments))
        log.info("object converted", extra={"dataset": bundle.dataset, "status": status})


if __name__ == "__main__":
    main()

"""Glue job: stage one object that is too big for the function, by the same code. Run twice it finds its own work."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import SluiceError, Transient, WillFailAgain
from pipeline.core.settings import Settings
from pipeline.core.telemetry.logs import log_as_job, log_context
from pipeline.lake.catalog import Catalog
from pipeline.lake.messages.stage_a import Bundle, StageAInput
from pipeline.lake.settings import Setting
from pipeline.lake.teams import tell_team
from stages.stage_a.staged_files import stage_objects

# Glue runs this file as __main__, which is no name to log by.
log = logging.getLogger("stages.stage_a.jobs.convert")

SETTINGS = (Setting.OBJECTS_TABLE, Setting.STAGING_BUCKET, Setting.QUARANTINE_BUCKET, Setting.TEAM_TOPICS)
ARGUMENTS = ("execution", "index", "metrics_namespace", *(setting.variable.lower() for setting in SETTINGS))


def bundle_of(execution: str, index: int, states: Any) -> Bundle:
    """The object of that place in the input of an execution (its ARN), as it was started."""
    described = states.describe_execution(executionArn=execution)
    return StageAInput.from_json(json.loads(described["input"])).bundle_of(index, described["name"])


class JobLake:
    """What the job needs of its lake, from the run's arguments: it has no environment of its own."""

    def __init__(self, arguments: Mapping[str, str]) -> None:
        named = {setting: setting.variable.lower() for setting in SETTINGS}
        self.settings = Settings({setting: arguments[name] for setting, name in named.items()}, "the job's arguments")
        self.catalog = Catalog(client("dynamodb"), self.settings[Setting.OBJECTS_TABLE])

    def tell_team(self, event: str, dataset: str, facts: Mapping[str, Any]) -> None:
        """Tell the team of a dataset what it should look at; at least once."""
        tell_team(self.settings[Setting.TEAM_TOPICS], event, dataset, facts)


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
    os.environ["METRICS_NAMESPACE"] = arguments["metrics_namespace"]
    with log_context(run=arguments["JOB_RUN_ID"]), told_apart():
        bundle = bundle_of(arguments["execution"], int(arguments["index"]), client("stepfunctions"))
        [status] = stage_objects(bundle, JobLake(arguments))
        log.info("object converted", extra={"dataset": bundle.dataset, "status": status})


if __name__ == "__main__":
    main()

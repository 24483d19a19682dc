"""Open turns of upkeep, watch them, and end those that died."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import Inconsistent, Refused
from pipeline.lake.batches.upkeep import PREFIX, Turns, TurnStatus
from pipeline.lake.catalog.rows import shorten

log = logging.getLogger(__name__)

RUNS_ON = frozenset({"WAITING", "STARTING", "RUNNING", "STOPPING"})
"""States of a Glue job run that has not ended."""


@dataclass(frozen=True, slots=True)
class UpkeepPoller:
    """Starts the Glue job `job` for turns. It frees the lock itself; whatever it leaves, the next poll ends.

    `policy` says what a run may do of its role's rights, which are those on all tables, for `<team>` and `<dataset>`.
    """

    turns: Turns
    glue: Any
    job: str
    policy: Callable[[], str]
    batches_table: str
    tell_team: Callable[[str, str, Mapping[str, Any]], None]
    new_id: Callable[[], str]

    def open(self, dataset: str, table: str, settings: str) -> str | None:
        """Begin a turn over `table` with its upkeep `settings` as JSON; None if somebody else has the lock."""
        turn = f"{PREFIX}{self.new_id()}"
        if not self.turns.open(dataset, turn):
            return None
        self._start(dataset, turn, table, settings)
        return turn

    def watch(self, dataset: str, turn: str, table: str, settings: str) -> bool:
        """Whether the turn that holds the lock goes on; one that died is started if it never was, or ended."""
        found = self.turns.get(dataset, turn)
        if found is None:
            raise Inconsistent(f"{dataset} is locked by {turn}, which is not there")
        if found.status is not TurnStatus.OPEN:
            return False
        if found.run is None:
            return self._start(dataset, turn, table, settings)
        run = self.glue.get_job_run(JobName=self.job, RunId=found.run)["JobRun"]
        if run["JobRunState"] in RUNS_ON:
            return True
        self._fail(dataset, turn, f"its job run {run['JobRunState']}: {run.get('ErrorMessage', '')}")
        return False

    def _start(self, dataset: str, turn: str, table: str, settings: str) -> bool:
        from botocore.exceptions import ClientError

        arguments = {
            "--dataset": dataset,
            "--turn": turn,
            "--table": table,
            "--settings": settings,
            "--batches_table": self.batches_table,
        }
        try:
            policy = session_policy(self.policy(), dataset)
            run = self.glue.start_job_run(JobName=self.job, Arguments=arguments, ExecutionRoleSessionPolicy=policy)[
                "JobRunId"
            ]
        except ClientError as error:
            # The lock is not kept for a job that cannot start now: batches go first.
            self._fail(dataset, turn, f"its job did not start: {error}")
            return False
        # What dies before this line starts a second run: the run that claims the turn first goes on.
        with contextlib.suppress(Refused):
            self.turns.claim(dataset, turn, run)
        return True

    def _fail(self, dataset: str, turn: str, reason: str) -> None:
        if self.turns.end(dataset, turn, TurnStatus.FAILED, error=shorten(reason)):
            log.error("upkeep failed", extra={"dataset": dataset, "correlation_id": turn})
            self.tell_team("upkeep failed", dataset, {"upkeep": turn, "look": f"sluice upkeep {dataset}"})


def session_policy(template: str, dataset: str) -> str:
    """What a run may do that keeps up the table of `team/dataset`, as IAM's JSON without needless spaces: Glue takes at
    most 2,048 characters."""
    team, _, name = dataset.partition("/")
    document = json.loads(template.replace("<team>", team).replace("<dataset>", name))
    return json.dumps(document, separators=(",", ":"))

"""How many rows of each staged file a job read, counted while it reads them for another purpose, and what must follow.

Spark drops a row in silence where a join does not find its object, or a filter is wrong: only numbers tell.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import Inconsistent
from stages.stage_b.jobs.batch_manifest import StagedFile
from stages.stage_b.jobs.staged_rows import NUMBER, REASON

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Observation

log = logging.getLogger(__name__)

PATIENCE_S = 20.0
"""Spark tells the numbers soon after an action has ended, or never: its queue of events drops what is too much."""

_EXCLUDED_RULES = "spark.sql.adaptive.optimizer.excludedRules"
_EMPTY_PLANS = "org.apache.spark.sql.execution.adaptive.AQEPropagateEmptyRelation"
"""Where nothing is left to write, this rule drops the plan, and with it what was counted (seen with a merge)."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows by the place of their file: all that were read, and those without a reason against them."""

    read: Mapping[int, int]
    good: Mapping[int, int]


class Counting:
    """Counts the rows of `frame` (with NUMBER and REASON) in the first action on `counted`."""

    def __init__(self, frame: DataFrame, files: Sequence[StagedFile]) -> None:
        from pyspark.sql import Observation

        self.frame = frame
        self._files = files
        self._observation = Observation()
        frame.sparkSession.conf.set(_EXCLUDED_RULES, _EMPTY_PLANS)
        # Of as many different values as it may have bins, the histogram counts each exactly.
        bins = max(2, len(files))
        good = f"if({REASON} is null, {NUMBER}, null)"
        self.counted = frame.observe(
            self._observation, _histogram(NUMBER, bins).alias("read"), _histogram(good, bins).alias("good")
        )

    def alone(self) -> Tally:
        """Counted by a pass of its own: for whoever computes with `frame` may read a row never, or twice."""
        found = self._exactly()
        self._check(found)
        return found

    def result(self) -> Tally:
        """What was counted, after the action. `Inconsistent` names a file of which not all rows were read."""
        seen = _observed(self._observation)
        found = Tally(_counts(seen["read"]), _counts(seen["good"])) if seen else self._exactly()
        for place, file in enumerate(self._files):
            if found.read.get(place, 0) < file.object.rows:
                raise _lost(file, found.read.get(place, 0))
        if sum(found.read.values()) > sum(file.object.rows for file in self._files):
            # A task that ran again, after a worker was lost, counts again; or rows are doubled in truth.
            log.warning("more rows were counted than there are: counting again")
            found = self._exactly()
        self._check(found)
        return found

    def _check(self, found: Tally) -> None:
        for place, file in enumerate(self._files):
            if found.read.get(place, 0) != file.object.rows:
                raise _lost(file, found.read.get(place, 0))

    def _exactly(self) -> Tally:
        """By a pass of its own over the rows."""
        from pyspark.sql import functions as F

        counts = self.frame.groupBy(NUMBER).agg(F.count("*"), F.expr(f"count_if({REASON} is null)")).collect()
        known = [row for row in counts if row[0] is not None]
        return Tally({row[0]: row[1] for row in known}, {row[0]: row[2] for row in known})


def _histogram(of: str, bins: int) -> Column:
    from pyspark.sql import functions as F

    return F.expr(f"to_json(histogram_numeric({of}, {bins}))")


def _observed(observation: Observation) -> Mapping[str, Any] | None:
    """What was observed; None if Spark does not tell. Asking it may last for ever."""
    answer: SimpleQueue[Mapping[str, Any]] = SimpleQueue()
    Thread(target=_ask, args=(observation, answer), daemon=True).start()
    try:
        return answer.get(timeout=PATIENCE_S)
    except Empty:
        log.warning("Spark did not tell how many rows it read: counting again")
        return None


def _ask(observation: Observation, answer: SimpleQueue[Mapping[str, Any]]) -> None:
    from py4j.protocol import Py4JError

    # Spark may end while it is asked, when nobody waits for the answer any more.
    with contextlib.suppress(Py4JError):
        answer.put(observation.get)


def _counts(text: str | None) -> Mapping[int, int]:
    counts: Counter[int] = Counter()
    for one in json.loads(text or "[]"):
        counts[round(one["x"])] += round(one["y"])
    return counts


def _lost(file: StagedFile, read: int) -> Inconsistent:
    return Inconsistent(f"of the {file.object.rows} rows of {file.object.staged} {read} were read")


def check_accounts(tally: Tally, bad: int, written: int, expected: int | None) -> int:
    """Hold what was written against what was read; returns the number of rows that newer ones had superseded.

    `expected` is how many rows had to be written, None where the table decides (upsert: those not older than its own).
    `Inconsistent` if a row is neither written nor set aside nor superseded.
    """
    read, good = sum(tally.read.values()), sum(tally.good.values())
    if good + bad != read:
        raise Inconsistent(f"of {read} staged rows {good} could be loaded and {bad} were set aside")
    if expected is not None and written != expected:
        raise Inconsistent(f"{expected} rows had to be written and {written} were")
    return max(0, good - written)

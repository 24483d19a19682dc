"""Record what a run of a team's transform wrote, which it may not do itself."""

from __future__ import annotations

import logging
from typing import Any

from pipeline.core.telemetry.logs import log_context
from pipeline.lake.messages.stage_b import RecordedRun, RunResult
from pipeline.lake.services import Lake, handler

log = logging.getLogger(__name__)


@handler
def record_run(event: dict[str, Any], lake: Lake) -> RecordedRun:
    """Put a run's result on its batch's row, if it is true; the machine goes on with what the row says."""
    run = RunResult.from_json(event)
    with log_context(correlation_id=run.batch, dataset=run.dataset, run=run.run):
        written = lake.results.record(run.dataset, run.batch, run.table, run.run)
        log.info("run recorded", extra={"rows": written.rows, "snapshot": str(written.snapshot)})
    return {"rows": written.rows}

"""End a batch: commit it, quarantine it, or fail it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import Contended
from pipeline.core.telemetry.logs import log_context
from pipeline.lake.batches.completion import REBASES, rebase_wait
from pipeline.lake.causes import cause_of
from pipeline.lake.messages.stage_b import BatchAnswer, CommitAnswer, EndingBatch, FailedBatch
from pipeline.lake.services import Lake, handler
from pipeline.lake.tables.outcomes import CommitOutcome

REBASED_TOO_OFTEN = "RebasedTooOften"
"""The error that the state machine gives a batch whose commit was EXHAUSTED."""

_KEPT_FROM_IT = {
    REBASED_TOO_OFTEN: f"others wrote to its table during each of {REBASES + 1} transforms",
    Contended.__name__: "others changed its table each time that its commit was tried",
}
"""Errors that say nothing against the batch: the next one may load the same objects. What does not answer, or refuses,
is none of them: the batch fails, and its team hears of it."""

log = logging.getLogger(__name__)


@handler
def commit_batch(event: dict[str, Any], lake: Lake) -> CommitAnswer:
    """Move the table to what was checked.

    REBASE asks for another transform in `wait` seconds, EXHAUSTED for another batch.
    """
    ending = EndingBatch.from_json(event)
    with _about(ending):
        outcome = lake.finisher.commit(ending.dataset, ending.batch, ending.table, crawled=ending.crawled)
        log.info("commit tried", extra={"outcome": outcome})
        batch = lake.batches.get(ending.dataset, ending.batch) if outcome is CommitOutcome.REBASE else None
    return {"outcome": outcome, "wait": rebase_wait(batch.rebases) if batch else 0}


@handler
def quarantine_batch(event: dict[str, Any], lake: Lake) -> BatchAnswer:
    """Drop what the batch wrote; its rows were never visible."""
    ending = EndingBatch.from_json(event)
    with _about(ending):
        return {"status": lake.finisher.quarantine(ending.dataset, ending.batch, ending.table)}


@handler
def fail_batch(event: dict[str, Any], lake: Lake) -> BatchAnswer:
    """Abandon the batch, unless its commit turns out to have happened. One that others kept from it is put back."""
    failed = FailedBatch.from_json(event)
    ending, reason = failed.batch, why_another_batch(failed.error)
    if reason is None:
        return _fail(ending, cause_of(failed.error), lake)
    with _about(ending):
        return {"status": lake.finisher.give_up(ending.dataset, ending.batch, ending.table, reason)}


@handler
def mark_failed(event: dict[str, Any], lake: Lake) -> BatchAnswer:
    """An execution that FAILED, TIMED_OUT or was ABORTED may have left its batch open: end it."""
    found = client("stepfunctions").describe_execution(executionArn=event["detail"]["executionArn"])
    ending = EndingBatch.from_json(json.loads(found["input"]))
    cause = cause_of({"Error": found.get("error", ""), "Cause": found.get("cause", "")})
    return _fail(ending, f"its execution {found['status']}: {cause}".removesuffix(": "), lake)


def why_another_batch(error: Mapping[str, str]) -> str | None:
    """What people are told of a batch whose objects another one loads; None where `error` says that it FAILED."""
    kept = _KEPT_FROM_IT.get(error.get("Error", ""))
    return f"{kept}: its objects wait, and the next batch loads them by itself" if kept else None


def _fail(ending: EndingBatch, reason: str, lake: Lake) -> BatchAnswer:
    with _about(ending):
        return {"status": lake.finisher.fail(ending.dataset, ending.batch, ending.table, reason)}


def _about(ending: EndingBatch) -> AbstractContextManager[None]:
    return log_context(correlation_id=ending.batch, dataset=ending.dataset)

"""End a batch: commit it, quarantine it, or fail it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import Transient
from pipeline.core.telemetry.logs import log_context
from pipeline.lake.batches.completion import REBASES, Commit, cause_of, rebase_wait
from pipeline.lake.services import Lake, handler

REBASED_TOO_OFTEN = "RebasedTooOften"
"""The error that the state machine gives a batch whose commit was EXHAUSTED."""

_KEPT_FROM_IT = {
    REBASED_TOO_OFTEN: f"others wrote to its table during each of {REBASES + 1} transforms",
    Transient.__name__: "others changed its table, or a service did not answer, each time that it was tried",
}
"""Errors that say nothing against the batch: the next one may load the same objects."""

log = logging.getLogger(__name__)


@handler
def commit_batch(event: dict[str, Any], lake: Lake) -> dict[str, str | int]:
    """Move the table to what was checked.

    REBASE asks for another transform in `wait` seconds, EXHAUSTED for another batch.
    """
    with log_context(correlation_id=event["batch"], dataset=event["dataset"]):
        outcome = lake.ender.commit(event["dataset"], event["batch"], event["table"])
        log.info("commit tried", extra={"outcome": outcome})
        batch = lake.batches.get(event["dataset"], event["batch"]) if outcome is Commit.REBASE else None
    return {"outcome": outcome, "wait": rebase_wait(batch.rebases) if batch else 0}


@handler
def quarantine_batch(event: dict[str, Any], lake: Lake) -> dict[str, str]:
    """Drop what the batch wrote; its rows were never visible."""
    with log_context(correlation_id=event["batch"], dataset=event["dataset"]):
        return {"status": lake.ender.quarantine(event["dataset"], event["batch"], event["table"])}


@handler
def fail_batch(event: dict[str, Any], lake: Lake) -> dict[str, str]:
    """Abandon the batch, unless its commit turns out to have happened. One that others kept from it is put back."""
    reason = why_another_batch(event["error"])
    if reason is None:
        return _fail(event, cause_of(event["error"]), lake)
    with log_context(correlation_id=event["batch"], dataset=event["dataset"]):
        return {"status": lake.ender.give_up(event["dataset"], event["batch"], event["table"], reason)}


@handler
def mark_failed(event: dict[str, Any], lake: Lake) -> dict[str, str]:
    """An execution that FAILED, TIMED_OUT or was ABORTED may have left its batch open: end it."""
    found = client("stepfunctions").describe_execution(executionArn=event["detail"]["executionArn"])
    batch = json.loads(found["input"])
    cause = cause_of({"Error": found.get("error", ""), "Cause": found.get("cause", "")})
    return _fail(batch, f"its execution {found['status']}: {cause}".removesuffix(": "), lake)


def why_another_batch(error: Mapping[str, str]) -> str | None:
    """What people are told of a batch whose objects another one loads; None where `error` says that it FAILED."""
    kept = _KEPT_FROM_IT.get(error.get("Error", ""))
    return f"{kept}: its objects wait, and the next batch loads them by itself" if kept else None


def _fail(batch: dict[str, Any], reason: str, lake: Lake) -> dict[str, str]:
    with log_context(correlation_id=batch["batch"], dataset=batch["dataset"]):
        return {"status": lake.ender.fail(batch["dataset"], batch["batch"], batch["table"], reason)}

"""Histories of executions, cached: a long one is read over several requests, each event once. Of one that ended badly
its last events are read first, too: why it did stands there."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pipeline.core.clients import client
from pipeline.operate.executions import PAGE, Run
from pipeline.state_machines.history import HistoryReader, Visit, details_of

KEPT = 8
"""How many executions have their history cached."""
TEXT = 50_000_000
"""Characters of inputs and outputs that are cached of one execution; later ones are left out."""
PATIENCE_S = 0.1
"""Seconds after which a request reads no further page of a history."""


class ExecutionHistory:
    """The cached history of one execution. `visits` grow with each reading, until it `is_whole`."""

    def __init__(self) -> None:
        self._reader = HistoryReader()
        self._lock = threading.Lock()
        self._token: str | None = None
        self._seen_as: tuple[str, datetime | None] | None = None
        self._text = 0
        self._end: list[tuple[int | None, Visit]] = []
        self.events = 0
        self.is_whole = False

    @property
    def visits(self) -> list[Visit]:
        """The visits of states so far, in the order in which the states were entered."""
        return list(self._reader.visits)

    @property
    def failed(self) -> list[tuple[int | None, Visit]]:
        """Visits of which an attempt failed, first those that the execution ended in, as far as is known.

        Each with its place among `visits`; None while that is not read.
        """
        found = self._end if self._end and not self.is_whole else list(enumerate(self._reader.visits))
        failed = [(number, visit) for number, visit in found if visit.errors]
        return sorted(failed, key=lambda each: (each[1].left is not None, each[0] is not None))

    def read_on(self, run: Run, patience: float | None) -> None:
        """Read the new events. No page is begun after `patience` seconds; with None, all are read.

        Once more than that of an execution that ended badly: its last page.
        """
        begun = time.monotonic()
        with self._lock:
            seen_as = (run.status, run.stopped)
            if self.is_whole and run.status != "RUNNING" and self._seen_as == seen_as:
                return
            while self._read_page(run) and (patience is None or time.monotonic() - begun < patience):
                pass
            if not self.is_whole and run.status not in ("RUNNING", "SUCCEEDED") and self._seen_as != seen_as:
                self._read_end(run)
            self._seen_as = seen_as

    def _read_page(self, run: Run) -> bool:
        """Read a page; True if another one follows. The last page is read again each time: it may have grown."""
        more = {"nextToken": self._token} if self._token else {}
        page = client("stepfunctions").get_execution_history(executionArn=run.arn, maxResults=PAGE, **more)
        self._read(page["events"])
        self.is_whole = "nextToken" not in page
        self._token = page.get("nextToken", self._token)
        return not self.is_whole

    def _read(self, events: Iterable[Mapping[str, Any]]) -> None:
        # Event ids count from 1 without gaps.
        for event in events:
            if event["id"] > self.events:
                self._reader.read(self._trimmed(event))
                self.events = event["id"]

    def _read_end(self, run: Run) -> None:
        """Read the last page; where nothing is missing before it, the history is whole."""
        page = client("stepfunctions").get_execution_history(executionArn=run.arn, maxResults=PAGE, reverseOrder=True)
        last = [event for event in reversed(page["events"]) if event["id"] > self.events]
        if not last or last[0]["id"] == self.events + 1:
            self._read(last)
            self._end, self.is_whole = [], True
        else:
            known = len(self._reader.visits)
            found = self._reader.after_gap(map(self._trimmed, last))
            self._end = [(number if number < known else None, visit) for number, visit in enumerate(found)]

    def _trimmed(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        details = details_of(event)
        self._text += sum(len(details.get(name) or "") for name in ("input", "output"))
        if self._text <= TEXT or not event["type"].endswith(("StateEntered", "StateExited")):
            return event
        name = next(name for name in event if name.endswith("EventDetails"))
        return {**event, name: {**details, "input": None, "output": None}}


class Histories:
    """The cached histories of the executions that were shown last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, ExecutionHistory] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: Run, patience: float | None = PATIENCE_S) -> ExecutionHistory:
        """The history of an execution as far as it could be read within `patience` seconds; with None, all of it."""
        # With the time of its start: a lake that was made anew may have another execution of the same name.
        key = f"{run.arn} {run.started.timestamp()}"
        with self._lock:
            history = self._kept.setdefault(key, ExecutionHistory())
            self._kept.move_to_end(key)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        stepfunctions = client("stepfunctions")
        try:
            history.read_on(run, patience)
        except stepfunctions.exceptions.InvalidToken:
            # Tokens expire after 24 hours.
            with self._lock:
                history = self._kept[key] = ExecutionHistory()
            history.read_on(run, patience)
        return history

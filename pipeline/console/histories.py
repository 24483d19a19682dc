"""Histories of executions as pages read them: a long one in several requests, none of it twice."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline.core.clients import client
from pipeline.operate.executions import PAGE, Run
from pipeline.state_machines.history import Reader, Visit, details_of

KEPT = 8
"""Executions of which is kept what was read."""
TEXT = 50_000_000
"""Characters of inputs and outputs that are kept of one execution; what comes after them is not told."""
PATIENCE_S = 0.1
"""After this no further page of a history is read for one request."""


class History:
    """What was read of one execution. `visits` grow with each reading, until it `is_whole`."""

    def __init__(self) -> None:
        self._reader = Reader()
        self._lock = threading.Lock()
        self._token: str | None = None
        self._seen_as: tuple[str, datetime | None] | None = None
        self._text = 0
        self.events = 0
        self.is_whole = False

    @property
    def visits(self) -> list[Visit]:
        return list(self._reader.visits)

    def read_on(self, run: Run, patience: float | None) -> None:
        """Read what is new, at most one page that begins after `patience` seconds; all of it with None."""
        begun = time.monotonic()
        with self._lock:
            seen_as = (run.status, run.stopped)
            if self.is_whole and run.status != "RUNNING" and self._seen_as == seen_as:
                return
            while self._read_page(run) and (patience is None or time.monotonic() - begun < patience):
                pass
            self._seen_as = seen_as

    def _read_page(self, run: Run) -> bool:
        """Read a page; whether another one follows. The last page is read again, for it may have grown since."""
        more = {"nextToken": self._token} if self._token else {}
        page = client("stepfunctions").get_execution_history(executionArn=run.arn, maxResults=PAGE, **more)
        # Ids of events count from 1 without a gap.
        for event in page["events"]:
            if event["id"] > self.events:
                self._reader.read(self._told(event))
                self.events = event["id"]
        self.is_whole = "nextToken" not in page
        self._token = page.get("nextToken", self._token)
        return not self.is_whole

    def _told(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        details = details_of(event)
        self._text += sum(len(details.get(name) or "") for name in ("input", "output"))
        if self._text <= TEXT or not event["type"].endswith(("StateEntered", "StateExited")):
            return event
        name = next(name for name in event if name.endswith("EventDetails"))
        return {**event, name: {**details, "input": None, "output": None}}


class Histories:
    """Of the executions that somebody looked at last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, History] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: Run, patience: float | None = PATIENCE_S) -> History:
        """The history of an execution as far as it could be read within `patience` seconds, or all of it with None."""
        # An execution of the same name may be another one, of a lake that was made anew.
        key = f"{run.arn} {run.started.timestamp()}"
        with self._lock:
            history = self._kept.setdefault(key, History())
            self._kept.move_to_end(key)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        stepfunctions = client("stepfunctions")
        try:
            history.read_on(run, patience)
        except stepfunctions.exceptions.InvalidToken:
            # Tokens are good for 24 hours.
            with self._lock:
                history = self._kept[key] = History()
            history.read_on(run, patience)
        return history

"""The newest executions of each state machine, kept in memory by who is asked often: Step Functions finds no name.

A machine's list is read once, and then only what may have changed: what is new, what runs, and what failed and may be
redriven.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.lake.services import Lake
from pipeline.operate.catalog_state import each
from pipeline.operate.executions import Run, page_of

PAGE = 1_000
"""Executions of one question (ListExecutions, AWS quota)."""
FEW = 100
"""Those of a first question, where most are known."""
LOOKED = 10 * PAGE
"""Executions of one machine that are kept, or at which a search looks."""
WHOLE = timedelta(minutes=15)
"""After which a machine's list is read anew: one that failed before the last `PAGE` may have been redriven unseen."""

_MAY_CHANGE = ("RUNNING", "FAILED", "TIMED_OUT", "ABORTED")
"""It runs, or may be redriven."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest executions of one machine, newest first. `is_all`: there are no others."""

    runs: tuple[Run, ...]
    is_all: bool


class KeptExecutions:
    """The newest executions of one lake's machines as of `at`, None before they were read. Safe for threads."""

    def __init__(self) -> None:
        self._renewing = threading.Lock()
        self._of: Lake | None = None
        self._whole_at: datetime | None = None
        self._newest: dict[str, Newest] = {}
        self.at: datetime | None = None

    def is_of(self, lake: Lake) -> bool:
        """Whether it is this lake's executions that are kept."""
        return self._of is lake

    def of(self, lake: Lake, machine: str) -> Newest | None:
        """Those of a machine; None where they are not kept."""
        return self._newest.get(machine) if self._of is lake else None

    def renew(self, lake: Lake, machines: Sequence[str]) -> None:
        """Read what is new of these machines; others are forgotten."""
        with self._renewing:
            now = lake.clock()
            if self._of is not lake or self._whole_at is None or now - self._whole_at > WHOLE:
                known: dict[str, Newest] = {}
                whole_at = now
            else:
                known, whole_at = self._newest, self._whole_at
            found = each(machines, lambda machine: _renewed(lake, machine, known.get(machine)))
            self._newest = dict(zip(machines, found, strict=True))
            self._of, self._whole_at, self.at = lake, whole_at, now


def _renewed(lake: Lake, machine: str, known: Newest | None) -> Newest:
    if known is None:
        return _read(lake, machine, None)
    changed = [run for status in _MAY_CHANGE for run in _changed(lake, machine, known, status)]
    # Down to the oldest that is another now: what is older still, is as it was.
    newest = known.runs[0] if known.runs else None
    until = min((run.started for run in (*changed, *([newest] if newest else []))), default=None)
    found = _read(lake, machine, until)
    if found.is_all:
        return found
    last = found.runs[-1].started
    seen = {run.arn for run in found.runs}
    older = [run for run in known.runs if run.started <= last and run.arn not in seen]
    runs = (*found.runs, *older)
    return Newest(runs[:LOOKED], known.is_all and len(runs) <= LOOKED)


def _changed(lake: Lake, machine: str, known: Newest, status: str) -> list[Run]:
    """Those known with this status that its list has no more, or otherwise: a redriven one may have ended again."""
    had = [run for run in known.runs if run.status == status]
    if not had:
        return []
    page, token = page_of(lake, machine, status, limit=PAGE)
    now = {run.arn: run for run in page}
    since = page[-1].started if token and page else None
    return [run for run in had if now.get(run.arn) != run and (since is None or run.started >= since)]


def _read(lake: Lake, machine: str, until: datetime | None) -> Newest:
    """Down to one that started before `until`, or all, at most `LOOKED`."""
    runs: list[Run] = []
    for page, is_last in _pages(lake, machine, PAGE if until is None else FEW):
        runs += page
        if is_last:
            return Newest(tuple(runs[:LOOKED]), is_all=len(runs) <= LOOKED)
        if len(runs) >= LOOKED or (until and runs and runs[-1].started < until):
            break
    return Newest(tuple(runs), is_all=False)


def _pages(lake: Lake, machine: str, size: int) -> Iterator[tuple[list[Run], bool]]:
    token = None
    while True:
        page, token = page_of(lake, machine, limit=size, token=token)
        yield page, token is None
        if token is None:
            return
        size = PAGE

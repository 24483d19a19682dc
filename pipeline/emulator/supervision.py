"""Looks after the processes that an embedded lake needs for as long as it runs: one that ended is started again."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.emulator.repetition import Repetition

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
STEADY_S = 30.0
"""A part that ran for so long has not ended of its start."""
LONGEST_PAUSE_S = 60.0


class Part(Protocol):
    """What has a process that must run. Both may be called at any time, also before `start` and after `stop`."""

    def has_ended(self) -> bool:
        """Whether the process should run and does not; it is reaped then."""

    def start_again(self) -> None:
        """Start it in the place of the one that ended."""
        ...


@dataclass
class _Tended:
    part: Part
    started: float = field(default_factory=time.monotonic)
    pause_s: float = 0.0
    not_before: float = 0.0
    is_down: bool = False


class Tender:
    """Starts parts again, one that keeps ending after longer and longer pauses."""

    def __init__(self) -> None:
        self._tended: list[_Tended] = []
        self._looks = Repetition("tender", LOOK_EVERY_S, self._look_at_all)

    def start(self) -> None:
        """Begin to look, in a thread of its own."""
        self._looks.start()

    def stop(self) -> None:
        """Start nothing any more."""
        self._looks.stop()

    def tend(self, part: Part) -> None:
        """Look after a part from now on."""
        self._tended.append(_Tended(part))

    def _look_at_all(self) -> None:
        for tended in list(self._tended):
            try:
                _look(tended)
            except Exception:
                log.exception("%s could not be started again", type(tended.part).__name__)


def _look(tended: _Tended) -> None:
    now = time.monotonic()
    if not tended.is_down:
        if not tended.part.has_ended():
            return
        ran_s = now - tended.started
        tended.is_down = True
        tended.pause_s = 0.0 if ran_s > STEADY_S else min(LONGEST_PAUSE_S, max(1.0, 2 * tended.pause_s))
        tended.not_before = now + tended.pause_s
        log.warning("%s ended after %.0f s", type(tended.part).__name__, ran_s)
    if now >= tended.not_before:
        # One that cannot be started looks ended again.
        tended.is_down, tended.started = False, now
        tended.part.start_again()

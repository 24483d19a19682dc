"""Logs a page at a time, the newest first or from a line on, with a bounded number of looks.

CloudWatch reads forward only, so going back looks at spans of time that grow until they hold a page, and shrink where
they hold too much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.core.errors import BadInput
from pipeline.operate.logs import Line, Source, read_some

FIRST_MS = 5 * 60_000
GROWS = 12
MOST_READ = 20_000
"""Lines of one look, whether they match or not."""
LOOKS = 40

_CURSOR = re.compile(r"^([0-9]{1,15})\.([0-9]{1,9})$")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two lines: in the millisecond `at`, with `skip` lines of it on the side that was shown."""

    at: int
    skip: int = 0

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """A cursor as an address has it, `<milliseconds>-<lines>`; `BadInput` for another text."""
        found = _CURSOR.match(text)
        if not found:
            raise BadInput(f"{text!r} is no place in a log", hint="Follow a page's links to older and newer lines.")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.at}.{self.skip}"


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines, oldest first. `older` and `newer` are None at the ends; `start` and `end` are how far it has looked.

    `is_crowded` says that a single millisecond had more lines than are read.
    """

    lines: list[Line]
    older: Cursor | None
    newer: Cursor | None
    start: int
    end: int
    is_crowded: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """The lines of `sources` from `start` to `end` (milliseconds, inclusive) that `matches` lets through."""

    sources: Sequence[Source]
    start: int
    end: int
    matches: Callable[[Line], bool] = lambda _: True

    def before(self, cursor: Cursor | None, most: int) -> LogPage:
        """The newest lines, or those just before a place."""
        cursor = cursor or Cursor(self.end)
        until = min(cursor.at, self.end)
        found, looked, crowded = self._look(self.start, until, most + cursor.skip, back=True)
        same = sum(line.at == cursor.at for line in found)
        left = found[: len(found) - min(cursor.skip, same)]
        lines = left[-most:]
        more = len(left) > most or looked > self.start
        older = None
        if lines and more:
            skip = sum(line.at == lines[0].at for line in lines) + (cursor.skip if lines[0].at == cursor.at else 0)
            older = Cursor(lines[0].at, skip)
        elif more:
            older = Cursor(looked - 1)
        newer = Cursor(lines[-1].at, sum(line.at == lines[-1].at for line in left)) if lines else Cursor(until)
        return LogPage(lines, older, newer, looked, until, crowded)

    def after(self, cursor: Cursor, most: int) -> LogPage:
        """The lines just after a place."""
        since = max(cursor.at, self.start)
        found, looked, crowded = self._look(since, self.end, most + cursor.skip, back=False)
        same = sum(line.at == cursor.at for line in found)
        left = found[min(cursor.skip, same) :]
        lines = left[:most]
        if not lines:
            return LogPage([], Cursor(since, 0), Cursor(looked), since, looked, crowded)
        skip = sum(line.at == lines[-1].at for line in lines) + (cursor.skip if lines[-1].at == cursor.at else 0)
        older = Cursor(lines[0].at, sum(line.at == lines[0].at for line in left))
        return LogPage(lines, older, Cursor(lines[-1].at, skip), since, looked, crowded)

    def _look(self, start: int, end: int, wanted: int, *, back: bool) -> tuple[list[Line], int, bool]:
        """At least `wanted` matching lines from one end of the span, how far it has looked, and whether it is crowded.

        The milliseconds that it has looked at, it has whole.
        """
        found: list[Line] = []
        step, at, last = (-1, end, start) if back else (1, start, end)
        width, full, crowded = FIRST_MS, at, False
        for _ in range(LOOKS):
            far = max(at - width + 1, last) if back else min(at + width - 1, last)
            lines, more = read_some(self.sources, min(at, far), max(at, far), MOST_READ)
            if more and far != at:
                full, width = far, (abs(far - at) + 1) // 2
                continue
            crowded |= more
            matching = [line for line in lines if self.matches(line)]
            found = [*matching, *found] if back else [*found, *matching]
            at = far + step
            if len(found) > wanted or (last - at) * step < 0:
                break
            # Up to the end of a span that held too much, halves; then it grows again.
            left = (full - at) * step + 1
            width = max(left // 2, 1) if left > 0 else width * GROWS
        return found, at - step, crowded

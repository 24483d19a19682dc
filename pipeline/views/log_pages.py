"""Logs a page at a time, the newest first or from a line on, with a bounded number of looks.

CloudWatch reads forward only, so going back looks at spans of time that grow until they hold a page, and shrink where
they hold too much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.errors import BadInput
from pipeline.views.logs import Line, Source, read_some

FIRST_MS = 5 * 60_000
GROWS = 12
MOST_READ = 20_000
"""Lines of one look, whether they match or not."""
LOOKS = 12

_CURSOR = re.compile(r"^(\d{1,15})\.(\d{1,9})$")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two lines: in the millisecond `at`, with `skip` lines of it on the side that was shown."""

    at: int
    skip: int = 0

    @classmethod
    def parse(cls, text: str) -> Cursor:
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
        width, crowded = FIRST_MS, False
        for _ in range(LOOKS):
            since, until = (max(start, end - width + 1), end) if back else (start, min(end, start + width - 1))
            lines = read_some(self.sources, since, until, MOST_READ)
            if lines is None and since < until:
                width = max((until - since + 1) // 8, 1)
                continue
            crowded |= lines is None
            matching = [line for line in lines or [] if self.matches(line)]
            found = [*matching, *found] if back else [*found, *matching]
            if back:
                end = since - 1
            else:
                start = until + 1
            if len(found) > wanted or start > end:
                break
            width *= GROWS
        return found, end + 1 if back else start - 1, crowded

"""The messages of a queue, found by what is asked for: no request looks at those that it is not about.

moto has a list, and goes through all of it for each message that is sent, received, hidden, counted or deleted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any


class Messages:
    """moto's messages of one queue. Who calls holds the queue's lock.

    A message is in line, or hidden until a moment that it tells itself. Times are milliseconds since 1970. Entries of
    the two heaps are never looked for: one that no longer holds is passed over when it comes up.
    """

    def __init__(self) -> None:
        self._arrivals = itertools.count()
        self._places: dict[Any, int] = {}
        self._by_handle: dict[str, Any] = {}
        self._by_deduplication: dict[str, Any] = {}
        self._in_line: set[Any] = set()
        self._line: list[tuple[int, Any]] = []
        self._hidden: list[tuple[float, int, Any]] = []
        self._delays: list[float] = []

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Any]:
        """All, in the order in which they came."""
        return iter(list(self._places))

    def append(self, message: Any) -> None:
        """Add a message, in line or hidden as it says itself."""
        self._places[message] = next(self._arrivals)
        self._by_handle.update(dict.fromkeys(_handles(message), message))
        if message.deduplication_id:
            self._by_deduplication[message.deduplication_id] = message
        if message.delayed_until:
            heappush(self._delays, message.delayed_until)
        if _hidden_until(message):
            self.hide(message)
        else:
            self._line_up(message)

    def remove(self, message: Any) -> None:
        """Remove a message, wherever it is."""
        del self._places[message]
        self._in_line.discard(message)
        for handle in _handles(message):
            self._by_handle.pop(handle, None)
        name = message.deduplication_id
        if self._by_deduplication.get(name) is message:
            del self._by_deduplication[name]

    def hide(self, message: Any) -> None:
        """After the moment changed until which a message is hidden; also a past one, which lets it come back."""
        self._in_line.discard(message)
        heappush(self._hidden, (_hidden_until(message), self._places[message], message))

    def handed_out(self, message: Any) -> None:
        """After a message was received: it has a new handle."""
        self._by_handle[message.receipt_handle] = message
        self.hide(message)

    def of_handle(self, handle: str) -> Any | None:
        """The message that has or once had this receipt handle."""
        return self._by_handle.get(handle)

    def latest_like(self, message: Any) -> Any | None:
        """The last one with the same deduplication id."""
        return self._by_deduplication.get(message.deduplication_id)

    def take(self, now: float) -> Iterator[Any]:
        """Those that can be received, oldest first. Each is out of the line: who takes it hides or removes it."""
        self._wake(now)
        while self._line:
            place, message = heappop(self._line)
            if message in self._in_line and self._places[message] == place:
                self._in_line.discard(message)
                yield message

    def visible(self, now: float) -> int:
        """How many can be received."""
        self._wake(now)
        return len(self._in_line)

    def delayed(self, now: float) -> int:
        """How many were sent with a delay that has not ended."""
        while self._delays and self._delays[0] <= now:
            heappop(self._delays)
        return len(self._delays)

    def next_change(self, now: float) -> float | None:
        """When the next hidden one can be received; None if none is hidden."""
        self._wake(now)
        while self._hidden and not self._holds(*self._hidden[0]):
            heappop(self._hidden)
        return self._hidden[0][0] if self._hidden else None

    def _wake(self, now: float) -> None:
        while self._hidden and self._hidden[0][0] < now:
            entry = heappop(self._hidden)
            if self._holds(*entry):
                self._line_up(entry[2])

    def _holds(self, until: float, place: int, message: Any) -> bool:
        # It may have left, and have come again.
        is_here = self._places.get(message) == place and message not in self._in_line
        return is_here and until == _hidden_until(message)

    def _line_up(self, message: Any) -> None:
        self._in_line.add(message)
        heappush(self._line, (self._places[message], message))


def _hidden_until(message: Any) -> float:
    return max(float(message.visible_at), float(message.delayed_until))


def _handles(message: Any) -> list[str]:
    """Of its receipts; moto counts the none that it had before the first."""
    return [handle for handle in message.all_receipt_handles if handle is not None]

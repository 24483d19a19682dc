"""A line of waiters that serves those who brought them in turn: one that brings many does not hold up the others."""

from __future__ import annotations

from collections import deque
from contextvars import ContextVar
from typing import Generic, TypeVar

T = TypeVar("T")

asker: ContextVar[str] = ContextVar("asker", default="")
"""For whom this thread asks, where several share what is asked for: see `asker_of`."""


def asker_of(execution: str) -> str:
    """For whom an execution asks, by its ARN: executions whose names differ only after the last hyphen ask as one.

    The lake names those of Stage A after their dataset, so that the many of one do not hold up another's.
    """
    machine, _, name = execution.rpartition(":")
    return f"{machine}:{name.rpartition('-')[0] or name}"


class FairLine(Generic[T]):
    """Waiters by asker. Not safe from several threads at once."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[T]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, asker: str, waiter: T) -> None:
        """A waiter, brought by `asker`."""
        self._waiting.setdefault(asker, deque()).append(waiter)

    def take(self) -> T:
        """The waiter who has waited longest of the asker whose turn it is; IndexError if nobody waits."""
        if not self._waiting:
            raise IndexError("nobody waits")
        turn = next(iter(self._waiting))
        line = self._waiting.pop(turn)
        waiter = line.popleft()
        if line:
            self._waiting[turn] = line
        return waiter

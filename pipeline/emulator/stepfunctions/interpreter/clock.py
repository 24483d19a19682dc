"""The seconds that a state or an execution has. Of their own, so that a test can let them begin after an event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def is_in_time(ends_within: Callable[[float], bool], seconds: float, env: Any) -> bool:
    """Whether what runs in `env` ends before its time is over; returns when either has happened."""
    return ends_within(seconds)

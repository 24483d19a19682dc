"""How tests wait for what happens: as long as a busy machine needs, and no longer than it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 120
REST = 4
"""How many times as long as a question took there is none: asking would hold up what is waited for."""

Found = TypeVar("Found")


def until(condition: Callable[[], Found], seconds: float = PATIENCE_S, every_s: float = 0.01) -> Found:
    """Wait for a truthy answer and return it; fail after so many seconds."""
    ends = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if found := condition():
            return found
        now = time.monotonic()
        assert now < ends, f"not within {seconds} s"
        time.sleep(max(every_s, REST * (now - began)))

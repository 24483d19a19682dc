"""How often a key or a stage was used: token buckets for throttling, counts for quotas. Time comes from outside.

Sources: "Throttle requests to your REST APIs" and "Usage plans and API keys for REST APIs" of the developer guide.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Setting = Mapping[str, Any]


@dataclass(slots=True)
class _Bucket:
    tokens: float
    when: float


class Usage:
    """Counts since the start. Safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, ...], _Bucket] = {}
        self._used: dict[tuple[str, str], tuple[str, int]] = {}

    def take(self, whose: tuple[str, ...], rate: float, burst: float, now: float) -> bool:
        """Whether a request more is within `rate` a second and `burst` at once; if so it is counted."""
        with self._lock:
            bucket = self._buckets.setdefault(whose, _Bucket(burst, now))
            bucket.tokens = min(burst, bucket.tokens + max(0.0, now - bucket.when) * rate)
            bucket.when = now
            if bucket.tokens < 1:
                return False
            bucket.tokens -= 1
            return True

    def count(self, plan: str, key: str, quota: Setting, now: float) -> bool:
        """Whether a request more is within the quota of this period; if so it is counted."""
        period = period_of(quota, datetime.fromtimestamp(now, UTC))
        with self._lock:
            # In its first period an offset counts as used.
            counted, used = self._used.get((plan, key), (period, int(quota.get("offset", 0))))
            used = used if counted == period else 0
            if used >= int(quota["limit"]):
                return False
            self._used[plan, key] = (period, used + 1)
            return True


def period_of(quota: Setting, at: datetime) -> str:
    """The period of a quota that a time lies in, by the day it began on in UTC; weeks begin on Sunday."""
    if quota["period"] == "DAY":
        return at.date().isoformat()
    if quota["period"] == "WEEK":
        return (at.date() - timedelta(days=(at.weekday() + 1) % 7)).isoformat()
    return at.date().replace(day=1).isoformat()

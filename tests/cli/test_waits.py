from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.cli import waits
from pipeline.lake.catalog import Status
from pipeline.operate.progress import Progress


class Looking:
    """A lake of which each look takes a while, as it does where much waits. Its clock goes on by looks and rests."""

    def __init__(self, took_s: float, busy_looks: int, objects: int) -> None:
        self.took_s, self.busy_looks, self.objects = took_s, busy_looks, objects
        self.now = 0.0
        self.rests: list[float] = []

    def look(self, *_: Any) -> Progress:
        self.now += self.took_s
        self.busy_looks -= 1
        left = Counter({("team/set", Status.CLAIMED): self.objects}) if self.busy_looks >= 0 else Counter()
        return Progress(0, 0, left)

    def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds


@pytest.mark.parametrize(
    ("took_s", "objects", "rest_s", "last_s"),
    [
        (0.001, 5000, waits.QUICK_S, waits.QUICK_S),
        (0.2, 5000, 2.0, 0.6),
        (3.0, 5000, waits.SLOW_S, waits.FEW_S),
        (3.0, 5, waits.FEW_S, waits.FEW_S),
    ],
)
def test_a_look_that_takes_long_is_rarer_where_much_is_counted(
    monkeypatch: pytest.MonkeyPatch, took_s: float, objects: int, rest_s: float, last_s: float
) -> None:
    looking = Looking(took_s, busy_looks=3, objects=objects)
    monkeypatch.setattr(waits, "look", looking.look)
    connected: Any = SimpleNamespace(lake=None, endpoint="http://127.0.0.1:9", is_embedded=True)
    found = waits.wait(connected, 3600, lambda _: None, clock=lambda: looking.now, sleep=looking.sleep)
    assert found.is_settled
    # The last only makes sure: a command on a settled lake should not rest ten times as long as its own start took.
    assert looking.rests == pytest.approx([rest_s] * 3 + [last_s])

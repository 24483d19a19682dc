"""What looks after the parts of a lake: a part that ended is started again, and one that keeps ending not in a rush."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from pipeline.emulator import supervision
from pipeline.emulator.supervision import Tender


@dataclass
class Fragile:
    """A part that ends at once, and cannot be started the first time."""

    starts: list[float] = field(default_factory=list)

    def has_ended(self) -> bool:
        return True

    def start_again(self) -> None:
        self.starts.append(time.monotonic())
        if len(self.starts) == 1:
            raise OSError("no memory")


class Steady:
    """A part that runs."""

    def has_ended(self) -> bool:
        return False

    def start_again(self) -> None:
        raise AssertionError("it runs")


@pytest.fixture
def tender(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tender]:
    monkeypatch.setattr(supervision, "LOOK_EVERY_S", 0.01)
    made = Tender()
    made.start()
    yield made
    made.stop()


def test_a_part_that_keeps_ending_is_started_after_longer_and_longer_pauses(tender: Tender) -> None:
    part = Fragile()
    tender.tend(Steady())
    tender.tend(part)
    began = time.monotonic()
    while len(part.starts) < 3:
        assert time.monotonic() - began < 60
        time.sleep(0.01)
    pauses = [later - earlier for earlier, later in zip([began, *part.starts], part.starts, strict=False)]
    assert [pause >= wanted for pause, wanted in zip(pauses, (1, 2, 4), strict=False)] == [True] * 3


def test_nothing_is_started_once_it_was_told_to_stop(tender: Tender) -> None:
    part = Fragile()
    tender.stop()
    tender.tend(part)
    time.sleep(0.1)
    assert part.starts == []

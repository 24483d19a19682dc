"""What is read in the background: not old after a change of one's own without saying so, and not wrong in silence."""

from __future__ import annotations

import threading
import time

import pytest

from pipeline.console import counts
from pipeline.console.counts import Cached
from pipeline.core.errors import Misconfigured
from tests.patience import until


class Looks:
    """Numbers its looks; one that is held waits until it is let go."""

    def __init__(self) -> None:
        self.made = 0
        self.held = threading.Event()
        self.held.set()

    def __call__(self, lake: object) -> int:
        self.made += 1
        number = self.made
        self.held.wait()
        return number


def test_after_a_change_the_next_one_is_new_although_the_last_is_young():
    looks, lake = Looks(), object()
    cached = Cached(looks, 3600)
    until(lambda: cached.newest(lake) == 1)
    assert cached.newest(lake) == 1
    cached.expire()
    until(lambda: cached.newest(lake) == 2)
    assert not cached.is_behind


def test_one_that_was_begun_before_a_change_does_not_count_as_new():
    looks, lake = Looks(), object()
    cached = Cached(looks, 3600)
    until(lambda: cached.newest(lake) == 1)
    looks.held.clear()
    cached.expire()
    until(lambda: looks.made == 2)
    # A second change, while the look after the first one is under way.
    cached.expire()
    assert cached.newest(lake) == 1
    assert cached.is_behind
    looks.held.set()
    until(lambda: cached.newest(lake) == 3)
    assert not cached.is_behind


def test_nobody_looks_after_a_change_at_what_nobody_has_asked_for():
    looks = Looks()
    cached = Cached(looks, 3600)
    cached.expire()
    assert (looks.made, cached.is_behind) == (0, False)


def test_what_was_sent_on_its_way_is_followed(monkeypatch):
    monkeypatch.setattr(counts, "SHARE", 1e9)

    def look(lake: object) -> float:
        time.sleep(0.01)
        return time.monotonic()

    lake, cached = object(), Cached(look, 0)
    first = cached.newest(lake)
    assert first
    assert cached.newest(lake) == first
    cached.expire()
    changed = time.monotonic()
    until(lambda: cached.newest(lake) > changed)
    second = cached.newest(lake)
    until(lambda: cached.newest(lake) > second)


def test_who_asks_hears_why_a_look_failed_and_the_next_one_may_succeed():
    wrong = [Misconfigured("the lake does not answer")]

    def look(lake: object) -> str:
        if wrong:
            raise wrong[0]
        return "there"

    lake = object()
    quiet, telling = Cached(look, 0), Cached(look, 0, tells=True)
    assert quiet.newest(lake) is None
    with pytest.raises(Misconfigured, match="does not answer"):
        telling.newest(lake)
    wrong.clear()

    def answers() -> bool:
        try:
            return telling.newest(lake) == "there"
        except Misconfigured:
            return False

    until(answers)

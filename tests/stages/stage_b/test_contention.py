"""A change of a table is repeated for as long as others are quicker, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stages.stage_b.jobs.contention import ATTEMPTS, LONGEST_S, despite_others

REFUSED = "org.apache.iceberg.exceptions.CommitFailedException"


class JavaError:
    """As py4j hands on what was thrown: its class, and its cause."""

    def __init__(self, name: str, cause: JavaError | None = None) -> None:
        self.getClass = lambda: self
        self.getName = lambda: name
        self.getCause = lambda: cause


class FromJava(Exception):
    def __init__(self, kind: str) -> None:
        self.java_exception = JavaError("java.lang.RuntimeException", JavaError(kind))


def change(refused: int, kind: str = REFUSED) -> tuple[Callable[[], int], list[int]]:
    """One that is refused so many times and then answers, and the list of its tries."""
    tries: list[int] = []

    def changed() -> int:
        tries.append(1)
        if len(tries) <= refused:
            raise FromJava(kind)
        return len(tries)

    return changed, tries


def test_a_change_that_others_were_quicker_than_is_made_again_after_waits_that_end() -> None:
    waits: list[float] = []
    made, _ = change(ATTEMPTS - 1)
    assert despite_others(made, waits.append) == ATTEMPTS
    assert len(waits) == ATTEMPTS - 1
    assert max(waits) <= LONGEST_S


def test_the_last_refusal_is_raised() -> None:
    made, tries = change(1000)
    with pytest.raises(FromJava):
        despite_others(made, lambda _: None)
    assert len(tries) == ATTEMPTS


def test_what_is_no_refusal_is_raised_at_once() -> None:
    made, tries = change(1000, "org.apache.iceberg.exceptions.CommitStateUnknownException")
    with pytest.raises(FromJava):
        despite_others(made, lambda _: None)
    assert len(tries) == 1

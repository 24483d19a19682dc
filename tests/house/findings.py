"""One test a rule, over all that the rule is about: a thousand tests of a line each take longer to keep than to run."""

from __future__ import annotations

from collections.abc import Iterable


def assert_none(found: Iterable[str]) -> None:
    """Nothing was found; else all of it is said, which pytest cuts short."""
    lines = list(found)
    assert not lines, "\n" + "\n".join(lines)

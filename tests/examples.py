"""How many examples a property is tried with."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.markers import THOROUGH

QUICK = 10
"""With `--hypothesis-profile quick`: a look at each property, and not a search."""


def quickly() -> bool:
    """Whether somebody waits for the answer (`make quick`)."""
    return bool(settings.get_current_profile_name() == "quick")


def examples(most: int) -> int:
    """`most`, or few where somebody waits for the answer."""
    return min(most, QUICK) if quickly() else most


def leave_out_thorough(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the tests that take long out of `items` where somebody waits for the answer."""
    if quickly() and (thorough := [item for item in items if item.get_closest_marker(THOROUGH)]):
        config.hook.pytest_deselected(items=thorough)
        items[:] = [item for item in items if item not in thorough]

"""How many examples a property is tried with."""

from __future__ import annotations

from hypothesis import settings

QUICK = 10
"""With `--hypothesis-profile quick`: a look at each property, and not a search."""


def examples(most: int) -> int:
    """`most`, or few where somebody waits for the answer (`make quick`)."""
    return min(most, QUICK) if settings.get_current_profile_name() == "quick" else most

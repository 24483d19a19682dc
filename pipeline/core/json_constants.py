"""Python's reader of JSON takes NaN and Infinity; others' readers do not."""

from __future__ import annotations

from typing import NoReturn


def refuse_constant(name: str) -> NoReturn:
    """For `parse_constant` of `json.loads`: ValueError, for RFC 8259 (section 6) has no such numbers."""
    raise ValueError(f"{name} is not JSON")

"""Answers in pages: the limits of AWS, and tokens that stay right while entries come and go.

A token names the last entry that was given, not a position.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from pipeline.emulator.stepfunctions.errors import invalid, invalid_token

PAGE = 100
LARGEST_PAGE = 1000
_LONGEST_TOKEN = 1024


def page_size(wanted: Any) -> int:
    """0 and nothing mean 100. Beyond 1,000 is `ValidationException`."""
    size = int(wanted or 0)
    if size > LARGEST_PAGE:
        raise invalid("maxResults", str(size), f"Member must have value less than or equal to {LARGEST_PAGE}")
    if size < 0:
        raise invalid("maxResults", str(size), "Member must have value greater than or equal to 0")
    return size or PAGE


def last_given(token: str | None, question: str) -> Any:
    """What `token_for` was given, or None at the start. A token of another question is `InvalidToken`."""
    if token is None:
        return None
    if len(token) > _LONGEST_TOKEN:
        raise invalid("nextToken", token, f"Member must have length less than or equal to {_LONGEST_TOKEN}")
    try:
        asked, last = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        raise invalid_token() from None
    if asked != question:
        raise invalid_token()
    return last


def token_for(question: str, last: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([question, last]).encode()).decode()


def choice(name: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    """`value`, if it is one of those allowed or None; else `ValidationException` in AWS's words."""
    if value is not None and value not in allowed:
        raise invalid(name, value, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    return value

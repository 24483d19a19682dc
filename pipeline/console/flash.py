"""The message of an action, shown once on the next page. It travels in a cookie, which no page trusts."""

from __future__ import annotations

import base64
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "sluice-said"
MOST = 500
"""Characters: a cookie holds 4 kB."""


def set_message(response: Response, text: str, *, good: bool, during: str | None = None) -> None:
    """Store the message for the next page. `during` names the activity after whose end the text is no longer true."""
    packed = base64.urlsafe_b64encode(json.dumps([text[:MOST], good, during]).encode()).decode()
    response.set_cookie(COOKIE, packed, max_age=30, httponly=True, samesite="strict", path="/")


def read_message(request: Request) -> dict[str, Any] | None:
    """The stored message as `text`, `good` and `during`; None if there is none, or its cookie is malformed."""
    try:
        text, good, during = json.loads(base64.urlsafe_b64decode(request.cookies[COOKIE]))
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
    return {"text": str(text), "good": bool(good), "during": during if isinstance(during, str) else None}


def delete_message(response: Response) -> None:
    """Delete the stored message, once a page has read it."""
    response.delete_cookie(COOKIE, path="/")

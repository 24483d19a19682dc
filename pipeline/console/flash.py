"""What an action said, shown once on the page that follows it. The cookie is no secret, and no page trusts it."""

from __future__ import annotations

import base64
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "sluice-said"
MOST = 500
"""Characters: a cookie holds 4 kB."""


def say(response: Response, text: str, *, good: bool, during: str | None = None) -> None:
    """`during` names what goes on while the text is true."""
    packed = base64.urlsafe_b64encode(json.dumps([text[:MOST], good, during]).encode()).decode()
    response.set_cookie(COOKIE, packed, max_age=30, httponly=True, samesite="strict", path="/")


def said(request: Request) -> dict[str, Any] | None:
    try:
        text, good, during = json.loads(base64.urlsafe_b64decode(request.cookies[COOKIE]))
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
    return {"text": str(text), "good": bool(good), "during": during if isinstance(during, str) else None}


def forget(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/")

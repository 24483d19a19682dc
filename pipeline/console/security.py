"""Protection against other pages in the same browser: checks of host, origin and form tokens, and headers.

The console listens on 127.0.0.1, which any page that the user visits can reach through the browser. So a request must
name the console's own host (against DNS rebinding), and one that changes anything must come from the console's own
pages and carry a token that only they have.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.core.errors import Refused
from pipeline.core.loopback import is_this_machine

COOKIE = "sluice"
FIELD = "csrf"
HEADER = "x-csrf-token"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Forgery(Refused):
    """A request that did not come from the console's own page."""


class Tokens:
    """Tokens of forms, each made of a secret of this process and of the visitor's cookie."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def visitor(self, connection: HTTPConnection) -> str:
        """The visitor's cookie, or a new one to set."""
        return connection.cookies.get(COOKIE) or secrets.token_urlsafe(24)

    def token(self, visitor: str) -> str:
        """The token that the forms of a visitor carry, as hex digits."""
        return hmac.new(self._secret, visitor.encode(), hashlib.sha256).hexdigest()

    def check(self, connection: HTTPConnection, given: str | None) -> None:
        """`Forgery` unless the request carries its visitor's token and comes from a page of this console."""
        check_origin(connection)
        visitor = connection.cookies.get(COOKIE)
        if not visitor or not given or not hmac.compare_digest(self.token(visitor).encode(), given.encode()):
            raise Forgery(
                "the form is not from this console, or the console was restarted since",
                hint="Open the page again, and repeat the action.",
            )


def check_origin(connection: HTTPConnection) -> None:
    """`Forgery` if the browser says that the request comes from a page of another origin."""
    origin = connection.headers.get("origin")
    # Compared whole: an origin that is not a URL is another's.
    if origin and origin.partition("://")[2] != connection.headers.get("host"):
        raise Forgery(f"the request comes from a page of {origin}", hint="Use the console's own page.")


class OwnHost:
    """Answers requests to the console's own host only, and sets security headers on every answer."""

    def __init__(self, app: ASGIApp, refuse: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        app = self._app if is_this_machine(HTTPConnection(scope).headers.get("host", "")) else self._refuse
        await app(scope, receive, send_guarded)

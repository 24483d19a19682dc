"""Admission to the console: a request needs the console's token, which the printed address carries.

The port is open to every user of the machine and to every page in its browsers. The address with the token gives a
browser a cookie that no script reads and that no other site's requests carry; programs send the token as a bearer.
Cookies are not bound to a port: the browser sends the cookie to every service on the same host name.
"""

from __future__ import annotations

import hmac
import html
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

PARAMETER = "token"
_BEARER = "bearer "
_UNAUTHORIZED = (
    "Open the address that `sluice up`, `make demo` or `sluice console` printed: it carries a token. "
    "`sluice up` prints it again for a running lake. Programs send the token as "
    "`Authorization: Bearer …`.\n"
)


def cookie_name(port: int) -> str:
    """The cookie's name has the port in it: browsers send cookies to every port, so two consoles need two names."""
    return f"sluice-console-{port}"


class Admission:
    """Passes on requests with the token, admits a browser that opens the printed address, and rejects all others."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(Request(scope))(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _answer(self, request: Request) -> ASGIApp:
        cookie = cookie_name(request.scope["server"][1])
        given = request.headers.get("authorization", "")
        bearer = given[len(_BEARER) :] if given.lower().startswith(_BEARER) else ""
        # Checked before the cookie: pages repeat their query in links, and would repeat the token.
        if request.method == "GET" and self._is_token(request.query_params.get(PARAMETER, "")):
            return _admit(request, cookie, self._token)
        if self._is_token(bearer) or self._is_token(request.cookies.get(cookie, "")):
            return self._app
        # The body of a request without the token is not read.
        challenge = {"www-authenticate": "Bearer", "connection": "close"}
        return PlainTextResponse(_UNAUTHORIZED, status_code=HTTPStatus.UNAUTHORIZED, headers=challenge)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())


def _admit(request: Request, cookie: str, token: str) -> Response:
    """Set the cookie and send the browser to the same page without the token.

    Not by a redirect: a browser that came from another site would follow it without the cookie.
    """
    query = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != PARAMETER])
    # Two slashes at the beginning would be another host.
    path = "/" + request.url.path.lstrip("/")
    target = html.escape(f"{path}?{query}" if query else path)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sluice</title>'
        f'<meta http-equiv="refresh" content="0; url={target}"></head>'
        f'<body><p><a href="{target}">On to the console</a></p></body></html>'
    )
    answer = HTMLResponse(page, headers={"referrer-policy": "no-referrer", "cache-control": "no-store"})
    answer.set_cookie(cookie, token, path="/", httponly=True, samesite="strict")
    return answer

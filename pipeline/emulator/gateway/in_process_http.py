"""What botocore sends with where the server is this process: the application is called, without sockets.

A call over a socket costs the process 2 ms on its two ends, and most of the work of a short state machine is calls.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from urllib3 import HTTPHeaderDict
from urllib3.response import HTTPResponse

from pipeline.emulator.gateway.http_server import WsgiApplication, respond


class InProcessSession:
    """Takes the place of `URLLib3Session` in a client. Bodies are held in memory, as moto holds them.

    `find` gives the application, or None when the server is not there: then `otherwise` sends, and fails as it does.
    """

    def __init__(self, find: Callable[[], WsgiApplication | None], otherwise: Any) -> None:
        self._find = find
        self._otherwise = otherwise

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Answer the request by calling the application, or send it where that does not run here."""
        application = self._find()
        if application is None:
            return self._otherwise.send(request)
        status, headers, body = respond(application, _environ(request))
        code = int(status.partition(" ")[0])
        raw = HTTPResponse(io.BytesIO(body), headers=HTTPHeaderDict(headers), status=code, preload_content=False)
        response = AWSResponse(request.url, code, raw.headers, raw)
        if not request.stream_output:
            _ = response.content
        return response

    def close(self) -> None:
        """Close what sends the others."""
        self._otherwise.close()


def request_environ(method: str, url: str, body: bytes) -> dict[str, Any]:
    """As werkzeug's server makes it of a request without headers."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _as_wsgi(unquote(parts.path or "/")),
        "QUERY_STRING": _as_wsgi(parts.query),
        "REQUEST_URI": _as_wsgi(target),
        "RAW_URI": _as_wsgi(target),
        "REMOTE_ADDR": parts.hostname,
        "SERVER_NAME": parts.hostname,
        "SERVER_PORT": str(parts.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": parts.netloc,
        "CONTENT_LENGTH": str(len(body)),
    }


def _environ(request: AWSPreparedRequest) -> dict[str, Any]:
    environ = request_environ(request.method, request.url, _body(request.body))
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        if key in ("TRANSFER_ENCODING", "CONTENT_LENGTH"):
            continue
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = (
            value.decode() if isinstance(value, bytes) else str(value)
        )
    return environ


def _body(given: Any) -> bytes:
    if given is None:
        return b""
    if isinstance(given, str):
        return given.encode()
    return bytes(given if isinstance(given, bytes | bytearray) else given.read())


def _as_wsgi(text: str) -> str:
    return text.encode().decode("latin-1")

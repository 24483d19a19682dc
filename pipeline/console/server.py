"""Serves the console on 127.0.0.1."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.console.admission import PARAMETER
from pipeline.core.errors import Refused
from pipeline.operate.connection import Connected

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

HOST = "127.0.0.1"


def bind(port: int) -> socket.socket:
    """A socket that listens on a port of 127.0.0.1; port 0 is any free one. `Refused` if the port is taken."""
    try:
        listening = socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise Refused(f"port {port} is taken", hint="Choose another with --port, or 0 for any free one.") from None
    # asyncio sets this only on sockets that it makes; without it each answer waits 40 ms for an acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def address(listening: socket.socket) -> str:
    """The console's URL."""
    return f"http://{HOST}:{listening.getsockname()[1]}"


def address_to_open(url: str, token: str) -> str:
    """The address to open in a browser: it carries the token, which the browser then keeps as a cookie."""
    return f"{url}/?{PARAMETER}={token}"


def serve(connect: Callable[[], Connected], listening: socket.socket, *, allow_changes: bool, token: str) -> None:
    """Serve the console until SIGINT or SIGTERM; every request must carry `token`."""
    from pipeline.console.app import make_app
    from pipeline.console.console import Console

    app = make_app(Console(connect, allow_changes=allow_changes, token=token))
    server(app).run(sockets=[listening])


def server(app: ASGIApp) -> uvicorn.Server:
    """The uvicorn server of a console's application."""
    import uvicorn

    from pipeline.console.connections import Connection

    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Connection,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )

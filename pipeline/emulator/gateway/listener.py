"""The socket that the front door listens on."""

from __future__ import annotations

import errno
import socket

from pipeline.core.errors import Refused

BACKLOG = 256


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections at a port, 0 for any free one; `Refused` where the port is in use."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Without it a restart within a minute finds the port in TIME_WAIT.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise _port_in_use(host, port) from error
        raise
    return listener


def _port_in_use(host: str, port: int) -> Refused:
    return Refused(
        f"port {port} on {host} is in use by another program",
        hint="Give another with --port, or 0 for any free one.",
    )

"""The loopback names of this machine. A request of a rebound host name (DNS rebinding) has none of them."""

from __future__ import annotations

HOSTS = ("127.0.0.1", "localhost", "[::1]")


def is_this_machine(host: str) -> bool:
    """Whether a Host header names this machine, with or without a port."""
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    return (name or host) in HOSTS and (not port or port.isdigit() or not name)

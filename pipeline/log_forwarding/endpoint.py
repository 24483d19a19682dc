"""Where log events are sent: which URLs and which addresses may be, and which answers mean what."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.errors import Misconfigured, Transient

HINT = "Mend it with `sluice settings set log-endpoint URL`, and deploy: docs/log-forwarding.md."
_PRINTABLE = re.compile(r"[!-~]+")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[[str, int], Sequence[tuple[Any, ...]]]
"""As `socket.getaddrinfo` answers for a host and a port."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL that may be sent to. `target` is its path and query, which may hold a key: no error quotes it."""

    host: str
    port: int
    target: str
    may_be_here: bool = False
    """Whether it may be this machine: in an embedded lake alone."""

    @property
    def place(self) -> str:
        """What errors call it."""
        return f"{self.host}:{self.port}"


def endpoint_of(url: str, *, is_embedded: bool) -> Endpoint:
    """The endpoint of a URL; `Misconfigured` for one that events are not sent to, which is not quoted.

    It is https:// of a host by its name or public address. In an embedded lake it may also be this machine.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Misconfigured("log-endpoint is no URL", hint=HINT) from None
    if _PRINTABLE.fullmatch(url) is None or not host or parts.fragment:
        raise Misconfigured("log-endpoint is no URL of a host, without a fragment", hint=HINT)
    if parts.username is not None or parts.password is not None:
        raise Misconfigured("log-endpoint has a name or a password in it; headers come from log-headers", hint=HINT)
    if parts.scheme != "https":
        raise Misconfigured("log-endpoint is not https://: log events are sent encrypted", hint=HINT)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    return Endpoint(host, port or 443, target, is_embedded)


def addresses(endpoint: Endpoint, resolve: Resolve | None = None) -> list[str]:
    """The addresses to connect to, looked up once: what is checked is what is connected to.

    `Transient` where the name is not known now; `Misconfigured` if one of them is no public address, such as that of
    a machine's metadata (169.254.169.254), of Lambda's own runtime on this machine, or of a private network.
    """
    try:
        found = (resolve or _resolve)(endpoint.host, endpoint.port)
    except OSError as error:
        raise Transient(f"the name {endpoint.host} is not found: {type(error).__name__}") from None
    every = list(dict.fromkeys(str(each[4][0]) for each in found))
    for address in every:
        if not _is_public(address) and not (endpoint.may_be_here and _is_loopback(address)):
            raise Misconfigured(f"{endpoint.host} has the address {address}, which is not a public one", hint=HINT)
    return every


def _resolve(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _is_public(text: str) -> bool:
    """Whether an address is of the internet, also where it is an IPv4 address in the form of an IPv6 one."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(str(inner))
    return address.is_global and not address.is_multicast

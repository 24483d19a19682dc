"""Sends bodies to an endpoint by POST, again where another try may help, for as long as a call of the function has."""

from __future__ import annotations

import http.client
import random
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Protocol

from pipeline.core.errors import Misconfigured, SluiceError, Transient
from pipeline.log_forwarding.endpoint import Endpoint, addresses

TRY_S = 10.0
"""Seconds that connecting, or any read or write, may take."""
TRIES = 4
"""Tries of one body in one call of the function. Lambda calls it twice more."""
LONGEST_PAUSE_S = 20.0
"""No longer is a Retry-After waited for."""
AGAIN = frozenset((408, 425, 429))
"""Answers that may be others later, besides those from 500."""
REFUSED_KEY = frozenset((401, 403))


class Headers(Protocol):
    """Headers to send, by name; read again where `afresh` is true."""

    def __call__(self, *, afresh: bool = False) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Time:
    """Clock and pauses, which tests replace."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    wall: Callable[[], float] = time.time
    random: Callable[[], float] = field(default=random.random)


class Answered(Exception):
    """What an endpoint said that is no success: its status, and the seconds that it asks to wait."""

    def __init__(self, status: int, retry_after_s: float | None) -> None:
        super().__init__(status)
        self.status = status
        self.retry_after_s = retry_after_s


class Sender:
    """Posts to one endpoint. Certificates are verified against `authority` (PEM), or the system's where it is empty.

    Errors name host and port and the status: no answer's text, no header, no path.
    """

    def __init__(
        self, endpoint: Endpoint, headers: Headers, authority: str = "", *, try_s: float = TRY_S, time: Time = Time()
    ) -> None:
        self._endpoint = endpoint
        self._headers = headers
        self._context = _trusting(authority)
        self._try_s = try_s
        self._time = time

    def send(self, body: bytes, until: float) -> None:
        """Post a body; `until` is the time of the clock after which it is not tried again.

        `Transient` where the endpoint is not reached, cuts off, is too slow or asks to come later, at every try;
        `Misconfigured` where it says no, redirects, or has a certificate that is not trusted.
        """
        tries, afresh = 0, False
        while True:
            tries += 1
            try:
                return self._post(body, self._headers(afresh=afresh))
            except Answered as answered:
                said = f"answered {answered.status}"
                refused_key = answered.status in REFUSED_KEY and not afresh
                if not refused_key and answered.status not in AGAIN and answered.status < 500:
                    raise self._refused(answered.status) from None
                afresh = refused_key or afresh
                pause = 0.0 if refused_key else self._pause(tries, answered.retry_after_s)
            except ssl.SSLCertVerificationError as error:
                raise Misconfigured(
                    f"the certificate of {self._endpoint.place} is not trusted: {error.verify_message}",
                    hint="`log-authority` names an authority of your own: docs/log-forwarding.md.",
                ) from None
            except (OSError, http.client.HTTPException) as error:
                said, pause = f"is not reached ({type(error).__name__})", self._pause(tries, None)
            if tries >= TRIES or self._time.now() + pause + self._try_s > until:
                raise Transient(f"the log endpoint at {self._endpoint.place} {said}, {tries} times") from None
            self._time.sleep(pause)

    def _post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """`Answered` for anything but a success; what comes after the status and the headers is not read."""
        connection = _Connection(self._endpoint, self._context, self._try_s)
        try:
            connection.request("POST", self._endpoint.target, body, {"Content-Type": "application/x-ndjson", **headers})
            answer = connection.getresponse()
            if not 200 <= answer.status < 300:
                raise Answered(answer.status, _seconds(answer.getheader("Retry-After"), self._time.wall()))
        finally:
            connection.close()

    def _pause(self, tries: int, asked_s: float | None) -> float:
        """What the endpoint asks for, or twice as long each time and never the same as of other calls."""
        if asked_s is not None:
            return min(asked_s, LONGEST_PAUSE_S)
        return (0.5 + self._time.random()) * 2.0 ** (tries - 1) / 2

    def _refused(self, status: int) -> SluiceError:
        if 300 <= status < 400:
            return Misconfigured(
                f"the log endpoint at {self._endpoint.place} redirects ({status}), and redirects are not followed",
                hint="Set `log-endpoint` to the URL that it redirects to.",
            )
        return Misconfigured(
            f"the log endpoint at {self._endpoint.place} refuses what it is sent: {status}",
            hint="401 and 403: the secret of `log-headers`. 404: the path of `log-endpoint`.",
        )


class _Connection(http.client.HTTPConnection):
    """One that goes to an address that was checked, and asks the certificate for the host's name."""

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(endpoint.host, endpoint.port, timeout=timeout)
        self._endpoint = endpoint
        self._context = context
        # The port of a Host header that names none.
        self.default_port = 443

    def connect(self) -> None:
        """To the first of the host's addresses that answers."""
        failed: OSError | None = None
        for address in addresses(self._endpoint):
            try:
                self.sock = socket.create_connection((address, self.port), self.timeout)
                break
            except OSError as error:
                failed = error
        else:
            raise failed or OSError("no address")
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._endpoint.host)


def _trusting(authority: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=authority or None)
    except (ssl.SSLError, ValueError):
        raise Misconfigured(
            "log-authority holds no certificates in PEM", hint="It is the text of the authority's certificate file."
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _seconds(header: str | None, now: float) -> float | None:
    """A Retry-After: seconds, or a date (RFC 9110, 10.2.3). None where it is neither."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return float(header.strip()[:9])
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None

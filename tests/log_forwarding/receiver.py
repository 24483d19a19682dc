"""An HTTPS endpoint on this machine, with a certificate of an authority of its own, that answers as it is told."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CUT_OFF = -1
"""An answer: none, and the connection ends."""
SILENT = -2
"""An answer: none, for `SILENT_S`."""
SILENT_S = 2.0


@dataclass
class Request:
    """What came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.body.splitlines()]


@dataclass
class Receiver:
    """A running endpoint. `answers` are given in turn, the last again and again: a status, with headers or without."""

    url: str
    authority: str
    answers: list[Any] = field(default_factory=lambda: [200])
    requests: list[Request] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1].partition("/")[0])

    def lines(self) -> list[dict[str, Any]]:
        """All lines of all requests."""
        return [line for request in list(self.requests) for line in request.lines]


@contextlib.contextmanager
def receiver(folder: Path, name: str = "localhost", *, valid: bool = True) -> Iterator[Receiver]:
    """One whose certificate is for `name`, and is not `valid` any more where that is asked."""
    authority, chain = certificates(folder, name, valid=valid)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    running = Receiver("", authority)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(running))
    server.daemon_threads = True
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    running.url = f"https://localhost:{server.server_port}/logs?key=in-the-query"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()


def _handler(running: Receiver) -> Callable[..., http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            running.requests.append(Request(self.path, dict(self.headers.items()), body))
            answer = running.answers.pop(0) if len(running.answers) > 1 else running.answers[0]
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            if status == SILENT:
                time.sleep(SILENT_S)
            if status < 0:
                self.connection.close()
                return
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def certificates(folder: Path, name: str, *, valid: bool = True) -> tuple[str, Path]:
    """An authority's certificate (PEM), and a file with a key and the certificate that it signed for a host."""
    now = datetime.datetime.now(datetime.UTC)
    ended = now + datetime.timedelta(days=1 if valid else -1)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    subjects = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in ("Tests", name)]

    def certificate(subject: int, *, is_authority: bool) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subjects[subject])
            .issuer_name(subjects[0])
            .public_key(keys[subject].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(ended if not is_authority else now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[subject].public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
            .sign(keys[0], hashes.SHA256())
        )

    pem = serialization.Encoding.PEM
    key = keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain = folder / f"{name}.pem"
    chain.write_bytes(key + certificate(1, is_authority=False).public_bytes(pem))
    return certificate(0, is_authority=True).public_bytes(pem).decode(), chain

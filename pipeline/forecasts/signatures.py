"""Whether SNS signed a message: versions 1 and 2 of its signatures.

What is signed, and how: AWS, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.clock import Clock, system_clock
from pipeline.core.errors import BadInput, Transient

HOST = re.compile(r"^sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$")
"""Hosts that have SNS's certificates: whoever has one elsewhere is not SNS."""
PATH = re.compile(r"^/SimpleNotificationService-[0-9a-f]{8,64}\.pem$")
SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
"""What of a notification is signed, in this order; a subject only where there is one."""
LONGEST_CERTIFICATE = 20_000
KNOWN_CERTIFICATES = 20

Fetch = Callable[[str], bytes]
"""The content of an https URL."""


class Signatures:
    """Checks messages against the certificates that they name, each of which is fetched once."""

    def __init__(self, fetch: Fetch, clock: Clock = system_clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, tuple[Any, datetime, datetime]] = {}

    def verify(self, message: Mapping[str, Any]) -> None:
        """`BadInput` unless SNS signed this notification; `Transient` if the certificate cannot be had now."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        key = self._key_of(certificate_url(message))
        try:
            signature = base64.b64decode(str(message.get("Signature", "")), validate=True)
            key.verify(signature, signed_text(message), PKCS1v15(), _digest(message))
        except (InvalidSignature, binascii.Error):
            raise BadInput("the signature is not SNS's: the announcement is forged, or was changed") from None

    def _key_of(self, url: str) -> Any:
        if url not in self._keys:
            if len(self._keys) >= KNOWN_CERTIFICATES:
                self._keys.clear()
            self._keys[url] = _public_key(self._fetched(url))
        key, begins, ends = self._keys[url]
        if not begins <= self._clock() <= ends:
            raise BadInput(f"the certificate at {url} is valid from {begins:%Y-%m-%d} to {ends:%Y-%m-%d} only")
        return key

    def _fetched(self, url: str) -> bytes:
        try:
            content = self._fetch(url)
        except OSError as error:
            raise Transient(f"the certificate at {url} cannot be fetched: {error}") from error
        if len(content) > LONGEST_CERTIFICATE:
            raise BadInput(f"what is at {url} is too long for a certificate")
        return content


def certificate_url(message: Mapping[str, Any]) -> str:
    """Where a message says that its certificate is; `BadInput` unless SNS alone can have put it there."""
    url = message.get("SigningCertURL")
    parts = urlsplit(url) if isinstance(url, str) and url.isascii() and url.isprintable() else None
    right = parts is not None and parts.scheme == "https" and HOST.match(parts.netloc) and PATH.match(parts.path)
    if not right or parts is None or parts.query or parts.fragment:
        raise BadInput(f"the certificate is not at SNS's address, but at {str(url)[:200]!r}")
    if str(message.get("TopicArn", "")).split(":")[3:4] != [parts.netloc.split(".")[1]]:
        raise BadInput(f"the certificate at {url} is of another region than the topic")
    return parts.geturl()


def signed_text(message: Mapping[str, Any]) -> bytes:
    """The text that a notification's signature is of: name and value of each part, a line each."""
    lines: list[str] = []
    for name in SIGNED:
        value = message.get(name)
        if value is None and name == "Subject":
            continue
        if not isinstance(value, str):
            raise BadInput(f"the message of SNS has no text in `{name}`")
        lines += [name, value]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def _digest(message: Mapping[str, Any]) -> Any:
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    match message.get("SignatureVersion"):
        case "1":
            return SHA1()  # noqa: S303
        case "2":
            return SHA256()
        case other:
            raise BadInput(f"signatures of version {str(other)[:20]!r} are unknown here: SNS has 1 and 2")


def _public_key(pem: bytes) -> tuple[Any, datetime, datetime]:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import load_pem_x509_certificate

    try:
        certificate = load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except ValueError as error:
        raise BadInput(f"the certificate cannot be read: {error}") from None
    if not isinstance(key, RSAPublicKey):
        raise BadInput("the certificate has no RSA key")
    return key, certificate.not_valid_before_utc, certificate.not_valid_after_utc

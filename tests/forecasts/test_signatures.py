"""Only what SNS signed is believed. The tests sign as SNS does, with an authority of their own."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from pipeline.core.errors import BadInput, Transient
from pipeline.forecasts.signatures import Signatures

NOW = datetime(2026, 11, 30, tzinfo=UTC)
URL = "https://sns.eu-west-2.amazonaws.com/SimpleNotificationService-a86cb10b4e1f29c941702d737128f7b6.pem"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(key: Any = KEY, days: int = 30) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(NOW - timedelta(days=60)).not_valid_after(NOW + timedelta(days=days))
    return made.sign(KEY, SHA256()).public_bytes(Encoding.PEM)


def signed(version: str = "1", **changes: Any) -> dict[str, Any]:
    message = {
        "Type": "Notification",
        "MessageId": "ecfd61aa",
        "TopicArn": "arn:aws:sns:eu-west-2:021908831235:topic",
        "Message": "line\nand ünïcode",
        "Timestamp": "2026-11-30T00:00:00.000Z",
        "SigningCertURL": URL,
        "SignatureVersion": version,
        **changes,
    }
    # Written out as in AWS's documentation, and not by the code under test.
    names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    digest = SHA1() if version == "1" else SHA256()
    signature = KEY.sign(text.encode(), padding.PKCS1v15(), digest)
    return {**message, "Signature": base64.b64encode(signature).decode()}


def verifier(content: bytes | Exception | None = None) -> Signatures:
    def fetch(url: str) -> bytes:
        assert url == URL
        if isinstance(content, Exception):
            raise content
        return certificate() if content is None else content

    return Signatures(fetch, lambda: NOW)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("more", [{}, {"Subject": "a subject"}])
def test_what_sns_signed_is_believed(version: str, more: dict[str, str]):
    verifier().verify(signed(version, **more))


@pytest.mark.parametrize("part", ["Message", "MessageId", "Timestamp", "Type"])
def test_what_was_changed_on_the_way_is_forged(part: str):
    for version in ("1", "2"):
        with pytest.raises(BadInput, match="forged"):
            verifier().verify({**signed(version), part: "other"})


def test_a_subject_that_was_added_is_forged():
    with pytest.raises(BadInput, match="forged"):
        verifier().verify({**signed(), "Subject": "added"})


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        URL.replace("https", "http"),
        URL.replace("sns.eu-west-2.amazonaws.com", "sns.eu-west-2.amazonaws.com.evil.example"),
        URL.replace("sns.eu-west-2.amazonaws.com", "evil.example"),
        URL.replace("sns.", "evil@sns."),
        URL.replace(".com/", ".com:8443/"),
        URL.replace("sns.eu-west-2", "sns.us-east-1"),
        "https://sns.eu-west-2.amazonaws.com/attackers-bucket/x.pem",
        f"{URL}?x=1",
        f"{URL}\n",
    ],
)
def test_a_certificate_that_is_not_at_snss_address_is_not_even_fetched(url: Any):
    with pytest.raises(BadInput, match="certificate"):
        Signatures(lambda _: pytest.fail("it was fetched"), lambda: NOW).verify({**signed(), "SigningCertURL": url})


@pytest.mark.parametrize(
    ("message", "content", "reason"),
    [
        (signed("3"), None, "version '3' are unknown"),
        ({**signed(), "Signature": "no base64!"}, None, "forged"),
        ({**signed(), "Message": None}, None, "no text in `Message`"),
        (signed(), b"no certificate", "cannot be read"),
        (signed(), b"x" * 30_000, "too long"),
        (signed(), certificate(days=-1), "valid from 2026-10-01 to 2026-11-29 only"),
        (signed(), certificate(rsa.generate_private_key(public_exponent=65537, key_size=2048)), "forged"),
    ],
)
def test_what_proves_nothing_is_refused(message: dict[str, Any], content: bytes | None, reason: str):
    with pytest.raises(BadInput, match=reason):
        verifier(content).verify(message)


def test_a_certificate_that_cannot_be_had_now_is_asked_for_again():
    with pytest.raises(Transient, match="cannot be fetched"):
        verifier(OSError("timed out")).verify(signed())


def test_a_certificate_is_fetched_once():
    fetched: list[str] = []

    def fetch(url: str) -> bytes:
        fetched.append(url)
        return certificate()

    signatures = Signatures(fetch, lambda: NOW)
    for _ in range(3):
        signatures.verify(signed())
    assert fetched == [URL]

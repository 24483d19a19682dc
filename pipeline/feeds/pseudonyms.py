"""Pseudonyms: keyed digests of identifiers. With the key they can be made again, without it nothing leads back.

A hash of identifier and secret would not do: SHA-256 of a text that begins with the identifier can be continued
(length extension), the border between identifier and secret is nowhere (`a` + `bc` is `ab` + `c`), and one secret would
serve all purposes. HMAC (RFC 2104) has none of this; each namespace has a key of its own, derived from the
environment's.

A key's new version is applied to the pseudonyms of the one before, and not to identifiers: so what stands in a table
can be brought to it without knowing anybody (`digest_of`), and joins with what comes after.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from pipeline.core.errors import Misconfigured
from pipeline.feeds.definition import Namespace
from pipeline.feeds.identifiers import NORMALISERS
from pipeline.feeds.keyring import Keyring

_CONTEXT = b"sluice/feeds/namespace/"


class Pseudonyms:
    """Those of one namespace, at one version of the keys."""

    def __init__(self, name: str, namespace: Namespace, keyring: Keyring, version: int) -> None:
        """`version` counts from 1, and from 0 for what a foreign method made and no key of ours has touched.

        `Misconfigured` where the keyring lacks a key or a secret that it takes: nothing is written without."""
        self._normalise = NORMALISERS[namespace.identifier]
        self._first = _first(name, namespace, keyring)
        then = range(first_version(namespace) + 1, version + 1)
        self._then = [digest_of(name, keyring, number) for number in then]

    def of(self, identifier: str) -> str | None:
        """The pseudonym of an identifier, 64 hexadecimal digits; None of one with nothing in it.

        UnicodeEncodeError, which quotes it, for what is no text: half of a surrogate pair.
        """
        normal = self._normalise(identifier)
        if not normal:
            return None
        found = self._first(normal.encode())
        for digest in self._then:
            found = digest(found.encode())
        return found


def first_version(namespace: Namespace) -> int:
    """The version at which pseudonyms of the namespace begin: 0 is what a foreign method made."""
    return 0 if namespace.method == "sha256" else 1


def digest_of(name: str, keyring: Keyring, version: int) -> Callable[[bytes], str]:
    """What the key of `version` makes of bytes in the namespace `name`, in hexadecimal digits.

    Applied to a pseudonym of the version before, it gives that of `version`.
    """
    try:
        key = keyring.keys[version]
    except KeyError:
        raise Misconfigured(
            f"the keyring has no key of version {version}", hint="A version that was used stays in the secret."
        ) from None
    start = hmac.new(hmac.digest(key, _CONTEXT + name.encode(), "sha256"), digestmod="sha256")

    def digest(data: bytes) -> str:
        copied = start.copy()
        copied.update(data)
        return copied.hexdigest()

    return digest


def _first(name: str, namespace: Namespace, keyring: Keyring) -> Callable[[bytes], str]:
    if namespace.method == "hmac":
        return digest_of(name, keyring, 1)
    try:
        secret = keyring.legacy[namespace.secret or ""].encode()
    except KeyError:
        raise Misconfigured(f"the keyring has no legacy secret {namespace.secret}") from None
    return lambda data: hashlib.sha256(data + secret).hexdigest()

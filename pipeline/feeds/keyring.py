"""The keys of pseudonyms, as a secret holds them: `{"keys": {"1": "<base64>", …}, "legacy": {"<name>": "<text>"}}`.

A secret that a stack has made says `{"generated": "<text>"}`, which is the first key until somebody adds a second.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.errors import Misconfigured

KEY_BYTES = 32
"""As many as the digest has (RFC 2104, section 3: shorter keys make it weaker)."""


@dataclass(frozen=True)
class Keyring:
    """Keys by version, from 1 on without a gap, and secrets of foreign methods by name. Neither is ever printed."""

    keys: Mapping[int, bytes] = field(repr=False)
    legacy: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def newest(self) -> int:
        """The newest version that there is a key of."""
        return max(self.keys)

    @classmethod
    def from_secret(cls, text: str) -> Keyring:
        """What a secret's text says; `Misconfigured`, which never quotes it, where it is no keyring."""
        try:
            document = json.loads(text)
            keys = _keys(document)
            legacy = dict(document.get("legacy", {}))
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            # The cause would quote the secret.
            raise _no_keyring("it is not JSON of that form") from None
        if not keys or sorted(keys) != list(range(1, len(keys) + 1)):
            raise _no_keyring("its versions do not count from 1 on without a gap")
        if short := [version for version, key in keys.items() if len(key) < KEY_BYTES]:
            raise _no_keyring(f"the key of version {short[0]} has fewer than {KEY_BYTES} bytes")
        if not all(isinstance(value, str) and value for value in legacy.values()):
            raise _no_keyring("a legacy secret is empty or no text")
        return cls(keys, legacy)

    def to_secret(self) -> str:
        """The secret's text."""
        keys = {str(version): base64.b64encode(key).decode() for version, key in sorted(self.keys.items())}
        return json.dumps({"keys": keys, **({"legacy": dict(self.legacy)} if self.legacy else {})})


def _keys(document: Mapping[str, Any]) -> dict[int, bytes]:
    if "generated" in document and "keys" not in document:
        # As long as the digest's block at least, of random characters: more than 256 bits of chance.
        return {1: document["generated"].encode("ascii")}
    return {_version(name): base64.b64decode(value, validate=True) for name, value in document["keys"].items()}


def _version(name: str) -> int:
    if not (name.isascii() and name.isdigit()):
        raise ValueError(name)
    return int(name)


def _no_keyring(why: str) -> Misconfigured:
    form = '{"keys": {"1": "<base64 of 32 bytes>"}}'
    return Misconfigured(f"the secret of pseudonyms is no keyring: {why}", hint=f"It is JSON such as {form}.")

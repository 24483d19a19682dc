"""The access key of an embedded lake: every call to its AWS is signed with it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Self

ID = "AWS_ACCESS_KEY_ID"
SECRET = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - the variable's name

NONCE, PROOF = "X-Sluice-Nonce", "X-Sluice-Proof"
"""The headers with which a lake proves that it has the key: a nonce in the request, the proof in the answer."""

# No access key id of AWS begins like this, so that a user's own keys are never taken for a lake's.
_PREFIX = "SLUICE"


@dataclass(frozen=True, slots=True)
class LakeKey:
    """An access key id and its secret, which `repr` leaves out."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def make(cls) -> Self:
        """A random key, as long as AWS's."""
        return cls(_PREFIX + secrets.token_hex(7).upper(), secrets.token_urlsafe(30))

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self | None:
        """The lake's key in environment variables; None if they have none, or a key of AWS."""
        key_id = environ.get(ID, "")
        return cls(key_id, environ.get(SECRET, "")) if key_id.startswith(_PREFIX) else None

    def console_token(self) -> str:
        """The token that the lake's console requires: derived from the secret, which it does not reveal."""
        return hmac.new(self.secret.encode(), b"console", hashlib.sha256).hexdigest()

    def proof(self, nonce: str) -> str:
        """The answer to a nonce that only the holder of the key can give (HMAC-SHA-256, hex digits)."""
        return hmac.new(self.secret.encode(), f"proof {nonce}".encode(), hashlib.sha256).hexdigest()

    def variables(self) -> dict[str, str]:
        """The environment variables from which every AWS SDK reads the key."""
        return {ID: self.id, SECRET: self.secret}


@cache
def own_key() -> LakeKey:
    """The key of the embedded AWS that runs in this process; made at the first call."""
    return LakeKey.make()

"""The key of an embedded lake: what its AWS, its parts and its people sign their calls with."""

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
"""Headers in which a lake is asked whether it has its key, and answers."""

# No id of AWS begins so: a person's own keys are never mistaken for a lake's and used against it.
_PREFIX = "SLUICE"


@dataclass(frozen=True, slots=True)
class LakeKey:
    """An access key id and its secret, which no text of this object shows."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def make(cls) -> Self:
        """A random one, as long as AWS's."""
        return cls(_PREFIX + secrets.token_hex(7).upper(), secrets.token_urlsafe(30))

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self | None:
        """The lake's key that an environment holds; None if there is none, or one of AWS."""
        found = environ.get(ID, "")
        return cls(found, environ.get(SECRET, "")) if found.startswith(_PREFIX) else None

    def console_token(self) -> str:
        """What the lake's console asks of its visitors: made of the secret, and says nothing about it."""
        return hmac.new(self.secret.encode(), b"console", hashlib.sha256).hexdigest()

    def proof(self, nonce: str) -> str:
        """What only who has the key can answer to a number that was never asked before."""
        return hmac.new(self.secret.encode(), f"proof {nonce}".encode(), hashlib.sha256).hexdigest()

    def variables(self) -> dict[str, str]:
        """As every AWS SDK reads it."""
        return {ID: self.id, SECRET: self.secret}


@cache
def own_key() -> LakeKey:
    """The key of the embedded AWS that runs in this process: made when it is first asked for, and kept."""
    return LakeKey.make()

"""The keys of pseudonyms: new ones into the secret, by who holds them, and pseudonyms brought to them."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import NotThere, Refused
from pipeline.feeds.keyring import KEY_BYTES, Keyring
from pipeline.feeds.states import KeyVersion
from pipeline.operate.feeds.functions import Ask

FOREIGN = "sha256"


@dataclass(frozen=True, slots=True)
class Keys:
    """The namespaces of all feeds with the versions that their pseudonyms have, and the newest in the secret."""

    namespaces: tuple[KeyVersion, ...]
    newest: int

    @property
    def behind(self) -> tuple[KeyVersion, ...]:
        """Those whose pseudonyms a newer key waits for."""
        return tuple(each for each in self.namespaces if each.version < self.newest)


def keys(ask: Ask) -> Keys:
    """How the keys are. No key is in it."""
    told = ask({"ask": "keys"})
    return Keys(tuple(KeyVersion(**each) for each in told["keys"]), told["newest"])


def advance(ask: Ask, names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Bring the pseudonyms of namespaces to the newest key, version by version; yields each that was reached.

    Stopped anywhere, the next run goes on. `NotThere` for a namespace that no feed has, before anything is changed.
    """
    known = keys(ask)
    versions = {each.namespace: each.version for each in known.namespaces}
    if unknown := [name for name in names if name not in versions]:
        raise NotThere(f"no feed has a namespace {unknown[0]}", hint=f"There are {', '.join(versions) or 'none'}.")
    for name in names:
        for _ in range(versions[name], known.newest):
            yield name, ask({"ask": "advance", "namespace": name})["version"]


def add_key(secretsmanager: Any, secret: str) -> int:
    """Add a new key to the secret, and return its version; those before stay, since pseudonyms are made of them.

    `Refused` where somebody else has just added one: theirs counts.
    """
    found = secretsmanager.get_secret_value(SecretId=secret)
    keyring = Keyring.from_secret(found["SecretString"])
    version = keyring.newest + 1
    renewed = Keyring({**keyring.keys, version: secrets.token_bytes(KEY_BYTES)}, keyring.legacy)
    # By the version: of two that add one at once, Secrets Manager takes one.
    token = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{found['ARN']}/keys/{version}"))
    try:
        secretsmanager.put_secret_value(SecretId=secret, SecretString=renewed.to_secret(), ClientRequestToken=token)
    except secretsmanager.exceptions.ResourceExistsException:
        raise Refused(f"somebody has just added a key {version}", hint="Look at the keys again.") from None
    return version

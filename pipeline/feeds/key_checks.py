"""Whether a key is still the one that pseudonyms were made with: one that was exchanged under its version is refused.

The target keeps a check value for each version of a namespace's keys, made of the key and a fixed text (RFC 2104), from
which nothing leads back to the key. It has a context of its own, so that it is nobody's pseudonym. Who first uses a
version writes its value; the writer may add values and change none.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import Connection

from pipeline.core.errors import Misconfigured
from pipeline.feeds.definition import Namespace
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.pseudonyms import first_version

_CONTEXT = "sluice/feeds/check/"

_Checks = dict[tuple[str, int], str]


def verify(
    connection: Connection[Any],
    namespaces: Mapping[str, Namespace],
    keyring: Keyring,
    versions: Mapping[str, int],
) -> None:
    """Hold each key that the pseudonyms of the namespaces are made with, up to its version, to what it was at its first
    use; at that it is written down. `Misconfigured` where one is another: nothing may be made with it.

    To be called in the transaction that uses the keys, after it was made sure that the keyring has them.
    """
    made = dict(_made(namespaces, keyring, versions))
    known = _known(connection, namespaces)
    if missing := [each for each in made if each not in known]:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO sluice_feeds.key_check (namespace, version, value) VALUES (%s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                [(*each, made[each]) for each in missing],
            )
        # Two may have begun at once, each with a key of its own.
        known = _known(connection, namespaces)
    for (name, version), value in made.items():
        if not hmac.compare_digest(known[name, version], value):
            raise _exchanged(name, version)


def _known(connection: Connection[Any], namespaces: Mapping[str, Namespace]) -> _Checks:
    query = "SELECT namespace, version, value FROM sluice_feeds.key_check WHERE namespace = ANY(%s)"
    return {(name, version): value for name, version, value in connection.execute(query, (sorted(namespaces),))}


def _made(
    namespaces: Mapping[str, Namespace], keyring: Keyring, versions: Mapping[str, int]
) -> Iterator[tuple[tuple[str, int], str]]:
    for name, namespace in sorted(namespaces.items()):
        for version in range(first_version(namespace), versions[name] + 1):
            # A foreign secret may be short enough to be guessed: the value of it needs our first key, too.
            foreign = keyring.legacy[namespace.secret or ""] if version == 0 else ""
            text = f"{_CONTEXT}{name}/{version}/{foreign}".encode()
            yield (name, version), hmac.digest(keyring.keys[version or 1], text, "sha256").hex()


def _exchanged(name: str, version: int) -> Misconfigured:
    which = f"the key of version {version}" if version else "the foreign secret"
    return Misconfigured(
        f"{which} in the secret of pseudonyms is not the one that the namespace {name} was made with",
        hint="Put it back as it was: Secrets Manager has the secret's version before as AWSPREVIOUS."
        " Nothing is written meanwhile. A new key comes beside the others: sluice feed rotate --new-key.",
    )

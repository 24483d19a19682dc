"""Assembles the services of the feeds' handlers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any

from pipeline.core.clients import client
from pipeline.core.handler import entry_point
from pipeline.core.settings import Settings, region
from pipeline.feeds.changes import Decoder
from pipeline.feeds.database import Connections, Database
from pipeline.feeds.definition import Feed
from pipeline.feeds.key_checks import verify
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.settings import Setting
from pipeline.feeds.writer import Writer

KEYRING_S = 300
"""Seconds for which a keyring is believed: a new key, or one that was taken away, counts after them at the latest."""


class Feeds:
    """The services of one feed's function."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._keyring: tuple[float, Keyring] | None = None
        self._decoder: tuple[Keyring, Mapping[str, int], Decoder] | None = None

    @cached_property
    def feed(self) -> Feed:
        """The contract."""
        answer = client("ssm").get_parameter(Name=self.settings[Setting.FEED_CONTRACT])
        return Feed.from_json(answer["Parameter"]["Value"])

    @cached_property
    def writer(self) -> Writer:
        """What writes its rows."""
        return Writer(self.feed)

    @cached_property
    def connections(self) -> Connections:
        """The connection to its target."""
        database = Database.from_json(self.settings[Setting.FEED_DATABASE])
        return Connections(database, lambda: _password(database))

    def decoder(self, versions: Mapping[str, int]) -> Decoder:
        """What makes changes of records, with the keys of these versions; in the transaction that held the versions.

        `Misconfigured` where a key is missing, or is another than it was.
        """
        keyring = self.keyring(max(versions.values(), default=0))
        known = self._decoder
        if known is None or known[0] != keyring or known[1] != versions:
            known = self._decoder = (keyring, dict(versions), Decoder(self.feed, keyring, versions))
        with self.connections.connection() as connection:
            # Each time: what the transaction before wrote of a first use may have been rolled back.
            verify(connection, self.feed.namespaces, keyring, versions)
        return known[2]

    def keyring(self, version: int = 0) -> Keyring:
        """The keyring, read again when it is old or has not the key of `version`."""
        now = time.monotonic()
        if self._keyring and now - self._keyring[0] < KEYRING_S and version in {0, *self._keyring[1].keys}:
            return self._keyring[1]
        answer = client("secretsmanager").get_secret_value(SecretId=self.settings[Setting.FEED_KEYRING])
        found = Keyring.from_secret(answer["SecretString"])
        self._keyring = now, found
        return found


def _password(database: Database) -> str:
    """Of the secret that the stack names, or a token of IAM's, which is one for a quarter of an hour."""
    if database.password_secret is None:
        token: str = client("rds").generate_db_auth_token(
            DBHostname=database.host, Port=database.port, DBUsername=database.user, Region=region()
        )
        return token
    answer = client("secretsmanager").get_secret_value(SecretId=database.password_secret)
    password: str = json.loads(answer["SecretString"])["password"]
    return password


@cache
def feeds() -> Feeds:
    """The services of this process."""
    return Feeds(Settings.from_environment())


def handler(function: Callable[[dict[str, Any], Feeds], Any]) -> Callable[[dict[str, Any], object], Any]:
    """Make a Lambda entry point of `function(event, feeds)`."""
    return entry_point(function, feeds)

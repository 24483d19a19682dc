"""The state of one running console: its lake, whether it may change the lake, and what it has cached."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from pipeline.console.counts import Cached, CachedEach, count
from pipeline.console.drafts import Drafts
from pipeline.console.drains import Drains
from pipeline.console.histories import Histories
from pipeline.console.queries import Queries
from pipeline.console.security import Tokens
from pipeline.core.clients import client
from pipeline.core.clock import system_clock
from pipeline.core.errors import BadInput, Misconfigured, Refused, SluiceError
from pipeline.core.settings import region
from pipeline.lake.datasets import DatasetName
from pipeline.lake.services import Lake
from pipeline.operate.connection import Connected
from pipeline.operate.days import Days, days_of
from pipeline.operate.health import HealthReader
from pipeline.operate.kept_objects import KeptObjects
from pipeline.operate.progress import look
from pipeline.operate.recent_executions import RecentReader, now

LONGEST_PLACE = 1024
"""Bytes of a place in a list, which is a sort key of DynamoDB's ("Quotas", Sort keys)."""


class Console:
    """A console of one lake.

    `connect` connects to the lake, and is called again after the connection was lost; it raises `SluiceError`s that
    say why there is none. `token` is the secret that every request must carry.
    """

    def __init__(self, connect: Callable[[], Connected], *, allow_changes: bool, token: str) -> None:
        self.token = token
        self._connect = connect
        self._allow_changes = allow_changes
        self._connected: Connected | None = None
        self._lock = threading.Lock()
        self.tokens = Tokens()
        self.objects = KeptObjects()
        self.counts = Cached(partial(count, kept=self.objects), 2.0)
        self.executions = Cached(RecentReader().read, 5.0)
        self.running = Cached(now, 2.0, tells=True)
        self.health = Cached(HealthReader().read, 2.0)
        self.days: CachedEach[tuple[DatasetName, int], Days] = CachedEach(_days, 10.0)
        self.histories = Histories()
        self.drains = Drains()
        self.drafts = Drafts()
        self.progress = Cached(look, 0.5)
        self.queries = Queries()

    def connected(self) -> Connected:
        """The lake; `Misconfigured` while none answers, or none is deployed yet."""
        with self._lock:
            if self._connected is None:
                try:
                    self._connected = self._connect()
                except SluiceError as error:
                    client.cache_clear()
                    raise Misconfigured(error.message, hint=error.hint) from error
            return self._connected

    def lost(self) -> None:
        """Forget the connection, because the lake did not answer: the next request connects again."""
        with self._lock:
            self._connected = None
            self.histories = Histories()
            client.cache_clear()

    def acted(self) -> None:
        """Somebody has changed the lake here: what was found before is not what he is to see next."""
        for cached in (self.counts, self.executions, self.running, self.health, self.days, self.progress):
            cached.expire()

    def described(self) -> dict[str, str | None]:
        """Which lake the pages show; `env` is None while none answers."""
        connected = self._connected
        if connected is None:
            return {"env": None, "where": None}
        return {"env": connected.env, "where": "embedded" if connected.is_embedded else f"AWS, {region()}"}

    def now(self) -> datetime:
        """The time by the lake's clock; by this machine's while no lake is connected."""
        return self._connected.lake.clock() if self._connected else system_clock()

    def can_change(self) -> bool:
        """Whether pages may change the lake: always an embedded one, one on AWS only if the console was started so."""
        return self._allow_changes or (self._connected is not None and self._connected.is_embedded)


def _days(lake: Lake, wanted: tuple[DatasetName, int]) -> Days:
    return days_of(lake, *wanted, lake.clock())


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a page or an action, with the lake that answers it. `path` and `query` are its parameters."""

    console: Console
    connected: Connected
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def lake(self) -> Lake:
        """The lake that answers the request."""
        return self.connected.lake

    @property
    def env(self) -> str:
        """The environment of the lake: dev, prod, local, …"""
        return self.connected.env

    @property
    def now(self) -> datetime:
        """The time by the lake's clock, in UTC."""
        return self.lake.clock()

    def number(self, name: str, default: int, *, least: int = 1, most: int = 1000) -> int:
        """A whole number of the query, moved into `least` to `most`; `default` if it is missing or not a number."""
        text = self.query.get(name, "")
        return min(max(int(text), least), most) if text.isdecimal() and len(text) < 10 else default

    def after(self) -> str | None:
        """Where a later page of a list begins, as the link to it says; `BadInput` for what is in no such link."""
        after = self.query.get("after") or None
        if after and len(after.encode(errors="replace")) > LONGEST_PLACE:
            raise BadInput("the parameter after is longer than any place of a list", hint="Begin at the first page.")
        return after

    def may_change(self) -> None:
        """`Refused` if the console is read-only."""
        if not self.console.can_change():
            raise Refused(
                "this console only shows the lake", hint="Start it with `sluice console --allow-changes` to change it."
            )

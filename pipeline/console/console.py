"""What one running console knows: which lake it shows, whether it may change it, and what it has counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.console.counts import Looked, count
from pipeline.console.histories import Histories
from pipeline.console.queries import Queries
from pipeline.console.security import Tokens
from pipeline.core.clients import client
from pipeline.core.clock import system_clock
from pipeline.core.errors import Misconfigured, Refused, SluiceError
from pipeline.core.settings import region
from pipeline.lake.services import Lake
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.operate.connection import Connected
from pipeline.operate.progress import look


class Console:
    """A console of one lake. `connect` finds the lake, again after it was gone; it raises errors that say why not.

    `token` is what its visitors must have.
    """

    def __init__(self, connect: Callable[[], Connected], *, allow_changes: bool, token: str) -> None:
        self.token = token
        self._connect = connect
        self._allow_changes = allow_changes
        self._connected: Connected | None = None
        self._lock = threading.Lock()
        self.tokens = Tokens()
        self.counts = Looked(count, 2.0)
        self.histories = Histories()
        self.progress = Looked(look, 0.5)
        self.tables = IcebergTables()
        self.queries = Queries()

    def connected(self) -> Connected:
        """The lake; `Misconfigured` while there is none, or none is deployed there yet."""
        with self._lock:
            if self._connected is None:
                try:
                    self._connected = self._connect()
                except SluiceError as error:
                    client.cache_clear()
                    raise Misconfigured(error.message, hint=error.hint) from error
            return self._connected

    def lost(self) -> None:
        """The lake does not answer: look for it again at the next request, perhaps at another address."""
        with self._lock:
            self._connected = None
            self.histories = Histories()
            self.tables = IcebergTables()
            client.cache_clear()

    def described(self) -> dict[str, str | None]:
        """Which lake the pages show; `env` is None while none answers."""
        connected = self._connected
        if connected is None:
            return {"env": None, "where": None}
        return {"env": connected.env, "where": "embedded" if connected.is_embedded else f"AWS, {region()}"}

    def now(self) -> datetime:
        return self._connected.lake.clock() if self._connected else system_clock()

    def can_change(self) -> bool:
        """Whether pages may change the lake: an embedded one, or one of AWS where it was allowed at the start."""
        return self._allow_changes or (self._connected is not None and self._connected.is_embedded)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a page or an action, with the lake that answers it. `path` and `query` are its parameters."""

    console: Console
    connected: Connected
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def lake(self) -> Lake:
        return self.connected.lake

    @property
    def env(self) -> str:
        return self.connected.env

    @property
    def now(self) -> datetime:
        return self.lake.clock()

    def number(self, name: str, default: int, *, least: int = 1, most: int = 1000) -> int:
        """A whole number of the query; the nearest that is allowed where it is out of range or no number."""
        text = self.query.get(name, "")
        return min(max(int(text), least), most) if text.isdecimal() and len(text) < 10 else default

    def may_change(self) -> None:
        """`Refused` where the console only shows."""
        if not self.console.can_change():
            raise Refused(
                "this console only shows the lake", hint="Start it with `sluice console --allow-changes` to change it."
            )

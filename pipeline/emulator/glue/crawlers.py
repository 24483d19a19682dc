"""Crawlers as they stand: READY, RUNNING or STOPPING, and what came of the last crawl; `crawls` is what one does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.core.clock import system_clock
from pipeline.emulator.clients import own_client
from pipeline.emulator.glue.crawls import CrawlFailed, crawl

log = logging.getLogger(__name__)

_places: list[tuple[str, str]] = []


def crawl_at(endpoint: str, region: str) -> Callable[[], None]:
    """Let crawlers look at the embedded AWS of this endpoint; the answer ends that."""
    place = (endpoint, region)
    _places.append(place)
    return lambda: _places.remove(place)


@dataclass
class Crawl:
    """One run of a crawler over its tables."""

    name: str
    tables: tuple[tuple[str, str], ...]
    started: datetime = field(default_factory=system_clock)
    state: str = "RUNNING"
    status: str | None = None
    message: str | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        """Look at the tables, in a thread of its own."""
        threading.Thread(target=self._run, name=f"crawler {self.name}", daemon=True).start()

    def stop(self) -> None:
        """Let it end before it looks at another file."""
        self.state = "STOPPING"
        self._stopped.set()

    @property
    def last(self) -> dict[str, Any] | None:
        """LastCrawl of the Crawler API; None while it runs."""
        if self.status is None:
            return None
        told = {"Status": self.status, "ErrorMessage": self.message, "StartTime": self.started}
        logs = {"LogGroup": "/aws-glue/crawlers", "LogStream": self.name, "MessagePrefix": self.name}
        return {name: value for name, value in {**told, **logs}.items() if value is not None}

    def _run(self) -> None:
        try:
            self._crawl()
            self.status = "CANCELLED" if self._stopped.is_set() else "SUCCEEDED"
        except CrawlFailed as error:
            self.status, self.message = "FAILED", error.message
        except Exception as error:
            log.exception("crawler %s", self.name)
            self.status, self.message = "FAILED", f"{type(error).__name__}: {error}"
        self.state = "READY"

    def _crawl(self) -> None:
        endpoint, region = _places[-1]
        glue, s3 = (own_client(service, region, endpoint, "crawler") for service in ("glue", "s3"))
        for database, table in self.tables:
            did = crawl(glue, s3, database, table, lambda: not self._stopped.is_set())
            log.info("crawler %s looked at %s.%s: %s", self.name, database, table, did)

"""The drains of this console: each is a thread that loads a dataset's backlog, and what it has reported."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

from pipeline.console import background
from pipeline.core.errors import Refused
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.operate.drain import Drain, Drainer

MOST_RUNNING = 5


@dataclass(eq=False)
class _Running:
    state: Drain = field(default_factory=Drain)
    stop: threading.Event = field(default_factory=threading.Event)


class Drains:
    """The last drain of each dataset. They end with the console."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drains: dict[str, _Running] = {}

    def start(self, lake: Lake, registration: Registration) -> None:
        """Begin to drain a dataset; `Refused` while it is drained already, or `MOST_RUNNING` are."""
        name = str(registration.name)
        with self._lock:
            running = [each for each, drain in self._drains.items() if drain.state.ended is None]
            if name in running:
                raise Refused(f"the backlog of {name} is being drained already")
            if len(running) >= MOST_RUNNING:
                raise Refused(f"{MOST_RUNNING} datasets are being drained", hint="Wait for one, or stop one.")
            drain = self._drains[name] = _Running()

        def report(state: Drain) -> None:
            drain.state = state

        drainer = Drainer(lake=lake, registration=registration, report=report, stopped=drain.stop.is_set)
        background.start(f"drain-{name}", drainer.run, lambda why: _failed(drain, why))

    def stop(self, name: str) -> bool:
        """Let a drain end; False if none runs. The batch that is being loaded goes on."""
        with self._lock:
            drain = self._drains.get(name)
        if drain is None or drain.state.ended is not None:
            return False
        drain.stop.set()
        return True

    def of(self, name: str) -> Drain | None:
        """How far the dataset's last drain is; None if there was none."""
        with self._lock:
            drain = self._drains.get(name)
        return drain.state if drain else None


def _failed(drain: _Running, why: str) -> None:
    drain.state = replace(drain.state, batch=None, ended=why, good=False)

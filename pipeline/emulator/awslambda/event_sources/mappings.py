"""Event source mappings at work: each enabled mapping has a poller of its own, of a queue or of a stream."""

from __future__ import annotations

from typing import Any, Protocol

from pipeline.emulator.awslambda.event_sources.queue_poller import InvokeArn, QueuePoller
from pipeline.emulator.awslambda.event_sources.sources import STREAM, service_of
from pipeline.emulator.awslambda.event_sources.stream_poller import RETRY_S, StreamPoller
from pipeline.emulator.repetition import Repetition

_RESYNC_S = 0.05


class Poller(Protocol):
    """Polls for one mapping, from when it is made until it is stopped or sees its mapping disabled."""

    def stop(self) -> None:
        """Take nothing new; what is being worked on goes on."""
        ...

    def join(self) -> None:
        """Wait until it has ended."""
        ...

    def is_alive(self) -> bool:
        """Whether it polls still."""
        ...


class EventSources:
    """Polls for every mapping that Lambda knows, in every account and region, as mappings come, change and go.

    `concurrency` is how many batches of one queue run at once, at most. `retry_s` is how long a failed batch of a
    stream waits: at first, and at most.
    """

    def __init__(
        self, endpoint: str, invoke: InvokeArn, *, concurrency: int = 4, retry_s: tuple[float, float] = RETRY_S
    ) -> None:
        self._endpoint = endpoint
        self._invoke = invoke
        self._concurrency = concurrency
        self._retry_s = retry_s
        self._pollers: dict[str, Poller] = {}
        self._looks = Repetition("event-sources", _RESYNC_S, self._resync)

    def start(self) -> None:
        """Begin to poll for every mapping that is enabled."""
        self._looks.start()

    def stop(self) -> None:
        """Receive no more. Batches that run are not waited for: their messages come back."""
        self._looks.stop()
        for poller in self._pollers.values():
            poller.stop()
        for poller in self._pollers.values():
            poller.join()
        self._pollers.clear()

    def _resync(self) -> None:
        mappings = {mapping.uuid: mapping for mapping in all_mappings() if mapping.enabled}
        # A mapping that was disabled and enabled again between two looks has lost its poller without our seeing it.
        ended = {uuid for uuid, poller in self._pollers.items() if not poller.is_alive()}
        for uuid in (self._pollers.keys() - mappings.keys()) | ended:
            self._pollers.pop(uuid).stop()
        for uuid in mappings.keys() - self._pollers.keys():
            self._pollers[uuid] = self._poller(mappings[uuid])

    def _poller(self, mapping: Any) -> Poller:
        if service_of(mapping.event_source_arn) == STREAM:
            return StreamPoller(mapping, self._endpoint, self._invoke, retry_s=self._retry_s)
        return QueuePoller(mapping, self._endpoint, self._invoke, self._concurrency)


def all_mappings() -> list[Any]:
    """moto's own objects, of every account and region."""
    from moto.awslambda.models import lambda_backends

    return [
        mapping
        for regions in list(lambda_backends.values())
        for backend in list(regions.values())
        for mapping in list(backend._event_source_mappings.values())
    ]

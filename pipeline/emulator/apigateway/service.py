"""API Gateway in one server: its two planes, made when somebody first asks for either."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.core.lake_key import own_key
from pipeline.emulator.gateway.calls import Call

if TYPE_CHECKING:
    from pipeline.emulator.apigateway.control import ControlPlane
    from pipeline.emulator.apigateway.data_plane import DataPlane
    from pipeline.emulator.gateway.signatures import FindSecret

Answer = tuple[str, list[tuple[str, str]], bytes]
SERVICE = "apigateway"


class ApiGateway:
    """Keeps APIs and serves them. `call` answers a WSGI request in this process, as integrations make them."""

    def __init__(self, call: Callable[[dict[str, Any]], Answer], find: FindSecret) -> None:
        self._call = call
        self._find = find
        self._lock = threading.Lock()
        self._planes: tuple[ControlPlane, DataPlane] | None = None

    def stop(self) -> None:
        """Write what waits to be logged; harmless where nothing was asked."""
        if self._planes is not None:
            self._planes[1].stop()

    def flush(self) -> None:
        """When it returns, the access logs of all requests that were answered can be read."""
        if self._planes is not None:
            self._planes[1].logs.flush()

    def control(self, call: Call, environ: dict[str, Any]) -> Answer:
        """The answer to a call of API Gateway's own API."""
        parts = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split("/")
        return self._both()[0].answer(call.operation, parts[2] if len(parts) > 2 else "", environ)

    def serve(self, environ: Mapping[str, Any]) -> Answer:
        """The answer to a request to a deployed API."""
        return self._both()[1].answer(environ, environ["wsgi.input"].read())

    def _both(self) -> tuple[ControlPlane, DataPlane]:
        with self._lock:
            if self._planes is None:
                from pipeline.emulator.apigateway.control import ControlPlane
                from pipeline.emulator.apigateway.data_plane import DataPlane

                control = ControlPlane()
                self._planes = control, DataPlane(control, self._call, _scope, self._find)
            return self._planes


def _scope(region: str, service: str) -> str:
    """An Authorization header that tells whose call it is; a call in this process is not checked further."""
    credential = f"{own_key().id}/20000101/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=in-process"

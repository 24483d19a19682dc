"""How moto finds what a request is for."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pipeline.emulator.moto.patch import patch


@patch(
    "moto.moto_server.werkzeug_app:DomainDispatcherApplication.get_backend_for_host",
    "1f41972c1e4e",
    "moto tries hundreds of patterns to find the service, again for each request",
)
@lru_cache(1024)
def _backend_for_host(self: Any, host: str | None) -> Any:
    return _backend_for_host.original(self, host)


@patch(
    "moto.core.responses:method_names_from_class",
    "9dbac89d082b",
    "moto sorts hundreds of methods to find the operation, again for each request",
)
@lru_cache(1024)
def _method_names(kind: type) -> frozenset[str]:
    return frozenset(_method_names.original(kind))


@patch(
    "moto.moto_server.utilities:RegexConverter.__init__",
    "e0730570d230",
    "moto's patterns stop at a newline, which a key of S3 may have",
)
def _with_newlines(self: Any, url_map: Any, *items: Any) -> None:
    _with_newlines.original(self, url_map, *items)
    self.regex = f"(?s:{self.regex})"

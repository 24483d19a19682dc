"""moto tries hundreds of patterns to find a request's service, and again for each request: remember the answers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pipeline.local.moto_fixes.guard import replace


def install() -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    @lru_cache(1024)
    def remembered(self: Any, host: str | None) -> Any:
        return original(self, host)

    original = replace(DomainDispatcherApplication, "get_backend_for_host", remembered, source="1f41972c1e4e")

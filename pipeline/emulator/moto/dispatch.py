"""How moto finds what a request is for.

It tries hundreds of patterns to find the service and sorts hundreds of methods to find the operation, and again for
each request: the answers are remembered. And its patterns stop at a newline, which a key of S3 may have.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pipeline.emulator.moto.guard import replace


def install() -> None:
    from moto.core import responses
    from moto.moto_server.utilities import RegexConverter
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    @lru_cache(1024)
    def remembered(self: Any, host: str | None) -> Any:
        return original(self, host)

    original = replace(DomainDispatcherApplication, "get_backend_for_host", remembered, source="1f41972c1e4e")

    @lru_cache(1024)
    def methods(kind: type) -> frozenset[str]:
        return frozenset(original_methods(kind))

    original_methods = replace(responses, "method_names_from_class", methods, source="9dbac89d082b")

    def with_newlines(self: Any, url_map: Any, *items: Any) -> None:
        plain(self, url_map, *items)
        self.regex = f"(?s:{self.regex})"

    plain = replace(RegexConverter, "__init__", with_newlines, source="e0730570d230")

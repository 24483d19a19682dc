"""Glue's catalog: `UpdateTable` is a compare-and-set on VersionId.

moto ignores VersionId: of eight concurrent Iceberg commits all succeed and one survives. AWS answers
ConcurrentModificationException, which Iceberg and PyIceberg turn into CommitFailedException and retry.
"""

from __future__ import annotations

import threading
from functools import wraps
from typing import Any

from pipeline.local.moto_fixes.guard import replace

_lock = threading.RLock()


def install() -> None:
    from moto.glue.models import GlueBackend
    from moto.glue.responses import GlueResponse

    def update_table(self: Any) -> Any:
        wanted = self.parameters.get("VersionId")
        with _lock:
            if wanted is not None:
                _compare(self.glue_backend, self.parameters, str(wanted))
            return original_update(self)

    original_update = replace(GlueResponse, "update_table", update_table, source="0d5c5009a276")
    # Each looks first and writes then.
    _one_at_a_time(GlueBackend, "create_table", "1352fdecbc0b")
    _one_at_a_time(GlueBackend, "delete_table", "708d866baa06")
    _one_at_a_time(GlueBackend, "create_database", "657c53d297dc")


def _compare(backend: Any, parameters: dict[str, Any], wanted: str) -> None:
    from moto.core.exceptions import JsonRESTError

    table = backend.get_table(parameters["DatabaseName"], parameters["TableInput"]["Name"])
    if wanted != str(table._current_version):
        raise JsonRESTError(
            "ConcurrentModificationException",
            f"Update table failed due to concurrent modifications: version {wanted} is not the current one",
        )


def _one_at_a_time(owner: Any, name: str, source: str) -> None:
    def locked(*args: Any, **kwargs: Any) -> Any:
        with _lock:
            return original(*args, **kwargs)

    original = replace(owner, name, locked, source=source)
    wraps(original)(locked)

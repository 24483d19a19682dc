"""Glue's catalog: `UpdateTable` is a compare-and-set on VersionId.

moto ignores VersionId: of eight concurrent Iceberg commits all succeed and one survives. AWS answers
ConcurrentModificationException, which Iceberg and PyIceberg turn into CommitFailedException and retry.
"""

from __future__ import annotations

import threading
from functools import wraps
from typing import Any

from pipeline.emulator.moto.guard import replace

_MOST_SEGMENTS = 10
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

    def get_partitions(self: Any) -> Any:
        answer = original_partitions(self)
        if (segment := self.parameters.get("Segment")) is not None:
            answer.result["Partitions"] = _of_segment(answer.result["Partitions"], segment)
        return answer

    original_partitions = replace(GlueResponse, "get_partitions", get_partitions, source="a9b517ae6877")
    original_update = replace(GlueResponse, "update_table", update_table, source="0d5c5009a276")
    # Each looks first and writes then.
    _one_at_a_time(GlueBackend, "create_table", "1352fdecbc0b")
    _one_at_a_time(GlueBackend, "delete_table", "708d866baa06")
    _one_at_a_time(GlueBackend, "create_database", "657c53d297dc")


def _of_segment(partitions: list[Any], segment: dict[str, int]) -> list[Any]:
    """The part of the partitions that one of several readers gets; moto gives each of them all.

    Source: `Segment` in the API reference of Glue: TotalSegments is 1 to 10, SegmentNumber counts from 0.
    """
    from moto.core.exceptions import JsonRESTError

    number, total = segment.get("SegmentNumber"), segment.get("TotalSegments")
    if number is None or total is None or not 1 <= total <= _MOST_SEGMENTS or not 0 <= number < total:
        raise JsonRESTError("InvalidInputException", f"Segment {number} of {total} is not valid")
    return partitions[number::total]


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

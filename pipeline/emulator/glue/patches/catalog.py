"""Glue's catalog: `UpdateTable` is a compare-and-set on VersionId.

moto ignores VersionId: of eight concurrent Iceberg commits all succeed and one survives. AWS answers
ConcurrentModificationException, which Iceberg and PyIceberg turn into CommitFailedException and retry.
"""

from __future__ import annotations

import threading
from typing import Any

from pipeline.emulator.moto.patch import patch

_MOST_SEGMENTS = 10
_lock = threading.RLock()


@patch("moto.glue.responses:GlueResponse.update_table", "0d5c5009a276", "moto ignores VersionId")
def _update_table(self: Any) -> Any:
    wanted = self.parameters.get("VersionId")
    with _lock:
        if wanted is not None:
            _compare(self.glue_backend, self.parameters, str(wanted))
        return _update_table.original(self)


@patch("moto.glue.responses:GlueResponse.get_partitions", "a9b517ae6877", "moto gives each reader of a segment all")
def _get_partitions(self: Any) -> Any:
    answer = _get_partitions.original(self)
    if (segment := self.parameters.get("Segment")) is not None:
        answer.result["Partitions"] = _of_segment(answer.result["Partitions"], segment)
    return answer


@patch("moto.glue.models:GlueBackend.create_table", "1352fdecbc0b", "moto looks first and writes then, with no lock")
def _create_table(*args: Any, **kwargs: Any) -> Any:
    with _lock:
        return _create_table.original(*args, **kwargs)


@patch("moto.glue.models:FakeTable.create_partition", "87dd9d631d46", "moto looks first and writes then, with no lock")
def _create_partition(*args: Any, **kwargs: Any) -> Any:
    with _lock:
        return _create_partition.original(*args, **kwargs)


@patch("moto.glue.models:GlueBackend.delete_table", "708d866baa06", "moto looks first and writes then, with no lock")
def _delete_table(*args: Any, **kwargs: Any) -> Any:
    with _lock:
        return _delete_table.original(*args, **kwargs)


@patch("moto.glue.models:GlueBackend.create_database", "657c53d297dc", "moto looks first and writes then, with no lock")
def _create_database(*args: Any, **kwargs: Any) -> Any:
    with _lock:
        return _create_database.original(*args, **kwargs)


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

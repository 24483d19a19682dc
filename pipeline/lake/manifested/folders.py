"""What belongs to a marker: the objects of its folder as S3 lists them, less what earlier markers had. Pure.

The listing decides, and no event does: one that is lost, late or doubled changes no delivery.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.lake.messages.delivery import Member


@dataclass(frozen=True, slots=True)
class Listed:
    """A version of a key, or a delete marker, as ListObjectVersions has it; `modified` is in whole seconds."""

    key: str
    version_id: str
    modified: datetime
    size: int = 0
    is_deletion: bool = False


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier version of a marker: its moment, and what it took as (key, version id).

    None where nobody knows any more, or yet, what it took: then it has all that was there at its moment.
    """

    modified: datetime
    took: frozenset[tuple[str, str]] | None


def folder_of(key: str) -> str:
    """The folder of a key, with its last slash."""
    return f"{key.rpartition('/')[0]}/"


def earlier_markers(marker: str, version_id: str, listing: Sequence[Listed]) -> list[Listed]:
    """The versions of the marker's key before this one, newest first. S3 lists a key's versions in that order."""
    versions = [each for each in listing if each.key == marker and not each.is_deletion]
    places = [place for place, each in enumerate(versions) if each.version_id == version_id]
    return versions[places[0] + 1 :] if places else versions


def members(marker: str, moment: datetime, listing: Sequence[Listed], earlier: Iterable[Earlier]) -> list[Member]:
    """The newest version of each key of the marker's folder, and of those below it, as of the marker's `moment`.

    Left out are markers, what earlier versions of the marker took, and folders that have a marker of their own.
    """
    name, folder, before = marker.rpartition("/")[2], folder_of(marker), list(earlier)
    inner = tuple({folder_of(each.key) for each in listing if _is_marker(each.key, name)} - {folder})
    newest: dict[str, Listed] = {}
    for each in listing:
        if each.modified <= moment and not each.key.endswith("/") and not _is_marker(each.key, name):
            newest.setdefault(each.key, each)
    return [
        Member(each.key, each.version_id, size=each.size)
        for each in newest.values()
        if not each.is_deletion and not each.key.startswith(inner) and not any(_took(one, each) for one in before)
    ]


def _is_marker(key: str, name: str) -> bool:
    return key.rpartition("/")[2] == name


def _took(earlier: Earlier, listed: Listed) -> bool:
    if earlier.took is None:
        return listed.modified <= earlier.modified
    return (listed.key, listed.version_id) in earlier.took

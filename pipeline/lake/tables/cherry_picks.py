"""Put what a snapshot appended on another one, as Iceberg's cherry-pick does: the data files stay, the snapshot is new.

Only appends: the rows of any other write depend on what was in the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SOURCE = "source-snapshot-id"
"""Iceberg's own name, in a snapshot's summary, for the one that it was picked from: who expires that one then keeps
the files of both. Source: `SnapshotSummary.SOURCE_SNAPSHOT_ID_PROP` of Iceberg."""

FORMAT = 2


def appended(table: Any, snapshot_id: int, base: int) -> list[Any] | None:
    """The data files that a snapshot appended to `base`; None if it did, or the table wants, anything more than that.

    `table` is PyIceberg's. Metadata that merges manifests also lists files of earlier snapshots: those are left out.
    """
    metadata = table.metadata
    snapshot = metadata.snapshot_by_id(snapshot_id)
    summary = snapshot.summary if snapshot else None
    if snapshot is None or summary is None or snapshot.parent_snapshot_id != base or metadata.format_version != FORMAT:
        return None
    entries = [
        entry
        for manifest in snapshot.manifests(table.io)
        if manifest.added_snapshot_id == snapshot_id
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False)
        if entry.snapshot_id == snapshot_id
    ]
    files = [entry.data_file for entry in entries]
    counted = str(sum(file.record_count for file in files)), str(len(files))
    said = tuple(summary.additional_properties.get(name) for name in ("added-records", "added-data-files"))
    is_plain = summary.operation.value == "append" and all(_is_added_data(entry) for entry in entries)
    # PyIceberg writes what it adds under the table's default spec.
    of_spec = all(file.spec_id == metadata.default_spec_id for file in files)
    return files if is_plain and of_spec and counted == said else None


def _is_added_data(entry: Any) -> bool:
    from pyiceberg.manifest import DataFileContent, ManifestEntryStatus

    return bool(entry.status == ManifestEntryStatus.ADDED and entry.data_file.content == DataFileContent.DATA)


def picked(table: Any, files: Sequence[Any], source: int, ref: str) -> Any:
    """The update that adds a snapshot which appends `files` to what the branch `ref` has; nothing is committed.

    Its manifest is written anew, so that the files get their place in the order of the table's writes. By no
    transaction: one would try again by itself, and then with the requirements of its snapshot alone.
    """
    from pipeline.lake.tables.transactions import QuickTransaction

    properties = {SOURCE: str(source)}
    append = QuickTransaction(table).update_snapshot(snapshot_properties=properties, branch=ref).fast_append()
    for file in files:
        append.append_data_file(file)
    (adding, _), _ = append._commit()
    return adding


def picked_from(metadata: Any, source: int) -> int | None:
    """The snapshot that was picked from `source`, if any was."""
    found = (each for each in metadata.snapshots if each.summary is not None)
    return next((s.snapshot_id for s in found if s.summary.additional_properties.get(SOURCE) == str(source)), None)

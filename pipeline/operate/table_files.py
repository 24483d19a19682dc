"""Files of an Iceberg table: which batches a data file has rows of, and which data files a batch wrote. No row is read.

A bounded part of a table's metadata is: what is not found in it is not known, and that is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from ulid import ULID

from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.lake.tables.cherry_picks import SOURCE
from pipeline.lake.tables.iceberg import IcebergTables

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestEntry, ManifestFile
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

MANIFESTS = 100
"""Manifests that are read at most for one answer, each one object of S3."""
SNAPSHOTS = 20
"""Older snapshots whose lists of manifests are read, for a file that readers do not see any more."""
BATCHES = 300
NEAR = 5
"""Batches that were opened last before a moment: one of them wrote what was written then, for they hold a lock."""

_LIST = re.compile(r"/metadata/snap-(\d+)-[^/]*\.avro$")


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file of a table. `snapshot` added it, None for one that no snapshot adds; `batches` are those whose rows it
    has, the newest first, as far as `is_all` says. `is_current`: readers of the table see it."""

    kind: str
    snapshot: int | None = None
    batches: tuple[str, ...] = ()
    is_current: bool | None = None
    is_all: bool = True


def load(registration: Registration, tables: IcebergTables) -> Table | None:
    """The table's metadata as it is now; None if there is no table yet."""
    from pyiceberg.exceptions import NoSuchTableError

    try:
        found: Table = tables.looking.load_table(registration.table)
    except NoSuchTableError:
        return None
    return found


def table_file(lake: Lake, dataset: str, table: Table, uri: str) -> TableFile | None:
    """What a table's metadata says of one of its files; None if it does not know it, or not where it is looked."""
    metadata = table.metadata
    if uri.endswith(".metadata.json"):
        known = [table.metadata_location, *(entry.metadata_file for entry in metadata.metadata_log)]
        return TableFile("metadata of the table", is_current=uri == known[0]) if uri in known else None
    if found := _LIST.search(uri):
        return _of_snapshot(lake, dataset, table, int(found[1]), "list of a snapshot's manifests")
    for manifest, is_current in _manifests(table):
        if manifest.manifest_path == uri:
            adder = manifest.added_snapshot_id or 0
            return replace(_of_snapshot(lake, dataset, table, adder, "manifest of a snapshot"), is_current=is_current)
        for entry in _entries(table, manifest) if "/data/" in uri else ():
            if entry.data_file.file_path == uri:
                return _of_entry(lake, dataset, table, entry, is_current=is_current)
    return None


def files_of(table: Table, batch: Batch, most: int) -> list[tuple[str, int, bool]]:
    """The data files that a committed batch wrote: each with its rows, and whether readers still see it.

    [] if its snapshot has expired, or it wrote none. Those that upkeep has written anew since are not seen any more.
    """
    if batch.write is None or batch.write.snapshot is None:
        return []
    snapshot = table.metadata.snapshot_by_id(batch.write.snapshot)
    if snapshot is None:
        return []
    mine = [m for m in snapshot.manifests(table.io) if m.added_snapshot_id == snapshot.snapshot_id]
    entries = (e for manifest in mine[:MANIFESTS] for e in _entries(table, manifest) if _is_of(e, snapshot))
    written = list(islice((entry.data_file for entry in entries), most))
    current = _current_paths(table, {file.file_path for file in written})
    return [(file.file_path, file.record_count, file.file_path in current) for file in written]


def _is_of(entry: ManifestEntry, snapshot: Snapshot) -> bool:
    from pyiceberg.manifest import DataFileContent, ManifestEntryStatus

    is_data = entry.data_file.content == DataFileContent.DATA
    return is_data and entry.status == ManifestEntryStatus.ADDED and entry.snapshot_id == snapshot.snapshot_id


def _current_paths(table: Table, wanted: set[str]) -> set[str]:
    found: set[str] = set()
    for manifest, is_current in _manifests(table):
        if not is_current or found == wanted:
            break
        found |= wanted & {entry.data_file.file_path for entry in _entries(table, manifest, only_live=True)}
    return found


def _manifests(table: Table) -> Iterator[tuple[ManifestFile, bool]]:
    """Manifests, those that readers see first, each once, and `MANIFESTS` of them."""
    return islice(_every_manifest(table), MANIFESTS)


def _every_manifest(table: Table) -> Iterator[tuple[ManifestFile, bool]]:
    current = table.current_snapshot()
    others = sorted(table.metadata.snapshots, key=lambda each: -each.timestamp_ms)[:SNAPSHOTS]
    seen: set[str] = set()
    for snapshot in [*([current] if current else []), *others]:
        for manifest in sorted(snapshot.manifests(table.io), key=lambda each: -each.sequence_number):
            if manifest.manifest_path not in seen:
                seen.add(manifest.manifest_path)
                yield manifest, snapshot is current


def _entries(table: Table, manifest: ManifestFile, *, only_live: bool = False) -> list[ManifestEntry]:
    found: list[ManifestEntry] = manifest.fetch_manifest_entry(table.io, discard_deleted=only_live)
    return found


def _of_entry(lake: Lake, dataset: str, table: Table, entry: ManifestEntry, *, is_current: bool) -> TableFile:
    from pyiceberg.manifest import DataFileContent, ManifestEntryStatus

    kind = "data file" if entry.data_file.content == DataFileContent.DATA else "file of deleted rows"
    is_seen = is_current and entry.status != ManifestEntryStatus.DELETED
    added = _added_by(table, entry)
    snapshot = table.metadata.snapshot_by_id(added) if added else None
    if snapshot is not None and _is_rewrite(snapshot):
        batches, is_all = _rewritten(lake, dataset, table, snapshot, entry)
        return TableFile(f"{kind} that upkeep wrote of smaller ones", added, batches, is_seen, is_all)
    batch = batch_of(lake, dataset, table, added) if added else None
    return TableFile(kind, added, (batch,) if batch else (), is_seen, batch is not None)


def _added_by(table: Table, entry: ManifestEntry) -> int | None:
    """The snapshot that added a file. An entry that deletes it names the one that did; its place in the order of
    writes is still that of the addition."""
    from pyiceberg.manifest import ManifestEntryStatus

    if entry.status != ManifestEntryStatus.DELETED:
        return entry.snapshot_id
    found = (s for s in table.metadata.snapshots if s.sequence_number == entry.sequence_number)
    return next((snapshot.snapshot_id for snapshot in found), None)


def _is_rewrite(snapshot: Snapshot) -> bool:
    return snapshot.summary is not None and snapshot.summary.operation.value == "replace"


def _rewritten(
    lake: Lake, dataset: str, table: Table, snapshot: Snapshot, entry: ManifestEntry
) -> tuple[tuple[str, ...], bool]:
    """The batches whose rows a file has that upkeep wrote: those that added what it took away in the same partition.
    False if some are not known any more."""
    from pyiceberg.manifest import ManifestEntryStatus

    mine = [m for m in snapshot.manifests(table.io) if m.added_snapshot_id == snapshot.snapshot_id]
    gone = {
        each.sequence_number
        for manifest in mine[:MANIFESTS]
        for each in _entries(table, manifest)
        if each.status == ManifestEntryStatus.DELETED and each.data_file.partition == entry.data_file.partition
    }
    by_sequence = {each.sequence_number: each for each in table.metadata.snapshots}
    sources = [by_sequence.get(number) for number in sorted(gone, key=lambda each: -(each or 0))[:SNAPSHOTS]]
    found = [batch_of(lake, dataset, table, each.snapshot_id) for each in sources if each and not _is_rewrite(each)]
    batches = tuple(dict.fromkeys(batch for batch in found if batch))
    return batches, bool(gone) and len(batches) == len(gone)


def _of_snapshot(lake: Lake, dataset: str, table: Table, snapshot: int, kind: str) -> TableFile:
    batch = batch_of(lake, dataset, table, snapshot)
    current = table.current_snapshot()
    is_current = current is not None and current.snapshot_id == snapshot
    return TableFile(kind, snapshot, (batch,) if batch else (), is_current, batch is not None)


def batch_of(lake: Lake, dataset: str, table: Table, snapshot_id: int) -> str | None:
    """The batch that wrote a snapshot; None for one that no batch did, or whose batch's history has ended."""
    snapshot = table.metadata.snapshot_by_id(snapshot_id)
    ids = {snapshot_id}
    if snapshot is None:
        # Its time has expired with it.
        return _one_of(lake.batches.newest(dataset, BATCHES), ids)
    if snapshot.summary and (source := snapshot.summary.additional_properties.get(SOURCE)):
        ids.add(int(source))
    # A batch that was opened by then has no greater id, unless by a clock that was ahead.
    last = f"{str(ULID.from_timestamp(snapshot.timestamp_ms / 1000))[:10]}{'Z' * 16}"
    near = _one_of(lake.batches.opened_by(dataset, last, NEAR), ids)
    return near or _one_of(lake.batches.newest(dataset, BATCHES), ids)


def _one_of(batches: Iterable[Batch], snapshots: set[int]) -> str | None:
    written = (batch for batch in batches if batch.write and batch.status is not BatchStatus.OPENING)
    return next((batch.id for batch in written if _wrote(batch) & snapshots), None)


def _wrote(batch: Batch) -> set[Any]:
    return {batch.write.snapshot, batch.verdict.snapshot if batch.verdict else None} if batch.write else set()

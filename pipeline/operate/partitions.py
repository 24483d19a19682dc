"""The partitions of a table with the rows and files of each, as its manifests have them. No data file is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

MANIFESTS = 20
"""Manifests that are read at most; each is one object of S3, and a batch writes at least one."""
FILES = 5000
SHOWN = 25


@dataclass(frozen=True, slots=True)
class Partition:
    """`values` are those of the columns, as text, in the order of the table's spec; None is null. `rows` counts deleted
    ones that are still in their files."""

    values: tuple[str | None, ...]
    rows: int
    files: int


@dataclass(frozen=True, slots=True)
class Partitions:
    """Those that have most rows, of `number`. `is_all` is False where files were left unread: what is there counts
    the newest only."""

    columns: tuple[str, ...]
    partitions: tuple[Partition, ...]
    number: int
    is_all: bool

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return asdict(self)


def partitions(table: Table) -> Partitions | None:
    """None for a table that is not partitioned."""
    fields = table.spec().fields
    if not fields:
        return None
    columns = tuple(str(table.schema().find_column_name(field.source_id)) for field in fields)
    found: dict[tuple[Any, ...], tuple[int, int]] = {}
    is_all = True
    for read, file in enumerate(_files(table)):
        if file is None or read == FILES:
            is_all = False
            break
        values = tuple(file.partition[place] for place in range(len(columns)))
        rows, files = found.get(values, (0, 0))
        found[values] = (rows + file.record_count, files + 1)
    largest = sorted(found.items(), key=lambda each: (-each[1][0], str(each[0])))[:SHOWN]
    shown = tuple(Partition(_texts(table, values), *counted) for values, counted in largest)
    return Partitions(columns, shown, len(found), is_all)


def _texts(table: Table, values: tuple[Any, ...]) -> tuple[str | None, ...]:
    """Manifests have dates and times as numbers."""
    spec = table.spec()
    types = [field.field_type for field in spec.partition_type(table.schema()).fields]
    return tuple(
        None if value is None else str(field.transform.to_human_string(kind, value))
        for field, kind, value in zip(spec.fields, types, values, strict=True)
    )


def _files(table: Table) -> Iterator[DataFile | None]:
    """The data files of the snapshot that is read, those of the newest manifest first; None after `MANIFESTS`.

    A table's partitioning never changes (datasets apply refuses it), so all manifests have the same spec.
    """
    from pyiceberg.manifest import ManifestContent

    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot else []
    data = [manifest for manifest in manifests if manifest.content is ManifestContent.DATA]
    data.sort(key=lambda manifest: manifest.sequence_number, reverse=True)
    for manifest in data[:MANIFESTS]:
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            yield entry.data_file
    if len(data) > MANIFESTS:
        yield None

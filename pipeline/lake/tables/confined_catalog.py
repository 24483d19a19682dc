"""PyIceberg's Glue catalog, whose tables reach no file outside their own folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.io import FileIO, InputFile, OutputFile, load_file_io
from pyiceberg.table import Table
from pyiceberg.typedef import EMPTY_DICT, Properties

from pipeline.lake.tables.homes import Homes, check_locations, check_properties

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata


class ConfinedIO(FileIO):
    """The files of one table, by `inner`; `OutsideTable` for any that does not lie in the table's folder `home`."""

    def __init__(self, inner: FileIO, table: str, home: str) -> None:
        super().__init__(inner.properties)
        self._inner, self._table, self._home = inner, table, home

    def new_input(self, location: str) -> InputFile:
        """A file to read."""
        return self._inner.new_input(self._own(location))

    def new_output(self, location: str) -> OutputFile:
        """A file to write."""
        return self._inner.new_output(self._own(location))

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Remove a file."""
        self._own(location if isinstance(location, str) else location.location)
        self._inner.delete(location)

    def _own(self, location: str) -> str:
        check_locations([location], self._table, self._home)
        return location


class ConfinedCatalog(GlueCatalog):
    """Tables of a lake, each held to the folder that its name says (`homes`).

    Properties of a table say nothing of how its files are reached, as they do in PyIceberg: the lake's own do.
    """

    def __init__(self, homes: Homes, **properties: str) -> None:
        super().__init__("glue", **properties)
        self._homes = homes

    def _convert_glue_to_iceberg(self, glue_table: Any) -> Table:
        table = f"{glue_table['DatabaseName']}.{glue_table['Name']}"
        home = self._homes.of(table)
        if location := glue_table.get("Parameters", {}).get("metadata_location"):
            check_locations([location], table, home)
        found = super()._convert_glue_to_iceberg(glue_table)
        check_metadata(found.metadata, table, home)
        found.io = ConfinedIO(found.io, table, home)
        return found

    def _load_file_io(self, properties: Properties = EMPTY_DICT, location: str | None = None) -> FileIO:
        return load_file_io(self.properties, location)


def check_metadata(metadata: TableMetadata, table: str, home: str) -> None:
    """`OutsideTable` if a table's metadata names what is not in `home`; manifests are looked at by who reads them."""
    check_properties(metadata.properties, table, home)
    check_locations(_locations(metadata), table, home)


def _locations(metadata: TableMetadata) -> Iterator[str]:
    yield metadata.location
    yield from (entry.metadata_file for entry in metadata.metadata_log)
    yield from (snapshot.manifest_list for snapshot in metadata.snapshots)
    yield from (each.statistics_path for each in (*metadata.statistics, *metadata.partition_statistics))


def check_files(table: Table, home: str, snapshot_id: int, known_id: int | None = None) -> None:
    """`OutsideTable` if a snapshot has a manifest or a file that is not in `home`; those of manifests that the
    snapshot `known_id` has, too, are not looked at."""
    name = ".".join(table.name())
    known = set() if known_id is None else {each.manifest_path for each in _manifests(table, known_id)}
    for manifest in _manifests(table, snapshot_id):
        if manifest.manifest_path in known:
            continue
        check_locations([manifest.manifest_path], name, home)
        entries = manifest.fetch_manifest_entry(table.io, discard_deleted=False)
        check_locations((entry.data_file.file_path for entry in entries), name, home)


def _manifests(table: Table, snapshot_id: int) -> list[Any]:
    snapshot = table.metadata.snapshot_by_id(snapshot_id)
    return list(snapshot.manifests(table.io)) if snapshot else []

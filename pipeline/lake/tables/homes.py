"""The folder in which a table lies with all its files, and what of a table's metadata leads out of it. Pure.

A team's transform writes the metadata of its own table, and so may a foreign writer of it. Who reads tables of all
teams goes by none of it that names files of another table, or says how to reach them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pipeline.core.errors import Refused
from pipeline.lake.tables.names import split_table
from pipeline.lake.tables.scratch import FOLDER, trial_of

_SCHEMES = ("s3://", "s3a://", "s3n://")
_FOLDERS = ("write.data.path", "write.metadata.path", "write.object-storage.path", "write.folder-storage.path")
"""Properties of Iceberg that name a folder for new files."""
_REACH = ("s3.", "client.", "glue.", "adls.", "gcs.", "hdfs.", "hf.", "oss.", "py-", "io-impl", "catalog-impl")
_CODE = ("write.py-location-provider.impl", "write.location-provider.impl")
"""These say where files are, with whose credentials they are read, or which class does it."""


class OutsideTable(Refused):
    """A table's metadata names a file that is not the table's own: nothing of it is read, written or removed."""


@dataclass(frozen=True, slots=True)
class Homes:
    """Where tables lie: each in the folder of its dataset in the bucket `curated`. `prefix` begins the names of Glue's
    databases, and the team's follows."""

    curated: str
    prefix: str

    def of(self, table: str) -> str:
        """The folder of `database.table`, an s3:// URI that ends in a slash. `OutsideTable` for a database that is
        no team's."""
        database, _ = split_table(table)
        if not database.startswith(self.prefix) or database == self.prefix:
            raise OutsideTable(f"{table} is in no database of this lake")
        return home_of(self.curated, database.removeprefix(self.prefix), table)


def home_of(curated: str | None, team: str, table: str) -> str:
    """The folder of a `database.table` of a team, or of a trial, an s3:// URI; what follows the bucket, if that is
    not said. `OutsideTable` for a database of another team."""
    database, name = split_table(table)
    trial = trial_of(name)
    if not trial and database != team and not database.endswith(f"_{team}"):
        raise OutsideTable(f"{table} is no table of {team}")
    folder = f"{FOLDER}/{trial}/" if trial else f"{team}/{name}/"
    return f"s3://{curated}/{folder}" if curated else folder


def is_inside(location: str, home: str) -> bool:
    """Whether a file, or a folder, lies in the folder `home`, or is it."""
    plain = next((f"s3://{location[len(each) :]}" for each in _SCHEMES if location.startswith(each)), location)
    steps = plain.split("/")
    return f"{plain.rstrip('/')}/".startswith(home) and ".." not in steps and "." not in steps


def check_locations(locations: Iterable[str], table: str, home: str) -> None:
    """`OutsideTable` names the first location that is not inside `home`."""
    for location in locations:
        if not is_inside(location, home):
            raise OutsideTable(
                f"the metadata of {table} names {location}, which is not in {home}: nothing was done",
                hint="Let the table's metadata_location in Glue name the last metadata file that is right.",
            )


def check_properties(properties: Mapping[str, str], table: str, home: str) -> None:
    """`OutsideTable` for a property of a table that says where else files are, or how to reach them."""
    check_locations((properties[name] for name in _FOLDERS if name in properties), table, home)
    for name in properties:
        if name.startswith(_REACH) or name in _CODE:
            raise OutsideTable(
                f"the metadata of {table} has the property {name}, which says how files are reached: nothing was done",
                hint="Remove it: alter table … unset tblproperties.",
            )


def locations_of(metadata: Mapping[str, object]) -> Iterator[str]:
    """All that a metadata.json names: the table's folder, earlier metadata, lists of manifests, statistics."""
    yield str(metadata["location"])
    for group, name in (
        ("metadata-log", "metadata-file"),
        ("snapshots", "manifest-list"),
        ("statistics", "statistics-path"),
        ("partition-statistics", "statistics-path"),
    ):
        for each in metadata.get(group) or ():  # type: ignore[attr-defined]
            if found := each.get(name):
                yield str(found)

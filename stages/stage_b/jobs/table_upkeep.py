"""Keep an Iceberg table up: small files become larger ones, old snapshots and what nothing names go away.

Whoever calls has the dataset's lock. Each step is a commit of its own or removes only what no snapshot names, so that
a run may die anywhere and another begin again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.lake.datasets.model import Upkeep
from pipeline.lake.tables.names import batch_of
from stages.stage_b.jobs.alignment import quoted
from stages.stage_b.jobs.branches import CATALOG
from stages.stage_b.jobs.own_files import check_files, check_metadata

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)

ORPHANS_AFTER = timedelta(days=3)
"""Age of a file that no snapshot names before it is removed: longer than a batch's execution, and than it may take
until somebody redrives it (PROTOCOL, Stage B 6)."""

MEBIBYTE = 1024 * 1024


class Keeper:
    """One table (`database.table`). `has_ended` says of a batch's id whether that batch is over for good; `home` is the
    table's folder, if it is held to it: what names files elsewhere is not kept up (`OutsideTable`)."""

    def __init__(
        self,
        spark: SparkSession,
        table: str,
        settings: Upkeep,
        has_ended: Callable[[str], bool],
        home: str | None = None,
    ) -> None:
        self._home = home
        self._spark = spark
        self._name = f"{CATALOG}.{'.'.join(quoted(part) for part in table.split('.'))}"
        self._table = table
        self._settings = settings
        self._has_ended = has_ended

    def keep_up(self, now: datetime) -> dict[str, int]:
        """Do everything, and say how much of each was done."""
        self.check()
        return {
            "branches": self.remove_branches(),
            **self.compact(),
            "snapshots": self.expire(now - self._settings.keep_snapshots),
            "orphans": self.remove_orphans(now - ORPHANS_AFTER),
        }

    def check(self) -> None:
        """Look at every file that the table names, also one that only an old snapshot does, or has removed."""
        if home := self.check_metadata(self._load()):
            check_files(self._spark, self._name, home)

    def check_metadata(self, table: Any) -> str | None:
        """The table's folder, if the table is held to it and its metadata names nothing else."""
        return None if self._home is None else check_metadata(self._spark, table, self._table, self._home)

    def remove_branches(self) -> int:
        """Remove the branches of batches that have ended, whose removal failed; any other stays."""
        table = self._load()
        stale = [name for name in table.refs() if (batch := batch_of(name)) and self._has_ended(batch)]
        if stale:
            changes = table.manageSnapshots()
            for name in stale:
                changes = changes.removeBranch(name)
            changes.commit()
        return len(stale)

    def compact(self) -> dict[str, int]:
        """Rewrite small data files and those with many deleted rows, then position deletes, then manifests."""
        size = self._settings.file_size_mb * MEBIBYTE
        # Parts are committed as they are done: a run that is stopped has not worked for nothing.
        options = f"map('target-file-size-bytes', '{size}', 'partial-progress.enabled', 'true')"
        data = self._call("rewrite_data_files", f"options => {options}")
        # Two files of deletes are worth one: readers open each, and one whose data files are gone is dropped by this.
        deletes = self._call("rewrite_position_delete_files", "options => map('min-input-files', '2')")
        manifests = self._call("rewrite_manifests")
        return {
            "data_files": data["rewritten_data_files_count"],
            "delete_files": deletes["rewritten_delete_files_count"],
            "manifests": manifests["rewritten_manifests_count"],
        }

    def expire(self, older_than: datetime) -> int:
        """Remove snapshots that are older, but for the newest ones, and the files that only they name.

        A snapshot that a branch or a tag names stays, and so do its files.
        """
        table = self._load()
        self.check_metadata(table)
        before = sum(1 for _ in table.snapshots())
        keep = self._settings.keep_at_least
        self._call("expire_snapshots", f"older_than => {_timestamp(older_than)}", f"retain_last => {keep}")
        return before - sum(1 for _ in self._load().snapshots())

    def remove_orphans(self, older_than: datetime) -> int:
        """Remove files under the table's location that are older and that no snapshot names."""
        jvm: Any = self._spark._jvm
        actions = jvm.org.apache.iceberg.spark.actions.SparkActions.get(self._spark._jsparkSession)
        # Through Iceberg's own client: Hadoop's may have another scheme for the same place.
        table = self._load()
        self.check_metadata(table)
        removal = actions.deleteOrphanFiles(table).usePrefixListing(True)
        done = removal.olderThan(int(older_than.timestamp() * 1000)).execute()
        return sum(1 for _ in done.orphanFileLocations())

    def _call(self, procedure: str, *arguments: str) -> Any:
        given = ", ".join([f"table => '{self._table}'", *arguments])
        found = self._spark.sql(f"call {CATALOG}.system.{procedure}({given})").first()
        log.info("a step of upkeep is done", extra={"step": procedure, "result": found.asDict() if found else None})
        return found

    def _load(self) -> Any:
        self._spark.catalog.refreshTable(self._name)
        spark3: Any = self._spark._jvm.org.apache.iceberg.spark.Spark3Util  # type: ignore[union-attr]
        return spark3.loadIcebergTable(self._spark._jsparkSession, self._name)


def _timestamp(moment: datetime) -> str:
    return f"timestamp '{moment:%Y-%m-%d %H:%M:%S} UTC'"

"""Tables of plain Parquet files in Glue's catalog: commit a batch, abandon a batch.

A run writes to a folder of its own, which no reader is led to. What leads readers there is one entry of the catalog,
made or switched by one call (PROTOCOL, Stage B 5). New partitions are entered through awswrangler, which only the
function that commits has; whatever ends a batch otherwise does without it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from pipeline.core.aws_errors import code_of
from pipeline.core.clients import client, session
from pipeline.core.errors import Contended, Misconfigured, SluiceError, Transient
from pipeline.lake.tables import parquet_names as names
from pipeline.lake.tables.attempts import has_no_answer, until_settled
from pipeline.lake.tables.crawled_folder import CrawledFolder
from pipeline.lake.tables.names import MARKER, split_table
from pipeline.lake.tables.outcomes import CommitOutcome
from pipeline.lake.tables.parquet_partitions import switch_partitions


class ParquetTables:
    """Tables, each named `database.table`. `sleep` is for tests."""

    def __init__(self, glue: Any = None, s3: Any = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._glue = glue or client("glue")
        self._s3 = s3 or client("s3")
        self._sleep = sleep

    def commit(
        self,
        table: str,
        batch: str,
        branch: str,
        base: int,
        checked: int,
        *,
        can_move: bool = False,
        is_untrusted: bool = False,
    ) -> CommitOutcome:
        """Lead readers to the rows of the run `branch`, which are `checked`.

        Doing it again is harmless: the catalog's entry tells. COMMITTED, or REBASE if the rows are not those that were
        checked, the batch is abandoned, or others replaced what it builds on. Errors as `IcebergTables.commit`.
        """
        if names.number_of(branch) != checked:
            return CommitOutcome.REBASE

        def attempt(found: dict[str, Any]) -> CommitOutcome:
            folder = names.rows_folder(names.root_of(found), branch)
            if names.is_crawled(found):
                return self._publish(table, found, batch, folder)
            if names.is_appended(found):
                return self._add(table, found, batch, folder)
            return self._replace(table, found, batch, folder, base)

        return self._until_settled(table, attempt, Contended)

    def mark_empty(
        self, table: str, batch: str, base: int, *, is_open: Callable[[], bool] = lambda: False
    ) -> CommitOutcome:
        """Mark the table as having a batch that wrote no row. Outcomes and errors as `commit`."""

        def attempt(found: dict[str, Any]) -> CommitOutcome:
            if names.is_crawled(found):
                # No file to be found: nothing of it is in the catalog, and an abandoned one would be nothing either.
                return CommitOutcome.COMMITTED
            if names.is_appended(found):
                return self._add(table, found, batch, names.empty_folder(names.root_of(found)))
            parameters = found["Parameters"]
            if parameters.get(MARKER) == batch:
                return CommitOutcome.COMMITTED
            if _is_abandoned(parameters, batch) or (names.state_of(found) != base and not is_open()):
                return CommitOutcome.REBASE
            self._update(table, found, {MARKER: batch})
            return CommitOutcome.COMMITTED

        return self._until_settled(table, attempt, Contended)

    def abandon(self, table: str, batch: str) -> CommitOutcome:
        """See to it that no commit of `batch` can succeed: ABANDONED, or COMMITTED if one has. Files stay (upkeep)."""

        def attempt(found: dict[str, Any]) -> CommitOutcome:
            if names.is_crawled(found):
                return self._withdraw(table, found, batch)
            if names.is_appended(found):
                return self._abandon_partition(table, found, batch)
            parameters = found["Parameters"]
            if parameters.get(MARKER) == batch:
                return CommitOutcome.COMMITTED
            if (begun := parameters.get(names.COMMITTING)) and f"/b_{batch}_" in begun:
                self._finish(table, found, batch, begun)
                return CommitOutcome.COMMITTED
            if not _is_abandoned(parameters, batch):
                before = parameters.get(names.ABANDONED_BATCHES, "").split()
                remembered = " ".join([*before, batch][-names.REMEMBERED :])
                # The new version of the table fences off every commit that has read the one before.
                self._update(table, found, {names.ABANDONED_BATCHES: remembered})
            return CommitOutcome.ABANDONED

        return self._until_settled(table, attempt)

    def copies(self, table: str) -> bool:
        """Whether a commit copies the run's files: to where a crawler looks."""
        return names.is_crawled(self.load(table))

    def published(self, table: str, checked: int) -> int:
        """What readers have is what was checked."""
        return checked

    def load(self, table: str) -> dict[str, Any]:
        """The table as Glue has it. `Misconfigured` if there is none, or it is not made of Parquet files."""
        database, name = split_table(table)
        hint = "Run `sluice datasets apply`: it creates what is missing."
        try:
            found: dict[str, Any] = self._glue.get_table(DatabaseName=database, Name=name)["Table"]
        except self._glue.exceptions.EntityNotFoundException:
            raise Misconfigured(f"there is no table {table}", hint=hint) from None
        if names.ROOT not in found.get("Parameters", {}):
            raise Misconfigured(f"{table} is no table of Parquet files that Sluice made", hint=hint)
        return found

    def partition(self, table: str, batch: str) -> dict[str, Any] | None:
        """The partition that a batch is; None as long as nothing came of it."""
        database, name = split_table(table)
        try:
            found = self._glue.get_partition(DatabaseName=database, TableName=name, PartitionValues=[batch])
        except self._glue.exceptions.EntityNotFoundException:
            return None
        return cast("dict[str, Any]", found["Partition"])

    def _add(self, table: str, found: Mapping[str, Any], batch: str, folder: str) -> CommitOutcome:
        """Make the batch's partition, whose values no other has: Glue makes it once, and keeps the first."""
        awswrangler = _awswrangler()
        database, name = split_table(table)
        awswrangler.catalog.add_parquet_partitions(
            database=database,
            table=name,
            partitions_values={folder: [batch]},
            compression="zstd",
            columns_types={each["Name"]: each["Type"] for each in found["StorageDescriptor"]["Columns"]},
            partitions_parameters={names.OUTCOME: names.COMMITTED},
            boto3_session=session(),
        )
        made = self.partition(table, batch)
        is_ours = made is not None and made["StorageDescriptor"]["Location"] == folder
        return CommitOutcome.COMMITTED if is_ours else CommitOutcome.REBASE

    def _publish(self, table: str, found: Mapping[str, Any], batch: str, folder: str) -> CommitOutcome:
        """Put the run's files where the crawler looks, and nothing else that is new."""
        if self.partition(table, batch) is not None:
            return CommitOutcome.COMMITTED
        crawled = CrawledFolder(self._s3, self._glue, table, names.root_of(found))
        crawled.remove_strangers(batch)
        crawled.publish(folder, batch)
        return CommitOutcome.CRAWL

    def _withdraw(self, table: str, found: Mapping[str, Any], batch: str) -> CommitOutcome:
        """Take a batch's files away from the crawler, which must not be looking, unless it has entered them."""
        if self._glue.get_crawler(Name=table)["Crawler"]["State"] != "READY":
            raise Transient(f"the crawler of {table} is still running: what it enters is not known yet")
        if self.partition(table, batch) is not None:
            return CommitOutcome.COMMITTED
        CrawledFolder(self._s3, self._glue, table, names.root_of(found)).remove(batch)
        return CommitOutcome.ABANDONED

    def _abandon_partition(self, table: str, found: Mapping[str, Any], batch: str) -> CommitOutcome:
        """Take the batch's place with a partition of nothing, so that no commit can."""
        database, name = split_table(table)
        root = names.root_of(found)
        nothing = {**found["StorageDescriptor"], "Location": names.empty_folder(root)}
        taken = {
            "Values": [batch],
            "StorageDescriptor": nothing,
            "Parameters": {names.OUTCOME: names.ABANDONED},
        }
        try:
            self._glue.create_partition(DatabaseName=database, TableName=name, PartitionInput=taken)
        except self._glue.exceptions.AlreadyExistsException:
            made = self.partition(table, batch)
            if made is None or made.get("Parameters", {}).get(names.OUTCOME) != names.ABANDONED:
                return CommitOutcome.COMMITTED
        return CommitOutcome.ABANDONED

    def _replace(self, table: str, found: dict[str, Any], batch: str, folder: str, base: int) -> CommitOutcome:
        parameters = found["Parameters"]
        if parameters.get(MARKER) == batch:
            return CommitOutcome.COMMITTED
        if parameters.get(names.COMMITTING) == folder:
            self._finish(table, found, batch, folder)
            return CommitOutcome.COMMITTED
        if _is_abandoned(parameters, batch) or names.state_of(found) != base:
            return CommitOutcome.REBASE
        if found["PartitionKeys"]:
            self._update(table, found, {names.COMMITTING: folder})
            self._finish(table, self.load(table), batch, folder)
        else:
            self._update(table, found, {MARKER: batch}, location=folder)
        return CommitOutcome.COMMITTED

    def _finish(self, table: str, found: dict[str, Any], batch: str, folder: str) -> None:
        """Lead readers to each partition in `folder`, and note that it is done. Any number may do it at once."""

        def goes_on() -> bool:
            return bool(self.load(table)["Parameters"].get(names.COMMITTING) == folder)

        switch_partitions(self._glue, self._s3, table, found, folder, goes_on)
        parameters = {name: value for name, value in found["Parameters"].items() if name != names.COMMITTING}
        self._update(table, {**found, "Parameters": parameters}, {MARKER: batch})

    def _update(
        self, table: str, found: Mapping[str, Any], parameters: Mapping[str, str], location: str | None = None
    ) -> None:
        """One UpdateTable, which is refused if the table is not as `found` any more."""
        database, _ = split_table(table)
        changed = names.table_input(found)
        changed["Parameters"] = {**found["Parameters"], **parameters}
        if location:
            changed["StorageDescriptor"] = {**found["StorageDescriptor"], "Location": location}
        # Versions of the table are no history of its rows.
        self._glue.update_table(
            DatabaseName=database, TableInput=changed, SkipArchive=True, VersionId=found["VersionId"]
        )

    def _until_settled(
        self,
        table: str,
        attempt: Callable[[dict[str, Any]], CommitOutcome],
        lost: type[SluiceError] = Transient,
    ) -> CommitOutcome:
        """Try with the table as it is then, until nobody else got in between (`attempts.until_settled`)."""
        return until_settled(
            table,
            lambda: attempt(self.load(table)),
            is_lost_to_others=lambda error: code_of(error) == "ConcurrentModificationException",
            has_no_answer=has_no_answer,
            sleep=self._sleep,
            lost=lost,
        )


def _awswrangler() -> Any:
    try:
        import awswrangler
    except ImportError as error:
        raise Misconfigured(
            f"awswrangler is not there: {error}",
            hint="`sluice settings set pandas-layer ARN`, and deploy: docs/parquet.md says which it is.",
        ) from error
    return awswrangler


def _is_abandoned(parameters: Mapping[str, str], batch: str) -> bool:
    return batch in parameters.get(names.ABANDONED_BATCHES, "").split()

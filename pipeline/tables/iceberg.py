"""Iceberg tables in Glue's catalog: create, commit a batch, abandon a batch. Through PyIceberg, so without Spark.

The rules are those of PROTOCOL.md, "Stage B and the table"; each is there because an interleaving breaks without it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import StrEnum
from functools import cached_property
from typing import Any

from pipeline.errors import Misconfigured, Transient
from pipeline.tables.names import MAIN, MARKER, branch_prefix

ATTEMPTS = 5
BACKOFF_S = 0.2

log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of a commit or an abandon."""

    COMMITTED = "COMMITTED"
    REBASE = "REBASE"
    """Somebody else wrote to the table, or the branch is not the one that was checked: transform again."""
    ABANDONED = "ABANDONED"


class IcebergTables:
    """Tables, each named `database.table`. `sleep` is for tests."""

    def __init__(self, catalog: Any = None, sleep: Callable[[float], None] = time.sleep) -> None:
        if catalog is not None:
            self.__dict__["catalog"] = catalog
        self._sleep = sleep

    @cached_property
    def catalog(self) -> Any:
        """PyIceberg's Glue catalog."""
        from pyiceberg.catalog import load_catalog

        from pipeline.clients import iceberg_properties

        return load_catalog("glue", **iceberg_properties())

    def commit(self, table: str, batch: str, branch: str, base: int, checked: int) -> Outcome:
        """Move `main` from `base` to the snapshot `checked` of `branch`, and mark the table as having `batch`.

        Doing it again is harmless: the marker tells. COMMITTED or REBASE; `Transient` if others kept getting in
        between; `Misconfigured` if there is no such table.
        """

        def attempt(found: Any) -> Outcome:
            metadata = found.metadata
            if metadata.properties.get(MARKER) == batch:
                return Outcome.COMMITTED
            main, written = metadata.refs.get(MAIN), metadata.refs.get(branch)
            if main is None or main.snapshot_id != base or written is None or written.snapshot_id != checked:
                return Outcome.REBASE
            with found.transaction() as transaction:
                transaction.set_properties({MARKER: batch})
                # One staging call for all refs: of several, a transaction keeps only the first assertion of a type.
                changes = _manage(transaction).create_branch(
                    checked, MAIN, main.max_ref_age_ms, main.max_snapshot_age_ms, main.min_snapshots_to_keep
                )
                for name in _branches(metadata, batch):
                    changes = changes.remove_branch(name)
                changes.commit()
            return Outcome.COMMITTED

        return self._until_settled(table, attempt)

    def mark_empty(self, table: str, batch: str, base: int) -> Outcome:
        """Mark the table as having a batch that wrote no row; `main` stays at `base`. Outcomes and errors as `commit`.

        Only on its base: a run that comes late must not overwrite the marker of a later batch.
        """

        def attempt(found: Any) -> Outcome:
            metadata = found.metadata
            if metadata.properties.get(MARKER) == batch:
                return Outcome.COMMITTED
            main = metadata.refs.get(MAIN)
            if main is None or main.snapshot_id != base:
                return Outcome.REBASE
            with found.transaction() as transaction:
                transaction.set_properties({MARKER: batch})
                # `main` set to what it is: nothing changes, and the marker of a later batch is not overwritten.
                changes = _manage(transaction).create_branch(
                    main.snapshot_id, MAIN, main.max_ref_age_ms, main.max_snapshot_age_ms, main.min_snapshots_to_keep
                )
                for name in _branches(metadata, batch):
                    changes = changes.remove_branch(name)
                changes.commit()
            return Outcome.COMMITTED

        return self._until_settled(table, attempt)

    def abandon(self, table: str, batch: str) -> Outcome:
        """Remove all that runs of `batch` wrote, unless it turns out to be committed.

        ABANDONED, after which no commit of the batch can succeed, or COMMITTED; errors as `commit`. Snapshots stay:
        removing them in this step deleted `main`.
        """

        def attempt(found: Any) -> Outcome:
            metadata = found.metadata
            if metadata.properties.get(MARKER) == batch:
                return Outcome.COMMITTED
            if names := _branches(metadata, batch):
                changes = found.manage_snapshots()
                for name in names:
                    changes = changes.remove_branch(name)
                changes.commit()
            return Outcome.ABANDONED

        return self._until_settled(table, attempt)

    def load(self, table: str) -> Any:
        """The table as it is now. `Misconfigured` if there is none."""
        from pyiceberg.exceptions import NoSuchTableError

        try:
            return self.catalog.load_table(table)
        except NoSuchTableError:
            raise Misconfigured(
                f"there is no table {table}", hint="Run `sluice datasets apply`: it creates what is missing."
            ) from None

    def _until_settled(self, table: str, attempt: Callable[[Any], Outcome]) -> Outcome:
        """Try from the top, with the table as it is then, until nobody else got in between.

        A time-out is like a refusal: it is not known whether the call went through, and the marker tells.
        """
        for number in range(ATTEMPTS):
            if number:
                self._sleep(BACKOFF_S * 2 ** (number - 1))
            try:
                return attempt(self.load(table))
            except Exception as error:
                if not _worth_repeating(error):
                    raise
                log.info("attempt %d at %s: %s", number + 1, table, error)
        raise Transient(f"{table} was changed by others, or did not answer, {ATTEMPTS} times")


def _manage(transaction: Any) -> Any:
    from pyiceberg.table.update.snapshot import ManageSnapshots

    return ManageSnapshots(transaction)


def _branches(metadata: Any, batch: str) -> list[str]:
    """The branches of every run of the batch."""
    return sorted(name for name in metadata.refs if name.startswith(branch_prefix(batch)))


def _worth_repeating(error: Exception) -> bool:
    from botocore.exceptions import ClientError, HTTPClientError
    from pyiceberg.exceptions import CommitFailedException

    if isinstance(error, ClientError):
        status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or status == 429 or "Throttl" in error.response["Error"]["Code"]
    # OSError is how pyarrow's S3 tells of time-outs.
    return isinstance(error, CommitFailedException | HTTPClientError | OSError)

"""Iceberg tables in Glue's catalog: create, commit a batch, abandon a batch. Through PyIceberg, so without Spark.

The rules are those of PROTOCOL.md, "Stage B and the table"; each is there because an interleaving breaks without it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from pipeline.core.errors import Contended, Misconfigured, Refused, SluiceError, Transient
from pipeline.lake.messages.written import Written
from pipeline.lake.tables.attempts import has_no_answer, until_settled
from pipeline.lake.tables.cherry_picks import appended, picked, picked_from
from pipeline.lake.tables.homes import Homes
from pipeline.lake.tables.names import MAIN, MARKER, branch_prefix
from pipeline.lake.tables.outcomes import CommitOutcome


class IcebergTables:
    """Tables, each named `database.table` and held to its folder, which `homes` says (`confined_catalog`).

    `catalog` is one that is there already, and `sleep` is for tests.
    """

    def __init__(
        self, catalog: Any = None, sleep: Callable[[float], None] = time.sleep, *, homes: Homes | None = None
    ) -> None:
        if catalog is not None:
            self.__dict__ |= {"catalog": catalog, "looking": catalog}
        self._homes = homes
        self._sleep = sleep

    @cached_property
    def catalog(self) -> Any:
        """PyIceberg's Glue catalog."""
        return self._made()

    @cached_property
    def looking(self) -> Any:
        """The same catalog for looking at tables alone: their metadata, and no rows. It is there sooner."""
        return self._made(**{"py-io-impl": "pipeline.lake.tables.metadata_io.S3Reader"})

    def _made(self, **properties: str) -> Any:
        from pipeline.core.clients import iceberg_properties
        from pipeline.lake.tables.confined_catalog import ConfinedCatalog

        if self._homes is None:
            raise Misconfigured("nobody said where the lake's tables lie")
        return ConfinedCatalog(self._homes, **{**iceberg_properties(), **properties})

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
        """Move `main` from `base` to the snapshot `checked` of `branch`, and mark the table as having `batch`.

        Where `main` is not at `base` any more and `checked` only appends, `can_move` lets its files be appended to what
        is there instead. The files of one that `is_untrusted`, for a team's code wrote it, are held to the
        table's folder (`OutsideTable`). Doing it again is harmless: the marker tells. COMMITTED, PICKED or REBASE;
        `Contended` if others kept getting in between, `Transient` if the table did not answer; `Misconfigured` if there
        is no such table.
        """
        appends: list[list[Any] | None] = []

        def attempt(found: Any) -> CommitOutcome:
            metadata = found.metadata
            if metadata.properties.get(MARKER) == batch:
                return CommitOutcome.COMMITTED if picked_from(metadata, checked) is None else CommitOutcome.PICKED
            main, written = metadata.refs.get(MAIN), metadata.refs.get(branch)
            if main is None or written is None or written.snapshot_id != checked:
                return CommitOutcome.REBASE
            if is_untrusted:
                self.check_files(found, checked, base)
            if main.snapshot_id == base:
                _move_main(found, main, checked, batch)
                return CommitOutcome.COMMITTED
            if not can_move:
                return CommitOutcome.REBASE
            if not appends:
                # What a snapshot has never changes.
                appends.append(appended(found, checked, base))
            if appends[0] is None:
                return CommitOutcome.REBASE
            self._pick(found, appends[0], checked, batch)
            return CommitOutcome.PICKED

        return self._until_settled(table, attempt, Contended)

    def _pick(self, found: Any, files: list[Any], checked: int, batch: str) -> None:
        """Append `files` to `main` as it was found, with the marker, if every branch of the batch is as it was found.

        So nothing that a batch which has ended left running gets this through: its end removed the branch.
        """
        from pyiceberg.exceptions import CommitFailedException
        from pyiceberg.table import update

        metadata, adding = found.metadata, picked(found, files, checked, MAIN)
        names = _branches(metadata, batch)
        main = metadata.refs[MAIN].model_copy(update={"snapshot_id": adding.snapshot.snapshot_id})
        found_at = [{"ref": name, "snapshot-id": metadata.refs[name].snapshot_id} for name in (MAIN, *names)]
        asserted = [update.AssertRefSnapshotId.model_validate(each) for each in found_at]
        updates = [
            adding,
            # With the retention that `main` has.
            update.SetSnapshotRefUpdate.model_validate({"ref-name": MAIN, **main.model_dump(by_alias=True)}),
            *(update.RemoveSnapshotRefUpdate.model_validate({"ref-name": name}) for name in names),
            update.SetPropertiesUpdate(updates={MARKER: batch}),
        ]
        same = update.AssertTableUUID(uuid=metadata.table_uuid)
        try:
            self.catalog.commit_table(found, (same, *asserted), tuple(updates))
        except ValueError as error:
            # A snapshot on any other branch takes the place in the order of writes that this one was made for.
            if self.load(".".join(found.name())).metadata.last_sequence_number == metadata.last_sequence_number:
                raise
            raise CommitFailedException(str(error)) from error

    def copies(self, table: str) -> bool:
        """Whether a commit copies files: never, it names them."""
        return False

    def published(self, table: str, checked: int) -> int:
        """The snapshot by which readers of `main` have the rows of a committed batch's snapshot `checked`."""
        return picked_from(self.load(table).metadata, checked) or checked

    def mark_empty(
        self, table: str, batch: str, base: int, *, is_open: Callable[[], bool] = lambda: False
    ) -> CommitOutcome:
        """Mark the table as having a batch that wrote no row; `main` stays. Outcomes and errors as `commit`.

        A run that comes late must not overwrite the marker of a later batch. So only on its base, or where `is_open`,
        asked after the table was read, says that the batch has not ended.
        """

        def attempt(found: Any) -> CommitOutcome:
            metadata = found.metadata
            if metadata.properties.get(MARKER) == batch:
                return CommitOutcome.COMMITTED
            main = metadata.refs.get(MAIN)
            if main is None or (main.snapshot_id != base and not is_open()):
                return CommitOutcome.REBASE
            # `main` set to what it is: nothing changes, and the marker of a later batch is not overwritten.
            _move_main(found, main, main.snapshot_id, batch)
            return CommitOutcome.COMMITTED

        return self._until_settled(table, attempt, Contended)

    def check_written(self, table: str, written: Written) -> None:
        """`Refused` unless the table has what a run says that it wrote: a snapshot of the run's own branch, which
        follows on the base that it names, with so many rows and with files of the table alone."""
        if written.snapshot is None:
            return
        found = self.load(table)
        metadata, branch = found.metadata, found.metadata.refs.get(written.branch)
        snapshot = metadata.snapshot_by_id(written.snapshot)
        if branch is None or snapshot is None or branch.snapshot_id != written.snapshot:
            raise Refused(f"the branch {written.branch} of {table} does not have the snapshot {written.snapshot}")
        if not _follows(metadata, snapshot, written.base):
            raise Refused(f"snapshot {written.snapshot} of {table} does not follow on {written.base}")
        added = snapshot.summary.additional_properties.get("added-records") if snapshot.summary else None
        if added != str(written.rows):
            raise Refused(f"snapshot {written.snapshot} of {table} adds {added} rows, and not {written.rows}")
        self.check_files(found, written.snapshot, written.base)

    def check_files(self, found: Any, snapshot: int, known: int | None = None) -> None:
        """`OutsideTable` if a snapshot of a table names a file that is not its own, beyond what the snapshot `known`
        has."""
        from pipeline.lake.tables.confined_catalog import check_files

        if self._homes:
            check_files(found, self._homes.of(".".join(found.name())), snapshot, known)

    def abandon(self, table: str, batch: str) -> CommitOutcome:
        """Remove all that runs of `batch` wrote, unless it turns out to be committed.

        ABANDONED, after which no commit of the batch can succeed, or COMMITTED. `Transient` also where others kept
        getting in between. Snapshots stay: removing them in this step deleted `main`.
        """

        def attempt(found: Any) -> CommitOutcome:
            metadata = found.metadata
            if metadata.properties.get(MARKER) == batch:
                return CommitOutcome.COMMITTED
            if names := _branches(metadata, batch):
                changes = found.manage_snapshots()
                for name in names:
                    changes = changes.remove_branch(name)
                changes.commit()
            return CommitOutcome.ABANDONED

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

    def _until_settled(
        self, table: str, attempt: Callable[[Any], CommitOutcome], lost: type[SluiceError] = Transient
    ) -> CommitOutcome:
        """Try with the table as it is then, until nobody else got in between (`attempts.until_settled`)."""
        from pyiceberg.exceptions import CommitFailedException

        return until_settled(
            table,
            lambda: attempt(self.load(table)),
            is_lost_to_others=lambda error: isinstance(error, CommitFailedException),
            has_no_answer=_has_no_answer,
            sleep=self._sleep,
            lost=lost,
        )


def _move_main(found: Any, main: Any, to: int, batch: str) -> None:
    """Set `main` to a snapshot, mark the table as having the batch and remove its branches."""
    with found.transaction() as transaction:
        transaction.set_properties({MARKER: batch})
        # One staging call for all refs: of several, a transaction keeps only the first assertion of a type.
        changes = _manage(transaction).create_branch(
            to, MAIN, main.max_ref_age_ms, main.max_snapshot_age_ms, main.min_snapshots_to_keep
        )
        for name in _branches(found.metadata, batch):
            changes = changes.remove_branch(name)
        changes.commit()


def _follows(metadata: Any, snapshot: Any, base: int) -> bool:
    """Whether a snapshot was made on another, by however many steps."""
    seen = set()
    while snapshot is not None and snapshot.snapshot_id not in seen:
        seen.add(snapshot.snapshot_id)
        if snapshot.parent_snapshot_id == base:
            return True
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else metadata.snapshot_by_id(parent)
    return False


def _manage(transaction: Any) -> Any:
    from pyiceberg.table.update.snapshot import ManageSnapshots

    return ManageSnapshots(transaction)


def _branches(metadata: Any, batch: str) -> list[str]:
    """The branches of every run of the batch."""
    return sorted(name for name in metadata.refs if name.startswith(branch_prefix(batch)))


def _has_no_answer(error: Exception) -> bool:
    # OSError is how pyarrow's S3 reports time-outs.
    return has_no_answer(error) or (
        isinstance(error, OSError) and not isinstance(error, PermissionError | FileNotFoundError)
    )

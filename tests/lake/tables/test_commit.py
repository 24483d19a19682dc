"""Commit and abandon under every order of events: quiet, foreign writers, zombies, lost acknowledgements."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.exceptions import CommitFailedException

from pipeline.core.errors import Contended, Misconfigured, Transient
from pipeline.lake.tables.attempts import ATTEMPTS
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.lake.tables.names import MARKER, branch_name
from pipeline.lake.tables.outcomes import CommitOutcome
from tests.examples import examples
from tests.lake.tables.conftest import LOCATION

BATCH = "01JBATCH"
FIRST, RERUN, FOREIGN = 2, 3, 99
_numbers = itertools.count()


class Written:
    """A table with one row, and a batch of it that two runs wrote to a branch each; the first was checked."""

    def __init__(self, tables: IcebergTables, name: str | None = None, batch: str = BATCH) -> None:
        self.tables = tables
        self.batch = batch
        self.name = name or self._create()
        self.base: int = tables.load(self.name).current_snapshot().snapshot_id
        self.branch = self._branch("jr_1", FIRST)
        self._branch("jr_2", RERUN)
        self.checked: int = tables.load(self.name).metadata.refs[self.branch].snapshot_id
        self.can_move = False
        self.is_open = False

    def _create(self) -> str:
        name = f"lake.t{next(_numbers)}"
        self.tables.catalog.create_table(name, _schema(), location=f"{LOCATION}/{name}").append(_row(1))
        return name

    def _branch(self, run: str, value: int) -> str:
        name = branch_name(self.batch, run)
        table = self.tables.load(self.name)
        table.manage_snapshots().create_branch(self.base, name).commit()
        table.append(_row(value), branch=name)
        return name

    def commit(self) -> CommitOutcome:
        return self.tables.commit(self.name, self.batch, self.branch, self.base, self.checked, can_move=self.can_move)

    def mark_empty(self) -> CommitOutcome:
        return self.tables.mark_empty(self.name, self.batch, self.base, is_open=lambda: self.is_open)

    def abandon(self) -> CommitOutcome:
        return self.tables.abandon(self.name, self.batch)

    def foreign(self) -> None:
        """Somebody else appends to `main`."""
        self.tables.load(self.name).append(_row(FOREIGN))

    def elsewhere(self) -> None:
        """Somebody else appends to a branch of theirs."""
        table = self.tables.load(self.name)
        if "theirs" not in table.metadata.refs:
            table.manage_snapshots().create_branch(self.base, "theirs").commit()
        self.tables.load(self.name).append(_row(FOREIGN), branch="theirs")

    def zombie(self) -> None:
        """A run that was thought dead writes to its branch once more, if it is still there."""
        table = self.tables.load(self.name)
        if self.branch in table.metadata.refs:
            table.append(_row(4), branch=self.branch)

    def rows(self) -> list[int]:
        found: list[int] = self.tables.load(self.name).scan().to_arrow()["i"].to_pylist()
        return sorted(found)

    def refs(self) -> list[str]:
        return sorted(self.tables.load(self.name).metadata.refs)


def _schema() -> pa.Schema:
    return pa.schema([("i", pa.int64())])


def _row(value: int) -> pa.Table:
    return pa.table({"i": [value]}, schema=_schema())


@pytest.fixture
def written(tables: IcebergTables) -> Written:
    return Written(tables)


def test_a_commit_moves_main_marks_the_table_and_removes_the_branches_of_all_runs(written: Written) -> None:
    assert written.commit() == CommitOutcome.COMMITTED
    table = written.tables.load(written.name)
    assert table.current_snapshot().snapshot_id == written.checked
    assert table.properties[MARKER] == BATCH
    assert (written.refs(), written.rows()) == (["main"], [1, FIRST])


def test_an_abandon_removes_the_branches_of_all_runs_and_nothing_else(written: Written) -> None:
    assert written.abandon() == CommitOutcome.ABANDONED
    assert (written.refs(), written.rows()) == (["main"], [1])
    assert written.abandon() == CommitOutcome.ABANDONED


def test_a_commit_that_comes_again_after_others_wrote_does_not_roll_back(written: Written) -> None:
    written.commit()
    written.foreign()
    assert written.commit() == CommitOutcome.COMMITTED
    assert written.rows() == [1, FIRST, FOREIGN]


def test_the_retention_of_main_is_kept(written: Written) -> None:
    table = written.tables.load(written.name)
    table.manage_snapshots().create_branch(written.base, "main", 10**9, 10**8, 7).commit()
    written.commit()
    main = written.tables.load(written.name).metadata.refs["main"]
    assert (main.max_ref_age_ms, main.max_snapshot_age_ms, main.min_snapshots_to_keep) == (10**9, 10**8, 7)


@settings(max_examples=examples(16), derandomize=True, suppress_health_check=list(HealthCheck))
@given(events=st.lists(st.sampled_from(["commit", "abandon", "foreign", "zombie"]), max_size=5), can_move=st.booleans())
def test_in_every_order_a_batch_is_wholly_in_the_table_or_not_at_all(
    catalog: Any, events: list[str], can_move: bool
) -> None:
    """The model: committed once, if ever, only if the branch was untouched, and the base too unless the batch can be
    put on another; foreign rows are never lost.
    """
    written = Written(IcebergTables(catalog, sleep=lambda _: None))
    written.can_move = can_move
    committed = abandoned = moved = rewritten = picked = False
    foreign = 0
    for event in events:
        outcome = getattr(written, event)()
        if event == "commit":
            possible = committed or not (abandoned or (moved and not can_move) or rewritten)
            picked = picked or (possible and not committed and moved)
            done = CommitOutcome.PICKED if picked else CommitOutcome.COMMITTED
            assert outcome == (done if possible else CommitOutcome.REBASE)
            committed = committed or possible
        elif event == "abandon":
            assert outcome == (CommitOutcome.COMMITTED if committed else CommitOutcome.ABANDONED)
            abandoned = abandoned or not committed
        elif event == "foreign":
            foreign, moved = foreign + 1, True
        else:
            rewritten = rewritten or not abandoned
        assert written.rows() == sorted([1, *([FIRST] if committed else []), *([FOREIGN] * foreign)])


Intrusion = Callable[[Written], object]


def between_read_and_write(monkeypatch: pytest.MonkeyPatch, written: Written, intrude: Intrusion, times: int) -> None:
    """Let `intrude` happen after the table was read and before its change is sent, the first `times`."""
    catalog = written.tables.catalog
    send = type(catalog).commit_table
    left = itertools.count(times, -1)
    inside: list[bool] = []

    def intruded(self: Any, *args: Any) -> Any:
        if not inside and next(left) > 0:
            inside.append(True)
            intrude(written)
            inside.clear()
        return send(self, *args)

    monkeypatch.setattr(type(catalog), "commit_table", intruded)


@pytest.mark.parametrize(
    ("act", "intrude", "outcome", "rows"),
    [
        (Written.commit, Written.foreign, CommitOutcome.REBASE, [1, FOREIGN]),
        (Written.commit, Written.abandon, CommitOutcome.REBASE, [1]),
        (Written.commit, Written.zombie, CommitOutcome.REBASE, [1]),
        (Written.commit, Written.commit, CommitOutcome.COMMITTED, [1, FIRST]),
        (Written.abandon, Written.commit, CommitOutcome.COMMITTED, [1, FIRST]),
        (Written.abandon, Written.zombie, CommitOutcome.ABANDONED, [1]),
        (Written.abandon, Written.foreign, CommitOutcome.ABANDONED, [1, FOREIGN]),
    ],
)
def test_what_happens_between_reading_and_writing_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
    written: Written,
    act: Callable[[Written], CommitOutcome],
    intrude: Intrusion,
    outcome: CommitOutcome,
    rows: list[int],
) -> None:
    between_read_and_write(monkeypatch, written, intrude, times=1)
    assert act(written) == outcome
    assert written.rows() == rows


@pytest.mark.parametrize(
    ("intrude", "outcome", "rows"),
    [
        (Written.foreign, CommitOutcome.PICKED, [1, FIRST, FOREIGN, FOREIGN]),
        (Written.abandon, CommitOutcome.REBASE, [1, FOREIGN]),
        (Written.zombie, CommitOutcome.REBASE, [1, FOREIGN]),
        (Written.commit, CommitOutcome.PICKED, [1, FIRST, FOREIGN]),
        (Written.elsewhere, CommitOutcome.PICKED, [1, FIRST, FOREIGN]),
    ],
)
def test_what_happens_while_a_batch_is_put_on_another_base_is_noticed(
    monkeypatch: pytest.MonkeyPatch, written: Written, intrude: Intrusion, outcome: CommitOutcome, rows: list[int]
) -> None:
    written.can_move = True
    written.foreign()
    between_read_and_write(monkeypatch, written, intrude, times=1)
    assert written.commit() == outcome
    assert written.rows() == rows


def test_a_batch_that_was_put_on_another_base_is_a_snapshot_picked_from_the_one_that_was_checked(
    written: Written,
) -> None:
    written.can_move = True
    written.foreign()
    table = written.tables.load(written.name)
    foreign = table.current_snapshot()
    table.manage_snapshots().create_branch(foreign.snapshot_id, "main", 10**9, 10**8, 7).commit()
    assert written.commit() == CommitOutcome.PICKED
    table = written.tables.load(written.name)
    current = table.current_snapshot()
    assert current.parent_snapshot_id == foreign.snapshot_id
    assert current.sequence_number > foreign.sequence_number
    assert current.summary.additional_properties["source-snapshot-id"] == str(written.checked)
    assert current.summary.additional_properties["total-records"] == "3"
    assert written.tables.published(written.name, written.checked) == current.snapshot_id
    assert (table.properties[MARKER], written.refs()) == (BATCH, ["main"])
    main = table.metadata.refs["main"]
    assert (main.max_ref_age_ms, main.max_snapshot_age_ms, main.min_snapshots_to_keep) == (10**9, 10**8, 7)
    written.foreign()
    assert written.commit() == CommitOutcome.PICKED
    assert written.rows() == [1, FIRST, FOREIGN, FOREIGN]


def test_putting_a_batch_on_another_base_takes_no_longer_for_every_snapshot_that_the_table_has(
    monkeypatch: pytest.MonkeyPatch, written: Written
) -> None:
    """PyIceberg copies all of them each time that a transaction's metadata is looked at."""
    import pyiceberg.table

    written.can_move = True
    written.foreign()
    copies: list[int] = []
    update = pyiceberg.table.update_table_metadata
    monkeypatch.setattr(pyiceberg.table, "update_table_metadata", lambda *a, **k: copies.append(1) or update(*a, **k))
    assert written.commit() == CommitOutcome.PICKED
    assert copies == []


def test_rows_that_a_picked_batch_brings_are_newer_than_what_was_deleted_meanwhile(written: Written) -> None:
    written.can_move = True
    written.tables.load(written.name).delete(f"i = {FIRST}")
    written.tables.load(written.name).overwrite(_row(FOREIGN))
    assert written.commit() == CommitOutcome.PICKED
    assert written.rows() == [FIRST, FOREIGN]


def test_what_did_not_only_append_is_not_put_on_another_base(written: Written) -> None:
    table = written.tables.load(written.name)
    table.delete("i = 1", branch=written.branch)
    written.checked = written.tables.load(written.name).metadata.refs[written.branch].snapshot_id
    written.can_move = True
    written.foreign()
    assert written.commit() == CommitOutcome.REBASE
    assert written.rows() == [1, FOREIGN]


def test_a_branch_that_two_runs_wrote_to_is_not_put_on_another_base(written: Written) -> None:
    written.zombie()
    written.checked = written.tables.load(written.name).metadata.refs[written.branch].snapshot_id
    written.can_move = True
    written.foreign()
    assert written.commit() == CommitOutcome.REBASE


def test_a_commit_whose_acknowledgement_was_lost_is_recognised_by_its_marker(
    monkeypatch: pytest.MonkeyPatch, written: Written
) -> None:
    from botocore.exceptions import ReadTimeoutError

    glue = written.tables.catalog.glue
    update = glue.update_table
    sent: list[int] = []

    def lost(**request: Any) -> Any:
        sent.append(1)
        update(**request)
        raise ReadTimeoutError(endpoint_url="glue")

    monkeypatch.setattr(glue, "update_table", lost)
    assert written.commit() == CommitOutcome.COMMITTED
    assert (len(sent), written.rows()) == (1, [1, FIRST])


def test_a_batch_without_rows_only_leaves_its_marker(written: Written) -> None:
    for _ in range(2):
        assert written.mark_empty() == CommitOutcome.COMMITTED
    assert written.tables.load(written.name).properties[MARKER] == BATCH
    assert (written.rows(), written.refs()) == ([1], ["main"])
    assert written.abandon() == CommitOutcome.COMMITTED


def test_a_batch_without_rows_is_transformed_again_when_somebody_else_wrote_meanwhile(
    monkeypatch: pytest.MonkeyPatch, written: Written
) -> None:
    between_read_and_write(monkeypatch, written, Written.foreign, times=1)
    assert written.mark_empty() == CommitOutcome.REBASE
    assert (written.rows(), MARKER in written.tables.load(written.name).properties) == ([1, FOREIGN], False)


def test_a_batch_without_rows_that_is_open_needs_no_other_transform_when_somebody_else_wrote(
    monkeypatch: pytest.MonkeyPatch, written: Written
) -> None:
    written.is_open = True
    between_read_and_write(monkeypatch, written, Written.foreign, times=1)
    assert written.mark_empty() == CommitOutcome.COMMITTED
    assert (written.rows(), written.tables.load(written.name).properties[MARKER]) == ([1, FOREIGN], BATCH)


def test_a_batch_without_rows_that_comes_late_leaves_a_later_batchs_marker(written: Written) -> None:
    assert written.mark_empty() == CommitOutcome.COMMITTED
    later = Written(written.tables, written.name, "01JLATER")
    assert later.commit() == CommitOutcome.COMMITTED
    assert written.mark_empty() == CommitOutcome.REBASE
    assert written.tables.load(written.name).properties[MARKER] == later.batch


def test_a_commit_that_others_keep_from_its_table_is_contended_and_one_that_gets_no_answer_transient(
    monkeypatch: pytest.MonkeyPatch, written: Written
) -> None:
    def load(self: IcebergTables, table: str) -> Any:
        raise error

    error: Exception = CommitFailedException("others were quicker")
    monkeypatch.setattr(IcebergTables, "load", load)
    with pytest.raises(Contended, match=f"{ATTEMPTS} times"):
        written.commit()
    error = OSError("timed out")
    with pytest.raises(Transient, match=f"{ATTEMPTS} times"):
        written.commit()
    for error in (PermissionError("access denied"), FileNotFoundError("no such key")):
        with pytest.raises(type(error)):
            written.commit()


def test_a_table_that_others_keep_changing_is_transient_and_one_that_is_not_there_misconfigured(
    monkeypatch: pytest.MonkeyPatch, written: Written
) -> None:
    between_read_and_write(monkeypatch, written, Written.zombie, times=100)
    with pytest.raises(Transient, match=f"{ATTEMPTS} times"):
        written.abandon()
    with pytest.raises(Misconfigured, match=r"lake\.nothing"):
        written.tables.abandon("lake.nothing", BATCH)

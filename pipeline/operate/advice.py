"""What the state of an object means for the person who asks, and what to do about it. Pure.

`tests/whole_lake/test_advice.py` follows each piece of advice on a lake and looks at the table.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum, auto
from shlex import quote
from typing import TYPE_CHECKING

from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.routing import dataset_in

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Table

_FINE = "Nothing to do."


class Case(StrEnum):
    """What there is to advise on. `…_ANEW`: a newer version of the file takes the place of all that this one is to
    its table, so that nothing is left to dismiss."""

    DISMISSED = auto()
    UNROUTED = auto()
    OUTSIDE = auto()
    WITH_STAGE_A = auto()
    WAITS = auto()
    IS_LOADED = auto()
    LOADED = auto()
    BAD_ROWS_ALONE = auto()
    BAD_ROWS_ANEW = auto()
    BAD_ROWS_BY_PART = auto()
    ROWS_REPEATED = auto()
    UNREADABLE = auto()
    UNREADABLE_ANEW = auto()
    NOT_STAGED = auto()
    RULES_BROKEN = auto()
    RULES_BROKEN_ANEW = auto()
    BATCH_FAILED = auto()
    DUPLICATE = auto()
    SUPERSEDED = auto()
    DELETED = auto()
    GONE = auto()


def advice(row: ObjectRow, table: Table) -> str:
    """The next step for an object of a dataset with this `table`: the hint that was recorded with its status, such as
    a reader's, and what its case calls for."""
    case = case_of(row, table)
    if case is Case.UNROUTED and row.hint:
        return row.hint
    hint = row.hint if row.status in (Status.QUARANTINED, Status.FAILED) and not row.dismissed else None
    too = doubled(row) if case is Case.BAD_ROWS_ALONE and row.rows_repeated else None
    return " ".join(part for part in (hint, _SAID[case](row, table), too) if part)


def case_of(row: ObjectRow, table: Table) -> Case:
    """Which piece of advice an object gets."""
    if row.dismissed:
        return Case.DISMISSED
    match row.status:
        case Status.UNROUTED:
            return Case.UNROUTED if dataset_in(row.object.key) else Case.OUTSIDE
        case Status.COMMITTED if row.bad:
            return _of_bad_rows(table)
        case Status.COMMITTED if row.rows_repeated:
            return Case.ROWS_REPEATED
        case Status.QUARANTINED if row.batch:
            return Case.RULES_BROKEN_ANEW if _takes_all(table) else Case.RULES_BROKEN
        case Status.QUARANTINED:
            return Case.UNREADABLE_ANEW if _takes_all(table) else Case.UNREADABLE
        case Status.FAILED:
            return Case.BATCH_FAILED if row.batch else Case.NOT_STAGED
    return _BY_STATUS[row.status]


_BY_STATUS = {
    Status.REGISTERED: Case.WITH_STAGE_A,
    Status.STAGED: Case.WAITS,
    Status.CLAIMED: Case.IS_LOADED,
    Status.COMMITTED: Case.LOADED,
    Status.DUPLICATE: Case.DUPLICATE,
    Status.SUPERSEDED: Case.SUPERSEDED,
    Status.DELETE_MARKER: Case.DELETED,
    Status.GONE: Case.GONE,
}


def _of_bad_rows(table: Table) -> Case:
    if table.write == "append":
        return Case.BAD_ROWS_ALONE
    return Case.BAD_ROWS_ANEW if _takes_all(table) else Case.BAD_ROWS_BY_PART


def _takes_all(table: Table) -> bool:
    """Whether a newer version of a file takes the place of all that an earlier one wrote or would have written."""
    return table.write == "replace" or table.is_replaced_whole


def mending_rows(row: ObjectRow, table: Table) -> str:
    """What to do about rows that were set aside while the object's others were loaded: what doubles no row."""
    return _SAID[_of_bad_rows(table)](row, table)


def doubled(row: ObjectRow) -> str:
    """What to do about rows that a table has twice."""
    return (
        "If they are meant to be there twice, or once one of each is removed (docs/datasets.md shows how), "
        f"{_dismiss(row)}. Where a new version shall take the place of the earlier one, the dataset needs "
        "`write: replace`."
    )


def dead_letters(queue: str, function: str) -> str:
    """What to do about messages that wait in a dead-letter queue; the logs of `function` say why."""
    return f"Read `sluice logs {function}`, mend the cause, then run `sluice redrive --queue {queue}`."


def _uri(row: ObjectRow) -> str:
    return quote(row.object.uri)


def _dismiss(row: ObjectRow) -> str:
    return f"run `sluice dismiss {_uri(row)} --reason …`"


def _set_aside(row: ObjectRow) -> str:
    """What to do about rows that were set aside, up to where the rows themselves are what was wrong."""
    dataset = dataset_in(row.object.key) or row.dataset
    again = f"If the definition was wrong, mend and apply it and run `sluice redrive --rows {dataset}`; else"
    return f"{again} see them with `sluice why {_uri(row)}`"


def _alone(row: ObjectRow, _: Table) -> str:
    return (
        f"{_set_aside(row)}, and drop them alone, mended, as a file of another name: the whole file would add the rows "
        f"again that are in the table; then {_dismiss(row)}."
    )


def _anew(row: ObjectRow, _: Table) -> str:
    return f"{_set_aside(row)}; mend the file and drop it again: its rows take the place of these."


def _by_part(row: ObjectRow, table: Table) -> str:
    part = "key" if table.write == "upsert" else "partition"
    return (
        f"{_set_aside(row)}; mend the file and drop it again: rows take the place of those of their {part}; then "
        f"{_dismiss(row)}."
    )


def _register(row: ObjectRow, _: Table) -> str:
    return (
        f"Register its dataset with `sluice datasets init FILE --to {dataset_in(row.object.key)}` and "
        "`sluice datasets apply`: it is picked up then."
    )


def _elsewhere(row: ObjectRow, _: Table) -> str:
    return f"Drop it again where a dataset is: `sluice drop FILE --to team/dataset`; then {_dismiss(row)}."


def _query(row: ObjectRow, _: Table) -> str:
    table = (row.dataset or "team/dataset").replace("/", ".")
    return f'{_FINE} Its rows are in the table: `sluice query "select * from {table} limit 10"`.'


def _unreadable(row: ObjectRow, table: Table) -> str:
    return f"{_unreadable_anew(row, table).removesuffix('.')}, and {_dismiss(row)}."


def _unreadable_anew(row: ObjectRow, _: Table) -> str:
    return (
        f"If the file is right, mend the dataset's definition, apply it and run `sluice redrive {_uri(row)}`; else "
        "mend the file and drop it again."
    )


def _rules_broken(row: ObjectRow, table: Table) -> str:
    return f"{_rules_broken_anew(row, table).removesuffix('.')}, and {_dismiss(row)} for each that they stand for."


def _rules_broken_anew(row: ObjectRow, _: Table) -> str:
    return (
        f"If the rules are wrong, mend and apply them and run `sluice redrive --batch {row.batch}`; if the rows may be "
        f"seen all the same, run `sluice release {row.batch} --reason …`; else drop mended files."
    )


def _always(text: str) -> Callable[[ObjectRow, Table], str]:
    return lambda row, table: text


_SAID: dict[Case, Callable[[ObjectRow, Table], str]] = {
    Case.DISMISSED: _always(f"{_FINE} Somebody said so."),
    Case.UNROUTED: _register,
    Case.OUTSIDE: _elsewhere,
    Case.WITH_STAGE_A: _always(
        "Stage A has it. If it stays so: `sluice executions --machine a` and `sluice logs transform`."
    ),
    Case.WAITS: _always("It waits for the next batch of its dataset. `sluice wait` hurries an embedded lake."),
    Case.IS_LOADED: lambda row, _: f"It is being loaded: see `sluice execution {row.batch}`.",
    Case.LOADED: _query,
    Case.BAD_ROWS_ALONE: _alone,
    Case.BAD_ROWS_ANEW: _anew,
    Case.BAD_ROWS_BY_PART: _by_part,
    Case.ROWS_REPEATED: lambda row, _: doubled(row),
    Case.UNREADABLE: _unreadable,
    Case.UNREADABLE_ANEW: _unreadable_anew,
    Case.NOT_STAGED: lambda row, _: f"Mend the cause and run `sluice redrive {_uri(row)}`.",
    Case.RULES_BROKEN: _rules_broken,
    Case.RULES_BROKEN_ANEW: _rules_broken_anew,
    Case.BATCH_FAILED: lambda row, _: f"Mend the cause and run `sluice redrive --batch {row.batch}`.",
    Case.DUPLICATE: _always(f"{_FINE} Its content is loaded already. Drop it under another name to load it twice."),
    Case.SUPERSEDED: _always(f"{_FINE} Something newer replaced what it would have written."),
    Case.DELETED: _always(f"{_FINE} Deleting a raw object removes no rows of a table."),
    Case.GONE: _always("If it should not have been deleted, drop the file again."),
}

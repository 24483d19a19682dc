"""What a status means for the person who asks, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote

from pipeline.catalog import ObjectRow, Status
from pipeline.datasets.model import Table
from pipeline.routing import dataset_in

_FINE = "Nothing to do."


def advice(row: ObjectRow, table: Table) -> str:
    """The next step for an object of a dataset with this `table`: what is to be done about rows that were set aside,
    or the hint that was recorded with its status, else what the status calls for."""
    if row.dismissed:
        return f"{_FINE} Somebody said so."
    if row.rows_bad and row.status is Status.COMMITTED:
        return mending_rows(row, table)
    said = row.hint or _BY_STATUS[row.status]
    return said if isinstance(said, str) else said(row)


def mending_rows(row: ObjectRow, table: Table) -> str:
    """What to do about rows that were set aside while the object's others were loaded: what doubles no row."""
    uri = quote(row.object.uri)
    see = f"See them with `sluice why {uri}`"
    dismiss = f"then run `sluice dismiss {uri} --reason …`"
    if table.write == "append":
        return (
            f"{see}, and drop them alone, mended, as a file of another name: the whole file would add the rows again "
            f"that are in the table; {dismiss}."
        )
    if table.write == "replace" or (table.write == "overwrite" and not table.partition_by):
        return f"{see}; mend the file and drop it again: its rows take the place of these."
    return f"{see}; mend the file and drop it again: rows take the place of those of their {_unit(table)}; {dismiss}."


def _unit(table: Table) -> str:
    return "key" if table.write == "upsert" else "partition"


def _register(row: ObjectRow) -> str:
    name = dataset_in(row.object.key)
    if name is None:
        return "Drop it again where a dataset is: `sluice drop FILE --to team/dataset`."
    return (
        f"Register its dataset with `sluice datasets init FILE --to {name}` and `sluice datasets apply`: "
        "it is picked up then."
    )


def _query(row: ObjectRow) -> str:
    table = (row.dataset or "team/dataset").replace("/", ".")
    return f'{_FINE} Its rows are in the table: `sluice query "select * from {table} limit 10"`.'


def _redrive(row: ObjectRow) -> str:
    return f"Mend the cause and run `sluice redrive {quote(row.object.uri)}`."


_BY_STATUS: dict[Status, str | Callable[[ObjectRow], str]] = {
    Status.UNROUTED: _register,
    Status.REGISTERED: "Stage A has it. If it stays so: `sluice executions --machine a` and `sluice logs transform`.",
    Status.STAGED: "It waits for the next batch of its dataset. `sluice wait` hurries an embedded lake.",
    Status.CLAIMED: lambda row: f"It is being loaded: see `sluice execution {row.batch}`.",
    Status.COMMITTED: _query,
    Status.QUARANTINED: _redrive,
    Status.FAILED: _redrive,
    Status.DUPLICATE: f"{_FINE} Its content is loaded already. Drop it under another name to load it twice.",
    Status.SUPERSEDED: f"{_FINE} Something newer replaced what it would have written.",
    Status.DELETE_MARKER: f"{_FINE} Deleting a raw object removes no rows of a table.",
    Status.GONE: "If it should not have been deleted, drop the file again.",
}

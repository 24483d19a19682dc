"""What a status means for the person who asks, and what to do about it. Pure."""

from __future__ import annotations

from pipeline.catalog import ObjectRow, Status
from pipeline.routing import dataset_in

_FINE = "Nothing to do."


def advice(row: ObjectRow) -> str:
    """The next step for an object: the hint that was recorded with its status, else what the status calls for."""
    if row.hint:
        return row.hint
    match row.status:
        case Status.UNROUTED:
            return _register(row)
        case Status.REGISTERED:
            return f"Stage A has it. If it stays so, see `sluice executions --machine a`, or run `sluice redrive {row.object.uri}`."
        case Status.STAGED:
            return "It waits for the next batch of its dataset. `sluice wait` hurries an embedded lake."
        case Status.CLAIMED:
            return f"It is being loaded: see `sluice execution {row.batch}`."
        case Status.COMMITTED:
            return f'{_FINE} Its rows are in the table: `sluice query "select * from {_table(row)} limit 10"`.'
        case Status.DUPLICATE:
            return f"{_FINE} The same content is loaded once under a key; drop it under another name to load it twice."
        case Status.SUPERSEDED:
            return f"{_FINE} A newer object had replaced what this one would have written."
        case Status.DELETE_MARKER:
            return f"{_FINE} Deleting a raw object removes no rows of a table."
        case Status.GONE:
            return "If it should not have been deleted, drop the file again."
    return f"Mend the cause and run `sluice redrive {row.object.uri}`."


def _register(row: ObjectRow) -> str:
    name = dataset_in(row.object.key)
    if name is None:
        return "Drop it again where a dataset is: `sluice drop FILE --to team/dataset`."
    return f"Register the dataset: `sluice datasets init FILE --to {name}`, then `sluice datasets apply`; it is picked up then."


def _table(row: ObjectRow) -> str:
    return (row.dataset or "team/dataset").replace("/", ".")

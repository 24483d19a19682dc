"""Names on a table that the commit protocol relies on. Pure."""

from __future__ import annotations

MAIN = "main"
"""The branch that readers see."""

MARKER = "sluice.last-batch"
"""Table property with the id of the batch that was committed last: the only proof of a commit (PROTOCOL, Stage B 3)."""

COMMIT_RETRIES = {"commit.retry.num-retries": "30", "commit.retry.max-wait-ms": "5000"}
"""Table properties by which Iceberg's writers repeat a commit that others were quicker than. Left to itself, it does so
four times, which another writer of three commits a second outlasts."""


def branch_prefix(batch: str) -> str:
    """What the branches of all runs of a batch start with. Batch ids have no underscore, so no batch's is another's."""
    return f"b_{batch}_"


def branch_name(batch: str, run: str) -> str:
    """The branch of one job run. One a run: runs that shared a branch doubled rows."""
    return branch_prefix(batch) + run


def batch_of(branch: str) -> str | None:
    """The batch that a branch is of; None for a branch of no batch."""
    start, _, rest = branch.partition("_")
    batch, separator, _ = rest.partition("_")
    return batch if start == "b" and separator else None


def split_table(table: str) -> tuple[str, str]:
    """Glue database and table of `database.table`; ValueError for anything else."""
    database, separator, name = table.partition(".")
    if not (database and separator and name) or "." in name:
        raise ValueError(f"{table!r} is not of the form database.table")
    return database, name

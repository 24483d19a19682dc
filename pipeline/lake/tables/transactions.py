"""PyIceberg's transaction, as quick as a table with many snapshots needs it."""

from __future__ import annotations

from pyiceberg.table import Transaction
from pyiceberg.table.metadata import TableMetadata


class QuickTransaction(Transaction):
    """One that gives the table's metadata as it is, for as long as nothing is staged.

    PyIceberg copies it, with every snapshot, each time that it is looked at, some twenty times for an append: beside
    a writer who never rests, an append that takes longer than the writer's pauses is never there first.
    """

    @property
    def table_metadata(self) -> TableMetadata:
        """The table's own metadata while nothing is changed yet: PyIceberg would copy it."""
        return super().table_metadata if self._updates else self._table.metadata

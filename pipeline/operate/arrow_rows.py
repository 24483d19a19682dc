"""Rows that DuckDB and people read as Arrow batches, whatever kind of table they are of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowRows(ABC):
    """A table's rows for DuckDB: each time it asks, a new stream. One would be used up by the first of two readers, as
    in a self-join."""

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The columns that reading it gives, as Arrow has them."""

    @abstractmethod
    def _batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, from the first on."""

    def head(self, limit: int) -> list[dict[str, Any]]:
        """The first rows, as Python has them; reads no more files than it must."""
        found: list[dict[str, Any]] = []
        for batch in self._batches():
            found += batch.slice(0, limit - len(found)).to_pylist()
            if len(found) >= limit:
                break
        return found

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self._batches()).__arrow_c_stream__(requested_schema)

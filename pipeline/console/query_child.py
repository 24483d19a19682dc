"""`python -m pipeline.console.query_child ENV DESCRIPTOR`: runs the one query that comes on standard input, and ends.

A process of its own, so that no query can take the console's memory, crash it, or go on after it was cancelled: some
of DuckDB's functions cannot be interrupted. The process ends when its standard input is closed.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import SluiceError

if TYPE_CHECKING:
    import pyarrow as pa

MEMORY = "1GB"
"""DuckDB's limit; a query that needs more fails with a message."""
DATA_BYTES = 3 << 30
"""The limit of the whole process."""
ROWS = 100_000
BYTES = 256 << 20
"""How much of an answer is kept."""
GROUP_ROWS = 1000


def main() -> None:
    """Run the query, and print its columns and number of rows, or its error, as one JSON document."""
    env, descriptor = sys.argv[1], int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES, DATA_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_import, daemon=True).start()
    line = sys.stdin.readline()
    if not line:
        return
    threading.Thread(target=_end_with_the_console, daemon=True).start()
    try:
        result = answer(env, json.loads(line), descriptor)
    except SluiceError as error:
        result = {"error": error.message, "hint": error.hint, **_where(error)}
    except MemoryError:
        result = {"error": "the query needs more memory than there is for one", "hint": "Ask for less at once."}
    except Exception as error:
        result = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:2000]}", "hint": None}
    print(json.dumps(result), flush=True)
    # DuckDB's threads may still be working on what is no longer needed.
    os._exit(0)


def _import() -> None:
    """Import the slow modules while there is no query yet; an early query waits only for those that it needs."""
    for module in ("duckdb", "pyarrow.parquet", "boto3", "pyiceberg.catalog.glue", "pyiceberg.io.pyarrow"):
        importlib.import_module(module)


def _end_with_the_console() -> None:
    sys.stdin.read()
    os._exit(1)


def _where(error: SluiceError) -> dict[str, Any]:
    """The place of an error in the query, and what may have been meant."""
    from pipeline.operate.query_errors import WrongQuery

    return error.to_json() if isinstance(error, WrongQuery) else {}


def answer(env: str, asked: dict[str, Any], descriptor: int) -> dict[str, Any]:
    """Run the query `sql` and write its first rows, up to `ROWS` and `BYTES`, as Parquet to the descriptor.

    It reads the tables `as_of` a batch or time, or those of now; with `explain` nothing is read, and `plan` says how.
    Returns `columns` (name, type, stored type), `rows` and `bytes` that were written, and `cut`: why there are no more.
    """
    import pyarrow.parquet as pq

    from pipeline.core.settings import endpoint
    from pipeline.operate.connection import connect
    from pipeline.operate.look_back import as_of
    from pipeline.operate.query import Session
    from pipeline.operate.tables import Tables

    lake = connect(env, endpoint=endpoint(), region=None).lake
    sql, snapshot_of = asked["sql"], as_of(lake, asked["as_of"]).snapshot_of if asked["as_of"] else None
    with Session(Tables(lake), memory=MEMORY, snapshot_of=snapshot_of) as session, os.fdopen(descriptor, "wb") as file:
        if asked["explain"]:
            return {"plan": session.explain(sql), "columns": [], "rows": 0, "bytes": 0, "cut": None}
        stream = session.stream(sql, GROUP_ROWS)
        kept = KeptRows()
        with pq.ParquetWriter(file, stream.schema) as writer:
            for batch in kept.of(stream.batches):
                writer.write_batch(batch)
    columns = [{"name": c.name, "type": c.type, "stored": c.stored} for c in stream.columns]
    return {"columns": columns, "rows": kept.rows, "bytes": kept.bytes, "cut": kept.cut}


class KeptRows:
    """The first rows of an answer, up to the limits. `cut` says why there are no more; None if these are all."""

    def __init__(self) -> None:
        self.rows = self.bytes = 0
        self.cut: str | None = None

    def of(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches up to the limits, the last one cut; `rows` and `bytes` count them."""
        for batch in batches:
            part = self._part(batch)
            self.rows += part.num_rows
            self.bytes += part.nbytes
            if part.num_rows:
                yield part
            if self.cut:
                return

    def _part(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        part = batch.slice(0, ROWS - self.rows)
        if part.num_rows < batch.num_rows:
            self.cut = f"the first {ROWS:,} rows are kept"
        while part.num_rows and self.bytes + part.nbytes > BYTES:
            part = part.slice(0, part.num_rows // 2)
            self.cut = f"the first {BYTES >> 20} MiB are kept"
        return part


if __name__ == "__main__":
    main()

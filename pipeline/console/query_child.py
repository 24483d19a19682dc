"""`python -m pipeline.console.query_child ENV DESCRIPTOR`: runs the one query that comes on standard input, and ends.

A process of its own, so that no query can take the console's memory, crash it, or go on after it was cancelled: some
of DuckDB's functions hear of an interrupt only when they are done. It ends when its standard input does.
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
"""Of DuckDB, which says so when it is too little."""
DATA_BYTES = 3 << 30
"""Of the process as a whole."""
ROWS = 100_000
BYTES = 256 << 20
"""How much of an answer is kept."""
GROUP_ROWS = 1000


def main() -> None:
    env, descriptor = sys.argv[1], int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES, DATA_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_import, daemon=True).start()
    line = sys.stdin.readline()
    if not line:
        return
    threading.Thread(target=_end_with_the_console, daemon=True).start()
    try:
        told = answer(env, json.loads(line), descriptor)
    except SluiceError as error:
        told = {"error": error.message, "hint": error.hint}
    except MemoryError:
        told = {"error": "the query needs more memory than there is for one", "hint": "Ask for less at once."}
    except Exception as error:
        told = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:2000]}", "hint": None}
    print(json.dumps(told), flush=True)
    # DuckDB's threads may still be at what nobody waits for.
    os._exit(0)


def _import() -> None:
    """What takes a second or two, while there is no query; one that comes earlier waits only for what it needs."""
    for module in ("duckdb", "pyarrow.parquet", "boto3", "pyiceberg.catalog.glue", "pyiceberg.io.pyarrow"):
        importlib.import_module(module)


def _end_with_the_console() -> None:
    sys.stdin.read()
    os._exit(1)


def answer(env: str, sql: str, descriptor: int) -> dict[str, Any]:
    """Run the query and write what is kept of its rows as Parquet; its columns, how many rows, and why it was cut."""
    import pyarrow.parquet as pq

    from pipeline.core.settings import endpoint
    from pipeline.operate.connection import connect
    from pipeline.operate.query import Session
    from pipeline.operate.tables import Tables

    lake = connect(env, endpoint=endpoint(), region=None).lake
    with Session(Tables(lake), memory=MEMORY) as session, os.fdopen(descriptor, "wb") as file:
        found = session.stream(sql, GROUP_ROWS)
        kept = Kept()
        with pq.ParquetWriter(file, found.schema) as writer:
            for batch in kept.of(found.batches):
                writer.write_batch(batch)
    told = [{"name": c.name, "type": c.type, "stored": c.stored} for c in found.columns]
    return {"columns": told, "rows": kept.rows, "bytes": kept.bytes, "cut": kept.cut}


class Kept:
    """The beginning of an answer, as far as it is kept. `cut` says why there is no more."""

    def __init__(self) -> None:
        self.rows = self.bytes = 0
        self.cut: str | None = None

    def of(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
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

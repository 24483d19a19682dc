"""A writer who knows nothing of Sluice and never rests: appends of one row, by PyIceberg, in a process of its own.

    python -m tests.foreign_writer TABLE ROW PAUSE

ROW is JSON; its `id` gets the number of the commit. Each row that was committed is printed; it ends with its stdin.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException

from pipeline.lake.tables.transactions import QuickTransaction
from tests.any_tables import any_tables
from tests.patience import until

ROOT = Path(__file__).resolve().parent.parent


class ForeignWriter:
    """The process, as who starts it sees it; `environment` is beside this process's own."""

    def __init__(
        self, table: str, row: Mapping[str, Any], *, a_second: float = 3, environment: Mapping[str, str] | None = None
    ) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as this is
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, table, json.dumps(row), str(1 / a_second)],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=self._output,
        )

    def ids(self) -> list[Any]:
        """Of the rows that it knows it has committed, in their order."""
        found = os.pread(self._output.fileno(), 1 << 24, 0).decode()
        return [json.loads(line)["id"] for line in found.split("\n")[:-1]]

    def wait_for(self, more: int) -> None:
        """Until it has committed so many more rows than now."""
        wanted = len(self.ids()) + more

        def has_them() -> bool:
            assert self._process.poll() is None, "the other writer has ended"
            return len(self.ids()) >= wanted

        until(has_them)

    def rest(self) -> list[Any]:
        """End it, and answer what it committed; harmless if it has ended."""
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait() == 0
        self.seconds = time.monotonic() - self._began
        return self.ids()


def main(table: str, row: Mapping[str, Any], pause_s: float) -> None:
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    tables, number = any_tables(), 0
    while not ended.is_set():
        next_at = time.monotonic() + pause_s
        found = tables.load(table)
        mine = {**row, "id": f"{row['id']}{number}" if isinstance(row["id"], str) else row["id"] + number}
        schema = found.schema().as_arrow()
        try:
            with QuickTransaction(found) as transaction:
                transaction.append(pa.Table.from_pylist([mine], schema))
        except (CommitFailedException, ValueError) as refused:
            # The latter is what PyIceberg says where a snapshot came to another branch meanwhile.
            print(f"again: {refused}", file=sys.stderr)
            continue
        print(json.dumps(mine), flush=True)
        number += 1
        ended.wait(max(0.0, next_at - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), float(sys.argv[3]))

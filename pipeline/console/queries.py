"""The queries of this console: each is a process, and the Parquet file that it writes its answer to.

The files have no name in the file system, so that they disappear with the console however it ends.
"""

from __future__ import annotations

import json
import mmap
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from pipeline.core.errors import NotThere, Refused
from pipeline.operate.connection import Connected

MOST_RUNNING = 3
MOST_KEPT = 20
MOST_KEPT_BYTES = 1 << 30
"""Of all answers together, as Arrow data before Parquet compressed them."""
MOST_SECONDS = 300


class Child:
    """A process that waits for one query, and the file for its answer."""

    def __init__(self, connected: Connected) -> None:
        self.connected = connected
        # Open for as long as its query is kept.
        self.file: IO[bytes] = tempfile.TemporaryFile(prefix="sluice-query-")  # noqa: SIM115
        descriptor = self.file.fileno()
        command = [sys.executable, "-m", "pipeline.console.query_child", connected.env, str(descriptor)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=[descriptor]
        )

    def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Run the query. The JSON that the process prints, or `error` and `hint` if it ended without."""
        assert self.process.stdin
        assert self.process.stdout
        try:
            self.process.stdin.write(json.dumps(asked) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        output = self.process.stdout.read()
        code = self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            answer: dict[str, Any] = json.loads(output)
        except ValueError:
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            return {"error": f"the query's process ended with {how}", "hint": "Ask for less, or in a simpler way."}
        return answer

    def end(self) -> None:
        """Kill the process, and with it its query."""
        self.process.kill()

    def close(self) -> None:
        """End a process that got no query, and close its files."""
        self.end()
        self.process.wait()
        for each in (self.process.stdin, self.process.stdout, self.file):
            if each:
                each.close()


@dataclass(eq=False)
class Query:
    """A query and its status: RUNNING, SUCCEEDED, FAILED, CANCELLED or TIMED_OUT. `answer` is the process's."""

    id: str
    sql: str
    started: datetime
    child: Child = field(repr=False)
    as_of: str = ""
    """The batch or time whose tables it reads; "" for those of now."""
    explain: bool = False
    """It is not run: the answer is how it would be."""
    began: float = field(default_factory=time.monotonic)
    seconds: float | None = None
    status: str = "RUNNING"
    answer: dict[str, Any] = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def took(self) -> float:
        """Seconds from its start to its end, or to now while it runs."""
        return time.monotonic() - self.began if self.seconds is None else self.seconds

    def run(self) -> None:
        """Run the query to its end, for at most `MOST_SECONDS`."""
        timer = threading.Timer(MOST_SECONDS, self.stop, ["TIMED_OUT"])
        timer.daemon = True
        timer.start()
        answer = self.child.ask({"sql": self.sql, "as_of": self.as_of, "explain": self.explain})
        timer.cancel()
        self.seconds = time.monotonic() - self.began
        if self.status == "RUNNING":
            self.answer = answer
            self.status = "FAILED" if "error" in answer else "SUCCEEDED"
        self.done.set()

    def stop(self, status: str) -> bool:
        """End a running query with this status; False if it had ended already."""
        if self.done.is_set():
            return False
        self.status = status
        self.child.end()
        return True

    def contents(self) -> mmap.mmap:
        """The Parquet file, mapped for one reader: readers of one descriptor would share a position."""
        return mmap.mmap(self.child.file.fileno(), 0, access=mmap.ACCESS_READ)

    def batches(self, first: int = 0) -> Iterator[Any]:
        """The kept rows from number `first` on, as Arrow batches of one row group each."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self.answer.get("rows"):
            return
        with pq.ParquetFile(pa.BufferReader(pa.py_buffer(self.contents()))) as parquet:
            for group in range(parquet.num_row_groups):
                rows = parquet.metadata.row_group(group).num_rows
                if first < rows:
                    table = parquet.read_row_group(group).slice(first)
                    yield from table.to_batches()
                first = max(first - rows, 0)


class Queries:
    """The queries by id, the newest last, and one process that waits for the next query."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spare: Child | None = None
        self._queries: dict[str, Query] = {}

    def warm(self, connected: Connected) -> None:
        """Start a process for the next query, if there is none: it takes seconds."""
        with self._lock:
            spare = self._spare
            if spare is None or spare.connected is not connected or spare.process.poll() is not None:
                if spare:
                    spare.close()
                self._spare = Child(connected)

    def start(self, connected: Connected, sql: str, now: datetime, *, as_of: str = "", explain: bool = False) -> Query:
        """Start a query; `Refused` while `MOST_RUNNING` run. `now` is the lake's time."""
        self.warm(connected)
        with self._lock:
            if sum(query.status == "RUNNING" for query in self._queries.values()) >= MOST_RUNNING:
                raise Refused(f"{MOST_RUNNING} queries are running", hint="Wait for one to end, or cancel one.")
            child, self._spare = self._spare, None
            query = Query(secrets.token_hex(6), sql, now, child or Child(connected), as_of, explain)
            self._queries[query.id] = query
            self._drop()
        threading.Thread(target=query.run, daemon=True, name=f"query-{query.id}").start()
        return query

    def find(self, name: str) -> Query:
        """The query of this id; `NotThere` if there is none, or it was dropped."""
        with self._lock:
            query = self._queries.get(name)
        if query is None:
            message = f"there is no query {name}, or its answer was dropped"
            raise NotThere(message, hint=f"The last {MOST_KEPT} are kept, as long as the console runs. Run it again.")
        return query

    def newest(self) -> list[Query]:
        """The queries that are kept, the newest first."""
        with self._lock:
            return list(reversed(self._queries.values()))

    def _drop(self) -> None:
        """Drop the oldest ended queries while there are too many, or their answers are too large."""
        ended = [query for query in self._queries.values() if query.done.is_set()]
        held = sum(query.answer.get("bytes", 0) for query in ended)
        while ended and (len(self._queries) > MOST_KEPT or held > MOST_KEPT_BYTES):
            oldest = ended.pop(0)
            held -= oldest.answer.get("bytes", 0)
            del self._queries[oldest.id]

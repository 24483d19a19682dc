"""Executions that have ended: on disk, so that memory holds only those that run.

The file lives as long as the front. Lists, descriptions, histories and redrives of ended executions are answered
from here.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.emulator.stepfunctions.arns import qualifier, unqualified

FILE = "executions.db"

_TABLES = """
    CREATE TABLE machines (hash TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID;
    CREATE TABLE executions (
        arn TEXT PRIMARY KEY, machine_arn TEXT, number INTEGER, status TEXT, redrive_count INTEGER,
        version_arn TEXT, alias_arn TEXT, summary TEXT, machine TEXT, body BLOB, events BLOB
    );
    CREATE INDEX by_number ON executions (machine_arn, number);
    CREATE INDEX by_status ON executions (machine_arn, status, number);
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine as it was when an execution of it started."""

    arn: str
    name: str
    definition: str
    role_arn: str
    updated: float
    logging: dict[str, Any]
    tracing: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list tells of an execution, running or ended. Times are seconds since 1970.

    `number` counts starts: a later one is larger, also within one tick of the clock. `version_arn` and `alias_arn` are
    what it was started by.
    """

    arn: str
    name: str
    machine_arn: str
    number: int
    status: str
    started: float
    stopped: float | None
    redrive_count: int
    redriven: float | None
    version_arn: str | None = None
    alias_arn: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """The rest of what DescribeExecution tells, and what a redrive needs: the test case and the variables.

    `events` is the length of the history.
    """

    input: str
    output: str | None
    error: str | None
    cause: str | None
    trace_header: str | None
    test_case: str | None
    variables: dict[str, Any]
    events: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An execution that has ended, without its history."""

    summary: Summary
    body: Body
    machine: Machine

    @property
    def status(self) -> str:
        """How it ended."""
        return self.summary.status


class Archive:
    """Ended executions in one SQLite file; without `path` in memory. Safe for threads."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._closed = False
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
        self._database = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        # The file is thrown away with the front: nothing has to survive a crash.
        self._database.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_TABLES}")

    def close(self) -> None:
        """Forget everything. What ends later is not kept."""
        with self._lock:
            self._closed = True
            self._database.close()
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    def put(self, ended: Ended, events: Sequence[Any]) -> None:
        """Keep an execution; one with the same ARN is replaced."""
        summary, machine = ended.summary, _packed(_plain(ended.machine))
        key = hashlib.sha256(machine).hexdigest()
        row = (
            *(summary.arn, summary.machine_arn, summary.number, summary.status, summary.redrive_count),
            *(summary.version_arn, summary.alias_arn),
            *(json.dumps(_plain(summary)), key, _packed(_plain(ended.body)), _packed(events)),
        )
        with self._lock:
            if self._closed:
                return
            self._database.execute("INSERT OR IGNORE INTO machines VALUES (?, ?)", (key, machine))
            self._database.execute("INSERT OR REPLACE INTO executions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def get(self, arn: str) -> Ended | None:
        """An execution that has ended, by its ARN; None if there is none."""
        found = self._rows(
            "SELECT summary, e.body, m.body FROM executions e JOIN machines m ON m.hash = e.machine WHERE arn = ?", arn
        )
        if not found:
            return None
        summary, body, machine = found[0]
        return Ended(Summary(**json.loads(summary)), Body(**_unpacked(body)), Machine(**_unpacked(machine)))

    def has(self, arn: str) -> bool:
        """Whether an execution of this ARN has ended."""
        return bool(self._rows("SELECT 1 FROM executions WHERE arn = ?", arn))

    def events(self, arn: str) -> list[Any]:
        """The history, oldest first; empty where there is no such execution."""
        found = self._rows("SELECT events FROM executions WHERE arn = ?", arn)
        return list(_unpacked(found[0][0])) if found else []

    def newest(self, arn: str, *, before: int, limit: int, status: str | None, redriven: bool | None) -> list[Summary]:
        """The newest executions of a machine, a version or an alias whose number is below `before`, newest first."""
        # By the machine, which the indexes have: without them each page reads every execution, its history too.
        where = "machine_arn = ? AND number < ?"
        values: list[Any] = [unqualified(arn), before]
        if qualifier(arn):
            where += " AND ? IN (version_arn, alias_arn)"
            values.append(arn)
        if status is not None:
            where += " AND status = ?"
            values.append(status)
        if redriven is not None:
            where += f" AND redrive_count {'>' if redriven else '='} 0"
        query = f"SELECT summary FROM executions WHERE {where} ORDER BY number DESC LIMIT ?"
        return [Summary(**json.loads(summary)) for (summary,) in self._rows(query, *values, limit)]

    def remove(self, arn: str) -> None:
        """Forget an execution, which goes on by a redrive."""
        self._rows("DELETE FROM executions WHERE arn = ?", arn)

    def remove_machine(self, machine_arn: str) -> None:
        """Forget the executions of a machine."""
        self._rows("DELETE FROM executions WHERE machine_arn = ?", machine_arn)

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            return [] if self._closed else self._database.execute(query, values).fetchall()


def _plain(record: Machine | Summary | Body) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def _packed(value: Any) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":"), default=str).encode(), 1)


def _unpacked(value: bytes) -> Any:
    return json.loads(zlib.decompress(value))

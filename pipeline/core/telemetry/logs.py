"""Logs as JSON lines. Modules log as always, facts in `extra`; here is what makes lines of it, and what they are about.

Two ids go through the lake (docs/runbook.md): that of an object (`ObjectVersion.digest`) up to its batch, and that of
the batch from there to the table. The line "batch sealed" names the batch and its objects. Keys are logged; what is in
an object never is: reasons that may quote it stand in the catalog alone.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from pipeline.core.clock import iso

_KEYS: ContextVar[Mapping[str, Any] | None] = ContextVar("keys", default=None)
_OURS = ("pipeline", "stages")
_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


@contextmanager
def about(**keys: Any) -> Iterator[None]:
    """Give these keys to every line that is logged within: `correlation_id`, `dataset`, `execution`, …"""
    token = _KEYS.set({**(_KEYS.get() or {}), **keys})
    try:
        yield
    finally:
        _KEYS.reset(token)


class Context(logging.Filter):
    """Adds the keys of `about`; what a line says itself wins."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in (_KEYS.get() or {}).items():
            record.__dict__.setdefault(name, value)
        return True


def of_job(service: str) -> None:
    """From now on everything that this Glue job logs is a JSON line of `service`, as `function_logs` has it."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JobLine(service))
    take_over(handler)


def take_over(handler: logging.Handler) -> None:
    """Have `handler` alone print what is logged, with the keys of `about`."""
    handler.addFilter(Context())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)


class _JobLine(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": iso(datetime.fromtimestamp(record.created, UTC)),
            "service": self._service,
            **{name: value for name, value in record.__dict__.items() if name not in _PLAIN},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)

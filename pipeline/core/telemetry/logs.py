"""Logs as JSON lines. Modules use `logging`, with facts in `extra`; this module formats them and adds context.

Lines have one of two correlation ids (docs/runbook.md): an object's (`ObjectVersion.digest`) until it is in a batch,
then the batch's. The line "batch sealed" names a batch and its objects. Keys are logged, contents of objects never:
reasons that may quote them are only in the catalog.
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
def log_context(**keys: Any) -> Iterator[None]:
    """Add these keys to every line that is logged within the block: `correlation_id`, `dataset`, `execution`, …"""
    token = _KEYS.set({**(_KEYS.get() or {}), **keys})
    try:
        yield
    finally:
        _KEYS.reset(token)


class Context(logging.Filter):
    """A filter that adds the keys of `log_context` to log records; a record's own values take precedence."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the keys; no record is left out."""
        for name, value in (_KEYS.get() or {}).items():
            record.__dict__.setdefault(name, value)
        return True


def log_as_job(service: str) -> None:
    """Log everything in this Glue job as JSON lines of `service` from now on, in the format of `function_logs`."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JobLine(service))
    install_handler(handler)


def install_handler(handler: logging.Handler) -> None:
    """Make `handler` the only one of the root logger, with the keys of `log_context` on every line."""
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

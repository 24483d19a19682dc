"""Access logs of stages: one line a request into a log group, in the format that the stage has."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

from pipeline.emulator.apigateway.context import substituted
from pipeline.emulator.apigateway.errors import bad_request
from pipeline.emulator.apigateway.store import ACCOUNT
from pipeline.emulator.logs.output import LogSink

_ARN = re.compile(r"arn:aws[\w-]*:logs:([\w-]+):\d{12}:log-group:([\w./#-]+?)(?::\*)?")
_STREAM = "access"


def check_access_log(settings: Mapping[str, Any] | None) -> None:
    """`ApiError` for a format without a request's id, which API Gateway asks for, and for another place than a group.

    Firehose, which API Gateway would write to as well, is not honoured.
    """
    if not settings or not settings.get("format"):
        return
    if not re.search(r"\$\{?context\.(requestId|extendedRequestId)\b", settings["format"]):
        raise bad_request("Access log format should include $context.requestId or $context.extendedRequestId")
    if settings.get("destinationArn") and not _ARN.fullmatch(settings["destinationArn"]):
        raise bad_request(f"Invalid ARN specified for access logs: {settings['destinationArn']} is no log group's")


class AccessLogs:
    """Writes what stages log, in the background."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sinks: dict[str, LogSink] = {}

    def stop(self) -> None:
        """Write what waits, and end."""
        with self._lock:
            sinks, self._sinks = self._sinks, {}
        for sink in sinks.values():
            sink.stop()

    def flush(self) -> None:
        """When it returns, everything logged before can be read."""
        for sink in list(self._sinks.values()):
            sink.flush()

    def write(self, stage: Mapping[str, Any], context: Mapping[str, Any]) -> None:
        """Log a request that was answered, if its stage logs."""
        settings = stage.get("accessLogSettings") or {}
        where = _ARN.fullmatch(settings.get("destinationArn") or "")
        if where is None or not settings.get("format"):
            return
        line = substituted(settings["format"], context, stage.get("variables") or {}, "-")
        # What a caller sent begins no line of its own.
        self._sink(where[1]).write(where[2], _STREAM, re.sub(r"[\r\n]+", " ", line))

    def _sink(self, region: str) -> LogSink:
        with self._lock:
            if region not in self._sinks:
                self._sinks[region] = LogSink(ACCOUNT, region)
                self._sinks[region].start()
            return self._sinks[region]

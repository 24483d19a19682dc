"""What a log line says: its level, its message, its facts, and whether the platform wrote it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.errors import WrongUsage
from pipeline.operate.log_ids import parsed
from pipeline.operate.logs import Line

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")
"""The least first."""
_ALIASES = {"TRACE": "DEBUG", "WARNING": "WARN", "CRITICAL": "ERROR", "FATAL": "ERROR"}
_PLATFORM = re.compile(r"(?:START|END|REPORT) RequestId: |INIT_START |EXTENSION\t|XRAY TraceId: ")
"""How Lambda's own lines begin in text (Lambda Developer Guide, "Viewing CloudWatch logs for Lambda")."""
_BAD_END = re.compile(r"Status: (?!success)\w+|Error Type: ")
"""Of a REPORT: the sandbox failed or ran out of time."""
_LEVEL = re.compile(r"^(?:\[|\S+ \S+ |)(DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b")
"""In text: `[ERROR]`, or after a date and a time, as Spark prints it."""


@dataclass(frozen=True, slots=True)
class Told:
    """`level` is None where a line has none. `facts` is what a JSON line says besides its level, message and time."""

    level: str | None
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_platform: bool = False

    def is_at_least(self, level: str | None) -> bool:
        """Whether the line is as grave; one without a level is as grave as INFO."""
        return level is None or LEVELS.index(self.level or "INFO") >= LEVELS.index(level)


def told(line: Line) -> Told:
    """Read a line, in JSON or in text. What the platform says of a failure is not counted among its own lines."""
    document = parsed(line.message)
    if str(document.get("type", "")).startswith("platform."):
        failed = _failed(document.get("record"))
        return Told("ERROR" if failed else None, line.message, {}, is_platform=not failed)
    if isinstance(document.get("_aws"), dict) and "message" not in document:
        # Numbers for CloudWatch's metrics, which only pass through the log (its embedded metric format).
        return Told(None, line.message, {}, is_platform=True)
    if isinstance(document.get("message"), str):
        level = _level(document.get("level")) or ("ERROR" if line.is_error else None)
        facts = {name: v for name, v in document.items() if name not in ("level", "message", "timestamp")}
        return Told(level, document["message"], facts)
    if _PLATFORM.match(line.message):
        failed = bool(_BAD_END.search(line.message))
        return Told("ERROR" if failed else None, line.message, {}, is_platform=not failed)
    found = _LEVEL.match(line.message)
    level = "ERROR" if line.is_error else _level(found[1]) if found else None
    return Told(level, line.message)


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which lines are shown: at least as grave as `level`, with `text` in them in any case; the platform's own ones
    only if they are asked for."""

    level: str | None = None
    text: str = ""
    with_platform: bool = False

    def lets(self, line: Line) -> bool:
        """Whether a line is shown."""
        if self.text.casefold() not in line.message.casefold():
            return False
        found = told(line)
        return (self.with_platform or not found.is_platform) and found.is_at_least(self.level)


def level_of(text: str | None) -> str | None:
    """Read a level in any case; `WrongUsage` lists them."""
    if not text:
        return None
    level = _level(text)
    if level is None:
        raise WrongUsage(f"{text!r} is not a level of log lines", hint=f"One of {', '.join(LEVELS)}.")
    return level


def _level(text: Any) -> str | None:
    name = str(text or "").upper()
    name = _ALIASES.get(name, name)
    return name if name in LEVELS else None


def _failed(record: Any) -> bool:
    return isinstance(record, dict) and record.get("status", "success") != "success"

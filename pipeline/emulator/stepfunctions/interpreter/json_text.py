"""JSON text as Step Functions writes it into states, events and causes: without spaces, characters as they are."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from pipeline.emulator.moto.patch import patch


def to_json_str(obj: Any, separators: tuple[str, str] | None = None) -> str:
    """`obj` as JSON text. `separators` are ignored: AWS has one form."""
    return json.dumps(obj, default=_written, separators=(",", ":"), ensure_ascii=False)


def _written(value: Any) -> Any:
    return milliseconds(value) if isinstance(value, datetime) else str(value)


def milliseconds(moment: datetime) -> int:
    """A time in the answer of an optimised integration."""
    return round(moment.timestamp() * 1000)


def iso(moment: datetime) -> str:
    """A time in the answer of an `aws-sdk` integration, `2026-01-31T12:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_times(value: Any, form: Any) -> None:
    """Put `form(time)` in the place of each time inside `value`."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(entries):
        if isinstance(inner, datetime):
            value[key] = form(inner)
        elif isinstance(inner, date):
            value[key] = inner.isoformat()
        else:
            write_times(inner, form)


patch(
    "moto.stepfunctions.parser.asl.utils.encoding:to_json_str",
    "85dcb225d540",
    "moto writes spaces, and characters as escapes",
    rebind="moto.stepfunctions",
)(to_json_str)

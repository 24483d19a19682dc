"""All that was logged of one object, batch or execution, found by its id (see `pipeline.core.telemetry.logs`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pipeline.core.errors import NotThere, WrongUsage
from pipeline.lake.services import Lake
from pipeline.operate.logs import Line, Source, of_execution, order, read, sources_of

SEALED = "batch sealed"
"""The line that names a batch and the objects of its manifest."""

_ID = re.compile(r"[A-Za-z0-9_-]{8,80}")


def lines_of(lake: Lake, env: str, identity: str, start: int) -> list[Line]:
    """Every line from `start` (milliseconds) on that has the id; of an object also those of the batches it was in.

    Of a batch also all that its jobs printed, which Spark prints without an id. `WrongUsage` for what is no id.
    """
    if not _ID.fullmatch(identity):
        raise WrongUsage(f"{identity!r} is no id", hint="`sluice why` shows an object's; a batch's is its name.")
    found = _naming(lake, env, identity, start)
    batches = {batch for line in found if (batch := _sealed(line, identity))}
    for batch in sorted(batches - {identity}):
        found += _naming(lake, env, batch, start)
    for batch in sorted(batches):
        found += _of_jobs(lake, env, batch, start)
    return sorted({(line.group or line.label, line.stream, line.id): line for line in found}.values(), key=order)


def _naming(lake: Lake, env: str, identity: str, start: int) -> list[Line]:
    every = (replace(source, pattern=f'"{identity}"') for source in sources_of(lake, env, None))
    return read(list(every), start)


def _of_jobs(lake: Lake, env: str, batch: str, start: int) -> list[Line]:
    try:
        sources, _, _ = of_execution(lake, env, batch)
    except NotThere:
        # AWS forgets executions after 90 days.
        return []
    return read([source for source in sources if _is_job(source)], start)


def _is_job(source: Source) -> bool:
    return bool(source.streams)


def _sealed(line: Line, identity: str) -> str | None:
    """The batch that a line says to be sealed, if the id is of the batch or of one of its objects."""
    facts = parsed(line.message)
    if facts.get("message") != SEALED:
        return None
    batch = facts.get("correlation_id")
    return batch if batch == identity or identity in _texts(facts.get("objects")) else None


def _texts(value: Any) -> Iterable[str]:
    return value if isinstance(value, list) else ()


def parsed(message: str) -> dict[str, Any]:
    """A JSON line as its facts; {} for any other."""
    try:
        facts = json.loads(message)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}

"""How facts read on a screen: text that others wrote made harmless, times, durations, sizes. Pure."""

from __future__ import annotations

from datetime import datetime

from pipeline.core.clock import parse_iso

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def visible(text: str, *, keep: str = "") -> str:
    """`text` with what a terminal would not show, or would obey, as an escape such as `\\n`; `keep` stays."""
    return "".join(c if c.isprintable() or c in keep else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`: at most two units."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    left = round(seconds)
    if left < 60:
        return f"{left} s"
    parts: list[str] = []
    for size, unit in (*_UNITS, (1, "s")):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))


def between(start: str | None, end: str | None) -> str | None:
    """How long it took from one ISO time to another; None while either is missing."""
    if not start or not end:
        return None
    return duration((parse_iso(end) - parse_iso(start)).total_seconds())


def moment(at: str | datetime) -> str:
    """`2026-01-31 12:00:05Z`."""
    return f"{at if isinstance(at, datetime) else parse_iso(at):%Y-%m-%d %H:%M:%S}Z"


def ago(at: str, now: datetime) -> str:
    """`3 min ago`: the greatest unit only."""
    seconds = max((now - parse_iso(at)).total_seconds(), 0)
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def size(count: int) -> str:
    """Bytes, with a decimal unit."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        value /= 1000
        if value < 999.5 or unit == "PB":
            break
    return f"{value:.1f} {unit}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 object`, `1,200 objects`; `plural` where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"

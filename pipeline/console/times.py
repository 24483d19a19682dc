"""Times as pages write them: UTC, in elements that `times.js` turns into the reader's zone and adds "3 min ago" to."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup

from pipeline.core.clock import iso, parse_iso
from pipeline.operate import formatting


def moment(at: str | datetime) -> Markup:
    """A date and a time to the second: `2026-01-31 12:00:05Z`."""
    when = at if isinstance(at, datetime) else parse_iso(at)
    return _element(when, formatting.moment(when))


def clock(at: str, *, with_day: bool = False) -> Markup:
    """A time to the millisecond, as lines of logs have it: `12:00:05.123`, or with its day in front."""
    when = parse_iso(at)
    text = f"{when:%Y-%m-%d %H:%M:%S}" if with_day else f"{when:%H:%M:%S}"
    return _element(when, f"{text}.{when.microsecond // 1000:03}", "line")


def ago(at: str, now: str) -> Markup:
    """`3 min ago`, for where there is no room for more than that; the time itself is its title."""
    when = parse_iso(at)
    return _element(when, formatting.ago(at, parse_iso(now)), "ago")


def _element(when: datetime, text: str, form: str = "moment") -> Markup:
    title = Markup(' title="{}"').format(formatting.moment(when)) if form == "ago" else ""
    return Markup('<time datetime="{}" data-form="{}"{}>{}</time>').format(iso(when), form, title, text)

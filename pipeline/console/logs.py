"""Logs: what functions and jobs printed, by source, execution, job run or object, and by time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pipeline.console.console import Asked
from pipeline.console.pages import Document, asked, link, page
from pipeline.core.clock import epoch_ms, iso
from pipeline.core.errors import BadInput, NotThere
from pipeline.core.objects import ObjectVersion
from pipeline.operate.arguments import object_of, span_of, time_of
from pipeline.operate.flows import flows_of
from pipeline.operate.formatting import visible
from pipeline.operate.log_pages import Cursor, Log, LogPage
from pipeline.operate.logs import Line, Source, job_groups, names_of, of_execution, of_object, read, sources_of

LINES = 200
CUTS = (4000, 2000, 1000, 500, 250)
"""How long lines are shown: the first at which the page stays below PAGE_CHARACTERS."""
PAGE_CHARACTERS = 70_000
SINCE = "10m"
AROUND = timedelta(seconds=5)

Terms = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a page is about: which logs, of what time, and what of the choice people see. No `end` goes on."""

    sources: Sequence[Source]
    start: datetime
    end: datetime | None
    terms: Terms = ()
    about: str | None = None
    execution: str | None = None


def build(asked: Asked) -> Document:
    """The newest lines of what was asked for, or those before or after a place."""
    chosen = _chosen(asked)
    end = chosen.end or asked.now
    # A clock may be a little behind those that print.
    log = Log(
        chosen.sources,
        epoch_ms(chosen.start),
        epoch_ms(end) + (1000 if chosen.end is None else 0),
        _matcher(asked, chosen),
    )
    before, after = asked.query.get("before"), asked.query.get("after")
    found = log.after(Cursor.parse(after), LINES) if after else log.before(_cursor(before), LINES)
    follows = asked.query.get("follow") == "1" and not (before or after or chosen.end)
    return {
        "title": "Logs",
        "sources": names_of(asked.env),
        "jobs": list(flows_of(asked.lake).jobs),
        "asked": {name: asked.query.get(name, "") for name in FIELDS},
        "about": chosen.about,
        "execution": chosen.execution,
        "from": iso(chosen.start),
        "to": iso(chosen.end) if chosen.end else None,
        "can_follow": chosen.end is None,
        "follows": follows,
        "ended": not follows,
        **_paged(asked, found, log, newest=not (before or after)),
    }


FIELDS = ("source", "since", "from", "to", "text", "execution", "run", "uri", "version")


def _chosen(asked: Asked) -> Chosen:
    """`BadInput` where two things are asked for at once, or a time is none."""
    query, lake = asked.query, asked.lake
    given = [name for name in ("source", "execution", "run", "uri") if query.get(name)]
    if len(given) > 1:
        raise BadInput(f"{' and '.join(given)} are asked for at once", hint="Ask for one of them.")
    start = time_of(query["from"]) if query.get("from") else None
    end = time_of(query["to"]) if query.get("to") else None
    if name := query.get("execution"):
        sources, begun, stopped = of_execution(lake, asked.env, name)
        return Chosen(sources, start or begun, end or stopped, about=f"execution {name}", execution=name)
    if name := query.get("run"):
        sources = [Source(group, "job", (name,)) for group in job_groups(asked.env)]
        return Chosen(sources, start or datetime.fromtimestamp(0, UTC), end, about=f"job run {name}")
    if uri := query.get("uri"):
        named = object_of(lake, uri)
        found = of_object(lake, asked.env, ObjectVersion(named.bucket, named.key, query.get("version", "")))
        about = f"{named.uri} version {found.version}"
        return Chosen(found.sources, start or found.start, end or found.end, found.terms, about, found.execution)
    since = asked.now - span_of(query.get("since") or SINCE)
    return Chosen(sources_of(lake, asked.env, query.get("source") or None), start or since, end)


def _matcher(asked: Asked, chosen: Chosen) -> Callable[[Line], bool]:
    text = asked.query.get("text", "").casefold()

    def matches(line: Line) -> bool:
        named = not chosen.terms or any(term in line.message for term in chosen.terms)
        return named and text in line.message.casefold()

    return matches


def _cursor(text: str | None) -> Cursor | None:
    return Cursor.parse(text) if text else None


def _paged(asked: Asked, found: LogPage, log: Log, *, newest: bool) -> dict[str, Any]:
    kept = {name: asked.query.get(name) for name in FIELDS}
    if not kept["from"]:
        # A span that ends now would move on from page to page.
        kept |= {"from": iso(datetime.fromtimestamp(log.start / 1000, UTC)), "since": None}
    older = link("/logs", **kept, before=found.older) if found.older else None
    newer = link("/logs", **kept, after=found.newer) if found.newer and not newest else None
    looked = found.start if found.start > log.start else None
    days = {iso(datetime.fromtimestamp(line.at / 1000, UTC))[:10] for line in found.lines}
    return {
        "lines": _lines(found.lines, narrowed=bool(asked.query.get("text") or asked.query.get("uri"))),
        "older": older,
        "newer": newer,
        "newest": link("/logs", **{name: asked.query.get(name) for name in FIELDS}),
        "follow": link("/logs", **{name: asked.query.get(name) for name in FIELDS}, follow=1),
        "looked_back_to": iso(datetime.fromtimestamp(looked / 1000, UTC)) if looked and not found.lines else None,
        "day": days.pop() if len(days) == 1 else None,
        "crowded": found.is_crowded,
    }


def _lines(lines: Sequence[Line], *, narrowed: bool) -> list[dict[str, Any]]:
    # Lambda writes the indentation of tracebacks with no-break spaces.
    texts = [visible(line.message.rstrip("\n").replace("\xa0", " "), keep="\n\t") for line in lines]
    most = next((cut for cut in CUTS if sum(len(escape(t[:cut])) for t in texts) <= PAGE_CHARACTERS), CUTS[-1])
    return [_line(line, text, most, narrowed=narrowed) for line, text in zip(lines, texts, strict=True)]


def _line(line: Line, text: str, most: int, *, narrowed: bool) -> dict[str, Any]:
    """One line; where its neighbours are left out, `around` is the page that has them."""
    whole = link("/logs/line", group=line.group, stream=line.stream, at=line.at, id=line.id)
    cut = max(len(text) - most, 0)
    at = datetime.fromtimestamp(line.at / 1000, UTC)
    around = link("/logs", **{"from": iso(at - AROUND), "to": iso(at + AROUND)}) if narrowed else None
    shown = {**line.to_json(), "message": text[:most], "cut": cut, "whole": whole if cut else None}
    return {**shown, "is_error": line.is_error, "around": around}


async def whole_line(request: Request) -> Response:
    """One event as it was printed, as a download."""
    asking = await asked(request)
    line = await run_in_threadpool(_find_line, asking)
    headers = {"content-disposition": f'attachment; filename="line-{line.at}.txt"'}
    return PlainTextResponse(line.message.encode("utf-8", "backslashreplace"), headers=headers)


def _find_line(asked: Asked) -> Line:
    group, stream, at = (asked.query.get(name, "") for name in ("group", "stream", "at"))
    if not group.startswith(f"/sluice/{asked.env}/"):
        raise NotThere(f"{group!r} is no log of this lake")
    if not at.isdecimal() or len(at) > 15:
        raise BadInput(f"{at!r} is no time of a line")
    lines = read([Source(group, "", (stream,))], int(at), int(at))
    named = (line for line in lines if line.stream == stream and line.id == asked.query.get("id"))
    if (found := next(named, None)) is None:
        raise NotThere("the log has no such line any more", hint="Logs are kept for as long as their group says.")
    return found


ROUTES = [Route("/logs/line", whole_line), *page("/logs", "logs.html", build, live=True)]

"""Logs of functions and jobs, by source, execution, job run or object, and by time."""

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

from pipeline.console.console import PageRequest
from pipeline.console.pages import Document, link, page, page_request_of
from pipeline.core.clock import epoch_ms, iso
from pipeline.core.errors import BadInput, NotThere
from pipeline.core.objects import ObjectVersion
from pipeline.operate.arguments import object_of, span_of, time_of
from pipeline.operate.flows import flows_of
from pipeline.operate.formatting import visible
from pipeline.operate.log_lines import LEVELS, LineFilter, level_of, told
from pipeline.operate.log_pages import Cursor, Log, LogPage
from pipeline.operate.logs import Line, Source, job_groups, names_of, of_execution, of_object, read, sources_of

LINES = 200
CUTS = (4000, 2000, 1000, 500, 250)
"""Characters of a line that are shown: the first of these with which the page stays below PAGE_CHARACTERS."""
PAGE_CHARACTERS = 70_000
SINCE = "10m"
AROUND = timedelta(seconds=5)

Terms = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogSelection:
    """Which lines a page shows: sources, times, terms that a line must have one of, and a description.

    Without an `end` the page has the lines up to now.
    """

    sources: Sequence[Source]
    start: datetime
    end: datetime | None
    terms: Terms = ()
    about: str | None = None
    execution: str | None = None


def build(request: PageRequest) -> Document:
    """The newest lines of the selection, or those before or after a cursor. Parameters: `FIELDS`, `before`, `after`,
    `follow`."""
    chosen = _chosen(request)
    end = chosen.end or request.now
    # This clock may be a little behind those of the functions.
    log = Log(
        chosen.sources,
        epoch_ms(chosen.start),
        epoch_ms(end) + (1000 if chosen.end is None else 0),
        _matcher(request, chosen),
    )
    before, after = request.query.get("before"), request.query.get("after")
    lines = log.after(Cursor.parse(after), LINES) if after else log.before(_cursor(before), LINES)
    follows = request.query.get("follow") == "1" and not (before or after or chosen.end)
    return {
        "title": "Logs",
        "sources": names_of(request.env),
        "jobs": list(flows_of(request.lake).jobs),
        "levels": list(LEVELS),
        "asked": {name: request.query.get(name, "") for name in FIELDS},
        "about": chosen.about,
        "execution": chosen.execution,
        "from": iso(chosen.start),
        "to": iso(chosen.end) if chosen.end else None,
        "can_follow": chosen.end is None,
        "follows": follows,
        "ended": not follows,
        **_paged(request, lines, log, newest=not (before or after)),
    }


FIELDS = ("source", "since", "from", "to", "text", "level", "platform", "execution", "run", "uri", "version")


def _chosen(request: PageRequest) -> LogSelection:
    """`BadInput` if more than one thing is selected, or a time cannot be read."""
    query, lake = request.query, request.lake
    given = [name for name in ("source", "execution", "run", "uri") if query.get(name)]
    if len(given) > 1:
        raise BadInput(f"{' and '.join(given)} cannot be given together", hint="Give one of them.")
    start = time_of(query["from"]) if query.get("from") else None
    end = time_of(query["to"]) if query.get("to") else None
    if name := query.get("execution"):
        sources, begun, stopped = of_execution(lake, request.env, name)
        return LogSelection(sources, start or begun, end or stopped, about=f"execution {name}", execution=name)
    if name := query.get("run"):
        sources = [Source(group, "job", (name,)) for group in job_groups(request.env)]
        return LogSelection(sources, start or datetime.fromtimestamp(0, UTC), end, about=f"job run {name}")
    if uri := query.get("uri"):
        named = object_of(lake, uri)
        story = of_object(lake, request.env, ObjectVersion(named.bucket, named.key, query.get("version", "")))
        about = f"{named.uri} version {story.version}"
        return LogSelection(story.sources, start or story.start, end or story.end, story.terms, about, story.execution)
    since = request.now - span_of(query.get("since") or SINCE)
    return LogSelection(sources_of(lake, request.env, query.get("source") or None), start or since, end)


def _matcher(request: PageRequest, chosen: LogSelection) -> Callable[[Line], bool]:
    query = request.query
    wanted = LineFilter(level_of(query.get("level")), query.get("text", ""), bool(query.get("platform")))

    def matches(line: Line) -> bool:
        return (not chosen.terms or any(term in line.message for term in chosen.terms)) and wanted.lets(line)

    return matches


def _cursor(text: str | None) -> Cursor | None:
    return Cursor.parse(text) if text else None


def _paged(request: PageRequest, shown: LogPage, log: Log, *, newest: bool) -> dict[str, Any]:
    kept = {name: request.query.get(name) for name in FIELDS}
    if not kept["from"]:
        # A span that ends now would be another one on the next page.
        kept |= {"from": iso(datetime.fromtimestamp(log.start / 1000, UTC)), "since": None}
    older = link("/logs", **kept, before=shown.older) if shown.older else None
    newer = link("/logs", **kept, after=shown.newer) if shown.newer and not newest else None
    searched = shown.start if shown.start > log.start else None
    days = {iso(datetime.fromtimestamp(line.at / 1000, UTC))[:10] for line in shown.lines}
    return {
        "lines": _lines(shown.lines, narrowed=bool(request.query.get("text") or request.query.get("uri"))),
        "older": older,
        "newer": newer,
        "newest": link("/logs", **{name: request.query.get(name) for name in FIELDS}),
        "follow": link("/logs", **{name: request.query.get(name) for name in FIELDS}, follow=1),
        "looked_back_to": iso(datetime.fromtimestamp(searched / 1000, UTC)) if searched and not shown.lines else None,
        "day": days.pop() if len(days) == 1 else None,
        "crowded": shown.is_crowded,
    }


def _lines(lines: Sequence[Line], *, narrowed: bool) -> list[dict[str, Any]]:
    # Lambda writes the indentation of tracebacks with no-break spaces.
    texts = [visible(line.message.rstrip("\n").replace("\xa0", " "), keep="\n\t") for line in lines]
    most = next((cut for cut in CUTS if sum(len(escape(t[:cut])) for t in texts) <= PAGE_CHARACTERS), CUTS[-1])
    return [_line(line, text, most, narrowed=narrowed) for line, text in zip(lines, texts, strict=True)]


def _line(line: Line, text: str, most: int, *, narrowed: bool) -> dict[str, Any]:
    """One line; in a `narrowed` list, `around` links to the page with its neighbours."""
    whole = link("/logs/line", group=line.group, stream=line.stream, at=line.at, id=line.id)
    cut = max(len(text) - most, 0)
    at = datetime.fromtimestamp(line.at / 1000, UTC)
    around = link("/logs", **{"from": iso(at - AROUND), "to": iso(at + AROUND)}) if narrowed else None
    shown = {**line.to_json(), "message": text[:most], "cut": cut, "whole": whole if cut else None}
    # Of a line that is cut, the facts may be what is too long.
    found = told(line)
    facts = None if cut else found.facts
    said = text[:most] if cut else visible(found.message.rstrip("\n").replace("\xa0", " "), keep="\n\t")
    return {**shown, "is_error": line.is_error, "around": around, "level": found.level, "told": said, "facts": facts}


async def whole_line(request: Request) -> Response:
    """Download one log line, whole. `NotThere` if the log has it no more, `BadInput` if the address is wrong."""
    page_request = await page_request_of(request)
    line = await run_in_threadpool(_find_line, page_request)
    headers = {"content-disposition": f'attachment; filename="line-{line.at}.txt"'}
    return PlainTextResponse(line.message.encode("utf-8", "backslashreplace"), headers=headers)


def _find_line(request: PageRequest) -> Line:
    group, stream, at = (request.query.get(name, "") for name in ("group", "stream", "at"))
    if not group.startswith(f"/sluice/{request.env}/"):
        raise NotThere(f"{group!r} is not a log group of this lake")
    if not at.isdecimal() or len(at) > 15:
        raise BadInput(f"{at!r} is not the time of a line")
    lines = read([Source(group, "", (stream,))], int(at), int(at))
    named = (each for each in lines if each.stream == stream and each.id == request.query.get("id"))
    if (line := next(named, None)) is None:
        raise NotThere("the log has no such line any more", hint="Logs are kept for as long as their group says.")
    return line


ROUTES = [Route("/logs/line", whole_line), *page("/logs", "logs.html", build, live=True)]

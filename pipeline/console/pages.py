"""Pages: each is a document, drawn by a template at its path, as it is at `<path>.json`, followed at `<path>.live`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from pipeline.console import flash, security
from pipeline.console.console import Asked, Console
from pipeline.core.clock import iso, parse_iso
from pipeline.core.errors import BadInput, SluiceError
from pipeline.operate import formatting

Document = dict[str, Any]
"""What a page says, as JSON has it. `ended` says that a live page will not change any more, `busy` names what goes on;
`missing` is of a page about what is not there."""

Build = Callable[[Asked], Document]
Do = Callable[[Asked, Mapping[str, str]], "Done"]

LIVE_S = 1.0
KEEP_ALIVE_S = 15.0
LARGEST_FORM = 1_000_000


@dataclass(frozen=True, slots=True)
class Done:
    """What an action did, in a sentence, and the page that shows it. `good` is False where there was nothing to do.

    `said` is empty where the page itself tells. What is true only `during` something that goes on is not said any more
    once the page's `busy` is another."""

    to: str
    said: str
    good: bool = True
    during: str | None = None


def link(path: str, **query: Any) -> str:
    """A URL of this console; parameters that are None or empty are left out."""
    told = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return f"{quote(path)}?{urlencode(told)}" if told else quote(path)


def _short(text: str, most: int = 80) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _pretty(value: Any) -> str:
    """JSON for people; text that is JSON is opened."""
    try:
        opened = json.loads(value) if isinstance(value, str) else value
        told = json.dumps(opened, indent=2, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        # No JSON, or so deep that nobody could read it.
        told = str(value)
    return formatting.visible(told, keep="\n\t")


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters |= {
    "ago": lambda at, now: formatting.ago(at, parse_iso(now)),
    "duration": formatting.duration,
    "json": _pretty,
    "moment": formatting.moment,
    "number": lambda number: f"{number:,}",
    "short": _short,
    "size": formatting.size,
    "tojson_text": lambda value: formatting.visible(json.dumps(value, ensure_ascii=False)),
    "visible": formatting.visible,
}
TEMPLATES.globals |= {"link": link, "counted": formatting.counted}


def page(path: str, template: str, build: Build, *, live: bool = False) -> list[Route]:
    """Routes of one page; with `live` its block `live` is sent again whenever it changes."""

    async def twin(request: Request) -> Response:
        document = await run_in_threadpool(build, await asked(request))
        return JSONResponse(json.loads(json.dumps(document, default=str)), status_code=_status(document))

    async def html(request: Request) -> Response:
        asking = await asked(request)
        document = await run_in_threadpool(build, asking)
        is_live = live and not document.get("ended")
        return answer(request, template, document, status=_status(document), live=is_live)

    async def stream(request: Request) -> Response:
        asking = await asked(request)
        # Before the answer begins, so that it can still say that nothing is there to follow.
        first = await run_in_threadpool(build, asking)
        events = _events(request, template, build, asking, first)
        return StreamingResponse(events, media_type="text/event-stream")

    routes = [Route(f"{path if path != '/' else '/home'}.json", twin)]
    if live:
        routes.append(Route(f"{path if path != '/' else '/home'}.live", stream))
    return [*routes, Route(path, html)]


def _status(document: Document) -> int:
    return HTTPStatus.NOT_FOUND if document.get("missing") else HTTPStatus.OK


def action(path: str, do: Do, *, changes: bool = True) -> Route:
    """A form's target: does something to the lake, and shows the page that `do` names with what it said.

    One that `changes` nothing is done for a console that only shows, too.
    """

    async def post(request: Request) -> Response:
        console: Console = request.app.state.console
        security.check_origin(request)
        _check_size(request)
        async with request.form(max_files=0, max_fields=2000) as form:
            fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        console.tokens.check(request, fields.get(security.FIELD) or request.headers.get(security.HEADER))
        asking = await asked(request)
        if changes:
            asking.may_change()
        done = await run_in_threadpool(do, asking, fields)
        response = RedirectResponse(done.to, status_code=303)
        if done.said:
            flash.say(response, done.said, good=done.good, during=done.during)
        return response

    return Route(path, post, methods=["POST"])


def _check_size(request: Request) -> None:
    """`BadInput` for a form that no page of the console would send: it is read into memory, before its token."""
    told = request.headers.get("content-length", "")
    if not told.isdecimal() or int(told) > LARGEST_FORM:
        raise BadInput(f"a form has at most {LARGEST_FORM:,} bytes, and says how many it has")


async def asked(request: Request) -> Asked:
    console: Console = request.app.state.console
    connected = await run_in_threadpool(console.connected)
    return Asked(console, connected, request.path_params, request.query_params)


def answer(
    request: Request, template: str, document: Document, *, status: int = 200, live: bool = False
) -> HTMLResponse:
    """The page of a document, with what the last action said."""
    console: Console = request.app.state.console
    visitor = console.tokens.visitor(request)
    told = flash.said(request)
    said = told if told and told["during"] in (None, document.get("busy")) else None
    html = TEMPLATES.get_template(template).render(_context(request, document, visitor, live=live, said=said))
    response = HTMLResponse(html, status_code=status)
    if security.COOKIE not in request.cookies:
        response.set_cookie(security.COOKIE, visitor, httponly=True, samesite="strict", path="/")
    if told:
        flash.forget(response)
    return response


def _context(request: Request, document: Document, visitor: str, **more: Any) -> dict[str, Any]:
    console: Console = request.app.state.console
    twin = f"{request.url.path if request.url.path != '/' else '/home'}"
    return {
        "doc": document,
        "here": request.url.path,
        "query": dict(request.query_params),
        "twin": link(f"{twin}.json", **dict(request.query_params)),
        "stream": link(f"{twin}.live", **dict(request.query_params)),
        "csrf": console.tokens.token(visitor),
        "can_change": console.can_change(),
        "lake": console.described(),
        "now": iso(console.now()),
        **more,
    }


async def _events(
    request: Request, template: str, build: Build, asking: Asked, document: Document
) -> AsyncIterator[str]:
    """Server-sent events: the block `live` of a page, each time it reads differently, until the document has ended.

    `busy` names what goes on, whenever that changes; `beat` says that the lake answers, and has nothing new.
    """
    drawn, told, quiet, busy = TEMPLATES.get_template(template), "", 0.0, None
    visitor = asking.console.tokens.visitor(request)
    while not await request.is_disconnected():
        context = drawn.new_context(_context(request, document, visitor, live=True, said=None))
        html = "".join(drawn.blocks["live"](context))
        if html != told:
            yield "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"
            told, quiet = html, 0.0
        elif quiet >= KEEP_ALIVE_S:
            yield "event: beat\ndata: .\n\n"
            quiet = 0.0
        if (goes_on := document.get("busy") or "") != busy:
            yield f"event: busy\ndata: {goes_on}\n\n"
            busy = goes_on
        if document.get("ended"):
            yield "event: ended\ndata: .\n\n"
            return
        await asyncio.sleep(LIVE_S)
        quiet += LIVE_S
        try:
            document = await run_in_threadpool(build, asking)
        except (SluiceError, BotoCoreError, ClientError):
            # The browser asks again, and is told what is wrong or finds the lake again.
            asking.console.lost()
            return

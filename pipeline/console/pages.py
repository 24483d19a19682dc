"""Pages: each is a document, as HTML at its path, as JSON at `<path>.json`, as live updates at `<path>.live`."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError
from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from pipeline.console import flash, security, times
from pipeline.console.cells import is_numeric
from pipeline.console.console import Console, PageRequest
from pipeline.console.folds import folded
from pipeline.core.clock import iso
from pipeline.core.errors import BadInput, SluiceError
from pipeline.operate import formatting
from pipeline.operate.metrics import figure

Document = dict[str, Any]
"""The content of a page, as JSON. `ended`: a live page will not change any more. `busy` names an activity that goes on.
`missing`: the page is about something that does not exist."""

Build = Callable[[PageRequest], Document]
Do = Callable[[PageRequest, Mapping[str, str]], "ActionResult"]

LIVE_S = 1.0
CONNECT_S = 1.0
"""How long a page that shows nothing of a lake waits for one."""
KEEP_ALIVE_S = 15.0
LARGEST_FORM = 1_000_000


@dataclass(frozen=True, slots=True)
class ActionResult:
    """The result of an action: the page to show next, and a message for it. `good` is False if nothing was done.

    `message` is empty if the page itself shows the result. A message that is true only `during` an activity is not
    shown once the page's `busy` is another one."""

    to: str
    message: str
    good: bool = True
    during: str | None = None


def link(path: str, **query: Any) -> str:
    """A URL of this console; parameters that are None or empty are left out."""
    given = {name: str(value) for name, value in query.items() if value not in (None, "")}
    # JSON may have halves of characters, which no URL can have.
    way = quote(path, errors="backslashreplace")
    return f"{way}?{urlencode(given, errors='backslashreplace')}" if given else way


def _short(text: str, most: int = 80) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _pretty(value: Any) -> str:
    """Indented JSON; text that is itself JSON is parsed first."""
    try:
        document = json.loads(value) if isinstance(value, str) else value
        text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        # Not JSON, or nested too deeply to be read.
        text = str(value)
    return formatting.visible(text, keep="\n\t")


def _editable(text: str) -> str:
    """JSON text indented, to be edited and sent: with every number as it is written, and nothing that is not seen."""
    try:
        document = json.loads(text)
        plain = json.dumps(document, indent=2, ensure_ascii=False)
        shown = plain if plain == formatting.visible(plain, keep="\n") else json.dumps(document, indent=2)
        same = json.loads(text, parse_float=str) == json.loads(shown, parse_float=str)
    except (ValueError, RecursionError):
        return text
    return shown if same else text


TEMPLATES = Environment(
    # As they are when the console begins: what an upgrade writes meanwhile is drawn from other documents.
    loader=DictLoader({each.name: each.read_text("utf-8") for each in (Path(__file__).parent / "templates").iterdir()}),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters |= {
    "ago": times.ago,
    "clock": times.clock,
    "duration": formatting.duration,
    "editable": _editable,
    "figure": figure,
    "folded": folded,
    "json": _pretty,
    "moment": times.moment,
    "moment_text": formatting.moment,
    "number": lambda number: f"{number:,}",
    "short": _short,
    "size": formatting.size,
    "tojson_text": lambda value: formatting.visible(json.dumps(value, ensure_ascii=False)),
    "visible": formatting.visible,
}
TEMPLATES.tests["numeric"] = is_numeric
TEMPLATES.globals |= {"link": link, "counted": formatting.counted}


def text_page(path: str, template: str, build: Callable[[Mapping[str, str]], Document]) -> list[Route]:
    """The routes of a page that shows nothing of a lake, and is there while none answers, too. `build` gets the
    parameters of its path."""

    async def document_of(request: Request) -> Document:
        # Only so that the page's head names the lake: whoever reads waits for no connection.
        with contextlib.suppress(SluiceError, BotoCoreError, ClientError, TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(request.app.state.console.connected), CONNECT_S)
        return await run_in_threadpool(build, request.path_params)

    async def twin(request: Request) -> Response:
        return JSONResponse(await document_of(request))

    async def html(request: Request) -> Response:
        return answer(request, template, await document_of(request))

    return [Route(f"{path}.json", twin), Route(path, html)]


def page(path: str, template: str, build: Build, *, live: bool = False) -> list[Route]:
    """The routes of one page; with `live` its template's block `live` is sent again whenever it changes."""

    async def twin(request: Request) -> Response:
        document = await run_in_threadpool(build, await page_request_of(request))
        return JSONResponse(json.loads(json.dumps(document, default=str)), status_code=_status(document))

    async def html(request: Request) -> Response:
        page_request = await page_request_of(request)
        document = await run_in_threadpool(build, page_request)
        is_live = live and not document.get("ended")
        return answer(request, template, document, status=_status(document), live=is_live)

    async def stream(request: Request) -> Response:
        page_request = await page_request_of(request)
        # Before the answer begins, so that an error can still be answered with its status.
        first = await run_in_threadpool(build, page_request)
        events = _events(request, template, build, page_request, first)
        return StreamingResponse(events, media_type="text/event-stream")

    routes = [Route(f"{path if path != '/' else '/home'}.json", twin)]
    if live:
        routes.append(Route(f"{path if path != '/' else '/home'}.live", stream))
    return [*routes, Route(path, html)]


def _status(document: Document) -> int:
    return HTTPStatus.NOT_FOUND if document.get("missing") else HTTPStatus.OK


def action(path: str, do: Do, *, changes: bool = True) -> Route:
    """The route of a form: calls `do`, and redirects to the page of its result.

    An action that `changes` nothing is allowed in a read-only console, too.
    """

    async def post(request: Request) -> Response:
        console: Console = request.app.state.console
        security.check_origin(request)
        _check_size(request)
        async with request.form(max_files=0, max_fields=2000) as form:
            fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        console.tokens.check(request, fields.get(security.FIELD) or request.headers.get(security.HEADER))
        page_request = await page_request_of(request)
        if changes:
            page_request.may_change()
        try:
            done = await run_in_threadpool(do, page_request, fields)
        finally:
            # Also after an error: half of it may be done.
            if changes:
                console.acted()
        response = RedirectResponse(done.to, status_code=303)
        if done.message:
            flash.set_message(response, done.message, good=done.good, during=done.during)
        return response

    return Route(path, post, methods=["POST"])


def _check_size(request: Request) -> None:
    """`BadInput` for a form larger than any of the console's: it is read into memory before its token is checked."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > LARGEST_FORM:
        raise BadInput(f"a form needs a content-length of at most {LARGEST_FORM:,} bytes")


async def page_request_of(request: Request) -> PageRequest:
    """The request with the lake that answers it; `Misconfigured` while no lake answers."""
    console: Console = request.app.state.console
    connected = await run_in_threadpool(console.connected)
    return PageRequest(console, connected, request.path_params, request.query_params)


def answer(
    request: Request, template: str, document: Document, *, status: int = 200, live: bool = False
) -> HTMLResponse:
    """The page of a document, with the message of the last action."""
    console: Console = request.app.state.console
    visitor = console.tokens.visitor(request)
    last = flash.read_message(request)
    message = last if last and last["during"] in (None, document.get("busy")) else None
    html = TEMPLATES.get_template(template).render(_context(request, document, visitor, live=live, message=message))
    response = HTMLResponse(html, status_code=status)
    if security.COOKIE not in request.cookies:
        response.set_cookie(security.COOKIE, visitor, httponly=True, samesite="strict", path="/")
    if last:
        flash.delete_message(response)
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
    request: Request, template: str, build: Build, page_request: PageRequest, document: Document
) -> AsyncIterator[str]:
    """Server-sent events: the block `live` of a page, each time it has changed, until the document has ended.

    `busy` is sent whenever the activity changes; `beat` when nothing has changed for a while.
    """
    drawn, sent, quiet, busy = TEMPLATES.get_template(template), "", 0.0, None
    visitor = page_request.console.tokens.visitor(request)
    while not await request.is_disconnected():
        context = drawn.new_context(_context(request, document, visitor, live=True, message=None))
        html = "".join(drawn.blocks["live"](context))
        if html != sent:
            yield "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"
            sent, quiet = html, 0.0
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
            document = await run_in_threadpool(build, page_request)
        except (SluiceError, BotoCoreError, ClientError):
            # The browser connects again, and gets an error page or the lake.
            page_request.console.lost()
            return

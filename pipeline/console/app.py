"""The console as a web application: its pages, the checks before them, and its error pages."""

from __future__ import annotations

import logging
from http import HTTPStatus
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from pipeline.console import (
    batches,
    browse,
    dataset_days,
    datasets,
    definitions,
    docs,
    downloads,
    drop,
    execution,
    executions,
    feeds,
    forecasts,
    glossary,
    home,
    logs,
    machines,
    object_list,
    objects,
    query,
    query_values,
    queues,
    schedules,
    search,
)
from pipeline.console.admission import Admission
from pipeline.console.console import Console
from pipeline.console.pages import answer
from pipeline.console.security import Forgery, OwnHost
from pipeline.core.aws_errors import is_transient
from pipeline.core.errors import BadInput, Gone, Misconfigured, NotThere, Refused, SluiceError, Transient
from pipeline.core.loopback import HOSTS

log = logging.getLogger(__name__)

_STATUS: dict[type[SluiceError], HTTPStatus] = {
    Forgery: HTTPStatus.FORBIDDEN,
    BadInput: HTTPStatus.BAD_REQUEST,
    Gone: HTTPStatus.NOT_FOUND,
    NotThere: HTTPStatus.NOT_FOUND,
    Refused: HTTPStatus.CONFLICT,
    Misconfigured: HTTPStatus.SERVICE_UNAVAILABLE,
    Transient: HTTPStatus.SERVICE_UNAVAILABLE,
}


def make_app(console: Console) -> Starlette:
    """The application of one console."""
    parts = (
        home,
        datasets,
        dataset_days,
        definitions,
        batches,
        browse,
        object_list,
        objects,
        downloads,
        drop,
        executions,
        execution,
        feeds,
        forecasts,
        queues,
        query,
        query_values,
        logs,
        machines,
        schedules,
        search,
        docs,
        glossary,
    )
    routes: list[BaseRoute] = [
        *(route for part in parts for route in part.ROUTES),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static"),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(OwnHost, refuse=_refuse_host), Middleware(Admission, token=console.token)],
        exception_handlers={
            HTTPException: _no_page,
            Exception: _broken,
            SluiceError: _wrong,
            BotoCoreError: _wrong,
            ClientError: _wrong,
        },
    )
    app.state.console = console
    return app


async def _refuse_host(scope: Scope, receive: Receive, send: Send) -> None:
    message = f"This console answers to {', '.join(HOSTS)} only.\n"
    await PlainTextResponse(message, status_code=HTTPStatus.MISDIRECTED_REQUEST)(scope, receive, send)


def _no_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    messages = {404: f"there is no page {request.url.path}", 405: f"{request.url.path} takes no {request.method}"}
    return _error_page(request, HTTPStatus(error.status_code), messages.get(error.status_code, error.detail), None)


def _wrong(request: Request, error: Exception) -> Response:
    """The page of an error that a person can act on; after a lost connection, the next request connects again."""
    if isinstance(error, SluiceError):
        status = next((s for kind, s in _STATUS.items() if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
        if isinstance(error, Misconfigured):
            request.app.state.console.lost()
        return _error_page(request, status, error.message, error.hint)
    if is_transient(error) or isinstance(error, BotoCoreError):
        request.app.state.console.lost()
        hint = "Is it running? `sluice up` starts an embedded lake."
        return _error_page(request, HTTPStatus.SERVICE_UNAVAILABLE, f"the lake does not answer: {error}", hint)
    return _error_page(request, HTTPStatus.BAD_GATEWAY, f"AWS answered: {error}", None)


def _broken(request: Request, error: Exception) -> Response:
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    message = f"the console itself has failed: {type(error).__name__}: {error}"
    return _error_page(request, HTTPStatus.INTERNAL_SERVER_ERROR, message, "Its log has the rest; please report it.")


def _error_page(request: Request, status: HTTPStatus, message: str, hint: str | None) -> Response:
    document = {"error": message, "hint": hint, "status": int(status), "title": status.phrase}
    if request.url.path.endswith(".json") or "application/json" in request.headers.get("accept", ""):
        return JSONResponse(document, status_code=status)
    return answer(request, "error.html", document, status=status)

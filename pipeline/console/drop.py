"""Files dropped onto a page: each is the body of one request, and becomes an object version in the raw bucket."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipeline.console import security
from pipeline.console.console import Console
from pipeline.console.pages import link, page_request_of
from pipeline.console.uploads import part_bytes, store
from pipeline.core.errors import SluiceError
from pipeline.lake.settings import Setting
from pipeline.operate.drop import raw_key


async def drop(request: Request) -> Response:
    """Store the body in the raw bucket. `to` is team/dataset or a folder below it, `name` the file's path in there."""
    try:
        return await _store(request)
    except SluiceError:
        # A browser reads the answer only after it has sent the whole body.
        with contextlib.suppress(ClientDisconnect, RuntimeError):
            async for _ in request.stream():
                pass
        raise
    except ClientDisconnect:
        return Response(status_code=400)


async def _store(request: Request) -> Response:
    console: Console = request.app.state.console
    console.tokens.check(request, request.headers.get(security.HEADER))
    page_request = await page_request_of(request)
    page_request.may_change()
    bucket = page_request.lake.settings[Setting.RAW_BUCKET]
    key = raw_key(request.query_params.get("to", ""), request.query_params.get("name", ""))
    length = request.headers.get("content-length", "")
    part = part_bytes(int(length) if length.isdecimal() else None)
    stored = await store(_wanted(request), bucket, key, part=part)
    console.acted()
    uri = f"s3://{bucket}/{key}"
    page = link("/object", uri=uri, version=stored.version)
    return JSONResponse({"uri": uri, "version": stored.version, "bytes": stored.size, "page": page})


async def _wanted(request: Request) -> AsyncIterator[bytes]:
    """The body; `ClientDisconnect` if the browser has gone, even after it sent the whole body."""
    async for chunk in request.stream():
        yield chunk
    if await request.is_disconnected():
        raise ClientDisconnect


ROUTES = [Route("/drop", drop, methods=["POST"])]

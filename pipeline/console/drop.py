"""Files dropped onto a page: each is the body of a request, and becomes a version of a key of the raw bucket."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipeline.console import security
from pipeline.console.console import Console
from pipeline.console.pages import asked, link
from pipeline.console.uploads import part_bytes, store
from pipeline.core.errors import SluiceError
from pipeline.lake.settings import Setting
from pipeline.operate.drop import raw_key


async def drop(request: Request) -> Response:
    """Store the body as the file `name`, perhaps with folders before it, in `to`: team/dataset or a folder below."""
    try:
        return await _store(request)
    except SluiceError:
        # A browser reads the answer only when it has sent all.
        with contextlib.suppress(ClientDisconnect, RuntimeError):
            async for _ in request.stream():
                pass
        raise
    except ClientDisconnect:
        return Response(status_code=400)


async def _store(request: Request) -> Response:
    console: Console = request.app.state.console
    console.tokens.check(request, request.headers.get(security.HEADER))
    asking = await asked(request)
    asking.may_change()
    bucket = asking.lake.settings[Setting.RAW_BUCKET]
    key = raw_key(request.query_params.get("to", ""), request.query_params.get("name", ""))
    length = request.headers.get("content-length", "")
    part = part_bytes(int(length) if length.isdecimal() else None)
    stored = await store(_wanted(request), bucket, key, part=part)
    uri = f"s3://{bucket}/{key}"
    page = link("/object", uri=uri, version=stored.version)
    return JSONResponse({"uri": uri, "version": stored.version, "bytes": stored.size, "page": page})


async def _wanted(request: Request) -> AsyncIterator[bytes]:
    """The body; `ClientDisconnect` also where it came whole, and nobody waits for the answer any more."""
    async for chunk in request.stream():
        yield chunk
    if await request.is_disconnected():
        raise ClientDisconnect


ROUTES = [Route("/drop", drop, methods=["POST"])]

"""Downloads: objects streamed from S3 to the browser, which saves them and never displays them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pipeline.console.pages import page_request_of
from pipeline.console.stored import named, none_if_missing
from pipeline.core.clients import client
from pipeline.core.errors import NotThere
from pipeline.core.objects import ObjectVersion
from pipeline.operate.zones import located

CHUNK = 256 * 1024
_UNSAFE = frozenset('"%;\\/')
"""Characters that end or change a name in a header's quotes, or that make a path of it."""


async def download(request: Request) -> Response:
    """Stream the bytes of `uri`, of the version `version` if that is given. `NotThere` if there is no such object."""
    page_request = await page_request_of(request)
    _, obj = located(page_request.lake, request.query_params.get("uri", ""))
    obj = ObjectVersion(obj.bucket, obj.key, request.query_params.get("version", ""))
    answer = await run_in_threadpool(none_if_missing, lambda: client("s3").get_object(**named(obj)))
    if answer is None:
        version = f" version {obj.version_id}" if obj.version_id else ""
        raise NotThere(
            f"{obj.uri}{version} is not there", hint="It was deleted, or never written: keys are case-sensitive."
        )
    headers = {"content-disposition": disposition(obj.file_name), "content-length": str(answer["ContentLength"])}
    return StreamingResponse(_chunks(answer["Body"]), headers=headers, media_type="application/octet-stream")


async def _chunks(body: Any) -> AsyncIterator[bytes]:
    try:
        while chunk := await run_in_threadpool(body.read, CHUNK):
            yield chunk
    finally:
        body.close()


def disposition(name: str) -> str:
    """The Content-Disposition that saves a file as `name` (RFC 6266): once in ASCII, once exactly (RFC 5987)."""
    kept = "".join(c if c.isprintable() and c not in "/\\" else "_" for c in name) or "object"
    plain = "".join(c if c.isascii() and c not in _UNSAFE else "_" for c in kept)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(kept, safe='')}"


ROUTES = [Route("/download", download)]

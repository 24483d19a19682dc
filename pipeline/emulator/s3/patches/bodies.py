"""S3: the body of a request is what somebody stores, and never a form, whatever its type says.

moto reads forms before it knows what a request is for: their fields become the request's parameters, and nothing is
left of the body. S3 has one call with a form, the POST of a browser to a bucket.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from pipeline.emulator.moto.patch import patch


@patch("moto.s3.responses:S3Response.setup_class", "f4fd5cb219d1", "moto takes an object that is a form for parameters")
def _setup_class(self: Any, request: Any, full_url: str | None = None, headers: Any = None) -> None:
    from werkzeug.datastructures import ImmutableMultiDict

    if not _is_posted_form(request):
        # Both are made when somebody asks for them, if they are not there.
        vars(request).update(form=ImmutableMultiDict(), files=ImmutableMultiDict())
    _setup_class.original(self, request, full_url, headers)


@patch(
    "moto.moto_server.werkzeug_app:DomainDispatcherApplication._get_body",
    "626504bc77fb",
    "moto looks for the name of a call in the body of one that is signed in its address",
)
def _get_body(self: Any, environ: dict[str, Any]) -> str | None:
    """The form that names an unsigned call. Only S3 signs in the address, and has none."""
    return None if _is_signed_in_address(environ) else _get_body.original(self, environ)


def _is_posted_form(request: Any) -> bool:
    """Whether a browser's form is posted to a bucket; of an object, or with a question, a POST is something else."""
    if request.method != "POST" or request.query_string or request.mimetype != "multipart/form-data":
        return False
    return len(request.path.strip("/").split("/")) == 1


def _is_signed_in_address(environ: dict[str, Any]) -> bool:
    query = parse_qs(str(environ.get("QUERY_STRING", "")))
    return "X-Amz-Credential" in query or "AWSAccessKeyId" in query

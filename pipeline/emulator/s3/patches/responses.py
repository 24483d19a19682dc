"""S3: one request at a time on a bucket, conditions on multipart uploads, limits and errors as AWS has them.

moto is not made for threads: concurrent overwrites of a key fail, conditions are checked before they are needed, lists
change under the reader. All of it is Python code in one process, so a lock a bucket costs no throughput.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pipeline.emulator.gateway.complaints import OPERATION
from pipeline.emulator.moto.patch import patch
from pipeline.emulator.s3.documents import complaint_of_document
from pipeline.emulator.s3.patches.checksums import check_body, checksum_error
from pipeline.emulator.s3.patches.uploads import check_completion

LONGEST_KEY_BYTES = 1024

# Whatever is written otherwise is no range, and the answer is the whole object (RFC 9110, 14.2).
_RANGE = re.compile(r"bytes=[0-9]*-[0-9]*")

_locks: dict[str, threading.RLock] = {}
_locks_guard = threading.Lock()


@patch("moto.s3.responses:S3Response._key_response", "eb67586ff76b", "moto is not made for threads, and checks little")
def _key_response(self: Any, request: Any, full_url: str) -> Any:
    with _holding(self.parse_bucket_name_from_url(request, full_url), *_copy_source(request)):
        check_body(self, of_completion=request.method == "POST" and "uploadId" in request.args)
        _check_document(self, request)
        return _key_response.original(self, request, full_url)


@patch(
    "moto.s3.responses:S3Response._bucket_response", "15b194a31b24", "moto is not made for threads, and checks little"
)
def _bucket_response(self: Any, request: Any, full_url: str) -> Any:
    with _holding(self.parse_bucket_name_from_url(request, full_url)):
        check_body(self)
        _check_document(self, request)
        return _bucket_response.original(self, request, full_url)


@patch(
    "moto.s3.responses:S3Response._key_response_put",
    "ed2de9f03418",
    "moto takes a key of any length, and leaves out conditions of copies",
)
def _put(self: Any, query: dict[str, Any], key_name: str) -> Any:
    _check_key(key_name)
    _check_upload(self, query)
    if source := self.headers.get("x-amz-copy-source"):
        _check_copy(self, source, query, key_name)
    return _put.original(self, query, key_name)


@patch(
    "moto.s3.responses:S3Response._key_response_post", "d6ab8e66ad85", "moto completes an upload without its conditions"
)
def _post(self: Any, request: Any, body: bytes, bucket_name: str, query: dict[str, Any], key_name: str) -> Any:
    _check_key(key_name)
    if query.get("uploadId"):
        _check_completion(self, query, key_name)
    return _post.original(self, request, body, bucket_name, query, key_name)


# S3 has encrypted every object since January 2023, and says so.
@patch(
    "moto.s3.models:FakeKey.response_dict",
    "57d0ac8aa00f",
    "moto tells of no encryption, and repeats a request's header",
)
def _response_dict(self: Any) -> Any:
    told = {"x-amz-server-side-encryption": "AES256", **_response_dict.original(self)}
    # A header of requests.
    told.pop("x-amz-sdk-checksum-algorithm", None)
    return told


@patch("moto.s3.responses:S3Response._handle_range_header", "d6480a54a4df", "a range that is none fails moto")
def _ranged(self: Any, request: Any, headers: dict[str, Any], content: Any) -> Any:
    if _RANGE.fullmatch(request.headers["range"]) is None:
        return 200, headers, content
    return _ranged.original(self, request, headers, content)


@patch("moto.s3.models:S3Backend.delete_object_tagging", "e4166b26185e", "an object that is not there fails moto")
def _delete_tags(self: Any, bucket_name: str, key_name: str, version_id: str | None = None) -> None:
    from moto.s3.exceptions import MissingKey, MissingVersion

    if self.get_object(bucket_name, key_name, version_id=version_id) is None:
        raise MissingVersion(key_name, version_id) if version_id else MissingKey(key_name)
    _delete_tags.original(self, bucket_name, key_name, version_id)


@patch("moto.s3.models:S3Backend._get_results_from_token", "6f8dde36a3c2", "a token that stands for no page fails moto")
def _results_from_token(self: Any, result_keys: Any, token: Any) -> Any:
    from moto.s3.exceptions import InvalidContinuationToken

    if token is None:
        raise InvalidContinuationToken()
    return _results_from_token.original(self, result_keys, token)


@contextlib.contextmanager
def _holding(*buckets: str | None) -> Iterator[None]:
    """Always in the same order, so that copies in both directions do not wait for each other."""
    with contextlib.ExitStack() as stack:
        for bucket in sorted({bucket for bucket in buckets if bucket}):
            with _locks_guard:
                lock = _locks.setdefault(bucket, threading.RLock())
            stack.enter_context(lock)
        yield


def _copy_source(request: Any) -> tuple[str, ...]:
    source = request.headers.get("x-amz-copy-source")
    return (unquote(source).lstrip("/").partition("/")[0],) if source else ()


def _check_document(response: Any, request: Any) -> None:
    if wrong := complaint_of_document(request.environ.get(OPERATION, ""), response.body or b""):
        raise checksum_error(wrong.code, wrong.message)


def _check_key(key_name: str) -> None:
    from moto.s3.exceptions import S3ClientError

    if len(key_name.encode("utf-8", "surrogatepass")) > LONGEST_KEY_BYTES:
        raise S3ClientError("KeyTooLongError", "Your key is too long")


def _check_upload(response: Any, query: dict[str, Any]) -> None:
    """An upload that was aborted or never begun is 404 on AWS, and an internal error in moto."""
    from moto.s3.exceptions import NoSuchUpload

    if query.get("uploadId"):
        upload = query["uploadId"][0]
        if upload not in response.backend.get_bucket(response.bucket_name).multiparts:
            raise NoSuchUpload(upload)


def _check_copy(response: Any, source: str, query: dict[str, Any], key_name: str) -> None:
    """The conditions of a copy: on what is copied, and, where it is no part of an upload, on what it would replace."""
    from moto.s3.exceptions import MissingKey, PreconditionFailed

    place = urlsplit(source)
    bucket, _, key = unquote(place.path).lstrip("/").partition("/")
    copied = response.backend.get_object(bucket, key, version_id=parse_qs(place.query).get("versionId", [None])[0])
    wanted = response.headers.get("x-amz-copy-source-if-match")
    if wanted and copied is not None and wanted.strip('"') != copied.etag.strip('"'):
        raise PreconditionFailed("x-amz-copy-source-If-Match")
    if query.get("uploadId"):
        return
    there = response.backend.get_object(response.bucket_name, key_name)
    if response.headers.get("If-None-Match") == "*" and there is not None:
        raise PreconditionFailed("If-None-Match")
    if replaced := response.headers.get("If-Match"):
        if there is None:
            raise MissingKey(key=key_name)
        if replaced.strip('"') != there.etag.strip('"'):
            raise PreconditionFailed("If-Match")


def _check_completion(response: Any, query: dict[str, Any], key_name: str) -> None:
    """If-Match, and what moto leaves out; If-None-Match it does itself. Completing again is success, as on AWS."""
    from moto.s3.exceptions import MissingKey, PreconditionFailed

    upload = query["uploadId"][0]
    existing = response.backend.get_object(response.bucket_name, key_name)
    if existing is not None and existing.multipart and existing.multipart.id == upload:
        return
    _check_upload(response, query)
    check_completion(response, response.backend.get_bucket(response.bucket_name).multiparts[upload])
    wanted = response.headers.get("If-Match")
    if not wanted:
        return
    if existing is None:
        raise MissingKey(key=key_name)
    if wanted.strip('"') != existing.etag.strip('"'):
        raise PreconditionFailed("If-Match")

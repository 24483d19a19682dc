"""S3: what GetObject and HeadObject tell: of an object one part, where that is asked for, and the checksum of it.

Source: the API reference of both calls, and "Error responses" for InvalidPartNumber. What an object is that was not
uploaded in parts, which refusal comes first and how each is worded is what others measured on AWS.
"""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.s3.patches.checksums import checksum_error, is_in_parts, tell_checksum


@patch(
    "moto.s3.responses:S3Response.head_object", "6ca35f68a7d0", "moto knows neither a part's object nor its checksum"
)
def _head_object(self: Any, bucket: str, query: dict[str, Any], key_name: str, headers: Any) -> Any:
    number = _asked_part(self)
    # Of a part moto knows neither the object's metadata nor its ETag.
    whole = {name: value for name, value in query.items() if name != "partNumber"}
    status, told, body = _head_object.original(self, bucket, whole, key_name, headers)
    if status != 200:
        return status, told, body
    key = self.backend.get_object(bucket, key_name, version_id=query.get("versionId", [None])[0])
    return _answer(self, told, key, number, b"")


@patch("moto.s3.responses:S3Response.get_object", "e9731229dec1", "moto knows neither a part's object nor its checksum")
def _get_object(self: Any) -> Any:
    number = _asked_part(self)
    self.querystring.pop("partNumber", None)
    status, told, body = _get_object.original(self)
    if status != 200:
        return status, told, body
    version = self.querystring.get("versionId", [None])[0]
    key = self.backend.get_object(self.bucket_name, self.parse_key_name(), version_id=version)
    return _answer(self, told, key, number, body)


def _asked_part(response: Any) -> int | None:
    """The part that is asked for, if any; that it is a number is known. Raises what S3 answers to one of a range."""
    given = response.querystring.get("partNumber", [None])[0]
    if given is None:
        return None
    if "range" in response.headers:
        raise checksum_error("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
    return int(given)


def _answer(response: Any, told: dict[str, Any], key: Any, number: int | None, body: bytes) -> Any:
    if number is None:
        tell_checksum(told, key, response.headers, None)
        return 200, told, body
    numbers = key.multipart.completed if is_in_parts(key) else [1]
    if number not in numbers:
        return _no_such_part(response)
    tell_checksum(told, key, response.headers, number)
    before, size = 0, key.size
    if is_in_parts(key):
        # What a part holds is not kept once the object is made of it; how much that was is.
        sizes = {each: key.multipart.parts[each].size for each in numbers}
        before, size = sum(sizes[each] for each in numbers if each < number), sizes[number]
        told["x-amz-mp-parts-count"] = str(len(numbers))
    told["content-length"] = str(size)
    # Of nothing there is no range.
    if size:
        told["content-range"] = f"bytes {before}-{before + size - 1}/{key.size}"
    return 206, told, body[before : before + size]


def _no_such_part(response: Any) -> Any:
    from moto.core.responses import ActionResult

    if response.normalized_request.method == "HEAD":
        return 416, {}, b""
    refused = checksum_error("InvalidPartNumber", "The requested partnumber is not satisfiable")
    _, told, body = response.serialized(ActionResult(refused))
    return 416, told, body

"""S3: what the arguments of a call may be, in its query and its headers, and what S3 says of those that are not.

The codes are those of "Error responses" of the API reference: what is "not valid, incomplete or in the wrong format" is
an InvalidArgument, if it has no code of its own. The words of numbers, `partNumber`, `encoding-type` and the headers in
`_WORDS` are what others have seen of AWS; of the rest nobody tells them, and they are ours. An empty number and a date
that is none are as if they were not there (the first was measured; the second is RFC 9110, 13.1.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from pipeline.emulator.gateway.malformed import Complaint, is_moment

INVALID_ARGUMENT, INVALID_REQUEST = "InvalidArgument", "InvalidRequest"
_WHOLE = re.compile("-?[0-9]+")
_INT, _LONG = 2**31 - 1, 2**63 - 1
LAST_PART = 10_000

# Kept and given back as they are, or, of `fetch-owner`, no unless it is "true".
_ANYTHING = {"Expires", "response-expires", "fetch-owner", "Content-Length"}
_CONDITIONS = ("IF_MODIFIED_SINCE", "IF_UNMODIFIED_SINCE")
_DATES = tuple(f"HTTP_{before}{name}" for before in ("", "X_AMZ_COPY_SOURCE_") for name in _CONDITIONS)
_ALGORITHMS = "CRC32, CRC32C, CRC64NVME, SHA1, SHA256"
_WORDS = {
    "encoding-type": (INVALID_ARGUMENT, "Invalid Encoding Method specified in Request"),
    "x-amz-checksum-algorithm": (
        INVALID_REQUEST,
        f"Checksum algorithm provided is unsupported. Please try again with any of the valid types: [{_ALGORITHMS}]",
    ),
    "x-amz-checksum-mode": (INVALID_REQUEST, "Value for x-amz-checksum-mode header is invalid."),
    "x-amz-checksum-type": (INVALID_REQUEST, "Value for x-amz-checksum-type header is invalid."),
    "x-amz-sdk-checksum-algorithm": (INVALID_REQUEST, "Value for x-amz-sdk-checksum-algorithm header is invalid."),
    "x-amz-metadata-directive": (INVALID_ARGUMENT, "Unknown metadata directive."),
    "x-amz-tagging-directive": (INVALID_ARGUMENT, "Unknown tagging directive."),
    "x-amz-object-attributes": (INVALID_ARGUMENT, "Invalid attribute name specified."),
    "x-amz-optional-object-attributes": (INVALID_ARGUMENT, "Invalid attribute name specified."),
    "x-amz-object-lock-mode": (INVALID_ARGUMENT, "Unknown wormMode directive."),
    "x-amz-object-lock-legal-hold": (INVALID_ARGUMENT, "Legal Hold must be either of 'ON' or 'OFF'"),
    "x-amz-object-lock-retain-until-date": (
        INVALID_ARGUMENT,
        "The retain until date must be provided in ISO 8601 format",
    ),
    "x-amz-object-ownership": (INVALID_ARGUMENT, "Invalid x-amz-object-ownership header: {value}"),
    "x-amz-server-side-encryption": (
        "InvalidEncryptionAlgorithmError",
        "The encryption request you specified is not valid. The valid value is AES256.",
    ),
    "x-amz-storage-class": ("InvalidStorageClass", "The storage class you specified is not valid"),
}
_GRANTEES = r'\s*(id|uri|emailaddress)\s*=\s*("[^"]+"|[^",]+)\s*'
_GRANT = (re.compile(f"{_GRANTEES}(,{_GRANTEES})*", re.IGNORECASE), "Argument format not recognized")
_RANGE_WORDS = (
    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based "
    "offsets of the first and last bytes to copy"
)
_FORMS = {
    "versionId": (re.compile(".+", re.DOTALL), "Version id cannot be the empty string"),
    "x-amz-copy-source": (
        re.compile("/?[^/]+/.+", re.DOTALL),
        "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
    ),
    "x-amz-copy-source-range": (re.compile("bytes=[0-9]+-[0-9]+"), _RANGE_WORDS),
    **{f"x-amz-grant-{each}": _GRANT for each in ("full-control", "read", "read-acp", "write", "write-acp")},
}
"""Texts that have a form, and what S3 says of those that are not of it."""

_BOUNDS = {
    "max-keys": (0, _INT, "maxKeys"),
    "max-buckets": (1, 10_000, "max-buckets"),
}
"""What a number may be, and what S3 calls it where it is beyond that."""


def argument_check(name: str, shape: Any) -> Callable[[str], Complaint | None] | None:
    """How an argument is looked at; None where it may be any text."""
    if name in _ANYTHING or f"HTTP_{name.upper().replace('-', '_')}" in _DATES:
        return None
    if name == "partNumber":
        return _part_number_check
    if shape.type_name in ("integer", "long"):
        return _number_check(name, _INT if shape.type_name == "integer" else _LONG)
    if name in _FORMS:
        form, words = _FORMS[name]
        return lambda value: None if form.fullmatch(unquote(value)) else _invalid(words, name, value)
    fits = _fitting(shape)
    return fits and (lambda value: None if fits(value) else _wrong(name, value))


def _fitting(shape: Any) -> Callable[[str], bool] | None:
    if shape.type_name == "boolean":
        return lambda value: value.lower() in ("true", "false")
    if shape.type_name == "timestamp":
        return is_moment
    of_each = shape.member if shape.type_name == "list" else shape
    allowed = {value.lower() for value in of_each.metadata.get("enum", ())}
    if not allowed:
        return None
    if shape.type_name == "list":
        return lambda value: all(each.strip().lower() in allowed for each in value.rstrip(",").split(","))
    return lambda value: value.lower() in allowed


def _number_check(name: str, most: int) -> Callable[[str], Complaint | None]:
    least, highest, called = _BOUNDS.get(name, (0, most, name))

    def check(value: str) -> Complaint | None:
        if value == "":
            return None
        number = _read(value)
        if number is None or not -most - 1 <= number <= most:
            return _invalid(f"Provided {name} not an integer or within integer range", name, value)
        if not least <= number <= highest:
            return _invalid(f"Argument {called} must be an integer between {least} and {highest}", called, value)
        return None

    return check


def _part_number_check(value: str) -> Complaint | None:
    number = None if value.startswith("-") else _read(value)
    if number is not None and 1 <= number <= LAST_PART:
        return None
    words = f"Part number must be an integer between 1 and {LAST_PART}, inclusive"
    return _invalid(words, "partNumber", value)


def _read(value: str) -> int | None:
    """A whole number with however many zeros before it; what has more digits than any that is taken is none."""
    digits = value.lstrip("-0")
    if not _WHOLE.fullmatch(value) or len(digits) > 19:
        return None
    return int(digits or 0) * (-1 if value.startswith("-") else 1)


def _wrong(name: str, value: str) -> Complaint:
    code, words = _WORDS.get(name, (INVALID_ARGUMENT, f"Value for {name} is invalid."))
    if code == INVALID_ARGUMENT:
        return _invalid(words.format(value=value[:100]), name, value)
    return Complaint(code, words)


def _invalid(words: str, name: str, value: str) -> Complaint:
    return Complaint(INVALID_ARGUMENT, words, (("ArgumentName", name), ("ArgumentValue", value[:1000])))


def without_ignored(environ: dict[str, Any]) -> None:
    """Take away the arguments that S3 ignores for what they are, and write dates in the one form that moto reads."""
    asked = environ.get("QUERY_STRING", "")
    if "=&" in asked or asked.endswith("="):
        environ["QUERY_STRING"] = _without_empty_numbers(asked)
    for name in _DATES:
        if name in environ:
            _write_date(environ, name)


def _without_empty_numbers(asked: str) -> str:
    fields = parse_qsl(asked, keep_blank_values=True, encoding="latin-1")
    kept = [(name, value) for name, value in fields if value or name not in _MAY_BE_EMPTY]
    return asked if len(kept) == len(fields) else urlencode(kept, encoding="latin-1")


_MAY_BE_EMPTY = {"max-keys", "max-buckets", "max-parts", "max-uploads", "part-number-marker"}


def _write_date(environ: dict[str, Any], name: str) -> None:
    try:
        moment = parsedate_to_datetime(environ[name])
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        environ[name] = format_datetime(moment, usegmt=True)
    except (TypeError, ValueError, IndexError, OverflowError):
        del environ[name]

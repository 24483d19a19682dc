"""What is wrong with a request that moto failed at: told by the model of the service, as AWS's own parsers tell it.

A member of a wrong kind is a SerializationException; what is missing, null in a list or beyond its bounds is a
ValidationException that names the member (SQS: MissingParameter). Codes and status are AWS's ("Common errors" of each
API reference); what it says of a wrong kind is documented nowhere, and the words are ours.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from pipeline.core.json_constants import refuse_constant

SERIALIZATION = "SerializationException"
VALIDATION = "ValidationException"
_PROTOCOLS = ("json", "rest-json")
_OF_SIGNING_NAMES = {"states": "stepfunctions"}
_NOT_NULL = "Member must not be null"


class Complaint(NamedTuple):
    """An error of AWS, whose status is 400; S3 tells more of some, by the names of the elements."""

    code: str
    message: str
    details: tuple[tuple[str, str], ...] = ()


class _WrongKind(Exception):
    """A value is not of the kind that the model says."""


def complaint(service: str, operation: str, body: bytes) -> Complaint | None:
    """What AWS would have against this body of a call; None where the model has nothing against it, or is of XML."""
    shape = _input(service, operation)
    if shape is None:
        return None
    try:
        given = json.loads(body or b"{}", parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return Complaint(SERIALIZATION, "The body of the request is not JSON")
    return broken_members(service, given, shape, VALIDATION)


@cache
def reads_json(service: str, operation: str) -> bool:
    """Whether members of a call stand in its body, as JSON."""
    shape = _input(service, operation)
    return shape is not None and any(not each.serialization.get("location") for each in shape.members.values())


def wrong_kind(service: str, operation: str, body: bytes) -> Complaint | None:
    """What a parser has against this body, before the service looks at what it says."""
    wrong = complaint(service, operation, body)
    return wrong if wrong and wrong.code == SERIALIZATION else None


def broken_member(name: str, value: Any, shape: Any, code: str) -> Complaint | None:
    """What is beyond its bounds in one member that is of its kind."""
    found = list(_broken(value, shape, name))
    return _told(found, code) if found else None


def broken_members(service: str, given: Any, shape: Any, code: str) -> Complaint | None:
    """What is of a wrong kind, missing or beyond its bounds in the input of a call; the last two are a `code`."""
    try:
        found = list(_broken(given, shape, ""))
    except _WrongKind as error:
        return Complaint(SERIALIZATION, str(error))
    if not found:
        return None
    missing = next((member for member, constraint in found if constraint == _NOT_NULL and "." not in member), None)
    if service == "sqs" and missing:
        return Complaint("MissingParameter", f"The request must contain the parameter {missing}.")
    return _told(found, code)


def _told(found: list[tuple[str, str]], code: str) -> Complaint:
    told = "; ".join(f"Value at '{_lower(at)}' failed to satisfy constraint: {why}" for at, why in found)
    return Complaint(code, f"{len(found)} validation error{'s' * (len(found) > 1)} detected: {told}")


def model_with(service: str, operation: str) -> Any:
    """botocore's model of a service, by its name for it; None if there is none, or none with this operation."""
    model = _model(service)
    return model if model is not None and operation in model.operation_names else None


@cache
def _model(service: str) -> Any:
    from botocore.exceptions import UnknownServiceError
    from botocore.session import get_session

    try:
        return get_session().get_service_model(service)
    except UnknownServiceError:
        return None


@cache
def _input(service: str, operation: str) -> Any:
    model = model_with(_OF_SIGNING_NAMES.get(service, service), operation)
    if model is None or model.metadata["protocol"] not in _PROTOCOLS:
        return None
    shape = model.operation_model(operation).input_shape
    # A payload is the caller's own, as a function's event.
    return None if shape is None or shape.serialization.get("payload") else shape


def _broken(value: Any, shape: Any, at: str) -> Iterator[tuple[str, str]]:
    """Each member that breaks a constraint, and which; raises for one of a wrong kind."""
    kind, fits = _KINDS.get(shape.type_name, ("anything", lambda each: True))
    if not fits(value):
        raise _WrongKind(f"{json.dumps(value)[:40]} cannot be converted to {kind}{f' at {_lower(at)}' if at else ''}")
    if shape.type_name == "structure":
        yield from _members(value, shape, at)
    elif shape.type_name == "list":
        for number, item in enumerate(value, 1):
            yield from _item(item, shape.member, f"{at}.{number}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _item(item, shape.value, f"{at}.{key}.member")
    yield from ((at, why) for why in _beyond(value, shape))


def _members(value: Mapping[str, Any], shape: Any, at: str) -> Iterator[tuple[str, str]]:
    """What is null is not there. What a path or a query holds is not in the body."""
    for name, member in shape.members.items():
        inner = f"{at}.{name}" if at else name
        if member.serialization.get("location"):
            continue
        given = value.get(member.serialization.get("name", name))
        if given is not None:
            yield from _broken(given, member, inner)
        elif name in shape.required_members:
            yield inner, _NOT_NULL


def _item(value: Any, shape: Any, at: str) -> Iterator[tuple[str, str]]:
    if value is None:
        yield at, _NOT_NULL
    else:
        yield from _broken(value, shape, at)


def _beyond(value: Any, shape: Any) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    is_number = isinstance(value, int | float)
    size = value if is_number else len(value)
    what = "value" if is_number else "length"
    if least is not None and size < least:
        yield f"Member must have {what} greater than or equal to {least}"
    if most is not None and size > most:
        yield f"Member must have {what} less than or equal to {most}"
    if isinstance(value, str) and shape.type_name == "string":
        if (allowed := shape.metadata.get("enum")) and value not in allowed:
            yield f"Member must satisfy enum value set: [{', '.join(allowed)}]"
        if (pattern := shape.metadata.get("pattern")) and not _matches(pattern, value):
            yield f"Member must satisfy regular expression pattern: {pattern}"


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        # Java's, which Python cannot read.
        return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_base64(value: Any) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return False
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    # Beyond all floats a number is read as infinite.
    return _is_number(value) and abs(value) != float("inf") and value == int(value)


def is_moment(value: Any) -> bool:
    """Whether a value is a moment as any of AWS's protocols writes it."""
    from botocore.utils import parse_timestamp

    try:
        parse_timestamp(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return isinstance(value, str) or _is_number(value)


_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "structure": ("a structure", lambda value: isinstance(value, dict)),
    "map": ("a map", lambda value: isinstance(value, dict)),
    "list": ("a list", lambda value: isinstance(value, list)),
    "string": ("String", lambda value: isinstance(value, str)),
    "blob": ("Blob", _is_base64),
    "boolean": ("Boolean", lambda value: isinstance(value, bool)),
    "integer": ("Integer", _is_whole),
    "long": ("Long", _is_whole),
    "float": ("Float", _is_number),
    "double": ("Double", _is_number),
    "timestamp": ("Timestamp", is_moment),
}


def _lower(at: str) -> str:
    """Members as AWS names them there: the first letter of each small."""
    return ".".join(part[:1].lower() + part[1:] for part in at.split("."))

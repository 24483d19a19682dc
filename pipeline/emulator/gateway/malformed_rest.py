"""What is wrong with the path, the query or the headers of a call: told by the model, before anybody acts on the call.

Sources: for S3 `s3_arguments`; for the services that speak JSON the malformed requests of Smithy's protocol tests of
restJson1, which AWS's servers pass: a text of a wrong kind is a SerializationException. What is beyond its bounds or
no value of an enum is a ValidationException, as in a body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from pipeline.emulator.gateway.malformed import SERIALIZATION, VALIDATION, Complaint, broken_member, model_with
from pipeline.emulator.s3.arguments import argument_check

Check = Callable[[str], Complaint | None]

_WHOLE = re.compile("-?[0-9]{1,19}")
_BITS = {"integer": 31, "long": 63}


class _Checks(NamedTuple):
    """How each member is looked at that is not just any text. Headers go by their names in a WSGI request."""

    headers: Mapping[str, Check]
    query: Mapping[str, Check]
    path: tuple[re.Pattern[str], Mapping[str, Check]] | None


def complaint_beside_body(service: str, operation: str, environ: Mapping[str, Any]) -> Complaint | None:
    """What AWS would have against the members of a call that stand beside its body."""
    checks = _checks(service, operation)
    if checks is None:
        return None
    for name, check_header in checks.headers.items():
        if name in environ and (wrong := check_header(environ[name])):
            return wrong
    if checks.query and (asked := environ.get("QUERY_STRING")):
        for field in asked.split("&"):
            name, _, value = field.partition("=")
            check = checks.query.get(unquote_plus(name) if "%" in name else name)
            if check and (wrong := check(unquote_plus(value))):
                return wrong
    return _in_path(environ.get("PATH_INFO", ""), *checks.path) if checks.path else None


def _in_path(path: str, pattern: re.Pattern[str], checks: Mapping[str, Check]) -> Complaint | None:
    found = pattern.fullmatch(path)
    wrong = (check(found[name]) for name, check in checks.items()) if found else ()
    return next(filter(None, wrong), None)


@cache
def _checks(service: str, operation: str) -> _Checks | None:
    model = model_with(service, operation)
    if model is None or model.metadata["protocol"] not in ("rest-xml", "rest-json"):
        return None
    operation_model = model.operation_model(operation)
    if operation_model.input_shape is None:
        return None
    make = argument_check if service == "s3" else _json_check
    found: dict[str, dict[str, Check]] = {"header": {}, "querystring": {}, "uri": {}}
    for where, name, member in _members(operation_model.input_shape):
        if check := make(name, member):
            # Most calls say what others said: few values of a member are ever new.
            found[where][name] = lru_cache(256)(check)
    headers = {f"HTTP_{name.upper().replace('-', '_')}": check for name, check in found["header"].items()}
    path = (_pattern(operation_model.http["requestUri"]), found["uri"]) if found["uri"] else None
    return _Checks(headers, found["querystring"], path) if any(found.values()) else None


def _members(shape: Any) -> Iterator[tuple[str, str, Any]]:
    for name, member in shape.members.items():
        where = member.serialization.get("location")
        if where in ("header", "querystring", "uri"):
            yield where, member.serialization.get("name", name), member


def _pattern(uri: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\+?\}", uri.partition("?")[0])
    return re.compile("".join(f"(?P<{part}>[^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(parts)))


def _json_check(name: str, shape: Any) -> Check | None:
    read = _READ.get(shape.type_name)
    # A name that no address has would not get as far as the service.
    is_name = shape.serialization.get("location") == "uri" and "pattern" in shape.metadata
    if read is None and not is_name and not shape.metadata.get("enum"):
        return None

    def check(text: str) -> Complaint | None:
        value = read(text, shape) if read else text
        if value is None:
            return Complaint(SERIALIZATION, f"{text[:40]} cannot be converted to {shape.type_name.title()} at {name}")
        return broken_member(name, value, shape, VALIDATION)

    return check


def _number(text: str, shape: Any) -> int | None:
    if not _WHOLE.fullmatch(text):
        return None
    return value if -(2 ** _BITS[shape.type_name]) <= (value := int(text)) < 2 ** _BITS[shape.type_name] else None


def _boolean(text: str, _: Any) -> bool | None:
    return {"true": True, "false": False}.get(text)


_READ: Mapping[str, Callable[[str, Any], int | bool | None]] = {
    "integer": _number, "long": _number, "boolean": _boolean,
}  # fmt: skip

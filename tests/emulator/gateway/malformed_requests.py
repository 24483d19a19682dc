"""Requests that no SDK would send: one member in turn of a wrong kind, of any operation of a REST service.

The rest of each request is good, as botocore's model of the service has it, so that the member is what is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from botocore.serialize import create_serializer
from botocore.session import get_session

from pipeline.emulator.gateway.operations import Kind, reviewed

Known = Mapping[str, Any]
"""What the good members are named, where a request is to get as far as an object that is there."""

WRONG: dict[str, tuple[str, ...]] = {
    "integer": ("x", "99999999999999999999"),
    "long": ("x", "99999999999999999999"),
    "boolean": ("x",),
    "timestamp": ("x",),
    "enum": ("x",),
    "list": ("x",),
}
"""What is written where a member stands in the address or in a header."""

TAKEN_AS_THEY_ARE = {
    # What is no date is no condition (RFC 9110, 13.1.3).
    "If-Modified-Since",
    "If-Unmodified-Since",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-unmodified-since",
    # Kept and given back as they are written.
    "Expires",
    "response-expires",
    # As others measured: whatever is not `true` is no.
    "fetch-owner",
}

WRONG_IN_JSON: dict[str, tuple[Any, ...]] = {
    "string": (1, True, ["x"], {"x": "x"}),
    "blob": (1, ["x"]),
    "integer": ("x", 1.5, ["x"]),
    "long": ("x", 1.5, ["x"]),
    "float": ("x",),
    "double": ("x",),
    "boolean": ("x", 1),
    "timestamp": ("x", ["x"]),
    "structure": ("x", ["x"], 1),
    "map": ("x", ["x"], 1),
    "list": ("x", {"x": "x"}, 1),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, and whether AWS would refuse it for its kind; `about` says what is wrong with it."""

    about: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    is_refused: bool = True

    def asking(self, name: str, value: str, about: str) -> Request:
        join = "&" if "?" in self.path else "?"
        return replace(self, path=f"{self.path}{join}{urlencode({name: value}, quote_via=quote)}", about=about)


def operations(service: str) -> list[str]:
    """Every operation that the embedded AWS offers of a service."""
    offered = [entry for entry in reviewed()[service] if entry.kind is not Kind.REFUSED]
    return [operation for entry in offered for operation in entry.operations]


def model(service: str, operation: str) -> Any:
    return _service(service).operation_model(operation)


@cache
def _service(service: str) -> Any:
    return get_session().get_service_model(service)


def good(service: str, operation: str, known: Known, **more: Any) -> Request:
    """A request as an SDK would send it, with what is required and `more`."""
    operation_model = model(service, operation)
    shape = operation_model.input_shape
    given = {name: sample(shape.members[name], name, known) for name in shape.required_members} if shape else {}
    return _serialized(operation_model, given | more)


def _serialized(operation_model: Any, members: dict[str, Any]) -> Request:
    protocol = operation_model.service_model.metadata["protocol"]
    made = create_serializer(protocol, include_validation=False).serialize_to_request(members, operation_model)
    body = made["body"].encode() if isinstance(made["body"], str) else made["body"] or b""
    path = made["url_path"]
    if query := made["query_string"]:
        path += ("&" if "?" in path else "?") + urlencode(query, doseq=True, quote_via=quote)
    return Request("nothing", made["method"], path, {k: str(v) for k, v in made["headers"].items()}, body, False)


def sample(shape: Any, name: str, known: Known, depth: int = 0, *, whole: bool = False) -> Any:
    """A good value of a shape: with what is required of it, or `whole`."""
    if name in known and shape.type_name in ("string", "map"):
        return known[name]
    if shape.type_name == "structure":
        names = [each for each in shape.members if each in shape.required_members or (whole and depth < 4)]
        return {each: sample(shape.members[each], each, known, depth + 1, whole=whole) for each in names}
    if shape.type_name == "list":
        return [sample(shape.member, name, known, depth + 1, whole=whole)]
    if shape.type_name == "map":
        return {"key": sample(shape.value, name, known, depth + 1, whole=whole)}
    return _scalar(shape)


def _scalar(shape: Any) -> Any:
    if enum := shape.metadata.get("enum"):
        return enum[0]
    least = shape.metadata.get("min", 1)
    return {
        "integer": least, "long": least, "float": 1.0, "double": 1.0, "boolean": True,
        "timestamp": "2030-01-01T00:00:00Z", "blob": b"x",
    }.get(shape.type_name, "x" * max(least, 1))  # fmt: skip


def malformed(service: str, operation: str, known: Known) -> Iterator[Request]:
    """Every request of an operation with one member of a wrong kind."""
    operation_model = model(service, operation)
    shape = operation_model.input_shape
    if shape is None:
        return
    yield from _beside_the_body(service, operation, known)
    payload = shape.serialization.get("payload")
    if payload is None:
        yield from _in_json(service, operation, known)
    elif shape.members[payload].type_name == "structure":
        yield from _in_xml(good(service, operation, known), shape.members[payload], known)
    elif operation == "PutBucketPolicy":
        base = good(service, operation, known)
        for body in (b"", b"x", b"[]", b"{}", b'{"Statement": 1}', b'{"Statement": [{"Effect": "Allow"}]}'):
            yield replace(base, about=f"the policy: {body!r}", body=body, is_refused=True)


def _beside_the_body(service: str, operation: str, known: Known) -> Iterator[Request]:
    shape = model(service, operation).input_shape
    for name, member in shape.members.items():
        where = member.serialization.get("location")
        wire = member.serialization.get("name", name)
        kind = "enum" if member.metadata.get("enum") else member.type_name
        base = _without(service, operation, known, name)
        for value in WRONG.get(kind, ("", '%FF"<&')):
            # A list of any texts has no wrong kind.
            kind = "string" if kind == "list" and not member.member.metadata.get("enum") else kind
            about, is_refused = f"{wire}: {value[:30]!r}", kind in WRONG and wire not in TAKEN_AS_THEY_ARE
            if where == "uri":
                made = good(service, operation, known, **{name: value or "x"})
            elif where == "querystring":
                made = base.asking(wire, value, about)
            elif where == "header" and wire != "Content-Length" and value:
                made = replace(base, headers=base.headers | {wire: value})
            else:
                continue
            yield replace(made, about=about, is_refused=is_refused)


def _without(service: str, operation: str, known: Known, name: str) -> Request:
    operation_model = model(service, operation)
    shape = operation_model.input_shape
    given = {each: sample(shape.members[each], each, known) for each in shape.required_members}
    is_of_path = shape.members[name].serialization.get("location") == "uri"
    return _serialized(operation_model, given if is_of_path else {k: v for k, v in given.items() if k != name})


def _in_json(service: str, operation: str, known: Known) -> Iterator[Request]:
    """No JSON, another document, and each member, however deep, of every other kind."""
    base, shape = good(service, operation, known), model(service, operation).input_shape
    members = {n: m for n, m in shape.members.items() if not m.serialization.get("location")}
    if not members:
        return
    deep = b"[" * 100_000
    for body in (b"x", b"[]", b'"x"', b"1", b"\xff{", b'{"x": NaN}', deep):
        yield replace(base, about=f"the body: {body[:40]!r}", body=body, is_refused=True)
    whole = json.loads(good(service, operation, known, **_whole(members, known)).body)
    for about, document in _with_each_wrong(whole, shape, members, ""):
        yield replace(base, about=about, body=json.dumps(document).encode(), is_refused=True)


def _whole(members: Mapping[str, Any], known: Known) -> dict[str, Any]:
    return {name: sample(member, name, known, whole=True) for name, member in members.items()}


def _with_each_wrong(value: Any, shape: Any, members: Mapping[str, Any], at: str) -> Iterator[tuple[str, Any]]:
    for name, member in members.items():
        wire = member.serialization.get("name", name)
        if wire not in value:
            continue
        for wrong, document in _wrong_values(value[wire], member, f"{at}.{name}"):
            yield wrong, value | {wire: document}


def _wrong_values(value: Any, shape: Any, at: str) -> Iterator[tuple[str, Any]]:
    for wrong in WRONG_IN_JSON[shape.type_name]:
        yield f"{at}: {wrong!r}", wrong
    if shape.type_name == "structure":
        yield from _with_each_wrong(value, shape, shape.members, at)
    elif shape.type_name == "list" and value:
        yield from ((about, [wrong]) for about, wrong in _wrong_values(value[0], shape.member, f"{at}.0"))
    elif shape.type_name == "map":
        for key in value:
            yield from ((about, {key: wrong}) for about, wrong in _wrong_values(value[key], shape.value, f"{at}.{key}"))


def _in_xml(base: Request, shape: Any, known: Known) -> Iterator[Request]:
    """No XML, cut XML, another document, and each element with text that is not of its kind."""
    root = shape.serialization["name"]
    good_body = base.body or f"<{root}/>".encode()
    for body in (b"x", b"{}", good_body[:-3], b"<Other/>", b"<a>", b"\xff\xfe", good_body.replace(b">", b">&none;", 1)):
        yield replace(base, about=f"the body: {body[:40]!r}", body=body, is_refused=True)
    yield replace(base, about="no body", body=b"", is_refused=False)
    whole = document(shape, known)
    for about, put in list(_spoilers(whole, shape, root)):
        put("x")
        yield replace(base, about=about, body=ElementTree.tostring(whole), is_refused=True)
        put(None)


def document(shape: Any, known: Known) -> ElementTree.Element:
    """A document with every element that a shape has."""
    root = ElementTree.Element(shape.serialization["name"])
    _build(root, shape, known, 0)
    return root


def _build(element: ElementTree.Element, shape: Any, known: Known, depth: int) -> None:
    for name, member in shape.members.items():
        if member.serialization.get("xmlAttribute") or depth > 6:
            continue
        inner, filled = ElementTree.SubElement(element, member.serialization.get("name", name)), member
        if member.type_name == "list":
            filled = member.member
            if not member.serialization.get("flattened"):
                inner = ElementTree.SubElement(inner, filled.serialization.get("name", "member"))
        _fill(inner, filled, name, known, depth)


def _fill(element: ElementTree.Element, shape: Any, name: str, known: Known, depth: int) -> None:
    if shape.type_name == "structure":
        _build(element, shape, known, depth + 1)
    else:
        value = known.get(name) or _scalar(shape)
        element.text = str(value).lower() if isinstance(value, bool) else str(value)


def _spoilers(element: Any, shape: Any, at: str) -> Iterator[tuple[str, Callable[[str | None], None]]]:
    """Each element whose text has a kind, with what puts other text into it and back."""
    for name, member in shape.members.items():
        inner = member.member if member.type_name == "list" else member
        wire = member.serialization.get("name", name)
        found = element.find(wire)
        if found is None:
            continue
        if member.type_name == "list" and not member.serialization.get("flattened"):
            found = found[0]
        if inner.type_name == "structure":
            yield from _spoilers(found, inner, f"{at}/{wire}")
        elif inner.type_name != "string" or inner.metadata.get("enum"):
            yield f"{at}/{wire}", _putting(found, found.text)


def _putting(element: Any, before: str | None) -> Callable[[str | None], None]:
    def put(text: str | None) -> None:
        element.text = before if text is None else text

    return put

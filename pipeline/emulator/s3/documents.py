"""S3: whether the body of a call is the document that S3's schema has there.

What is not is MalformedXML, and nothing at all a MissingRequestBodyError ("Error responses" of the API reference). Read
by botocore's model, which names what is required and the kind of each element. Elements that it does not know pass.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from xml.etree import ElementTree

from pipeline.emulator.gateway.malformed import Complaint, is_moment, model_with

MALFORMED = Complaint(
    "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"
)
NO_BODY = Complaint("MissingRequestBodyError", "Request Body is empty")
NO_VERSIONING = Complaint("IllegalVersioningConfigurationException", "The Versioning element must be specified")

# Enumerations whose other values S3 refuses with codes of their own.
_TOLD_LATER = {"Event", "BucketLocationConstraint", "FilterRuleName"}


def complaint_of_document(operation: str, body: bytes) -> Complaint | None:
    """What S3 has against the body of a call; None where there is no document in the body of such a call."""
    if operation == "PutBucketPolicy":
        return _complaint_of_policy(body)
    document = _document(operation)
    if document is None:
        return None
    shape, is_required = document
    if not body:
        return NO_BODY if is_required else None
    try:
        # Who may call has the key, and expat itself bounds what entities grow to.
        root = ElementTree.fromstring(body)  # noqa: S314
    # LookupError: of an encoding that nobody knows.
    except (ElementTree.ParseError, ValueError, LookupError):
        return MALFORMED
    if _local(root) != shape.serialization["name"] or not _fits(root, shape):
        return MALFORMED
    has_status = operation != "PutBucketVersioning" or any(_local(child) == "Status" for child in root)
    return None if has_status else NO_VERSIONING


def _complaint_of_policy(body: bytes) -> Complaint | None:
    """A policy is JSON, the one document that is not XML. The words are what others have seen of AWS."""
    try:
        policy = json.loads(body) if body.startswith(b"{") else None
    except (ValueError, RecursionError):
        policy = None
    if policy is None:
        return Complaint("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
    statements = policy.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not all(isinstance(each, dict) for each in statements):
        return Complaint("MalformedPolicy", "Missing required field Statement")
    wrong = next(filter(None, map(_wrong_of_statement, statements)), None)
    return Complaint("MalformedPolicy", wrong) if wrong else None


def _wrong_of_statement(statement: Mapping[str, Any]) -> str | None:
    for name in ("Effect", "Principal", "Action", "Resource"):
        if name not in statement and f"Not{name}" not in statement:
            return f"Missing required field {name}"
    if (effect := statement.get("Effect")) not in ("Allow", "Deny"):
        return f"Invalid effect : {effect}"
    actions = (statement.get(f"{each}{name}") for name in ("Action", "Resource") for each in ("", "Not"))
    return None if all(_is_texts(each) for each in actions if each is not None) else "Policy has invalid resource"


def _is_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def complaint_of_no_document(operation: str, body: bytes) -> Complaint | None:
    """What S3 has against a call that failed for want of a document, where one may be left out with other arguments."""
    return NO_BODY if not body and _document(operation) else None


@cache
def _document(operation: str) -> tuple[Any, bool] | None:
    model = model_with("s3", operation)
    shape: Any = model.operation_model(operation).input_shape if model else None
    payload = shape.serialization.get("payload") if shape else None
    if payload is None or shape.members[payload].type_name != "structure":
        return None
    return shape.members[payload], payload in shape.required_members


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


class _Elements:
    """The elements of a structure: the kind of each by its name, and those that must be there."""

    def __init__(self, shape: Any) -> None:
        self.shapes: dict[str, Any] = {}
        self.required: set[str] = set()
        for name, member in shape.members.items():
            if member.serialization.get("xmlAttribute"):
                continue
            wire = member.serialization.get("name", name)
            is_flat = member.type_name == "list" and member.serialization.get("flattened")
            self.shapes[wire] = member.member if is_flat else member
            if name in shape.required_members:
                self.required.add(wire)


# Shapes are made anew for each member that has them, and known by their names in one model.
_elements: dict[str, _Elements] = {}


def _elements_of(shape: Any) -> _Elements:
    if (found := _elements.get(shape.name)) is None:
        found = _elements[shape.name] = _Elements(shape)
    return found


def _fits(element: Any, shape: Any) -> bool:
    if shape.type_name == "structure":
        elements = _elements_of(shape)
        there = {_local(child) for child in element}
        known = ((child, elements.shapes.get(_local(child))) for child in element)
        return elements.required <= there and all(_fits(child, inner) for child, inner in known if inner is not None)
    if shape.type_name == "list":
        return all(_fits(child, shape.member) for child in element)
    return len(element) == 0 and _is_of_kind(element.text or "", shape)


def _is_of_kind(text: str, shape: Any) -> bool:
    if shape.type_name == "string":
        allowed = shape.metadata.get("enum")
        return not allowed or text in allowed or shape.name in _TOLD_LATER
    reads = _READS.get(shape.type_name)
    return reads is None or reads(text.strip())


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii() and len(text) <= 20


_READS: Mapping[str, Callable[[str], bool]] = {
    "integer": _is_whole,
    "long": _is_whole,
    "boolean": lambda text: text.lower() in ("true", "false"),
    "timestamp": is_moment,
}

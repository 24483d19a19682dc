"""What is wrong with a form that moto failed at, as the services answer whose calls are forms: SNS, IAM, STS and so on.

AWS's parser says MalformedInput where a list, a structure or a value stands in another's place ("Start of list found
where not expected"); its other words are documented nowhere, and ours. What is missing or beyond its bounds is a
ValidationError (SQS: MissingParameter), as of every service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from pipeline.emulator.gateway.malformed import Complaint, broken_members, model_with

MALFORMED = "MalformedInput"
_NUMBERS = ("integer", "long")
_NESTED = ("structure", "list", "map")


class _Misplaced(Exception):
    """A field is not of the kind that the model says."""


def complaint_of_form(service: str, operation: str, body: bytes) -> Complaint | None:
    """What AWS would have against this form; None where the model has nothing against it, or it is none."""
    shape = _input(service, operation)
    if shape is None:
        return None
    fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if fields.get("Action") != operation:
        return None
    try:
        value = _structure(fields, shape, "")
    except _Misplaced as error:
        return Complaint(MALFORMED, str(error))
    return broken_members(service, value, shape, "ValidationError")


@cache
def _input(service: str, operation: str) -> Any:
    model = model_with(service, operation)
    if model is None or "query" not in model.metadata.get("protocols", ["query"]):
        return None
    return model.operation_model(operation).input_shape


def _read(fields: Mapping[str, str], shape: Any, at: str) -> Any:
    """The value of a field and what is below it, by its shape; None where there is nothing."""
    below = any(name.startswith(f"{at}.") for name in fields)
    if shape.type_name not in _NESTED:
        if below:
            raise _Misplaced("Start of list found where not expected")
        return _scalar(fields.get(at), shape)
    # An empty value is an empty list.
    if fields.get(at):
        raise _Misplaced(f"Unexpected value found for {at}")
    if not below:
        return None
    return {"structure": _structure, "list": _list, "map": _map}[shape.type_name](fields, shape, f"{at}.")


def _scalar(text: str | None, shape: Any) -> Any:
    if text is None:
        return None
    if shape.type_name == "boolean":
        if text.lower() not in ("true", "false"):
            raise _Misplaced(f"Expected a Boolean and found {text[:40]}")
        return text.lower() == "true"
    if shape.type_name in _NUMBERS:
        try:
            return int(text)
        except ValueError:
            raise _Misplaced(f"Expected a number and found {text[:40]}") from None
    return text


def _structure(fields: Mapping[str, str], shape: Any, before: str) -> dict[str, Any]:
    return {
        member.serialization.get("name", name): _read(fields, member, before + _named(name, member))
        for name, member in shape.members.items()
    }


def _named(name: str, shape: Any) -> str:
    """A list that is flat is named as its items are."""
    if shape.type_name == "list" and shape.serialization.get("flattened"):
        return str(shape.member.serialization.get("name", shape.serialization.get("name", name)))
    return str(shape.serialization.get("name", name))


def _list(fields: Mapping[str, str], shape: Any, before: str) -> list[Any]:
    if not shape.serialization.get("flattened"):
        before += f"{shape.member.serialization.get('name', 'member')}."
    return [_read(fields, shape.member, before + number) for number in _numbers(fields, before)]


def _map(fields: Mapping[str, str], shape: Any, before: str) -> dict[str, Any]:
    if not shape.serialization.get("flattened"):
        before += "entry."
    key, value = (part.serialization.get("name", name) for part, name in ((shape.key, "key"), (shape.value, "value")))
    entries = [f"{before}{number}." for number in _numbers(fields, before)]
    return {fields.get(each + key, ""): _read(fields, shape.value, each + value) for each in entries}


def _numbers(fields: Mapping[str, str], before: str) -> Iterator[str]:
    found = {name.removeprefix(before).partition(".")[0] for name in fields if name.startswith(before)}
    if not found:
        raise _Misplaced(f"Unexpected fields where {before}1 was expected")
    for each in found:
        if not each.isdecimal():
            raise _Misplaced(f"Expected a number and found {each[:40]} in {before}{each[:40]}")
    yield from sorted(found, key=int)

"""A stack's parameters: declared in its template, given by the caller, checked as CloudFormation checks them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.cloudformation.intrinsics import is_unknown
from pipeline.cloudformation.locations import Place

_SSM_TEXT = "AWS::SSM::Parameter::Value<String>"
_SSM_LISTS = ("AWS::SSM::Parameter::Value<List<String>>", "AWS::SSM::Parameter::Value<CommaDelimitedList>")
_LISTS = ("CommaDelimitedList", "List<Number>", "List<String>", *_SSM_LISTS)
TYPES = ("String", "Number", _SSM_TEXT, *_LISTS)
HONOURED = frozenset(
    (
        "Type", "Default", "AllowedValues", "AllowedPattern", "ConstraintDescription", "Description", "NoEcho",
        "MinLength", "MaxLength", "MinValue", "MaxValue",
    )
)  # fmt: skip


def values(
    declared: Mapping[str, Any], given: Mapping[str, Any], ssm: Callable[[str], str], file: str
) -> dict[str, Any]:
    """The value of each declared parameter, a text or a list of texts.

    `BadDefinition` for a parameter that is unknown, missing or not allowed.
    """
    section = Place(file, ("Parameters",))
    for name in given:
        if name not in declared:
            raise (section / name).wrong("the template declares no such parameter")
    return {name: _value(name, declaration, given, ssm, section / name) for name, declaration in declared.items()}


def _value(name: str, declaration: Mapping[str, Any], given: Mapping[str, Any], ssm: Callable[[str], str],
           place: Place) -> Any:  # fmt: skip
    for property_name in declaration:
        if property_name not in HONOURED:
            raise (place / property_name).wrong("not honoured by the embedded deployer")
    kind = declaration.get("Type")
    if kind not in TYPES:
        raise (place / "Type").wrong(f"the parameter type {kind} is not honoured by the embedded deployer")
    if name not in given and "Default" not in declaration:
        raise place.wrong("no value is given and there is no default")
    raw = given.get(name, declaration.get("Default"))
    text = ("true" if raw else "false") if isinstance(raw, bool) else str(raw)
    if kind == _SSM_TEXT or kind in _SSM_LISTS:
        try:
            text = ssm(text)
        except KeyError:
            raise place.wrong(f"Parameter Store has no {text}") from None
    value = [item.strip() for item in text.split(",")] if kind in _LISTS else text
    if is_unknown(text):
        return value
    for item in value if isinstance(value, list) else [value]:
        _check(item, kind, declaration, place)
    return value


def _check(text: str, kind: str, declaration: Mapping[str, Any], place: Place) -> None:
    allowed = declaration.get("AllowedValues")
    if allowed is not None and text not in [str(value) for value in allowed]:
        raise place.wrong(f"{text!r} is none of {', '.join(map(str, allowed))}")
    pattern = declaration.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, text):
        raise place.wrong(f"{text!r} does not match {pattern}")
    if len(text) < int(declaration.get("MinLength", 0)) or len(text) > int(declaration.get("MaxLength", len(text))):
        raise place.wrong(f"{text!r} is too short or too long")
    if kind in ("Number", "List<Number>"):
        _check_number(text, declaration, place)


def _check_number(text: str, declaration: Mapping[str, Any], place: Place) -> None:
    try:
        number = float(text)
    except ValueError:
        raise place.wrong(f"{text!r} is not a number") from None
    if number < float(declaration.get("MinValue", number)) or number > float(declaration.get("MaxValue", number)):
        raise place.wrong(f"{text} is out of range")

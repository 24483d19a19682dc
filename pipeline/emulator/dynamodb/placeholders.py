"""The expressions of one DynamoDB request together with the names and values that they use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pipeline.emulator.dynamodb import expressions as expressions
from pipeline.emulator.dynamodb import values as attribute_values
from pipeline.emulator.dynamodb.expressions import COMPARATORS, Malformed, Node
from pipeline.emulator.dynamodb.values import Invalid

IN_OPERANDS = 100
CONDITIONS = ("ConditionExpression", "FilterExpression", "KeyConditionExpression")
_OLD = ("Expected", "AttributeUpdates", "KeyConditions", "QueryFilter", "ScanFilter", "AttributesToGet")
_SPACE = re.compile(r"\s+")


def check(request: dict[str, Any]) -> None:
    """Raise `Invalid` for a malformed expression, and for a placeholder that is not defined or not used.

    Line breaks become spaces: moto's own reading of a condition ends at one.
    """
    texts = {
        name: request[name]
        for name in (*CONDITIONS, "UpdateExpression", "ProjectionExpression")
        if request.get(name) is not None
    }
    if texts and (old := [name for name in _OLD if request.get(name)]):
        raise Invalid(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(old)}}} Expression parameters: {{{', '.join(texts)}}}"
        )
    names, values = _given(request, texts)
    used_names, used_values = set[str](), set[str]()
    for parameter, text in texts.items():
        try:
            _check_expression(parameter, text, names, values)
        except Malformed as malformed:
            raise Invalid(f"Invalid {parameter}: {malformed}") from None
        found = expressions.placeholders(text)
        used_names |= found[0]
        used_values |= found[1]
        request[parameter] = _SPACE.sub(" ", text)
    _all_used("ExpressionAttributeNames", names.keys() - used_names)
    _all_used("ExpressionAttributeValues", values.keys() - used_values)


def _given(request: Mapping[str, Any], texts: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
    names, values = request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    for parameter, given, sign in (("Names", names, "#"), ("Values", values, ":")):
        if given is None:
            continue
        if not texts:
            raise Invalid(f"ExpressionAttribute{parameter} can only be specified when using expressions")
        if not given:
            raise Invalid(f"ExpressionAttribute{parameter} must not be empty")
        for key in given:
            if not re.fullmatch(sign + r"\w+", key):
                raise Invalid(f'ExpressionAttribute{parameter} contains invalid key: Syntax error; key: "{key}"')
    for key, value in (values or {}).items():
        try:
            attribute_values.check(value)
        except Invalid as invalid:
            raise Invalid(f"ExpressionAttributeValues contains invalid value: {invalid} for key {key}") from None
    return names or {}, values or {}


def _all_used(parameter: str, unused: set[str]) -> None:
    if unused:
        raise Invalid(f"Value provided in {parameter} unused in expressions: keys: {{{', '.join(sorted(unused))}}}")


def _check_expression(parameter: str, text: str, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
    if parameter == "UpdateExpression":
        used_names, used_values = expressions.placeholders(text)
        for name in sorted(used_names):
            _check_path(Node("path", text=(name,)), names)
        for value in sorted(used_values):
            _defined(value, values)
    elif parameter == "ProjectionExpression":
        _check_projection(expressions.projection(text), names)
    else:
        for node in expressions.condition(text).walk():
            _check_node(node, names, values)


def _check_node(node: Node, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
    if node.kind == "path":
        _check_path(node, names)
    elif node.kind == "value":
        _defined(node.text[0], values)
    elif node.kind == "IN" and len(node.parts) - 1 > IN_OPERANDS:
        raise Malformed(
            f"The IN operator is provided with too many operands; number of operands: {len(node.parts) - 1}"
        )
    elif node.kind in COMPARATORS and node.parts[0].kind == "path" and node.parts[0] == node.parts[1]:
        shown = ", ".join(node.parts[0].text)
        raise Malformed(
            "The first operand must be distinct from the remaining operands for this operator or function; "
            f"operator: {node.kind}, first operand: [{shown}]"
        )
    else:
        _check_types(node, [_defined(part.text[0], values) if part.kind == "value" else {} for part in node.parts])


def _check_path(node: Node, names: Mapping[str, str]) -> None:
    for part in node.text:
        if part.startswith("#") and part not in names:
            raise Malformed(
                f"An expression attribute name used in the document path is not defined; attribute name: {part}"
            )
        if part.upper() in _reserved():
            raise Malformed(f"Attribute name is a reserved keyword; reserved keyword: {part}")


@cache
def _reserved() -> frozenset[str]:
    from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

    return frozenset(word.upper() for word in ReservedKeywords.get_reserved_keywords())


def _defined(value: str, values: Mapping[str, Any]) -> dict[str, Any]:
    if value not in values:
        raise Malformed(f"An expression attribute value used in expression is not defined; attribute value: {value}")
    found: dict[str, Any] = values[value]
    return found


def _check_types(node: Node, given: list[dict[str, Any]]) -> None:
    """`given` are the operands' values, {} for one that the item has."""
    if node.kind == "BETWEEN" and given[1] and given[2]:
        _check_bounds(given[1], given[2])
    elif node.kind == "attribute_type":
        kind = given[1].get("S")
        if kind not in attribute_values.TYPES:
            raise Malformed(
                f"Invalid attribute type name found; type: {kind}, valid types: {{{','.join(attribute_values.TYPES)}}}"
            )
    else:
        allowed = {"begins_with": {"S", "B"}, "BETWEEN": {"S", "N", "B"}}.get(node.kind)
        if node.kind in COMPARATORS - {"=", "<>"}:
            allowed = {"S", "N", "B"}
        for kind in [kind for value in given for kind in value]:
            if allowed and kind not in allowed:
                raise Malformed(
                    "Incorrect operand type for operator or function; "
                    f"operator or function: {node.kind}, operand type: {kind}"
                )


def _check_bounds(lower: dict[str, Any], upper: dict[str, Any]) -> None:
    ((kind, low),), ((other, high),) = lower.items(), upper.items()
    shown = "lower bound operand: AttributeValue: {%s:%s}, upper bound operand: AttributeValue: {%s:%s}"
    shown %= (kind, low, other, high)
    if kind != other:
        raise Malformed(f"The BETWEEN operator requires same data type for lower and upper bounds; {shown}")
    if kind not in ("S", "N", "B"):
        raise Malformed(
            f"Incorrect operand type for operator or function; operator or function: BETWEEN, operand type: {kind}"
        )
    if (float(low) > float(high)) if kind == "N" else low > high:
        raise Malformed(
            f"The BETWEEN operator requires upper bound to be greater than or equal to lower bound; {shown}"
        )


def _check_projection(paths: tuple[Node, ...], names: Mapping[str, str]) -> None:
    for path in paths:
        _check_path(path, names)
    resolved = [tuple(names.get(part, part) for part in path.text) for path in paths]
    for index, one in enumerate(resolved):
        for two in resolved[index + 1 :]:
            shorter, longer = sorted((one, two), key=len)
            if longer[: len(shorter)] == shorter:
                raise Malformed(
                    "Two document paths overlap with each other; must remove or rewrite one of these paths; "
                    f"path one: [{', '.join(one)}], path two: [{', '.join(two)}]"
                )

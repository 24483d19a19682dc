"""Event patterns: what EventBridge rules and the filters of event sources are written in. Pure.

Rules from "Amazon EventBridge event patterns" and "Comparison operators" in the EventBridge user guide. A field that
holds a list matches if one of its items does; fields that are named together must match in one item.
"""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.core.errors import BadDefinition

Test = Callable[[Any], bool]
"""Whether a field's value passes; a field that is not there is MISSING."""

MISSING = object()
_COMPARISONS = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Pattern:
    """A pattern, ready to be asked. The empty one matches everything."""

    def __init__(self, text: str) -> None:
        """BadDefinition, with AWS's reason, for what AWS or we would not match."""
        try:
            parsed = json.loads(text)
        except ValueError:
            raise BadDefinition("Filter is not valid JSON") from None
        if not isinstance(parsed, dict):
            raise BadDefinition("Filter is not an object")
        self._matches = _object(parsed)

    def matches(self, event: Any) -> bool:
        """Whether an event, given as what JSON makes of it, matches."""
        return self._matches(event)


def _object(pattern: Mapping[str, Any]) -> Test:
    """The test of an object: every field must pass."""
    tests: list[Test] = []
    for name, wanted in pattern.items():
        if name == "$or":
            tests.append(_either(wanted))
        elif isinstance(wanted, dict):
            if not wanted:
                raise BadDefinition("Empty objects are not allowed")
            tests.append(_below(name, _object(wanted)))
        elif isinstance(wanted, list):
            if not wanted:
                raise BadDefinition("Empty arrays are not allowed")
            tests.append(_field(name, [_leaf(each) for each in wanted]))
        else:
            raise BadDefinition(f'"{name}" must be an object or an array')

    def test(value: Any) -> bool:
        if isinstance(value, list):
            return any(test(item) for item in value)
        # What is no object has none of the fields, which `exists` may ask for.
        return all(each(value if isinstance(value, dict) else {}) for each in tests)

    return test


def _either(wanted: Any) -> Test:
    if not isinstance(wanted, list) or len(wanted) < 2 or not all(isinstance(each, dict) and each for each in wanted):
        raise BadDefinition("$or must be an array of at least two objects")
    choices = [_object(each) for each in wanted]
    return lambda value: any(choice(value) for choice in choices)


def _below(name: str, test: Test) -> Test:
    return lambda value: test(value.get(name, MISSING))


def _field(name: str, tests: list[Test]) -> Test:
    return lambda value: any(test(leaf) for leaf in _leaves(value.get(name, MISSING)) for test in tests)


def _leaves(value: Any) -> list[Any]:
    """The values of a field. Only leaves count: an object, and a list without items, is as good as not there."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if not isinstance(item, (dict, list))] or [MISSING]


def _leaf(wanted: Any) -> Test:
    if not isinstance(wanted, dict):
        if isinstance(wanted, list):
            raise BadDefinition("Match value must be String, number, true, false, or null")
        return _equals(wanted)
    if len(wanted) != 1:
        raise BadDefinition("Only one key allowed in match expression")
    ((name, argument),) = wanted.items()
    if name not in _OPERATORS:
        raise BadDefinition(f"Unrecognized match type {name}")
    return _OPERATORS[name](argument)


def _equals(wanted: Any) -> Test:
    # In Python True is 1, in JSON it is not.
    return lambda value: _kind(value) is _kind(wanted) and value == wanted


def _kind(value: Any) -> type:
    return float if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value)


def _exists(argument: Any) -> Test:
    if not isinstance(argument, bool):
        raise BadDefinition("exists match pattern must be either true or false.")
    return lambda value: (value is not MISSING) == argument


def _affix(name: str) -> Callable[[Any], Test]:
    """`prefix` or `suffix`: a text, or one whatever its case."""

    def operator_of(argument: Any) -> Test:
        folds = isinstance(argument, dict) and argument.keys() == {"equals-ignore-case"}
        wanted = _text(name, argument["equals-ignore-case"] if folds else argument)
        ask = str.startswith if name == "prefix" else str.endswith
        if folds:
            return lambda value: isinstance(value, str) and ask(value.lower(), wanted.lower())
        return lambda value: isinstance(value, str) and ask(value, wanted)

    return operator_of


def _ignoring_case(argument: Any) -> Test:
    wanted = _text("equals-ignore-case", argument).lower()
    return lambda value: isinstance(value, str) and value.lower() == wanted


def _wildcard(argument: Any) -> Test:
    text = _text("wildcard", argument)
    expression = ""
    for part in re.findall(r"\\.|\*+|.", text, re.DOTALL):
        if part.startswith("**"):
            raise BadDefinition("Consecutive wildcard characters")
        if part == "\\" or (part.startswith("\\") and part[1] not in "*\\"):
            raise BadDefinition("Invalid escape character")
        expression += ".*" if part == "*" else re.escape(part[-1])
    compiled = re.compile(expression, re.DOTALL)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _cidr(argument: Any) -> Test:
    try:
        network = ipaddress.ip_network(_text("cidr", argument), strict=False)
    except ValueError:
        raise BadDefinition(f"Malformed CIDR, {argument}") from None

    def test(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return test


def _numeric(argument: Any) -> Test:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise BadDefinition("Value of numeric must be an array of comparisons and numbers")
    tests = list(zip(argument[::2], argument[1::2], strict=True))
    for comparison, number in tests:
        if not isinstance(comparison, str) or comparison not in _COMPARISONS:
            raise BadDefinition(f"Unrecognized numeric range operator: {comparison}")
        if _kind(number) is not float:
            raise BadDefinition(f"Value of {comparison} must be numeric")
    return lambda value: (
        _kind(value) is float and all(_COMPARISONS[comparison](value, number) for comparison, number in tests)
    )


def _anything_but(argument: Any) -> Test:
    if isinstance(argument, dict):
        if len(argument) != 1 or not argument.keys() <= _NEGATED:
            raise BadDefinition(f"Unsupported anything-but pattern: {', '.join(argument)}")
        ((name, inner),) = argument.items()
        tests = [_OPERATORS[name](each) for each in (inner if isinstance(inner, list) else [inner])]
        return lambda value: value is not MISSING and not any(test(value) for test in tests)
    wanted = argument if isinstance(argument, list) else [argument]
    if not wanted or len({_kind(each) for each in wanted}) > 1 or isinstance(wanted[0], (dict, list, bool)):
        raise BadDefinition("anything-but takes texts or numbers, and no mixed type of them")
    tests = [_equals(each) for each in wanted]
    return lambda value: value is not MISSING and not any(test(value) for test in tests)


def _text(name: str, argument: Any) -> str:
    if not isinstance(argument, str):
        raise BadDefinition(f"{name} match pattern must be a string")
    return argument


_OPERATORS: dict[str, Callable[[Any], Test]] = {
    "exists": _exists,
    "prefix": _affix("prefix"),
    "suffix": _affix("suffix"),
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
    "cidr": _cidr,
    "numeric": _numeric,
    "anything-but": _anything_but,
}
_NEGATED = {"prefix", "suffix", "equals-ignore-case", "wildcard"}

"""The rules of Choice states and the errors of catchers as people read them. Pure.

Rules as of the Amazon States Language (https://states-language.net/spec.html#choice-state).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

OTHERWISE = "otherwise"

_COMPARISON = re.compile(
    r"(?P<type>String|Numeric|Boolean|Timestamp)"
    r"(?P<how>Equals|LessThanEquals|GreaterThanEquals|LessThan|GreaterThan|Matches)(?P<path>Path)?"
)
_SIGNS = {
    "Equals": "=",
    "LessThan": "<",
    "GreaterThan": ">",
    "LessThanEquals": "≤",
    "GreaterThanEquals": "≥",
    "Matches": "matches",
}
_TESTS = {
    "IsNull": ("is null", "is not null"),
    "IsPresent": ("is present", "is missing"),
    "IsNumeric": ("is a number", "is not a number"),
    "IsString": ("is text", "is not text"),
    "IsBoolean": ("is true or false", "is not true or false"),
    "IsTimestamp": ("is a time", "is not a time"),
}
_ERRORS = {
    "States.ALL": "any error",
    "States.TaskFailed": "task failed",
    "States.Timeout": "timeout",
    "States.HeartbeatTimeout": "no heartbeat",
    "States.Permissions": "no permission",
    "States.DataLimitExceeded": "too much data",
    "States.BranchFailed": "a branch failed",
    "States.NoChoiceMatched": "no rule matched",
    "States.ItemReaderFailed": "items not read",
    "States.ResultWriterFailed": "result not written",
    "States.ExceedToleratedFailureThreshold": "too many items failed",
    "States.QueryEvaluationError": "query failed",
    "States.ResultPathMatchFailure": "result path failed",
    "States.ParameterPathFailure": "parameter path failed",
    "States.IntrinsicFailure": "intrinsic failed",
    "States.Runtime": "runtime error",
}


def condition(rule: Mapping[str, Any]) -> str:
    """A rule in words, `$.rows > 0 and $.status = "new"`; JSONata as it is, without its braces."""
    if isinstance(text := rule.get("Condition"), str):
        return _unwrapped(text)
    return _read(rule) or "a rule"


def errors(names: Sequence[str]) -> str:
    """The errors of a catcher, those of Step Functions itself in words."""
    return " or ".join(_ERRORS.get(name, name) for name in names)


def _unwrapped(text: str) -> str:
    inner = re.fullmatch(r"\s*\{%(.*)%\}\s*", text, re.DOTALL)
    return " ".join((inner[1] if inner else text).split())


def _read(rule: Any, inside: bool = False) -> str:
    if not isinstance(rule, Mapping):
        return ""
    for name, word in (("And", " and "), ("Or", " or ")):
        if isinstance(parts := rule.get(name), list):
            text = word.join(filter(None, (_read(part, inside=True) for part in parts)))
            return f"({text})" if inside and len(parts) > 1 else text
    if isinstance(negated := rule.get("Not"), Mapping):
        return _negated(negated)
    variable = str(rule.get("Variable", "$"))
    for name, value in rule.items():
        if name in _TESTS:
            return f"{variable} {_TESTS[name][0 if value else 1]}"
        if found := _COMPARISON.fullmatch(name):
            literal = str(value) if found["path"] else json.dumps(value, ensure_ascii=False)
            literal = literal.strip('"') if found["type"] == "Timestamp" else literal
            return f"{variable} {_SIGNS[found['how']]} {literal}"
    return ""


def _negated(rule: Mapping[str, Any]) -> str:
    """A test is turned round; of an equality, the sign; all else gets a `not`."""
    for name, value in rule.items():
        if name in _TESTS:
            return _read({**rule, name: not value})
    text = _read(rule)
    if "And" in rule or "Or" in rule or "Not" in rule:
        return f"not ({text})"
    return text.replace(" = ", " ≠ ", 1) if " = " in text else f"not {text}"

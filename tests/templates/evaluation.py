"""Whether IAM would let a role do something, by its policies and its boundary, as templates write them.

Source of the logic: "Policy evaluation logic" in the IAM user guide, for one account, without policies of resources,
sessions and organisations: what nobody denies, and the role's policies allow, and its boundary, where it has one. What
is not done here (an operator of conditions, a policy variable, a NotAction) is an error, and no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

Statement = Mapping[str, Any]
_VARIABLE = re.compile(r"\$\{[^*?$}]")


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks. `context` has the request's keys of conditions; a key that is not there is not sent."""

    action: str
    resource: str
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Principal:
    """A role: the statements of its policies, and those of its boundary, None where it has none."""

    statements: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None

    def may(self, action: str, resource: str, **context: str) -> bool:
        """Whether IAM lets the role do it; a key of `context` is `iam__PassedToService` for `iam:PassedToService`."""
        request = Request(action, resource, {name.replace("__", ":").lower(): value for name, value in context.items()})
        every = [*self.statements, *(self.boundary or ())]
        if any(each["Effect"] == "Deny" and matches(each, request) for each in every):
            return False
        layers = [self.statements] if self.boundary is None else [self.statements, self.boundary]
        return all(any(each["Effect"] == "Allow" and matches(each, request) for each in layer) for layer in layers)


def matches(statement: Statement, request: Request) -> bool:
    """Whether a statement is about a request."""
    for name in statement:
        if name not in ("Sid", "Effect", "Action", "Resource", "Condition"):
            raise NotImplementedError(f"{name} of a statement")
    return (
        any(like(each.lower(), request.action.lower()) for each in listed(statement["Action"]))
        and any(like(each, request.resource) for each in listed(statement["Resource"]))
        and holds(statement.get("Condition", {}), request.context)
    )


def holds(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Whether every operator of a condition holds for every one of its keys."""
    return all(
        _holds(operator, context.get(key.lower()), [str(each) for each in listed(wanted)])
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, sent: str | None, wanted: Sequence[str]) -> bool:
    if operator == "Null":
        return any((sent is None) == (each.lower() == "true") for each in wanted)
    name = operator.removesuffix("IfExists")
    if sent is None and name != operator:
        return True
    negated = "Not" in name
    test = _TESTS.get(name.replace("Not", ""))
    if test is None or ":" in name:
        raise NotImplementedError(f"the operator {operator}")
    if sent is None:
        # A key that is not sent is no value at all, and so is not this one.
        return negated
    return any(test(each, sent) for each in wanted) != negated


def _arn_like(pattern: str, arn: str) -> bool:
    """Part by part: a `*` is no colon before the sixth part."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(map(like, patterns, parts))


def like(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern, in which `*` is any text and `?` any character."""
    if _VARIABLE.search(pattern):
        raise NotImplementedError(f"the policy variable in {pattern}")
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    signs = {"*": ".*", "?": "."}
    return re.compile("".join(signs.get(each, re.escape(each)) for each in pattern), re.DOTALL)


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, sent: wanted == sent,
    "StringEqualsIgnoreCase": lambda wanted, sent: wanted.lower() == sent.lower(),
    "StringLike": like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda wanted, sent: wanted.lower() == sent.lower(),
}


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def allowed(principal: Principal, requests: Iterable[Request]) -> list[Request]:
    """Those of many requests that IAM would let pass."""
    return [
        each
        for each in requests
        if principal.may(each.action, each.resource, **{k.replace(":", "__"): v for k, v in each.context.items()})
    ]

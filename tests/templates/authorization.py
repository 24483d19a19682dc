"""The Service Authorization Reference, as the library parliament ships it: which actions there are, what they take."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

# Keys of every request, or of every one that a service makes for somebody (IAM User Guide, "AWS global condition
# context keys"). Those of tags are each action's own matter, and not here.
GLOBAL_KEYS = frozenset(
    key.lower()
    for key in (
        "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalTag/*", "aws:SecureTransport",
        "aws:ResourceAccount", "aws:SourceAccount", "aws:SourceArn", "aws:CalledVia", "aws:ViaAWSService",
        "aws:PrincipalIsAWSService",
    )
)  # fmt: skip
_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Action:
    """An action: what it takes, by name of the type, those it cannot do without, and the keys of conditions."""

    name: str
    takes: frozenset[str]
    needs: frozenset[str]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Service:
    """A service: its actions by name in lower case, and the ARN of each type of resource, with `*` for what varies."""

    actions: dict[str, Action]
    arns: dict[str, str]

    def types_of(self, action: Action, resource: str) -> set[str]:
        """The types that `action` takes and a resource's ARN, which may be a pattern, can be of."""
        return {each for each in action.takes if _can_be(resource, self.arns[each])}


@functools.cache
def services() -> dict[str, Service]:
    text = files("parliament").joinpath("iam_definition.json").read_text()
    return {each["prefix"]: _service(each) for each in json.loads(text)}


def _service(told: dict[str, Any]) -> Service:
    arns = {each["resource"]: _VARIABLE.sub("*", each["arn"]) for each in told["resources"]}
    keys = {each["resource"]: each["condition_keys"] for each in told["resources"]}
    made = (_action(f"{told['prefix']}:{each['privilege']}", each, keys) for each in told["privileges"])
    return Service({each.name.lower(): each for each in made}, arns)


def _action(name: str, told: dict[str, Any], keys_of_types: dict[str, list[str]]) -> Action:
    marked = [each["resource_type"] for each in told["resource_types"] if each["resource_type"]]
    takes = frozenset(each.rstrip("*") for each in marked)
    keys = [key for each in told["resource_types"] for key in each["condition_keys"]]
    keys += [key for each in takes for key in keys_of_types.get(each, ())]
    needs = frozenset(each.rstrip("*") for each in marked if each.endswith("*"))
    return Action(name, takes, needs, frozenset(_VARIABLE.sub("*", key).lower() for key in keys))


def named(pattern: str) -> list[Action]:
    """The actions that a pattern, as a policy writes it, names."""
    prefix = pattern.partition(":")[0].lower()
    known = services().get(prefix)
    return [each for name, each in known.actions.items() if fnmatchcase(name, pattern.lower())] if known else []


def has_key(action: Action, key: str) -> bool:
    """Whether a request for `action` carries the condition key."""
    known = GLOBAL_KEYS | action.keys
    return any(fnmatchcase(key.lower(), each) for each in known)


def _can_be(resource: str, form: str) -> bool:
    """Part by part: a `*` for an account, say, is no colon."""
    parts, forms = resource.split(":", 5), form.split(":", 5)
    return len(parts) == len(forms) and all(map(overlap, parts, forms))


@functools.cache
def overlap(one: str, other: str) -> bool:
    """Whether some text matches both patterns, in which `*` is any text and `?` any character."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(other, one)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and overlap(one[1:], other[1:])


def problems(statements: Iterable[dict[str, Any]], has_resources: bool = True) -> Iterator[str]:
    """What is wrong with a policy's statements; `has_resources` is False for a trust policy, and for a key's own.

    An action that is not known, that takes no resource and is given one, or is given none of a type that it needs; a
    resource that no action of its statement takes; a condition that an action's requests do not carry.
    """
    every = list(statements)
    for statement in every:
        patterns = _listed(statement.get("Action", []))
        yield from (f"{each}: there is no such action" for each in patterns if each != "*" and not named(each))
        yield from _keys_that_are_not_sent(statement, patterns)
        if has_resources:
            yield from _resources_that_nothing_takes(statement, patterns)
    if has_resources:
        yield from _what_is_not_given([each for each in every if each["Effect"] == "Allow"])


def _keys_that_are_not_sent(statement: dict[str, Any], patterns: list[str]) -> Iterator[str]:
    keys = [key for operator in statement.get("Condition", {}).values() for key in operator]
    for key in keys:
        for pattern in patterns:
            lacking = [each.name for each in named(pattern) if not has_key(each, key)]
            if lacking and (pattern in lacking or len(lacking) == len(named(pattern))):
                yield f"{pattern}: its requests carry no {key}"


def _resources_that_nothing_takes(statement: dict[str, Any], patterns: list[str]) -> Iterator[str]:
    actions = [action for pattern in patterns for action in named(pattern)]
    for resource in _listed(statement.get("Resource", [])):
        if resource != "*" and not any(_types(action, resource) for action in actions):
            yield f"{', '.join(patterns)}: none of them takes {resource}"


def _what_is_not_given(allowing: list[dict[str, Any]]) -> Iterator[str]:
    """By action, over all statements of a policy: `glue:GetTable` needs catalog, database and table."""
    given: dict[Action, list[str]] = {}
    for statement in allowing:
        for pattern in _listed(statement["Action"]):
            for action in named(pattern):
                given.setdefault(action, []).extend(_listed(statement["Resource"]))
    for action, resources in given.items():
        if "*" in resources:
            continue
        if not action.takes:
            yield f"{action.name}: takes no resource, only *, and is given {', '.join(resources)}"
            continue
        found = {each for resource in resources for each in _types(action, resource)}
        if missing := action.needs - found if action.needs else action.takes if not found else set():
            yield f"{action.name}: is given no {', '.join(sorted(missing))}"


def _types(action: Action, resource: str) -> set[str]:
    return services()[action.name.partition(":")[0]].types_of(action, resource)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]

"""The `${Name}` in the definition of a state machine, which a template gives a value when it is deployed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

REGION = "eu-west-1"
ACCOUNT = "123456789012"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "stack",
}
_USUAL = {"Partition": "aws", **PSEUDO}
_PLACEHOLDER = re.compile(r"\$\{([\w.:\[\]-]+)\}")
_STRING_OR_PLACEHOLDER = re.compile(r'"(?:[^"\\]|\\.)*"?|' + _PLACEHOLDER.pattern, re.DOTALL)
_ANY_NUMBER = "1"
"""It may stand wherever the language has a number: at least 1 are the seconds of a time-out and a retry's rate."""
_RESOURCE = re.compile(r'("Resource"\s*:\s*)"\$\{([\w.:\[\]-]+)\}"')


def names(text: str) -> list[str]:
    """The names of the placeholders of a definition, in their order, each once."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(text)))


def filled(text: str, given: Mapping[str, str]) -> str:
    """The definition with `given` values.

    What is not given becomes what it can be in a test, where nothing is called: the partition, region and account of
    the embedded AWS, a function's ARN where it is a Task's whole Resource, the number 1 where it stands outside of
    quotes (`"Seconds": ${Pause}`), else the name itself.
    """
    known = {**_USUAL, **given}

    def resource(found: re.Match[str]) -> str:
        value = known.get(found[2])
        return found[0] if value is not None else f'{found[1]}"{function_arn(found[2])}"'

    def value(found: re.Match[str]) -> str:
        if found[1] is not None:
            return known.get(found[1], _ANY_NUMBER)
        return _PLACEHOLDER.sub(lambda inner: known.get(inner[1], inner[1]), found[0])

    return _STRING_OR_PLACEHOLDER.sub(value, _RESOURCE.sub(resource, text))


def function_arn(name: str) -> str:
    """The ARN of a function that a placeholder stands for: `Load` for `Load`, `Load.Arn` and `LoadArn`."""
    short = re.sub(r"[^A-Za-z0-9_-]+", "-", re.sub(r"\.?Arn$", "", name)).strip("-")
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{short or 'function'}"


def hint(text: str, given: Mapping[str, str]) -> str | None:
    """What to do where a definition with placeholders is wrong; None where each has a value that somebody gave."""
    left = [name for name in names(text) if name not in given and name not in _USUAL]
    if not left:
        return None
    listed = ", ".join(f"${{{name}}}" for name in left)
    return f"It holds {listed}: give values with --substitute {left[0]}=VALUE, or --template."

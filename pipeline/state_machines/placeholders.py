"""Placeholders `${Name}` in a state machine's definition, which a template fills at deployment. Pure."""

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
"""Valid wherever the language has a number: time-outs and retry rates must be at least 1."""
_RESOURCE = re.compile(r'("Resource"\s*:\s*)"\$\{([\w.:\[\]-]+)\}"')


def names(text: str) -> list[str]:
    """The names of the placeholders of a definition, in order, each once."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(text)))


def filled(text: str, given: Mapping[str, str]) -> str:
    """The definition with its placeholders filled from `given`.

    Other placeholders get a value that is valid in a test, where nothing is called: the partition, region and account
    of the embedded AWS; a function's ARN for a Task's whole Resource; the number 1 outside of quotes
    (`"Seconds": ${Pause}`); else the name itself.
    """
    known = {**_USUAL, **given}

    def resource(match: re.Match[str]) -> str:
        value = known.get(match[2])
        return match[0] if value is not None else f'{match[1]}"{function_arn(match[2])}"'

    def value(match: re.Match[str]) -> str:
        if match[1] is not None:
            return known.get(match[1], _ANY_NUMBER)
        return _PLACEHOLDER.sub(lambda inner: known.get(inner[1], inner[1]), match[0])

    return _STRING_OR_PLACEHOLDER.sub(value, _RESOURCE.sub(resource, text))


def function_arn(name: str) -> str:
    """A function's ARN for a placeholder: that of `Load` for `Load`, `Load.Arn` and `LoadArn`."""
    short = re.sub(r"[^A-Za-z0-9_-]+", "-", re.sub(r"\.?Arn$", "", name)).strip("-")
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{short or 'function'}"


def hint(text: str, given: Mapping[str, str]) -> str | None:
    """The hint for an invalid definition that has placeholders without a given value; None if there are none."""
    left = [name for name in names(text) if name not in given and name not in _USUAL]
    if not left:
        return None
    listed = ", ".join(f"${{{name}}}" for name in left)
    return f"It holds {listed}: give values with --substitute {left[0]}=VALUE, or --template."

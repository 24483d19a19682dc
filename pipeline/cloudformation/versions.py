"""Versions of functions: one is published for whatever changes a function, values of parameters included.

SAM names a version by what the template says of its function, in which `!Ref Size` reads the same whatever `Size` is:
a deployment of another value would change the function, and leave its alias on the version before. So the name is a
parameter's value (`AutoPublishCodeSha256`, which SAM does resolve), and whoever deploys says what it is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.cloudformation.functions import FUNCTION, LAYER

DIGESTS = "SluiceDigests"
"""The key in a packaged template's Metadata with what it says of each published function, by the parameter's name."""

# SAM makes the first ten characters part of a logical id.
_LENGTH = 10
_REFERENCE = re.compile(r"\{\{resolve:ssm:([^}]*\$\{Env\}[^}]*?)\}\}")

Template = dict[str, Any]


def declare(template: Template) -> None:
    """Have the version of each published function named by a parameter of its own, which `parameters` gives."""
    shared = template.get("Globals", {}).get("Function", {})
    layers = {name: each for name, each in template["Resources"].items() if each.get("Type") == LAYER}
    digests = {}
    for logical_id, resource in template["Resources"].items():
        own = resource.get("Properties", {})
        if resource.get("Type") == FUNCTION and "AutoPublishAlias" in {**shared, **own}:
            digests[f"{logical_id}Digest"] = _digest([shared, own, layers])
            own["AutoPublishCodeSha256"] = {"Ref": f"{logical_id}Digest"}
    if digests:
        template.setdefault("Metadata", {})[DIGESTS] = digests
        template.setdefault("Parameters", {}).update(
            {name: {"Type": "String", "Default": digest} for name, digest in digests.items()}
        )


def parameters(template: Mapping[str, Any], given: Mapping[str, str], store: Callable[[str], str]) -> dict[str, str]:
    """The parameters that `declare` has made, for a deployment with `given` ones.

    What the template reads from Parameter Store counts too: `store` answers a name's value, `KeyError` where there is
    none, which is CloudFormation's to refuse.
    """
    digests = template.get("Metadata", {}).get(DIGESTS, {})
    if not digests:
        return {}
    values = [sorted(given.items()), [(name, _value(name, store)) for name in sorted(set(_read(template, given)))]]
    return {name: _digest([digest, values]) for name, digest in digests.items()}


def _read(template: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[str]:
    functions = [each for each in template["Resources"].values() if each.get("Type") == FUNCTION]
    for match in _REFERENCE.finditer(json.dumps([template.get("Globals", {}), functions])):
        yield match[1].replace("${Env}", given["Env"])


def _value(name: str, store: Callable[[str], str]) -> str | None:
    try:
        return store(name)
    except KeyError:
        return None


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:_LENGTH]

"""Secrets that properties name by dynamic references: looked up when a resource is made, and kept nowhere.

As in CloudFormation, a record and a plan hold the reference, and a secret that changes changes no resource by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.cloudformation.locations import Place

Secrets = Callable[[str], str]
"""The text of the secret with this name or ARN; `KeyError` for one not there."""

_REFERENCE = re.compile(r"\{\{resolve:secretsmanager:([^}]*)\}\}")
_SECRET = re.compile(
    r"(?P<id>arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:[^:]+|[^:]+)(:SecretString(:(?P<key>[^:]+))?)?"
)


def looked_up(value: Any, secrets: Secrets, place: Place) -> Any:
    """`value` with every reference to a secret replaced by it; errors as `secret`."""
    if isinstance(value, Mapping):
        return {key: looked_up(item, secrets, place / str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [looked_up(item, secrets, place / index) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    return _REFERENCE.sub(lambda found: secret(found[1], secrets, place), value)


def secret(asked: str, secrets: Secrets, place: Place) -> str:
    """The text of a secret, or one value of the JSON object in it: `id[:SecretString[:key]]`.

    `BadDefinition` for another form, and for what is not there.
    """
    found = _SECRET.fullmatch(asked)
    if found is None:
        raise place.wrong(f"{asked} names a secret in a form that is not honoured by the embedded deployer")
    try:
        text = secrets(found["id"])
    except KeyError:
        raise place.wrong(f"Secrets Manager has no {found['id']}", hint="Make the secret first.") from None
    if not found["key"]:
        return text
    try:
        value = json.loads(text)[found["key"]]
    except (ValueError, KeyError, TypeError):
        raise place.wrong(f"the secret {found['id']} holds no JSON object with {found['key']}") from None
    return value if isinstance(value, str) else json.dumps(value)

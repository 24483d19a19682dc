"""Secrets that properties name by dynamic references: looked up when a resource is made, and stored nowhere.

As in CloudFormation, records and plans contain the reference, and a changed secret does not change a resource.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.cloudformation.locations import Place

Secrets = Callable[[str], str]
"""Called with the name or ARN of a secret: its text; `KeyError` if there is none."""

_REFERENCE = re.compile(r"\{\{resolve:secretsmanager:([^}]*)\}\}")
_SECRET = re.compile(
    r"(?P<id>arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:[^:]+|[^:]+)(:SecretString(:(?P<key>[^:]+))?)?"
)


def with_secrets(value: Any, secrets: Secrets, place: Place) -> Any:
    """`value` with every reference to a secret replaced by the secret; errors as `secret`."""
    if isinstance(value, Mapping):
        return {key: with_secrets(item, secrets, place / str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [with_secrets(item, secrets, place / index) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    return _REFERENCE.sub(lambda match: secret(match[1], secrets, place), value)


def secret(reference: str, secrets: Secrets, place: Place) -> str:
    """The text of a secret, or one value of the JSON object in it: `id[:SecretString[:key]]`.

    `BadDefinition` for another form, and for a secret or key that does not exist.
    """
    match = _SECRET.fullmatch(reference)
    if match is None:
        raise place.wrong(f"{reference} names a secret in a form that is not honoured by the embedded deployer")
    try:
        text = secrets(match["id"])
    except KeyError:
        raise place.wrong(f"Secrets Manager has no {match['id']}", hint="Make the secret first.") from None
    if not match["key"]:
        return text
    try:
        value = json.loads(text)[match["key"]]
    except (ValueError, KeyError, TypeError):
        raise place.wrong(f"the secret {match['id']} holds no JSON object with {match['key']}") from None
    return value if isinstance(value, str) else json.dumps(value)

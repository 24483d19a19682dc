"""What a stack was made from: its template, what it was given, and what it read elsewhere.

The same again gives the same stack, and need not be worked out to know that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pipeline.emulator.cloudformation.records import StackRecord, Status
from pipeline.emulator.cloudformation.resource_types import GONE, Aws, code_of


def digest(aws: Aws, template: Path, given: Mapping[str, Any]) -> str:
    """Of the template, what it is given, and who translates it."""
    read = template.read_text(encoding="utf-8") if template.exists() else ""
    whose = [aws.account, aws.region, aws.partition, version("aws-sam-translator")]
    return hashlib.sha256(json.dumps([read, dict(given), whose], sort_keys=True).encode()).hexdigest()


def stored_secret(aws: Aws, name: str) -> str:
    """The text of a secret of Secrets Manager; `KeyError` for one that is not there or holds no text."""
    try:
        answer: Mapping[str, Any] = aws.call("secretsmanager", "get_secret_value", SecretId=name)
    except ClientError as error:
        if code_of(error) not in GONE:
            raise
        raise KeyError(name) from error
    return str(answer["SecretString"])


@dataclass(slots=True)
class Reads:
    """Remembers what of Parameter Store, and whether of secrets, a stack's values came from."""

    ssm: Callable[[str], str]
    secrets: Callable[[str], str]
    parameters: dict[str, str] = field(default_factory=dict)
    has_secrets: bool = False

    def parameter(self, name: str) -> str:
        """Parameter Store's value of a name, which is remembered."""
        self.parameters[name] = self.ssm(name)
        return self.parameters[name]

    def secret(self, name: str) -> str:
        """The text of a secret; that there was one is remembered, and not which."""
        self.has_secrets = True
        return self.secrets(name)


def stands(
    record: StackRecord | None, made_from: str, ssm: Callable[[str], str], exports: Callable[[], Mapping[str, str]]
) -> bool:
    """Whether a stack stands that was made from the very same; what it read elsewhere is read again."""
    if record is None or record.status != Status.COMPLETE or not record.is_finished or record.made_from != made_from:
        return False
    try:
        if any(ssm(name) != value for name, value in record.parameters_read.items()):
            return False
    except KeyError:
        return False
    there = exports() if record.exports_read else {}
    return all(there.get(name) == value for name, value in record.exports_read.items())

"""Which operations the embedded AWS honours, which with limits, and which it refuses although moto would answer.

The review is data, `operations.yaml` in each service's folder: every operation of the services that a lake uses was
looked up in the source of the pinned moto and in our patches. Such a file has one entry a reason; names stand as AWS
writes them, separated by spaces; "*" is every operation that is named nowhere else. What is on no list was not looked
at, and is refused too: an answer without its effect is worse than none. `docs/reference/embedded-aws.md` is made of the
same data by `operations_page`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

FOLDERS = (
    "s3",
    "sqs",
    "sns",
    "dynamodb",
    "awslambda",
    "stepfunctions",
    "eventbridge",
    "glue",
    "ssm",
    "secretsmanager",
    "kms",
    "rds",
    "logs",
    "sts",
    "iam",
    "cloudwatch",
    "apigateway",
    "cloudformation",
)
"""The services' folders beside this one, in the order of the page."""

FILE = "operations.yaml"
PAGE = "docs/reference/embedded-aws.md"
ALL_OTHERS = "*"
_OPERATION = re.compile(r"[A-Z]\w+")


class Kind(StrEnum):
    """How far an operation is honoured: as on AWS, with limits, or not at all."""

    HONOURED = "honoured"
    LIMITED = "limited"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Entry:
    """What was found for some operations of a service. `because` is empty for those that are honoured."""

    kind: Kind
    operations: tuple[str, ...]
    because: str = ""


@cache
def reviewed() -> Mapping[str, tuple[Entry, ...]]:
    """The review, by service as requests are signed for it."""
    import yaml

    emulator = Path(__file__).parents[1]
    return {
        service: tuple(_entries(kinds))
        for folder in FOLDERS
        for service, kinds in yaml.safe_load((emulator / folder / FILE).read_text()).items()
    }


def _entries(kinds: Mapping[str, Any]) -> Iterator[Entry]:
    for name, content in kinds.items():
        kind = Kind(name)
        if kind is Kind.HONOURED:
            yield Entry(kind, tuple(content.split()))
            continue
        for each in content:
            yield Entry(kind, tuple(each["operations"].split()), each["because"])


@cache
def _by_operation(service: str) -> Mapping[str, Entry]:
    return {operation: entry for entry in reviewed()[service] for operation in entry.operations}


def refusal(service: str, operation: str) -> str | None:
    """Why a call is refused, for its caller to read; None if it goes on to moto.

    A call whose operation could not be told (`GET /some/path`) goes on: moto knows what it is, and a client's probe
    is not to fail for our not knowing.
    """
    if not _OPERATION.fullmatch(operation):
        return None
    if service not in reviewed():
        return f"The embedded AWS has no service {service}. What it has: {PAGE}."
    found = _by_operation(service)
    entry = found.get(operation) or found.get(ALL_OTHERS)
    if entry is not None and entry.kind is not Kind.REFUSED:
        return None
    because = entry.because if entry else "nobody has looked whether it would do what AWS does"
    return f"The embedded AWS refuses {service}:{operation}: {because}. What it does: {PAGE}."

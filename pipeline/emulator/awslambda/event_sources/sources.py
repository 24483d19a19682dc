"""Which service the records of an event source mapping come from."""

from __future__ import annotations

QUEUE = "sqs"
STREAM = "dynamodb"


def service_of(arn: str) -> str:
    """The service in an event source's ARN, `arn:<partition>:<service>:…`; "" for what is no ARN."""
    pieces = arn.split(":", 3)
    return pieces[2] if len(pieces) > 3 else ""

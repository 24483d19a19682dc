"""SQS: a queue's attributes are names that there are, with values that AWS takes.

moto keeps whatever SetQueueAttributes and CreateQueue are given, and fails over a number that is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.emulator.moto.guard import replace

_TRUTHS = frozenset(("ContentBasedDeduplication", "FifoQueue", "SqsManagedSseEnabled"))
_CHOICES = {
    "DeduplicationScope": ("messageGroup", "queue"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}


def install() -> None:
    """Of requests alone: moto's own CloudFormation makes queues with properties that are no attributes."""
    from moto.sqs.responses import SQSResponse

    def create(self: Any) -> Any:
        check(self._get_param("Attributes", {}))
        return create_queue(self)

    def change(self: Any) -> Any:
        self.sqs_backend.get_queue(self._get_queue_name())
        check(self._get_param("Attributes", {}))
        return set_attributes(self)

    create_queue = replace(SQSResponse, "create_queue", create, source="83738b5cd806")
    set_attributes = replace(SQSResponse, "set_queue_attributes", change, source="beda1f116383")


def check(attributes: Mapping[str, Any]) -> None:
    """Raise what SQS says of a name that it does not know, or of a value that it does not take."""
    from botocore.session import get_session
    from moto.sqs.exceptions import InvalidAttributeName, InvalidAttributeValue

    known = get_session().get_service_model("sqs").shape_for("QueueAttributeName").enum
    for name, value in attributes.items():
        if name not in known:
            raise InvalidAttributeName(name)
        if not _is_taken(name, str(value)):
            raise InvalidAttributeValue(name)


def _is_taken(name: str, value: str) -> bool:
    from pipeline.emulator.cloudformation import bounds

    if name in _TRUTHS:
        return value.lower() in ("true", "false")
    if name in _CHOICES:
        return value in _CHOICES[name]
    return not bounds.wrong(value, bounds.of("AWS::SQS::Queue").get(name, {}))

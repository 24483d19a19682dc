"""SQS: a queue's attributes are names that there are, with values that AWS takes, and are found out one by one.

moto keeps whatever SetQueueAttributes and CreateQueue are given, and fails over a number that is none. It counts a
queue's messages three times over for each attribute that it looks at, one of which it does for each message sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pipeline.emulator.moto.patch import patch

_TRUTHS = frozenset(("ContentBasedDeduplication", "FifoQueue", "SqsManagedSseEnabled"))
_CHOICES = {
    "DeduplicationScope": ("messageGroup", "queue"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}


# Of requests alone: moto's own CloudFormation makes queues with properties that are no attributes.
@patch("moto.sqs.responses:SQSResponse.create_queue", "83738b5cd806", "moto keeps any attribute")
def _create_queue(self: Any) -> Any:
    check(self._get_param("Attributes", {}))
    return _create_queue.original(self)


@patch("moto.sqs.responses:SQSResponse.set_queue_attributes", "beda1f116383", "moto keeps any attribute")
def _set_queue_attributes(self: Any) -> Any:
    self.sqs_backend.get_queue(self._get_queue_name())
    check(self._get_param("Attributes", {}))
    return _set_queue_attributes.original(self)


def check(attributes: Mapping[str, Any]) -> None:
    """Raise what SQS says of a name that it does not know, or of a value that it does not take."""
    from moto.sqs.exceptions import InvalidAttributeName, InvalidAttributeValue

    for name, value in attributes.items():
        if name not in _known():
            raise InvalidAttributeName(name)
        if not _is_taken(name, str(value)):
            raise InvalidAttributeValue(name)


@cache
def _known() -> frozenset[str]:
    """The names that SQS's model has; reading it takes a tenth of a second, and a lake makes dozens of queues."""
    from botocore.session import get_session

    return frozenset(get_session().get_service_model("sqs").shape_for("QueueAttributeName").enum)


def _is_taken(name: str, value: str) -> bool:
    from pipeline.emulator.cloudformation import bounds

    if name in _TRUTHS:
        return value.lower() in ("true", "false")
    if name in _CHOICES:
        return value in _CHOICES[name]
    return not bounds.wrong(value, bounds.of("AWS::SQS::Queue").get(name, {}))


class _Attributes(Mapping[str, Any]):
    """Of moto's queue, as GetQueueAttributes tells them: truths are texts, the redrive policy is JSON."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def __getitem__(self, name: str) -> Any:
        if name not in self._names():
            raise KeyError(name)
        value = getattr(self._queue, _of_moto(name))
        if name == "RedrivePolicy" and value:
            return json.dumps(value)
        return str(value).lower() if isinstance(value, bool) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> list[str]:
        queue = self._queue
        names = list(queue.BASE_ATTRIBUTES)
        names += queue.FIFO_ATTRIBUTES if queue.fifo_queue else []
        return names + (queue.KMS_ATTRIBUTES if queue.kms_master_key_id else [])


@cache
def _of_moto(name: str) -> str:
    from moto.core.utils import camelcase_to_underscores

    return str(camelcase_to_underscores(name))


@patch("moto.sqs.models:Queue.attributes", "40cb990b1216", "moto counts all messages for each attribute")
def _attributes(self: Any) -> Mapping[str, Any]:
    return _Attributes(self)

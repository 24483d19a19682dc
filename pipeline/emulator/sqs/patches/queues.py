"""SQS: no lost messages under concurrency, long polls that sleep until there is something, no slowing with depth.

moto rebuilds a queue's list on delete while another thread appends to the old one (the message is gone), computes all
attributes of a queue for each message sent, polls once a second for messages that become visible, forgets a queue's
policy whenever other attributes are set, and takes bodies that AWS refuses.
"""

from __future__ import annotations

import copy
import re
import time
from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.sqs.message_index import Messages

LONGEST_HIDDEN_MS = 43_200_000
"""From when a message was sent (AWS quota)."""

_REFUSED = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@patch("moto.sqs.models:Queue.__init__", "0a4781ed5a21", "moto has a list, and goes through all of it for each message")
def _init(self: Any, *args: Any, **kwargs: Any) -> None:
    _init.original(self, *args, **kwargs)
    self._messages = Messages()


@patch("moto.sqs.models:Message.visible", "5129b573308d", "moto's clock is slow, and asked for each message")
def _is_visible(self: Any) -> bool:
    return bool(_now() > self.visible_at)


@patch("moto.sqs.models:Message.delayed", "e2fd48abf582", "moto's clock is slow, and asked for each message")
def _is_delayed(self: Any) -> bool:
    return bool(_now() < self.delayed_until)


@patch("moto.sqs.models:SQSBackend._validate_message", "39cb57c19e59", "moto takes bodies that are empty or no XML")
def _validate_message(self: Any, queue: Any, message_body: str, *args: Any, **kwargs: Any) -> None:
    """A body has at least one character, and only those of XML (SQS, SendMessage)."""
    if error := _refusal(message_body):
        raise error
    _validate_message.original(self, queue, message_body, *args, **kwargs)


@patch("moto.sqs.models:SQSBackend.send_message_batch", "0707ad219481", "moto fails a batch for one entry's body")
def _send_message_batch(self: Any, queue_name: str, entries: dict[str, Any]) -> Any:
    """In a batch each entry fails alone.

    What AWS says of an empty body was seen there; of an empty entry of a batch it is not documented.
    """
    refused = {at: error for at, entry in entries.items() if (error := _refusal(entry.get("MessageBody")))}
    taken = {at: entry for at, entry in entries.items() if at not in refused}
    sent, failed = _send_message_batch.original(self, queue_name, taken)
    return sent, [*failed, *(_failed(entries[at]["Id"], error) for at, error in refused.items())]


def _refusal(body: str | None) -> Any:
    from moto.sqs.exceptions import MissingParameter, SQSException

    if not body:
        return MissingParameter("MessageBody")
    found = _REFUSED.search(body)
    if found is None:
        return None
    character = f"#x{ord(found[0]):X}"
    return SQSException("InvalidMessageContents", f"Invalid character {character} was found in the message body.")


def _failed(entry: str, error: Any) -> dict[str, Any]:
    return {"Id": entry, "SenderFault": True, "Code": error.code, "Message": error.message}


@patch(
    "moto.sqs.models:Queue.approximate_number_of_messages",
    "d357a9506a56",
    "moto counts all messages for each message sent",
)
def _visible(self: Any) -> int:
    with self._messages_lock:
        return int(self._messages.visible(_now()))


@patch(
    "moto.sqs.models:Queue.approximate_number_of_messages_delayed",
    "c3c1dadb0c42",
    "moto counts all messages for each message sent",
)
def _delayed(self: Any) -> int:
    with self._messages_lock:
        return int(self._messages.delayed(_now()))


@patch(
    "moto.sqs.models:Queue.approximate_number_of_messages_not_visible",
    "5dbecc4dda17",
    "moto counts all messages for each message sent",
)
def _in_flight(self: Any) -> int:
    with self._messages_lock:
        now = _now()
        return len(self._messages) - int(self._messages.visible(now)) - int(self._messages.delayed(now))


def _now() -> float:
    return time.time() * 1000


@patch("moto.sqs.models:Queue._set_attributes", "4b7aaf3f4636", "moto forgets the policy where others are set")
def _set_attributes(self: Any, attributes: dict[str, Any], now: float | None = None) -> None:
    kept = attributes if "Policy" in attributes else {**attributes, "Policy": self.policy}
    _set_attributes.original(self, kept, now)


@patch("moto.sqs.models:Queue.add_message", "f27c9231c1f2", "moto looks at all messages before it takes the lock")
def _add_message(self: Any, message: Any) -> None:
    """To the queue alone: functions are given its messages by `pipeline.emulator.awslambda.event_sources.mappings`."""
    from moto.sqs.models import DEDUPLICATION_TIME_IN_SECONDS

    with self._messages_lock:
        like = self._messages.latest_like(message) if self.fifo_queue else None
        if like is not None and message.sent_timestamp - like.sent_timestamp < DEDUPLICATION_TIME_IN_SECONDS * 1000:
            return
        self._messages.append(message)
        self._messages_lock.notify_all()


@patch("moto.sqs.models:Queue.delete_message", "fa6fd5b9bd2c", "moto makes a new list while others append to the old")
def _delete_message(self: Any, receipt_handle: str) -> None:
    from moto.sqs.exceptions import ReceiptHandleIsInvalid

    with self._messages_lock:
        message = self._messages.of_handle(receipt_handle)
        if message is not None:
            self._messages.remove(message)
            self.pending_messages.discard(message)
            self.deleted_messages.update(message.all_receipt_handles)
        elif receipt_handle not in self.deleted_messages:
            raise ReceiptHandleIsInvalid()


@patch("moto.sqs.models:SQSBackend.purge_queue", "443ea1ae7b15", "moto takes no lock")
def _purge_queue(self: Any, queue_name: str) -> None:
    queue = self.get_queue(queue_name)
    with queue._messages_lock:
        _purge_queue.original(self, queue_name)
        queue._messages = Messages()


@patch("moto.sqs.models:SQSBackend.change_message_visibility", "f0e9df5f6662", "moto takes no lock and wakes nobody")
def _change_visibility(self: Any, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    from moto.sqs.exceptions import InvalidParameterValue, ReceiptHandleIsInvalid

    queue = self.get_queue(queue_name)
    with queue._messages_lock:
        message = queue._messages.of_handle(receipt_handle)
        if message is None:
            raise ReceiptHandleIsInvalid
        hidden_for = _now() + int(visibility_timeout) * 1000 - message.sent_timestamp
        if hidden_for > LONGEST_HIDDEN_MS:
            raise InvalidParameterValue(
                f"Value {visibility_timeout} for parameter VisibilityTimeout is invalid. Reason: Total "
                "VisibilityTimeout for the message is beyond the limit [43200 seconds]"
            )
        message.change_visibility(visibility_timeout)
        queue._messages.hide(message)
        if message.visible:
            queue.pending_messages.discard(message)
        queue._messages_lock.notify_all()


@patch("moto.sqs.models:SQSBackend.receive_message", "065f3e5e7d21", "moto asks once a second, and is slow with depth")
def _receive_message(
    self: Any,
    queue_name: str,
    count: int,
    wait_seconds_timeout: int,
    visibility_timeout: int,
    message_attribute_names: list[str] | None = None,
) -> list[Any]:
    queue = self.get_queue(queue_name)
    until = time.monotonic() + (wait_seconds_timeout or 0)
    with queue._messages_lock:
        while True:
            messages = _take(queue, count, visibility_timeout, message_attribute_names or [])
            left = until - time.monotonic()
            if messages or left <= 0:
                return messages
            queue._messages_lock.wait(min(left, _seconds_to_next(queue)))


def _take(queue: Any, count: int, visibility_timeout: int, attribute_names: list[str]) -> list[Any]:
    """Hand out up to `count` messages; those received too often go to the dead-letter queue, the expired nowhere."""
    now = _now()
    taken: list[Any] = []
    passed_over: list[Any] = []
    busy = _busy_groups(queue, now)
    for message in queue._messages.take(now):
        if message.group_id in busy:
            passed_over.append(message)
        elif _is_expired(queue, message, now):
            queue._messages.remove(message)
        elif _is_dead(queue, message):
            queue._messages.remove(message)
            queue.dead_letter_queue.add_message(message)
        else:
            taken.append(_hand_out(queue, message, visibility_timeout, attribute_names))
            if queue.fifo_queue and message.group_id:
                busy.add(message.group_id)
            if len(taken) >= count:
                break
    for message in passed_over:
        queue._messages.hide(message)
    return taken


def _busy_groups(queue: Any, now: float) -> set[str]:
    """The groups of a FIFO queue of which a message is with somebody, and of no other queue any."""
    if not queue.fifo_queue:
        return set()
    # Of those that are visible again, whoever had them has let them go.
    queue._pending_messages = {message for message in queue._pending_messages if message.visible_at >= now}
    return set(queue.pending_message_groups)


def _is_expired(queue: Any, message: Any, now: float) -> bool:
    return bool(message.sent_timestamp <= now - int(queue.message_retention_period) * 1000)


def _is_dead(queue: Any, message: Any) -> bool:
    if not queue.redrive_policy or queue.dead_letter_queue is None:
        return False
    return bool(message.approximate_receive_count >= int(queue.redrive_policy["maxReceiveCount"]))


def _hand_out(queue: Any, message: Any, visibility_timeout: int, attribute_names: list[str]) -> Any:
    from moto.sqs.models import _filter_message_attributes

    if queue.fifo_queue:
        queue.pending_messages.add(message)
    message.mark_received(visibility_timeout=visibility_timeout)
    queue._messages.handed_out(message)
    answer = copy.copy(message)
    _filter_message_attributes(answer, attribute_names)
    return answer


def _seconds_to_next(queue: Any) -> float:
    """Until the next message comes back or its delay ends; what arrives meanwhile notifies."""
    now = _now()
    moment = queue._messages.next_change(now)
    # One millisecond more: visibility is strict, and waking a moment early would spin.
    return (moment - now) / 1000 + 0.001 if moment is not None else 20.0

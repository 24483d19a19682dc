"""SQS: no lost messages under concurrency, long polls that sleep until there is something, no slowing with depth.

moto rebuilds a queue's list on delete while another thread appends to the old one (the message is gone), computes all
attributes of a queue for each message received, polls once a second for messages that become visible, forgets a
queue's policy whenever other attributes are set, and takes bodies that AWS refuses.
"""

from __future__ import annotations

import contextlib
import copy
import re
import time
from collections.abc import Iterator
from typing import Any

from pipeline.emulator.moto.patch import patch

_REFUSED = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@patch("moto.sqs.models:Message.visible", "5129b573308d", "moto reads a slow clock, for each message")
def _is_visible(self: Any) -> bool:
    return bool(time.time() * 1000 > self.visible_at)


@patch("moto.sqs.models:Message.delayed", "e2fd48abf582", "moto reads a slow clock, for each message")
def _is_delayed(self: Any) -> bool:
    return bool(time.time() * 1000 < self.delayed_until)


# All attributes are computed for each message sent, and the clock was read for each message there is.
@patch("moto.sqs.models:Queue.approximate_number_of_messages", "d357a9506a56", "moto reads the clock a message")
def _visible(self: Any) -> int:
    now = time.time() * 1000
    return sum(message.visible_at < now and message.delayed_until <= now for message in self._messages)


@patch(
    "moto.sqs.models:Queue.approximate_number_of_messages_not_visible", "5dbecc4dda17", "moto reads the clock a message"
)
def _in_flight(self: Any) -> int:
    now = time.time() * 1000
    return sum(message.visible_at >= now for message in self._messages)


@patch("moto.sqs.models:Queue.approximate_number_of_messages_delayed", "c3c1dadb0c42", "moto reads the clock a message")
def _delayed(self: Any) -> int:
    now = time.time() * 1000
    return sum(message.delayed_until > now for message in self._messages)


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


@patch("moto.sqs.models:Queue._set_attributes", "4b7aaf3f4636", "moto forgets the policy where others are set")
def _set_attributes(self: Any, attributes: dict[str, Any], now: float | None = None) -> None:
    kept = attributes if "Policy" in attributes else {**attributes, "Policy": self.policy}
    _set_attributes.original(self, kept, now)


@patch("moto.sqs.models:Queue.delete_message", "fa6fd5b9bd2c", "moto makes a new list while others append to the old")
def _delete_message(self: Any, *args: Any, **kwargs: Any) -> None:
    with self._messages_lock:
        _delete_message.original(self, *args, **kwargs)


# The lock is reentrant.
@patch("moto.sqs.models:Queue.add_message", "f27c9231c1f2", "moto looks for duplicates before it takes the lock")
def _add_message(self: Any, *args: Any, **kwargs: Any) -> None:
    with self._messages_lock:
        _add_message.original(self, *args, **kwargs)


@patch("moto.sqs.models:SQSBackend.change_message_visibility", "f0e9df5f6662", "moto takes no lock and wakes nobody")
def _change_message_visibility(self: Any, queue_name: str, *args: Any, **kwargs: Any) -> None:
    with _changing(self.get_queue(queue_name)):
        _change_message_visibility.original(self, queue_name, *args, **kwargs)


@patch("moto.sqs.models:SQSBackend.purge_queue", "443ea1ae7b15", "moto takes no lock")
def _purge_queue(self: Any, queue_name: str) -> None:
    with _changing(self.get_queue(queue_name)):
        _purge_queue.original(self, queue_name)


@contextlib.contextmanager
def _changing(queue: Any) -> Iterator[None]:
    with queue._messages_lock:
        try:
            yield
        finally:
            # A message may just have become visible.
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
    now = time.time() * 1000
    taken: list[Any] = []
    leaving: list[tuple[Any, Any]] = []
    for message in queue._messages:
        if message.visible_at >= now or message.delayed_until > now:
            continue
        # It is visible: whoever had it has let it go.
        queue.pending_messages.discard(message)
        if queue.fifo_queue and message.group_id and message.group_id in queue.pending_message_groups:
            continue
        if _is_expired(queue, message, now):
            leaving.append((message, None))
        elif _is_dead(queue, message):
            leaving.append((message, queue.dead_letter_queue))
        else:
            taken.append(_hand_out(queue, message, visibility_timeout, attribute_names))
            if len(taken) >= count:
                break
    for message, target in leaving:
        queue._messages.remove(message)
        if target is not None:
            target.add_message(message)
    return taken


def _is_expired(queue: Any, message: Any, now: float) -> bool:
    return bool(message.sent_timestamp <= now - int(queue.message_retention_period) * 1000)


def _is_dead(queue: Any, message: Any) -> bool:
    if not queue.redrive_policy or queue.dead_letter_queue is None:
        return False
    return bool(message.approximate_receive_count >= int(queue.redrive_policy["maxReceiveCount"]))


def _hand_out(queue: Any, message: Any, visibility_timeout: int, attribute_names: list[str]) -> Any:
    from moto.sqs.models import _filter_message_attributes

    queue.pending_messages.add(message)
    message.mark_received(visibility_timeout=visibility_timeout)
    answer = copy.copy(message)
    _filter_message_attributes(answer, attribute_names)
    return answer


def _seconds_to_next(queue: Any) -> float:
    """Until the next message comes back or its delay ends; what arrives meanwhile notifies."""
    now = time.time() * 1000
    due = [max(message.visible_at, message.delayed_until) for message in queue._messages]
    later = [moment for moment in due if moment >= now]
    # One millisecond more: visibility is strict, and waking a moment early would spin.
    return (min(later) - now) / 1000 + 0.001 if later else 20.0

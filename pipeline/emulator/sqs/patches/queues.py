"""SQS: no lost messages under concurrency, long polls that sleep until there is something, no slowing with depth.

moto rebuilds a queue's list on delete while another thread appends to the old one (the message is gone), computes all
attributes of a queue for each message received, polls once a second for messages that become visible, forgets a
queue's policy whenever other attributes are set, and takes bodies that AWS refuses.
"""

from __future__ import annotations

import copy
import re
import time
from functools import wraps
from typing import Any

from pipeline.emulator.moto.guard import replace


def install() -> None:
    from moto.sqs.models import Message, Queue, SQSBackend

    replace(SQSBackend, "receive_message", _receive_message, source="065f3e5e7d21")
    replace(Message, "visible", property(lambda self: time.time() * 1000 > self.visible_at), source="5129b573308d")
    replace(Message, "delayed", property(lambda self: time.time() * 1000 < self.delayed_until), source="e2fd48abf582")
    # All attributes are computed for each message sent, and the clock was read for each message there is.
    replace(Queue, "approximate_number_of_messages", property(_visible), source="d357a9506a56")
    replace(Queue, "approximate_number_of_messages_not_visible", property(_in_flight), source="5dbecc4dda17")
    replace(Queue, "approximate_number_of_messages_delayed", property(_delayed), source="c3c1dadb0c42")
    _under_lock(Queue, "delete_message", source="fa6fd5b9bd2c")
    _keep_policy(Queue, source="4b7aaf3f4636")
    _check_bodies(SQSBackend)
    for name, source in (
        ("change_message_visibility", "f0e9df5f6662"),
        ("purge_queue", "443ea1ae7b15"),
    ):
        _backend_under_lock(SQSBackend, name, source)
    # Its deduplication reads the list before it takes the lock, which is reentrant.
    _under_lock(Queue, "add_message", source="f27c9231c1f2")


_REFUSED = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _check_bodies(backend: Any) -> None:
    """A body has at least one character, and only those of XML (SQS, SendMessage). In a batch each entry fails alone.

    What AWS says of an empty one was seen there; of an empty entry of a batch it is not documented.
    """

    def checking(self: Any, queue: Any, message_body: str, *args: Any, **kwargs: Any) -> None:
        if error := _refusal(message_body):
            raise error
        validate(self, queue, message_body, *args, **kwargs)

    def sending(self: Any, queue_name: str, entries: dict[str, Any]) -> Any:
        refused = {at: error for at, entry in entries.items() if (error := _refusal(entry.get("MessageBody")))}
        sent, failed = send(self, queue_name, {at: entry for at, entry in entries.items() if at not in refused})
        return sent, [*failed, *(_failed(entries[at]["Id"], error) for at, error in refused.items())]

    validate = replace(backend, "_validate_message", checking, source="39cb57c19e59")
    send = replace(backend, "send_message_batch", sending, source="0707ad219481")
    wraps(validate)(checking)
    wraps(send)(sending)


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


def _visible(self: Any) -> int:
    now = time.time() * 1000
    return sum(message.visible_at < now and message.delayed_until <= now for message in self._messages)


def _in_flight(self: Any) -> int:
    now = time.time() * 1000
    return sum(message.visible_at >= now for message in self._messages)


def _delayed(self: Any) -> int:
    now = time.time() * 1000
    return sum(message.delayed_until > now for message in self._messages)


def _keep_policy(owner: Any, source: str) -> None:
    """moto takes attributes that do not name the policy for ones without a policy."""

    def keeping(self: Any, attributes: dict[str, Any], now: float | None = None) -> None:
        original(self, attributes if "Policy" in attributes else {**attributes, "Policy": self.policy}, now)

    original = replace(owner, "_set_attributes", keeping, source=source)
    wraps(original)(keeping)


def _under_lock(owner: Any, name: str, source: str) -> None:
    def locked(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self._messages_lock:
            return original(self, *args, **kwargs)

    original = replace(owner, name, locked, source=source)
    wraps(original)(locked)


def _backend_under_lock(owner: Any, name: str, source: str) -> None:
    def locked(self: Any, queue_name: str, *args: Any, **kwargs: Any) -> Any:
        condition = self.get_queue(queue_name)._messages_lock
        with condition:
            try:
                return original(self, queue_name, *args, **kwargs)
            finally:
                # A message may just have become visible.
                condition.notify_all()

    original = replace(owner, name, locked, source=source)
    wraps(original)(locked)


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

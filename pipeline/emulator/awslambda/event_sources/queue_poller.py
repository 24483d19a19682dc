"""Polls one queue for a function: gathers batches, hands them over and deletes what succeeded.

Receives and deletes are real calls to the endpoint and count as such. Whether there is anything to receive is looked
up in moto's own state in this process, so that an empty queue costs nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.emulator.awslambda.event_sources.filters import Filters
from pipeline.emulator.awslambda.event_sources.sqs_batches import Message, events, record, succeeded
from pipeline.emulator.awslambda.functions import Answer, Throttled
from pipeline.emulator.clients import own_client

APP_ID = "event-source"
"""Names the caller in the User-Agent of receives and deletes."""

LEAST_CONCURRENCY = 2
_RECEIVE_AT_MOST = 10
_BACK_OFF_S = 1.0
_THROTTLED_AGAIN_S = 0.2
# Arrivals wake a poller; this only bounds how long it takes to see that its mapping changed.
_LOOK_UP_S = 0.5

_log = logging.getLogger(__name__)

InvokeArn = Callable[[str, bytes], Answer]
"""Run the function of an ARN with a JSON event and wait for its answer; `Throttled` if it may not run now."""


class QueuePoller:
    """One enabled mapping: a thread that gathers batches, and threads that carry them to the function.

    The mapping is moto's own object: an update is seen with the next batch. `concurrency` is how many batches run at
    once, at most; the mapping's own ScalingConfig may ask for fewer, but for no fewer than 2.
    """

    def __init__(self, mapping: Any, endpoint: str, invoke: InvokeArn, concurrency: int) -> None:
        self._mapping = mapping
        self._invoke = invoke
        self._queue_arn = mapping.event_source_arn
        _, _, _, self._region, self._account, self._queue_name = self._queue_arn.split(":")
        self._url = f"{endpoint}/{self._account}/{self._queue_name}"
        self._sqs = own_client("sqs", self._region, endpoint, APP_ID)
        self._cap = concurrency
        self._changed = threading.Condition()
        self._running = 0
        self._stopped = False
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix=f"source-{self._queue_name}")
        self._thread = threading.Thread(target=self._run, name=f"source-{self._queue_name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take nothing new; what is being worked on goes on."""
        self._stopped = True
        with self._changed:
            self._changed.notify_all()
        self._threads.shutdown(wait=False)

    def is_alive(self) -> bool:
        """Whether it polls still."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait until the poller receives no more."""
        self._thread.join()

    def _run(self) -> None:
        while self._is_active():
            try:
                if self._wait_for_slot() and self._wait_for_messages() and (messages := self._gather()):
                    self._hand_over(messages)
            except Exception:
                if self._is_active():
                    _log.exception("event source of %s", self._queue_arn)
                    time.sleep(_BACK_OFF_S)

    def _is_active(self) -> bool:
        return not self._stopped and bool(self._mapping.enabled)

    def _wait_for_slot(self) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._running < self._limit() or self._stopped, _LOOK_UP_S)

    def _limit(self) -> int:
        wanted = (self._mapping.scaling_config or {}).get("MaximumConcurrency") or self._cap
        return min(self._cap, max(LEAST_CONCURRENCY, int(wanted)))

    def _wait_for_messages(self) -> bool:
        """Wait until a batch is worth receiving: one is full, or the window since the first message has passed."""
        if not self._visible(1, _LOOK_UP_S):
            return False
        window = float(self._mapping.max_batch_window or 0)
        closes = time.monotonic() + window
        while self._is_active() and (left := closes - time.monotonic()) > 0:
            if self._visible(int(self._mapping.batch_size), min(left, _LOOK_UP_S)):
                break
        return self._is_active()

    def _visible(self, count: int, seconds: float) -> bool:
        """Wait at most so long until so many messages could be received."""
        queue = _queue(self._account, self._region, self._queue_name)
        if queue is None:
            time.sleep(seconds)
            return False
        ends = time.monotonic() + seconds
        with queue._messages_lock:
            while True:
                found, next_s = _receivable(queue, count)
                left = ends - time.monotonic()
                if found or left <= 0 or self._stopped:
                    return found
                queue._messages_lock.wait(min(left, next_s))

    def _gather(self) -> list[Message]:
        wanted = int(self._mapping.batch_size)
        messages: list[Message] = []
        while len(messages) < wanted and (not messages or self._visible(1, 0)):
            received = self._receive(min(_RECEIVE_AT_MOST, wanted - len(messages)))
            if not received:
                break
            messages += received
        return messages

    def _receive(self, count: int) -> Sequence[Message]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        found: Sequence[Message] = answer.get("Messages", [])
        return found

    def _hand_over(self, messages: list[Message]) -> None:
        with self._changed:
            self._running += 1
        try:
            self._threads.submit(self._process, messages)
        except RuntimeError:
            # Stopped meanwhile: the messages come back.
            self._finished()

    def _process(self, messages: list[Message]) -> None:
        try:
            gives_up = time.monotonic() + self._hidden_for_s()
            for batch, event in events(self._wanted(messages), self._queue_arn, self._region):
                answer = self._invoke_when_there_is_room(event, gives_up)
                if answer is None:
                    return
                reports = "ReportBatchItemFailures" in (self._mapping.function_response_types or [])
                self._delete(succeeded(batch, answer, reports_failures=reports))
        except Exception:
            if not self._stopped:
                _log.exception("batch of %s for %s", self._queue_arn, self._mapping.function_arn)
                time.sleep(_BACK_OFF_S)
        finally:
            self._finished()

    def _wanted(self, messages: list[Message]) -> list[Message]:
        """The messages that pass the filters. The others are deleted: nobody wants them."""
        filters = Filters(self._mapping.filter_criteria)
        if not filters:
            return messages
        passing = [m for m in messages if filters.pass_record(record(m, self._queue_arn, self._region))]
        self._delete([message for message in messages if message not in passing])
        return passing

    def _invoke_when_there_is_room(self, event: bytes, gives_up: float) -> Answer | None:
        """None if the function was throttled until the messages became visible again: they come back by themselves."""
        while True:
            try:
                return self._invoke(self._mapping.function_arn, event)
            except Throttled:
                if self._stopped or time.monotonic() + _THROTTLED_AGAIN_S > gives_up:
                    return None
                time.sleep(_THROTTLED_AGAIN_S)

    def _hidden_for_s(self) -> float:
        queue = _queue(self._account, self._region, self._queue_name)
        return float(queue.visibility_timeout) if queue is not None else 0.0

    def _finished(self) -> None:
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def _delete(self, messages: Sequence[Message]) -> None:
        for start in range(0, len(messages), _RECEIVE_AT_MOST):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[start : start + _RECEIVE_AT_MOST])
            ]
            answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            for failed in answer.get("Failed", []):
                _log.warning("a message of %s was not deleted and comes again: %s", self._queue_arn, failed)


def _queue(account: str, region: str, name: str) -> Any:
    from moto.sqs.models import sqs_backends

    return sqs_backends[account][region].queues.get(name)


def _receivable(queue: Any, count: int) -> tuple[bool, float]:
    """Whether so many messages can be received now, else the seconds until the next one can (at most)."""
    now = time.time() * 1000
    if queue._messages.visible(now) >= count:
        return True, 0.0
    moment = queue._messages.next_change(now)
    # A message becomes visible in the millisecond after the one that it is hidden until.
    return False, min((moment - now + 1) / 1000, 3600.0) if moment is not None else 3600.0

"""Lambda's queue of asynchronous invocations: it takes them at once, retries failures and hands on the outcome."""

from __future__ import annotations

import heapq
import itertools
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipeline.core.clock import iso
from pipeline.emulator.awslambda.destinations import Destinations
from pipeline.emulator.awslambda.functions import Answer, Function, Invoke, Throttled, new_request_id

RETRY_AFTER_S = (60.0, 120.0)
"""AWS waits a minute before the first retry, and two before the second."""

THROTTLED_AGAIN_S = (1.0, 300.0)
"""A throttled event waits so long before it is tried again, twice as long each time up to the second figure."""

_AT_ONCE = 8
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Event:
    function: Function
    payload: bytes
    request_id: str
    born: float = field(default_factory=time.monotonic)
    tries: int = 0
    throttled: int = 0

    def may_wait(self, seconds: float) -> bool:
        """Whether it is not too old for its function when it is tried after so many seconds."""
        return time.monotonic() + seconds - self.born <= self.function.retries.max_age_s


Resolve = Callable[[str], Function]
"""The function of an ARN, as it is now."""


class AsyncInvocations:
    """Runs what is `submit`ted, by `invoke`, and again after each of `retry_after_s` if it fails.

    How often a function is retried, for how long, and where outcomes go is the function's own setting, looked up by
    `resolve` at each try. Destinations are at `endpoint`. What waits at `stop` is forgotten.
    """

    def __init__(
        self,
        invoke: Invoke,
        endpoint: str,
        *,
        resolve: Resolve | None = None,
        retry_after_s: Sequence[float] = RETRY_AFTER_S,
        throttled_again_s: tuple[float, float] = THROTTLED_AGAIN_S,
    ) -> None:
        self._invoke = invoke
        self._resolve = resolve
        self._destinations = Destinations(endpoint)
        self._retry_after_s = retry_after_s
        self._throttled_again_s = throttled_again_s
        self._due: list[tuple[float, int, _Event]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._pending = 0
        self._stopping = True
        self._threads: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Begin to take invocations."""
        self._stopping = False
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="async-invocation")
        threading.Thread(target=self._run, name="async-invocations", daemon=True).start()

    def stop(self) -> None:
        """Forget what waits. Does not wait for what runs: stopping the workers ends it."""
        with self._changed:
            self._stopping = True
            self._due.clear()
            self._changed.notify_all()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def submit(self, function: Function, payload: bytes) -> str:
        """Take an invocation; returns its request id at once."""
        event = _Event(function, payload, new_request_id())
        with self._changed:
            self._pending += 1
            self._push(event, 0.0)
        return event.request_id

    def pending(self) -> int:
        """Invocations that have not come to their end: they wait, run, or wait for a retry."""
        with self._changed:
            return self._pending

    def _push(self, event: _Event, delay_s: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + delay_s, next(self._order), event))
        self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopping and (not self._due or self._due[0][0] > time.monotonic()):
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._stopping:
                    return
                _, _, event = heapq.heappop(self._due)
                assert self._threads is not None
                self._threads.submit(self._try, event)

    def _try(self, event: _Event) -> None:
        try:
            delay = self._try_once(event)
        except Exception:
            _log.exception("asynchronous invocation %s of %s", event.request_id, event.function.name)
            delay = None
        with self._changed:
            if delay is None or self._stopping:
                self._pending -= 1
            else:
                self._push(event, delay)

    def _try_once(self, event: _Event) -> float | None:
        """Run the function; the seconds until it has to be tried again, None if it has come to its end."""
        if self._resolve is not None:
            event.function = self._resolve(event.function.asked_for)
        if event.function.concurrency == 0:
            self._hand_on(event, Answer(event.request_id, b"", failed=True), "ZeroReservedConcurrency")
            return None
        try:
            answer = self._invoke_once(event)
        except Throttled:
            return self._wait_for_room(event)
        event.tries += 1
        condition = "RetriesExhausted" if answer.failed else "Success"
        if answer.failed and event.tries <= min(event.function.retries.attempts, len(self._retry_after_s)):
            delay = self._retry_after_s[event.tries - 1]
            if event.may_wait(delay):
                return delay
            condition = "EventAgeExceeded"
        self._hand_on(event, answer, condition)
        return None

    def _wait_for_room(self, event: _Event) -> float | None:
        """A throttled event has not been tried: it waits until it is too old."""
        first, longest = self._throttled_again_s
        delay = min(first * 2.0 ** min(event.throttled, 16), longest)
        event.throttled += 1
        if event.may_wait(delay):
            return delay
        self._hand_on(event, Answer(event.request_id, b"", failed=True), "EventAgeExceeded")
        return None

    def _invoke_once(self, event: _Event) -> Answer:
        try:
            return self._invoke(event.function, event.payload, event.request_id)
        except Throttled:
            raise
        except Exception as error:
            # The service failed and not the function: AWS tries these again as well.
            _log.exception("cannot invoke %s", event.function.name)
            text = json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)})
            return Answer(event.request_id, text.encode(), failed=True)

    def _hand_on(self, event: _Event, answer: Answer, condition: str) -> None:
        retries = event.function.retries
        if answer.failed and retries.dead_letter:
            text, attributes = event.payload.decode(), _dead_letter_attributes(event, answer)
            self._destinations.send_text(retries.dead_letter, text, attributes)
        if destination := retries.on_failure if answer.failed else retries.on_success:
            record = outcome_record(event.function, event.payload, event.tries, answer, condition)
            arn = record["requestContext"]["functionArn"]
            self._destinations.send(destination, record, succeeded=not answer.failed, function_arn=arn)


def outcome_record(function: Function, payload: bytes, tries: int, answer: Answer, condition: str) -> dict[str, Any]:
    """What AWS sends to a destination. Of a function that was never tried there is no response."""
    arn = function.asked_for
    is_plain = arn == function.arn and function.version == "$LATEST"
    response = {
        "responseContext": {
            "statusCode": 200,
            "executedVersion": function.version,
            **({"functionError": "Unhandled"} if answer.failed else {}),
        },
        "responsePayload": json.loads(answer.payload or b"null"),
    }
    return {
        "version": "1.0",
        "timestamp": iso(datetime.now(UTC)),
        "requestContext": {
            "requestId": answer.request_id,
            "functionArn": f"{arn}:$LATEST" if is_plain else arn,
            "condition": condition,
            "approximateInvokeCount": tries,
        },
        "requestPayload": json.loads(payload),
        **(response if tries else {}),
    }


def _dead_letter_attributes(event: _Event, answer: Answer) -> dict[str, Any]:
    try:
        message = str(json.loads(answer.payload).get("errorMessage", ""))
    except (ValueError, AttributeError):
        message = ""
    ran = event.tries > 0
    return {
        "RequestID": {"DataType": "String", "StringValue": event.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200" if ran else "429"},
        "ErrorMessage": {"DataType": "String", "StringValue": message[:1024] or ("-" if ran else "Rate Exceeded.")},
    }

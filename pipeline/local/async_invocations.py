"""Lambda's queue of asynchronous invocations: it takes them at once, retries failures and hands on the outcome."""

from __future__ import annotations

import heapq
import itertools
import json
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipeline.clock import iso
from pipeline.local.functions import Answer, Function, Invoke, new_request_id
from pipeline.local.own_clients import own_client

RETRY_AFTER_S = (60.0, 120.0)
"""AWS waits a minute before the first retry, and two before the second."""

_AT_ONCE = 8
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Event:
    function: Function
    payload: bytes
    request_id: str
    born: float = field(default_factory=time.monotonic)
    tries: int = 0


class AsyncInvocations:
    """Runs what is `submit`ted, by `invoke`, and again after each of `retry_after_s` if it fails.

    How often a function is retried, for how long, and where outcomes go is the function's own setting. Destinations
    and dead-letter targets are SQS queues and SNS topics at `endpoint`. What waits at `stop` is forgotten.
    """

    def __init__(self, invoke: Invoke, endpoint: str, *, retry_after_s: Sequence[float] = RETRY_AFTER_S) -> None:
        self._invoke = invoke
        self._endpoint = endpoint
        self._retry_after_s = retry_after_s
        self._due: list[tuple[float, int, _Event]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._pending = 0
        self._stopping = True
        self._threads: ThreadPoolExecutor | None = None

    def start(self) -> None:
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
        event.tries += 1
        try:
            answer = self._invoke_once(event)
            retries = event.function.retries
            if answer.failed and event.tries <= min(retries.attempts, len(self._retry_after_s)):
                delay = self._retry_after_s[event.tries - 1]
                if time.monotonic() + delay - event.born <= retries.max_age_s:
                    with self._changed:
                        if not self._stopping:
                            return self._push(event, delay)
            self._hand_on(event, answer)
        except Exception:
            _log.exception("asynchronous invocation %s of %s", event.request_id, event.function.name)
        with self._changed:
            self._pending -= 1

    def _invoke_once(self, event: _Event) -> Answer:
        try:
            return self._invoke(event.function, event.payload, event.request_id)
        except Exception as error:
            # The service failed and not the function: AWS tries these again as well.
            _log.exception("cannot invoke %s", event.function.name)
            text = json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)})
            return Answer(event.request_id, text.encode(), failed=True)

    def _hand_on(self, event: _Event, answer: Answer) -> None:
        retries = event.function.retries
        if answer.failed and retries.dead_letter:
            self._send(retries.dead_letter, event.payload.decode(), _dead_letter_attributes(event, answer))
        if destination := retries.on_failure if answer.failed else retries.on_success:
            self._send(destination, json.dumps(outcome_record(event.function, event.payload, event.tries, answer)), {})

    def _send(self, target: str, text: str, attributes: dict[str, Any]) -> None:
        _, _, service, region, account, name = target.split(":", 5)
        if service not in ("sqs", "sns"):
            raise NotImplementedError(f"the embedded AWS sends outcomes to SQS and SNS only, not to {target}")
        client = own_client(service, region, self._endpoint, "lambda-destination")
        if service == "sqs":
            url = f"{self._endpoint}/{account}/{name}"
            client.send_message(QueueUrl=url, MessageBody=text, MessageAttributes=attributes)
        else:
            client.publish(TopicArn=target, Message=text, MessageAttributes=attributes)


def outcome_record(function: Function, payload: bytes, tries: int, answer: Answer) -> dict[str, Any]:
    """What AWS sends to a destination."""
    return {
        "version": "1.0",
        "timestamp": iso(datetime.now(UTC)),
        "requestContext": {
            "requestId": answer.request_id,
            "functionArn": f"{function.arn}:{function.version}" if function.version == "$LATEST" else function.arn,
            "condition": "RetriesExhausted" if answer.failed else "Success",
            "approximateInvokeCount": tries,
        },
        "requestPayload": json.loads(payload),
        "responseContext": {
            "statusCode": 200,
            "executedVersion": function.version,
            **({"functionError": "Unhandled"} if answer.failed else {}),
        },
        "responsePayload": json.loads(answer.payload or b"null"),
    }


def _dead_letter_attributes(event: _Event, answer: Answer) -> dict[str, Any]:
    try:
        message = str(json.loads(answer.payload).get("errorMessage", ""))
    except (ValueError, AttributeError):
        message = ""
    return {
        "RequestID": {"DataType": "String", "StringValue": event.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": message[:1024] or "-"},
    }

"""A Lambda function as its workers need it, and what an invocation answers. Shared by the parts around Lambda."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.core.errors import Refused

SYNCHRONOUS_PAYLOAD_BYTES = 6 * 1024 * 1024
"""Largest request and response of a synchronous invocation (AWS quota)."""

ASYNCHRONOUS_PAYLOAD_BYTES = 1024 * 1024
"""Largest payload of an asynchronous invocation (AWS quota)."""


@dataclass(frozen=True, slots=True)
class Retries:
    """What happens to an asynchronous invocation that fails. The defaults are AWS's; ages are in seconds.

    `on_success` and `on_failure` are destinations, `dead_letter` is the function's dead-letter target: ARNs.
    """

    attempts: int = 2
    max_age_s: float = 6 * 3600
    on_success: str | None = None
    on_failure: str | None = None
    dead_letter: str | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """A version of a layer: its zip and the zip's digest."""

    sha: str
    archive: bytes = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Function:
    """One version of a function. Two that are equal may share workers: code and retries play no part in that.

    `code` is the zip, `code_sha` its digest; `invoked_arn` is what it was asked for by, which may be an alias; `layers`
    come in the order in which they are laid over each other;
    `concurrency` is the reserved concurrency, None for none.
    """

    account: str
    region: str
    name: str
    version: str
    arn: str
    handler: str
    runtime: str
    code_sha: str
    environment: tuple[tuple[str, str], ...] = ()
    memory_mb: int = 128
    timeout_s: float = 3
    concurrency: int | None = None
    log_group: str = ""
    json_logs: bool = False
    layers: tuple[Layer, ...] = ()
    code: bytes = field(default=b"", repr=False, compare=False)
    retries: Retries = field(default=Retries(), compare=False)
    invoked_arn: str = field(default="", compare=False)

    @property
    def asked_for(self) -> str:
        """The ARN that it was invoked by."""
        return self.invoked_arn or self.arn


@dataclass(frozen=True, slots=True)
class Answer:
    """What an invocation gave. `failed` is AWS's `FunctionError: Unhandled`; `log_tail` the last 4 KB of its log."""

    request_id: str
    payload: bytes
    failed: bool = False
    log_tail: str = ""


class Throttled(Refused):
    """As many invocations run as the function has concurrency reserved; nothing of this one has."""

    def __init__(self, function: Function) -> None:
        super().__init__(f"{function.name} runs {function.concurrency} times at once already, and may no more")


class Invoke(Protocol):
    """Run a function with a JSON event and wait for its answer; the request id is made up unless given.

    `Throttled` if it may not run now.
    """

    def __call__(self, function: Function, payload: bytes, request_id: str | None = None, /) -> Answer: ...


def new_request_id() -> str:
    """An id as Lambda gives each invocation."""
    return str(uuid.uuid4())

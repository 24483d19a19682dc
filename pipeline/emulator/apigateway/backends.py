"""What answers behind the gateway: DynamoDB's actions, functions, mocks. Each gives what came back, as it came."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from dataclasses import dataclass, field
from typing import Any

from pipeline.emulator.apigateway.apis import Integration
from pipeline.emulator.apigateway.faults import bad_gateway, broken, timed_out
from pipeline.emulator.gateway.in_process_http import request_environ

WsgiAnswer = tuple[str, list[tuple[str, str]], bytes]
Call = Callable[[dict[str, Any]], WsgiAnswer]
"""Calls the embedded AWS in this process, as a WSGI request."""

CALLER = "apigateway"
"""What the call recorder shows for calls of integrations, with `:` and the role's name behind."""


@dataclass(frozen=True, slots=True)
class BackendAnswer:
    """What an integration gave. `selector` is what the patterns of integration responses are matched with."""

    status: int
    selector: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Backends:
    """The services behind the gateway."""

    def __init__(self, call: Call, signed: Callable[[str, str], str]) -> None:
        """`signed` gives an Authorization header for a region and service, by which calls are told apart."""
        self._call = call
        self._signed = signed
        self._threads = ThreadPoolExecutor(64, thread_name_prefix="apigateway")

    def stop(self) -> None:
        """Take no more calls."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def dynamodb(self, integration: Integration, region: str, body: str) -> BackendAnswer:
        """One action. Errors of DynamoDB are answers, told by their status."""
        headers = {
            "CONTENT_TYPE": "application/x-amz-json-1.0",
            "HTTP_X_AMZ_TARGET": f"DynamoDB_20120810.{integration.target}",
        }
        status, kept, answer = self._post("/", region, "dynamodb", body.encode(), headers, integration)
        return BackendAnswer(status, str(status), answer.decode("utf-8", "replace"), kept)

    def function(self, integration: Integration, region: str, body: str) -> BackendAnswer:
        """One invocation. An error of the function is an answer, told by its errorMessage."""
        status, headers, answer = self._invoked(integration, region, body)
        text = answer.decode("utf-8", "replace")
        if "X-Amz-Function-Error".lower() not in headers:
            return BackendAnswer(status, "", text, headers)
        try:
            message = json.loads(text).get("errorMessage")
        except (ValueError, AttributeError):
            message = None
        return BackendAnswer(status, str(message or "an error without a message"), text, headers)

    def proxied(self, integration: Integration, region: str, event: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        """One invocation whose answer is the whole answer; a 502 where it is none."""
        _, headers, answer = self._invoked(integration, region, json.dumps(event))
        if "x-amz-function-error" in headers:
            raise bad_gateway(f"the function failed: {answer[:1000].decode('utf-8', 'replace')}")
        return read_proxy_answer(answer)

    def _invoked(self, integration: Integration, region: str, body: str) -> tuple[int, dict[str, str], bytes]:
        name = integration.target
        path = f"/2015-03-31/functions/{name}/invocations"
        waiting = self._threads.submit(self._post, path, region, "lambda", body.encode(), {}, integration)
        try:
            status, headers, answer = waiting.result(integration.timeout_ms / 1000)
        except TimeoutError:
            raise timed_out() from None
        if status >= 300:
            raise broken(f"the function {name} cannot be invoked: {answer[:500].decode('utf-8', 'replace')}")
        return status, headers, answer

    def _post(
        self, path: str, region: str, service: str, body: bytes, more: Mapping[str, str], integration: Integration
    ) -> tuple[int, dict[str, str], bytes]:
        role = integration.credentials.rpartition("/")[2]
        environ = request_environ("POST", f"http://127.0.0.1{path}", body) | {
            "HTTP_USER_AGENT": f"apigateway app/{CALLER}:{role}" if role else f"apigateway app/{CALLER}",
            "HTTP_AUTHORIZATION": self._signed(region, service),
            **more,
        }
        status, headers, answer = self._call(environ)
        return int(status.partition(" ")[0]), {name.lower(): value for name, value in headers}, answer


def mock(body: str) -> BackendAnswer:
    """A mock answers with the statusCode that its request template gives, and no body."""
    try:
        status = json.loads(body)["statusCode"]
    except (ValueError, KeyError, TypeError):
        raise broken("the request template of a mock gives no JSON with a statusCode") from None
    return BackendAnswer(int(status), str(status), "")


def read_proxy_answer(answer: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of a function's answer in the form that proxies have; `Fault` 502 for another."""
    try:
        told = json.loads(answer)
    except ValueError:
        raise bad_gateway("the function's answer is no JSON") from None
    if not isinstance(told, dict) or not told.keys() <= _OF_ANSWERS or not _is_status(told.get("statusCode")):
        raise bad_gateway("the function's answer is not in the form of a proxy's")
    body = told.get("body")
    if body is not None and not isinstance(body, str):
        raise bad_gateway("the body of the function's answer is no text")
    headers = [(str(name), _text(value)) for name, value in (told.get("headers") or {}).items()]
    several = told.get("multiValueHeaders") or {}
    # Of a name in both, what stands in multiValueHeaders has all.
    given = {name.lower() for name in several}
    headers = [each for each in headers if each[0].lower() not in given]
    headers += [(str(name), _text(value)) for name, values in several.items() for value in values]
    if any(re.search(r"[\r\n\0]", part) for header in headers for part in header):
        raise bad_gateway("a header of the function's answer has a line break")
    return int(told["statusCode"]), headers, (body or "").encode()


_OF_ANSWERS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}


def _is_status(value: Any) -> bool:
    try:
        return 100 <= int(value) <= 599
    except (TypeError, ValueError):
        return False


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def as_text(body: bytes) -> tuple[str, bool]:
    """A body as an event has it, and whether in Base64."""
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True

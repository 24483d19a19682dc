"""Serves deployed APIs at `/restapis/<api id>/<stage>/_user_request_/…`, as they stood when they were deployed.

The order is API Gateway's: the method, who calls, how often, whether the request is as declared, then the integration.
A method is open to whom it is on AWS: one that asks for neither a key nor a signature, to everybody on this machine.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.emulator.apigateway.access_logs import AccessLogs
from pipeline.emulator.apigateway.admission import Admission
from pipeline.emulator.apigateway.apis import Api, IntegrationKind, Method
from pipeline.emulator.apigateway.backends import Backends, Call, mock
from pipeline.emulator.apigateway.context import context_of, of_fault, of_method, substituted
from pipeline.emulator.apigateway.control import ControlPlane
from pipeline.emulator.apigateway.faults import Fault, no_such_method
from pipeline.emulator.apigateway.mapper import Mapper, Reply, one_line
from pipeline.emulator.apigateway.proxy_event import proxy_event
from pipeline.emulator.apigateway.request import Incoming, read_incoming
from pipeline.emulator.apigateway.routing import find_method
from pipeline.emulator.apigateway.store import Json, Store
from pipeline.emulator.apigateway.validation import validate
from pipeline.emulator.gateway.signatures import FindSecret

_log = logging.getLogger(__name__)

Answer = tuple[str, list[tuple[str, str]], bytes]


@dataclass(frozen=True, slots=True)
class _Served:
    """The stage that a request is for."""

    store: Store
    api: Api
    stage: Json
    context: dict[str, Any]
    region: str

    @property
    def variables(self) -> Mapping[str, str]:
        return self.stage.get("variables") or {}


class DataPlane:
    """Answers requests to what the control plane has deployed."""

    def __init__(self, control: ControlPlane, call: Call, signed: Callable[[str, str], str], find: FindSecret) -> None:
        self._control = control
        self._backends = Backends(call, signed)
        self._admission = Admission(find)
        self.logs = AccessLogs()

    def stop(self) -> None:
        """Write the logs that wait, and call nothing more."""
        self._backends.stop()
        self.logs.stop()

    def answer(self, environ: Mapping[str, Any], body: bytes) -> Answer:
        """What a caller gets."""
        incoming = read_incoming(environ, body)
        served = self._find(incoming)
        if served is None:
            return _sent(Reply(403, _ERROR_HEADERS, b'{"message":"Forbidden"}'), {})
        try:
            reply = self._reply(served, incoming, environ)
        except Fault as fault:
            reply = _of_fault(served, incoming, fault)
        self._log_access(served, reply)
        return _sent(reply, served.context)

    def _find(self, incoming: Incoming) -> _Served | None:
        with self._control.lock:
            found = self._control.find(incoming.api_id)
            stage = found[1].stages.get(incoming.stage) if found else None
            if found is None or stage is None:
                return None
            deployed = found[1].deployments[stage["deploymentId"]]
            context = context_of(incoming, stage["deploymentId"])
            return _Served(found[0], deployed.api, dict(stage), context, found[0].region)

    def _reply(self, served: _Served, incoming: Incoming, environ: Mapping[str, Any]) -> Reply:
        found = find_method(served.api, incoming.verb, incoming.path)
        if found is None:
            raise no_such_method()
        method, of_path = found
        of_method(served.context, method)
        with self._control.lock:
            self._admission.admit(served.store, served.stage, method, incoming, environ, served.context)
        parameters = incoming.parameters(of_path)
        validate(method, incoming, parameters)
        began = time.monotonic()
        try:
            if method.integration.kind is IntegrationKind.AWS_PROXY:
                event = proxy_event(method, incoming, of_path, served.context, served.variables)
                return self._proxied(method, served, event)
            mapper = Mapper(parameters, served.context, served.variables)
            return self._mapped(method, served, incoming, mapper)
        finally:
            served.context["integrationLatency"] = int((time.monotonic() - began) * 1000)

    def _proxied(self, method: Method, served: _Served, event: Mapping[str, Any]) -> Reply:
        status, headers, body = self._backends.proxied(method.integration, served.region, event)
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "application/json"))
        _of_integration(served.context, status)
        return Reply(status, tuple(headers), body)

    def _mapped(self, method: Method, served: _Served, incoming: Incoming, mapper: Mapper) -> Reply:
        integration = method.integration
        body = mapper.request_body(integration, incoming)
        if integration.kind is IntegrationKind.MOCK:
            answer = mock(body)
        elif integration.service == "lambda":
            answer = self._backends.function(integration, served.region, body)
        else:
            answer = self._backends.dynamodb(integration, served.region, body)
        _of_integration(served.context, answer.status)
        return mapper.reply(integration, answer, incoming.header("Accept"))

    def _log_access(self, served: _Served, reply: Reply) -> None:
        context = served.context
        context["status"], context["responseLength"] = reply.status, len(reply.body)
        context["responseLatency"] = int((time.monotonic() - context["_began"]) * 1000)
        self.logs.write(served.stage, context)


_ERROR_HEADERS = (("Content-Type", "application/json"), ("x-amzn-ErrorType", "ForbiddenException"))


def _of_integration(context: dict[str, Any], status: int) -> None:
    context["integrationStatus"] = status
    context["integration"] = {"status": status}


def _of_fault(served: _Served, incoming: Incoming, fault: Fault) -> Reply:
    """The gateway response of an error's type, else of all of its class, else API Gateway's own."""
    if fault.detail and fault.code >= 500:
        _log.warning("API %s: %s", incoming.api_id, fault.detail)
    of_fault(served.context, fault)
    given = served.api.gateway_responses
    own, of_class = given.get(fault.kind), given.get("DEFAULT_5XX" if fault.code >= 500 else "DEFAULT_4XX")
    chosen = own or of_class
    status = (chosen and chosen.status) or fault.code
    kind, template = "application/json", '{"message":$context.error.messageString}'
    if chosen and chosen.templates:
        accept = incoming.header("Accept").partition(",")[0].partition(";")[0].strip()
        kind = accept if accept in chosen.templates else next(iter(chosen.templates))
        template = chosen.templates[kind]
    headers = {"Content-Type": kind, "x-amzn-ErrorType": fault.name}
    for name, value in (chosen.parameters if chosen else {}).items():
        headers[name.removeprefix("gatewayresponse.header.")] = one_line(_value(value, served, incoming))
    body = substituted(template, served.context, served.variables)
    return Reply(status, tuple(headers.items()), body.encode())


def _value(expression: str, served: _Served, incoming: Incoming) -> str:
    if expression.startswith("'"):
        return expression[1:-1]
    if expression.startswith("method.request."):
        place, _, name = expression.removeprefix("method.request.").partition(".")
        return incoming.header(name) if place == "header" else dict(incoming.query).get(name, "")
    return substituted(f"${expression}", served.context, served.variables)


def _sent(reply: Reply, context: Mapping[str, Any]) -> Answer:
    headers = [*reply.headers]
    if context:
        headers += [("x-amzn-RequestId", context["requestId"]), ("x-amz-apigw-id", context["extendedRequestId"])]
    return f"{reply.status} ", [*headers, ("Content-Length", str(len(reply.body)))], reply.body

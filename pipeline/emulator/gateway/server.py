"""The embedded AWS's front door: moto's application in this process, behind a threaded HTTP server on 127.0.0.1.

State and API surface are moto's, changed by the patches of each service. What acts on its own (functions, jobs,
schedules) is in other modules. moto keeps its state in module globals, so a process has at most one running server, and
a start begins with nothing.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from pipeline.core.errors import Refused
from pipeline.core.lake_key import NONCE, PROOF, own_key
from pipeline.emulator.apigateway.request import is_of_data_plane
from pipeline.emulator.apigateway.service import SERVICE as API_GATEWAY
from pipeline.emulator.apigateway.service import ApiGateway
from pipeline.emulator.gateway.actions import JVM, ActionRecorder
from pipeline.emulator.gateway.calls import Call, CallRecorder, identify
from pipeline.emulator.gateway.complaints import REST_JSON, complaint_after, complaint_before
from pipeline.emulator.gateway.listener import listen
from pipeline.emulator.gateway.operations import refusal
from pipeline.emulator.gateway.refusals import Answer, in_protocol, malformed, refused

HOST = "127.0.0.1"
PRIVATE = "/_sluice/"
NOT_OF_AWS = ("/moto-api", "/latest/meta-data", "/latest/api", "/favicon.ico")
"""What moto serves beside AWS's APIs, its state and the credentials of a machine among it."""

STOP_SECONDS = 5

Private = Callable[[Mapping[str, list[str]]], object]
Invoke = Callable[[str, str], None]
"""Invokes a function (its ARN, the event as JSON) asynchronously, as other services do."""

_NONCE = f"HTTP_{NONCE.upper().replace('-', '_')}"
_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_LOGGERS = (
    "moto",
    "werkzeug",
    "flask.app",
    "pipeline.emulator.gateway.http_server",
    "pipeline.emulator.moto",
    "pipeline.emulator.outbox",
)

_running = threading.Lock()


class AwsServer:
    """moto served at `endpoint` between `start` and `stop`.

    `port` 0 takes a free one. `state_dir` gets `front.log`, where unexpected errors inside moto are kept, and
    `executions.db`. It answers whoever has `own_key()`.
    `invoke` is how S3 and EventBridge call functions; the default calls Lambda's own API with `Event`. `private` holds
    the operations under `/_sluice/`, by path and method; each gets the query and answers with its value as JSON, and
    others may be added.
    """

    def __init__(self, port: int = 0, state_dir: Path | str = ".sluice", *, invoke: Invoke | None = None) -> None:
        self.calls = CallRecorder()
        self.actions = ActionRecorder()
        self.private: dict[tuple[str, str], Private] = {
            ("health", "GET"): lambda _: {"status": "ok"},
            ("calls", "GET"): lambda _: self._counted(),
            ("calls", "DELETE"): lambda _: self._forget_calls(),
            ("actions", "GET"): lambda _: {"actions": [need._asdict() for need in self.actions.snapshot()]},
        }
        self.port = port
        self._log_path = Path(state_dir) / "front.log"
        self._invoke = invoke
        self._stack = contextlib.ExitStack()

    @property
    def endpoint(self) -> str:
        """The URL for AWS_ENDPOINT_URL; valid once started."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Serve. A port in use, or a second front in one process, is `Refused`."""
        if not _running.acquire(blocking=False):
            raise Refused("an embedded AWS already runs in this process", hint="Stop it first.")
        self._stack.callback(_running.release)
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise

    def stop(self) -> None:
        """Stop serving and forget all state; harmless when not running."""
        self._stack.close()

    def _start(self) -> None:
        self._stack.enter_context(_log_to(self._log_path))
        listener = self._stack.enter_context(listen(HOST, self.port))
        self.port = listener.getsockname()[1]
        self._stack.enter_context(environment(MOTO_PORT=str(self.port)))
        self._start_moto()

        from pipeline.emulator.gateway.access import Guard
        from pipeline.emulator.gateway.http_server import Server, respond

        guard = Guard(own_key())
        self.api_gateway = ApiGateway(lambda environ: respond(application, environ), guard.find)
        application = _Application(self.calls, self.actions, self.private, self.api_gateway)
        self._stack.callback(self.api_gateway.stop)
        self._call_in_process(application)
        server = Server(listener, application, guard)
        thread = threading.Thread(target=server.serve_forever, args=(0.5,), name="front", daemon=True)
        thread.start()
        self._stack.callback(thread.join, STOP_SECONDS)
        self._stack.callback(server.close)

    def _call_in_process(self, application: _Application | None) -> None:
        from pipeline.emulator.stepfunctions.interpreter import clients

        clients.application = application
        if application is not None:
            self._stack.callback(self._call_in_process, None)

    def _start_moto(self) -> None:
        from pipeline.emulator.eventbridge.rules import EventRules
        from pipeline.emulator.moto.patch import install_all
        from pipeline.emulator.moto.reset import reset_state
        from pipeline.emulator.s3.events import S3Events
        from pipeline.emulator.stepfunctions.service import STEP_FUNCTIONS
        from pipeline.emulator.stepfunctions.status_events import ExecutionEvents

        install_all()
        reset_state()
        self._stack.callback(reset_state)
        invoke = self._invoke or self._invoke_by_api
        rules = EventRules(invoke)
        STEP_FUNCTIONS.keep_ended_in(self._log_path.parent)
        self._stack.callback(STEP_FUNCTIONS.keep_ended_in, None)
        for part in (rules, S3Events(rules.publish, invoke), ExecutionEvents(rules.publish)):
            part.start()
            self._stack.callback(part.stop)

    def _counted(self) -> object:
        return {"calls": [{**call._asdict(), "count": count} for call, count in sorted(self.calls.snapshot().items())]}

    def _forget_calls(self) -> object:
        self.calls.reset()
        return {}

    def _invoke_by_api(self, function: str, event: str) -> None:
        from pipeline.emulator.stepfunctions.interpreter.clients import client_for

        region = function.split(":")[3]
        client_for(region, "lambda").invoke(FunctionName=function, InvocationType="Event", Payload=event.encode())


class _Application:
    """Counts a call, answers the private paths, and refuses what would have no effect; everything else is moto's."""

    def __init__(
        self,
        calls: CallRecorder,
        actions: ActionRecorder,
        private: Mapping[tuple[str, str], Private],
        api_gateway: ApiGateway,
    ) -> None:
        self._calls = calls
        self._actions = actions
        self._private = private
        self._api_gateway = api_gateway
        self._moto: Any = None
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith(PRIVATE):
            return self._answer_private(environ, start_response)
        if is_of_data_plane(path):
            return _told(start_response, self._api_gateway.serve(environ))
        if path.startswith(NOT_OF_AWS):
            return _answer(start_response, "404 Not Found", {"error": f"no {path} here"})
        call = identify(environ)
        self._calls.add(call)
        try:
            return self._answer(call, environ, start_response)
        except NotImplementedError:
            raise
        except Exception:
            if (wrong := complaint_after(call, environ)) is None:
                raise
            return _told(start_response, malformed(wrong, call.service, environ))

    def _answer(self, call: Call, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self._actions.add(call, environ)
        if why := refusal(call.service, call.operation):
            return _told(start_response, refused(call.service, why, environ))
        if wrong := complaint_before(call, environ):
            return _told(start_response, malformed(wrong, call.service, environ))
        if call.caller == JVM and call.operation == "HeadObject":
            start_response = _without_key(start_response)
        if call.service == API_GATEWAY:
            return _told(start_response, self._api_gateway.control(call, environ))
        if call.service in REST_JSON:
            return in_protocol(call.service, self._application(), environ, start_response)  # type: ignore[no-any-return]
        return self._application()(environ, start_response)  # type: ignore[no-any-return]

    def _application(self) -> Any:
        if self._moto is None:
            with self._lock:
                if self._moto is None:
                    from moto.moto_server import werkzeug_app

                    # It is read from the environment when moto is imported, which may have been before.
                    vars(werkzeug_app)["DISABLE_GLOBAL_CORS"] = True
                    self._moto = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
        return self._moto

    def _answer_private(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"].removeprefix(PRIVATE), environ["REQUEST_METHOD"]
        operation = self._private.get((path, method))
        if operation is None:
            return _answer(start_response, "404 Not Found", {"error": f"no {method} {path} here"})
        nonce = environ.get(_NONCE)
        proof = [(PROOF, own_key().proof(nonce))] if nonce else []
        return _answer(start_response, "200 OK", operation(parse_qs(environ.get("QUERY_STRING", ""))), *proof)


def _told(start_response: Any, answer: Answer) -> Iterable[bytes]:
    status, headers, body = answer
    start_response(status, headers)
    return [body]


def _without_key(start_response: Any) -> Any:
    """Leave out which KMS key encrypts an object.

    S3A copies (it renames by copies) with the key of the source, and its SDK refuses to send a key's name over plain
    HTTP. Without the name the copy gets the bucket's key, as the source did.
    """

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start_response(status, [each for each in headers if each[0].lower() != _KEY_HEADER], *more)

    return start


def _answer(start_response: Any, status: str, value: Any, *headers: tuple[str, str]) -> Iterable[bytes]:
    body = json.dumps(value).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers])
    return [body]


@contextlib.contextmanager
def environment(**values: str) -> Any:
    """Set environment variables of this process for the time of the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _log_to(path: Path) -> Any:
    """Tracebacks of moto and of the server go to the file and not to the terminal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.setLevel(logging.WARNING)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger, logger.propagate) for logger in loggers]
    # Its interpreter logs every failed path and task as an error; they stand in the execution's history.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in before:
            logger.removeHandler(handler)
            logger.propagate = propagate
        handler.close()

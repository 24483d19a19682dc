"""How asynchronous invocations are retried and handed on: a configuration for each qualifier, where moto has a list."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import InvalidParameterValueException, UnknownEventConfig
from moto.awslambda.models import EventInvokeConfig, LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.core.responses import ActionResult

from pipeline.core.errors import BadDefinition
from pipeline.emulator.awslambda.destinations import OF_INVOCATIONS, check_destination
from pipeline.emulator.awslambda.patches.versions import LATEST, invoked_arn, latest_of, qualifier_of
from pipeline.emulator.moto.guard import replace


def install() -> None:
    for name, replacement, source in (
        ("put_function_event_invoke_config", _put, "7dc4a081a306"),
        ("update_function_event_invoke_config", _update, "aef5fcaa5b2c"),
        ("get_function_event_invoke_config", _describe, "5d65619ca139"),
        ("delete_function_event_invoke_config", _delete, "9d5a670745fc"),
        ("list_function_event_invoke_configs", _list, "4b846547311c"),
    ):
        replace(LambdaResponse, name, replacement, source=source)


def config_of(found: LambdaFunction) -> dict[str, Any]:
    """What an asynchronous invocation of a function, as it was asked for, is retried by; empty where nothing is set."""
    known = _configs(found).get(qualifier_of(found))
    return known.config if known else {}


def _configs(found: LambdaFunction) -> dict[str, EventInvokeConfig]:
    latest: Any = latest_of(found)
    if not hasattr(latest, "invoke_configs"):
        latest.invoke_configs = {}
    return latest.invoke_configs  # type: ignore[no-any-return]


def _asked(response: LambdaResponse) -> LambdaFunction:
    name = unquote(response.path.rsplit("/", 2)[1])
    backend: LambdaBackend = response.backend
    return backend.get_function(name, response.querystring.get("Qualifier", [None])[0])


def _put(self: LambdaResponse) -> Any:
    """Replaces what is there, where moto adds to it and then answers with the first."""
    return _kept(_asked(self), self.json_body)


def _update(self: LambdaResponse) -> Any:
    """An update changes what it names."""
    found = _asked(self)
    return _kept(found, {**config_of(found), **self.json_body})


def _kept(found: LambdaFunction, config: dict[str, Any]) -> Any:
    for outcome in (config.get("DestinationConfig") or {}).values():
        if outcome.get("Destination"):
            _check_destination(outcome["Destination"])
    made = EventInvokeConfig(_arn(found), found.last_modified, config)
    _configs(found)[qualifier_of(found)] = made
    return ActionResult(made.response())


def _check_destination(arn: str) -> None:
    try:
        check_destination(arn, OF_INVOCATIONS)
    except BadDefinition as error:
        raise InvalidParameterValueException(error.message) from error


def _describe(self: LambdaResponse) -> Any:
    return ActionResult(_known(_asked(self)).response())


def _delete(self: LambdaResponse) -> Any:
    found = _asked(self)
    _known(found)
    del _configs(found)[qualifier_of(found)]
    return 204, {"status": 204}, ""


def _known(found: LambdaFunction) -> EventInvokeConfig:
    known = _configs(found).get(qualifier_of(found))
    if known is None:
        raise UnknownEventConfig(_arn(found))
    return known


def _list(self: LambdaResponse) -> Any:
    found = self.backend.get_function(unquote(self.path.rsplit("/", 3)[1]))
    return json.dumps({"FunctionEventInvokeConfigs": [each.response() for each in _configs(found).values()]})


def _arn(found: LambdaFunction) -> str:
    arn = invoked_arn(found)
    return arn if qualifier_of(found) != LATEST else f"{arn}:{LATEST}"

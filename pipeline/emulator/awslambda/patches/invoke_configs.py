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
from pipeline.emulator.moto.patch import patch


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


@patch(
    "moto.awslambda.responses:LambdaResponse.put_function_event_invoke_config",
    "7dc4a081a306",
    "moto adds to a list, and answers with its first",
)
def _put(self: LambdaResponse) -> Any:
    """Replaces what is there, where moto adds to it and then answers with the first."""
    return _kept(_asked(self), self.json_body)


@patch(
    "moto.awslambda.responses:LambdaResponse.update_function_event_invoke_config",
    "aef5fcaa5b2c",
    "moto replaces what an update does not name",
)
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


@patch(
    "moto.awslambda.responses:LambdaResponse.get_function_event_invoke_config",
    "5d65619ca139",
    "moto has one list for all qualifiers",
)
def _describe(self: LambdaResponse) -> Any:
    return ActionResult(_known(_asked(self)).response())


@patch(
    "moto.awslambda.responses:LambdaResponse.delete_function_event_invoke_config",
    "9d5a670745fc",
    "moto has one list for all qualifiers",
)
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


@patch(
    "moto.awslambda.responses:LambdaResponse.list_function_event_invoke_configs",
    "4b846547311c",
    "moto has one list for all qualifiers",
)
def _list(self: LambdaResponse) -> Any:
    found = self.backend.get_function(unquote(self.path.rsplit("/", 3)[1]))
    return json.dumps({"FunctionEventInvokeConfigs": [each.response() for each in _configs(found).values()]})


def _arn(found: LambdaFunction) -> str:
    arn = invoked_arn(found)
    return arn if qualifier_of(found) != LATEST else f"{arn}:{LATEST}"

"""Settings of Lambda functions that moto forgets, or keeps without looking at what they ask for."""

from __future__ import annotations

from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends

from pipeline.core.errors import BadDefinition
from pipeline.emulator.awslambda.destinations import DEAD_LETTERS, check_destination
from pipeline.emulator.awslambda.functions import Layer
from pipeline.emulator.moto.guard import replace

_originals: dict[str, Any] = {}


def install() -> None:
    def change(owner: Any, name: str, replacement: Any, source: str) -> None:
        _originals[name] = replace(owner, name, replacement, source=source)

    change(LambdaFunction, "__init__", _init, "70a285222b4a")
    change(LambdaFunction, "get_configuration", _get_configuration, "803fb04bffde")
    change(LambdaFunction, "update_configuration", _update_configuration, "eca1cdec066f")
    change(LambdaFunction, "_get_layers_data", _get_layers_data, "dd2f13beb052")
    change(LambdaBackend, "create_function_url_config", _create_function_url_config, "0ab903b02421")


def _init(self: LambdaFunction, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
    _check(spec)
    _originals["__init__"](self, account_id, spec, region, version)
    _keep(self, spec)


def _update_configuration(self: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
    _check(config_updates)
    _keep(self, config_updates)
    found: dict[str, Any] = _originals["update_configuration"](self, config_updates)
    return found


def _check(spec: dict[str, Any]) -> None:
    runtime = spec.get("Runtime")
    if runtime and not str(runtime).startswith("python"):
        raise InvalidParameterValueException(f"The embedded AWS runs Python functions only, not {runtime}.")
    if spec.get("FileSystemConfigs"):
        raise InvalidParameterValueException("The embedded AWS mounts no file systems.")
    if target := (spec.get("DeadLetterConfig") or {}).get("TargetArn"):
        try:
            check_destination(target, DEAD_LETTERS)
        except BadDefinition as error:
            raise InvalidParameterValueException(error.message) from error


def _keep(function: LambdaFunction, spec: dict[str, Any]) -> None:
    """Settings that moto accepts and forgets."""
    for name, attribute in (("LoggingConfig", "logging_config"), ("DeadLetterConfig", "dead_letter_config")):
        if spec.get(name) is not None:
            setattr(function, attribute, spec[name])


def _get_configuration(self: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = _originals["get_configuration"](self, on_create)
    logging = getattr(self, "logging_config", {})
    found["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}", **logging}
    if dead_letter := getattr(self, "dead_letter_config", None):
        found["DeadLetterConfig"] = dead_letter
    return found


def _get_layers_data(self: Any, layers_versions_arns: list[str]) -> Any:
    """The function keeps what its layers hold: a version that is deleted stays for the functions that have it."""
    found = _originals["_get_layers_data"](self, layers_versions_arns)
    backend = lambda_backends[self.account_id][self.region]
    versions = [backend.layers_versions_by_arn(arn) for arn in layers_versions_arns]
    self.layer_archives = tuple(Layer(version.code_sha_256, version.code_bytes) for version in versions if version)
    return found


def _create_function_url_config(self: LambdaBackend, name_or_arn: str, config: dict[str, Any]) -> Any:
    raise InvalidParameterValueException("The embedded AWS serves no function URLs: use Lambda's Invoke.")

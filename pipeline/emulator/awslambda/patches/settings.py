"""Settings of Lambda functions that moto forgets, or keeps without looking at what they ask for."""

from __future__ import annotations

from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends

from pipeline.core.errors import BadDefinition
from pipeline.emulator.awslambda.destinations import DEAD_LETTERS, check_destination
from pipeline.emulator.awslambda.functions import Layer
from pipeline.emulator.moto.patch import patch


@patch(
    "moto.awslambda.models:LambdaFunction.__init__",
    "70a285222b4a",
    "moto takes settings that nothing here honours, and forgets others",
)
def _init(self: LambdaFunction, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
    _check(spec)
    _init.original(self, account_id, spec, region, version)
    _keep(self, spec)


@patch(
    "moto.awslambda.models:LambdaFunction.update_configuration",
    "eca1cdec066f",
    "moto takes settings that nothing here honours",
)
def _update_configuration(self: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
    _check(config_updates)
    _keep(self, config_updates)
    found: dict[str, Any] = _update_configuration.original(self, config_updates)
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


@patch("moto.awslambda.models:LambdaFunction.get_configuration", "803fb04bffde", "moto forgets two settings")
def _get_configuration(self: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = _get_configuration.original(self, on_create)
    logging = getattr(self, "logging_config", {})
    found["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}", **logging}
    if dead_letter := getattr(self, "dead_letter_config", None):
        found["DeadLetterConfig"] = dead_letter
    return found


@patch(
    "moto.awslambda.models:LambdaFunction._get_layers_data",
    "dd2f13beb052",
    "a layer that is deleted is gone for its functions",
)
def _get_layers_data(self: Any, layers_versions_arns: list[str]) -> Any:
    """The function keeps what its layers hold: a version that is deleted stays for the functions that have it."""
    found = _get_layers_data.original(self, layers_versions_arns)
    backend = lambda_backends[self.account_id][self.region]
    versions = [backend.layers_versions_by_arn(arn) for arn in layers_versions_arns]
    self.layer_archives = tuple(Layer(version.code_sha_256, version.code_bytes) for version in versions if version)
    return found


@patch(
    "moto.awslambda.models:LambdaBackend.create_function_url_config",
    "0ab903b02421",
    "moto gives a URL that nobody serves",
)
def _create_function_url_config(self: LambdaBackend, name_or_arn: str, config: dict[str, Any]) -> Any:
    raise InvalidParameterValueException("The embedded AWS serves no function URLs: use Lambda's Invoke.")

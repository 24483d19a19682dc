"""Versions and aliases of Lambda functions: what a qualified ARN runs.

moto numbers versions by how many there are, shares with them what an update of the function changes, publishes after
an update that changed nothing, and forgets which alias a function was asked for by.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import LambdaAlias, LambdaFunction, LambdaStorage, lambda_backends

from pipeline.emulator.moto.patch import patch

LATEST = "$LATEST"
_OF_A_VERSION = ("Version", "FunctionArn", "LastModified", "LastUpdateStatus")
_zips: dict[str, bytes] = {}


def latest_of(found: LambdaFunction) -> LambdaFunction:
    """The function itself, of one of its versions: it has what all versions share, such as reserved concurrency."""
    storage = lambda_backends[found.account_id][found.region]._lambdas
    group = storage._functions.get(found.function_name)
    return group["latest"] if group else found


def qualifier_of(found: LambdaFunction) -> str:
    """What a function was asked for by: an alias, else its version."""
    return getattr(found, "alias", None) or str(found.version)


def invoked_arn(found: LambdaFunction) -> str:
    """The ARN that a function was asked for by; that of the function itself has no qualifier."""
    qualifier = qualifier_of(found)
    plain = ":".join(found.function_arn.split(":")[:7])
    return plain if qualifier == LATEST else f"{plain}:{qualifier}"


@patch(
    "moto.awslambda.models:LambdaStorage.get_function_by_name_with_qualifier",
    "fcee5011f281",
    "moto forgets the alias that a function was asked for by",
)
def _get(self: LambdaStorage, name: str, qualifier: str | None = None) -> LambdaFunction:
    found: LambdaFunction = _get.original(self, name, qualifier)
    asked = name.partition(":")[2] or qualifier
    if asked in (None, str(found.version)) or str(asked).lower() == LATEST.lower():
        return found
    through = copy.copy(found)
    through.alias = asked  # type: ignore[attr-defined]
    return through


@patch(
    "moto.awslambda.models:LambdaStorage.publish_version",
    "b62a3d20bd8f",
    "moto numbers versions by how many there are, and shares settings with them",
)
def _publish(self: LambdaStorage, name_or_arn: str, description: str = "") -> LambdaFunction:
    """A new version, or the last one if nothing has changed since it was published; no number comes twice."""
    latest = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
    versions: list[Any] = self._functions[latest.function_name]["versions"]
    settings = _settings(latest)
    if versions and versions[-1].published_from == settings:
        return versions[-1]  # type: ignore[no-any-return]
    if latest.package_type == "Zip":
        # Every function of a lake may have the same zip, and versions stay.
        latest.code_bytes = _zips.setdefault(latest.code_sha_256, latest.code_bytes)
    made: Any = copy.copy(latest)
    made.code = copy.deepcopy(latest.code)
    made.published_from = settings
    latest.last_number = getattr(latest, "last_number", 0) + 1  # type: ignore[attr-defined]
    made.set_version(latest.last_number)  # type: ignore[attr-defined]
    if description:
        made.description = description
    versions.append(made)
    self._arns[made.function_arn] = made
    return made  # type: ignore[no-any-return]


def _settings(function: LambdaFunction) -> dict[str, Any]:
    found = function.get_configuration()
    return copy.deepcopy({name: value for name, value in found.items() if name not in _OF_A_VERSION})


@patch("moto.awslambda.models:LambdaStorage.put_alias", "9a29422d71ed", "moto takes an alias of what is no version")
def _put_alias(
    self: LambdaStorage, name: str, function_name: str, function_version: str, description: str, routing_config: Any
) -> LambdaAlias:
    _check(function_version, routing_config)
    made: LambdaAlias = _put_alias.original(self, name, function_name, function_version, description, routing_config)
    return made


@patch(
    "moto.awslambda.models:LambdaStorage.update_alias",
    "e2537a58963a",
    "moto looks for a version also where none is given",
)
def _update_alias(
    self: LambdaStorage, name: str, function_name: str, function_version: Any, description: Any, routing_config: Any
) -> LambdaAlias:
    _check(function_version, routing_config)
    alias = self.get_alias(name, function_name)
    if function_version is not None:
        # Refused where there is no such version; moto looks for one also where none is given.
        self.get_function_by_name_or_arn_with_qualifier(function_name, function_version)
    alias.update(description, function_version, routing_config)
    return alias


def _check(version: str | None, routing: Mapping[str, Any] | None) -> None:
    if version is not None and version != LATEST and not version.isdigit():
        raise InvalidParameterValueException(f"{version} is no version: an alias points to one, or to $LATEST.")
    if (routing or {}).get("AdditionalVersionWeights"):
        raise InvalidParameterValueException("The embedded AWS sends all that comes to an alias to one version.")


@patch(
    "moto.awslambda.models:LambdaStorage.del_function", "4883b7e3df50", "moto deletes a version that an alias points to"
)
def _delete(self: LambdaStorage, name_or_arn: str, qualifier: str | None = None) -> None:
    _, name, own = self.split_function_arn(_as_arn(name_or_arn))
    version = own or qualifier
    if version is None:
        _delete.original(self, name_or_arn, None)
        return
    found = self.get_function_by_name_with_qualifier(name, version)
    if not version.isdigit():
        raise InvalidParameterValueException(f"{version} is no version that can be deleted.")
    if pointing := sorted(_aliases_of(self, name, version)):
        raise _Referenced(f"Version {version} is referenced by the alias {', '.join(pointing)}")
    versions: list[Any] = self._functions[name]["versions"]
    versions.remove(found)


def _as_arn(name_or_arn: str) -> str:
    return name_or_arn if ":function:" in name_or_arn else f":function:{name_or_arn}"


def _aliases_of(storage: LambdaStorage, name: str, version: str) -> Iterator[str]:
    return (alias.name for alias in storage.list_aliases(name) if alias.function_version == version)


class _Referenced(LambdaClientError):
    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)

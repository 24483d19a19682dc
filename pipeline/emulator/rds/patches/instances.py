"""Database instances: moto keeps their records, and a PostgreSQL of ours is behind each (`rds.databases`)."""

from __future__ import annotations

import json
import secrets
from typing import Any

from moto.rds.exceptions import InvalidParameterCombination, InvalidParameterValue

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.rds.databases import running
from pipeline.emulator.rds.server import PORT

_NOT_HERE = ("db_cluster_identifier", "master_user_password", "iops", "domain", "character_set_name")
"""What would be recorded and not done."""

_PASSWORD_BYTES = 24


@patch("moto.rds.models:RDSBackend.create_db_instance", "aba121431790", "moto has no database behind it")
def _create(self: Any, db_kwargs: dict[str, Any]) -> Any:
    if db_kwargs.get("engine") != "postgres":
        raise InvalidParameterValue("The embedded AWS has PostgreSQL alone: Engine must be postgres.")
    if given := [name for name in _NOT_HERE if db_kwargs.get(name)]:
        raise InvalidParameterCombination(f"The embedded AWS does not honour {', '.join(given)} of an instance.")
    if not db_kwargs.get("manage_master_user_password"):
        raise InvalidParameterCombination("The embedded AWS takes ManageMasterUserPassword alone.")
    if db_kwargs.get("port") not in (None, PORT):
        raise InvalidParameterValue(f"PostgreSQL has the port {PORT} in the embedded AWS.")
    database = _create.original(self, db_kwargs)
    if databases := running():
        name = database.db_instance_identifier
        try:
            databases.create(name, database.master_username, _password(self, database), database.db_name)
        except BaseException:
            self.databases.pop(name, None)
            database.master_user_secret.delete_secret()
            raise
    return database


def _password(backend: Any, database: Any) -> str:
    secret = backend.secretsmanager.get_secret_value(database.master_user_secret.secret_arn, "", "")
    return str(json.loads(secret["SecretString"])["password"])


@patch("moto.rds.models:RDSBackend.delete_db_instance", "c5417272aca4", "moto has no database behind it")
def _delete(self: Any, db_instance_identifier: str, *more: Any, **named: Any) -> Any:
    deleted = _delete.original(self, db_instance_identifier, *more, **named)
    if databases := running():
        databases.delete(db_instance_identifier)
    return deleted


@patch("moto.rds.models:RDSBackend.stop_db_instance", "685b0608eb56", "moto has no database behind it")
def _stop(self: Any, db_instance_identifier: str, db_snapshot_identifier: str | None = None) -> Any:
    if db_snapshot_identifier:
        raise InvalidParameterCombination("The embedded AWS makes no snapshots.")
    stopped = _stop.original(self, db_instance_identifier)
    if databases := running():
        databases.halt(db_instance_identifier)
    return stopped


@patch("moto.rds.models:RDSBackend.start_db_instance", "7772b8c37800", "moto has no database behind it")
def _start(self: Any, db_instance_identifier: str) -> Any:
    started = _start.original(self, db_instance_identifier)
    if databases := running():
        databases.resume(db_instance_identifier)
    return started


@patch("moto.rds.models:RDSBackend.reboot_db_instance", "fad9373083b6", "moto has no database behind it")
def _reboot(self: Any, db_instance_identifier: str) -> Any:
    database = _reboot.original(self, db_instance_identifier)
    if databases := running():
        databases.halt(db_instance_identifier)
        databases.resume(db_instance_identifier)
    return database


@patch("moto.rds.models:DBInstance.address", "8ffaa0f1a258", "moto names a host that there is not")
def _address(self: Any) -> str:
    databases = running()
    found = databases.address(self.db_instance_identifier) if databases else None
    return found or str(_address.original(self))


@patch(
    "moto.rds.models:MasterUserSecret._generate_secret_string", "42a98a139b2a", "moto has one password for everybody"
)
def _secret_string(self: Any) -> str:
    return json.dumps({"username": self.resource.master_username, "password": secrets.token_urlsafe(_PASSWORD_BYTES)})
